/**
 * Attribute sets: the octets of each once, and in columns what the decision looks at. Pure to the outside.
 *
 * A set is what came in UPDATEs of sessions of one kind (external or internal, AS numbers of two or four
 * octets, our own address), or what a policy made of one, which is written as an internal session's. One
 * of the usual shape is never decoded: plain-block.ts reads it in place. Others are when they are new;
 * whoever needs all of one decodes it.
 */
import {asPathLength, type AsPath} from '../wire/as-path.js';
import {encodeAttributes} from '../wire/attribute-encode.js';
import {decodeAttributes, type DecodedAttributes, type PathAttributes} from '../wire/attributes.js';
import {EMPTY, u32} from '../wire/bytes.js';
import {linkBandwidthOf} from '../wire/communities.js';
import {
  AS_SEQUENCE,
  ATTR_AS_PATH,
  ATTR_CLUSTER_LIST,
  ATTR_COMMUNITIES,
  ATTR_LOCAL_PREF,
  ATTR_MED,
  ATTR_NEXT_HOP,
  ATTR_ORIGIN,
  ATTR_ORIGINATOR_ID,
} from '../wire/constants.js';
import {countAsns, PlainBlock} from '../wire/plain-block.js';
import type {WireSession} from '../wire/session.js';
import {Blocks, MOST_KINDS, type BlockId, type Hop} from './blocks.js';
import {Records} from './column.js';
import {NextHops, type HopId} from './next-hops.js';

export type SetId = BlockId;

/** Well-known communities (RFC 1997, 8326, 9494) as bits. */
export const NO_EXPORT = 1;
export const NO_ADVERTISE = 2;
export const NO_EXPORT_SUBCONFED = 4;
export const GRACEFUL_SHUTDOWN = 8;
export const LLGR_STALE = 16;
export const NO_LLGR = 32;

export const LLGR_STALE_COMMUNITY = 0xffff_0006;
export const GRACEFUL_SHUTDOWN_COMMUNITY = 0xffff_0000;

const flagsOf = new Map([
  [0xffff_ff01, NO_EXPORT],
  [0xffff_ff02, NO_ADVERTISE],
  [0xffff_ff03, NO_EXPORT_SUBCONFED],
  [GRACEFUL_SHUTDOWN_COMMUNITY, GRACEFUL_SHUTDOWN],
  [LLGR_STALE_COMMUNITY, LLGR_STALE],
  [0xffff_0007, NO_LLGR],
]);

/** Fields of a set's record. */
const SHAPE = 0; // bits of what follows
const LOCAL_PREF = 1;
const MED = 2;
const NEIGHBOUR_AS = 3;
const PATH_HASH = 4;
const ORIGINATOR = 5;
const BANDWIDTH = 6;
const HOP = 7; // and above it the length of CLUSTER_LIST

const HOP_BITS = 24;
const HOP_MASK = (1 << HOP_BITS) - 1;
const MOST_CLUSTERS = 0xff; // that are told apart
const PATH_LENGTH_MASK = 0xffff;
const ORIGIN_SHIFT = 16; // 2 bits
const FLAGS_SHIFT = 18; // 6 bits
const IS_PLAIN = 1 << 24;
const HAS_NO_FAULT = 1 << 25;
const HAS_ORIGIN = 1 << 26;
const HAS_PATH = 1 << 27;
const HAS_NEXT_HOP = 1 << 28;

const DEFAULT_LOCAL_PREF = 100;
/** External or internal, AS numbers of two or four octets. */
const PLAIN_KINDS = 4;
const NO_HOP: Hop = {bytes: EMPTY, at: 0, length: 0};
const OWN: WireSession = {
  peer: 'internal',
  as4: true,
  families: {ipv4: undefined, ipv6: undefined},
};

export class AttributeSets {
  readonly hops: NextHops;
  readonly #blocks = new Blocks();
  readonly #kinds: WireSession[] = [OWN];
  readonly #kindByKey = new Map<string, number>();
  readonly #rows = new Records(8);
  readonly #plain = new PlainBlock();
  #lastSerial = 0;
  #last: DecodedAttributes = {attributes: {}, faults: [], count: 0};

  constructor(hops: NextHops) {
    this.hops = hops;
  }

  /** Of sets and what they are made of; for tests and metrics. */
  get count(): number {
    return this.#blocks.count;
  }

  kindOf(wire: WireSession): number {
    const key = `${wire.peer} ${wire.as4} ${wire.localAddress?.join('.') ?? ''}`;
    const known = this.#kindByKey.get(key);
    if (known !== undefined) return known;
    // with more own addresses than that, one as a next hop is not seen to be ours
    if (wire.localAddress !== undefined && this.#kinds.length > MOST_KINDS - PLAIN_KINDS) {
      return this.kindOf({...wire, localAddress: undefined});
    }
    this.#kinds.push({...OWN, peer: wire.peer, as4: wire.as4, localAddress: wire.localAddress});
    this.#kindByKey.set(key, this.#kinds.length - 1);
    return this.#kinds.length - 1;
  }

  /** Retain or settle it. `hop` of MP_REACH; without octets NEXT_HOP in the block counts. */
  intern(bytes: Uint8Array, at: number, end: number, kind: number, hop: Hop = NO_HOP): SetId {
    const id = this.#blocks.intern(bytes, at, end, kind, hop);
    if (this.#blocks.isNew) this.#describe(id);
    return id;
  }

  /** Of attributes that we made. Without a next hop it is ours. */
  internOwn(attributes: PathAttributes, nextHop: Uint8Array): SetId {
    const block = encodeAttributes({...attributes, nextHop: undefined}, 4);
    const hop = {bytes: nextHop, at: 0, length: nextHop.length};
    return this.intern(block, 0, block.length, 0, hop);
  }

  retain(id: SetId): void {
    this.#blocks.retain(id);
  }

  release(id: SetId): void {
    if (id !== 0 && this.#blocks.release(id)) this.hops.release(this.hop(id));
  }

  settle(id: SetId): void {
    if (id !== 0 && this.#blocks.settle(id)) this.hops.release(this.hop(id));
  }

  /** The last one is remembered: prefixes of one set come and go together. */
  decoded(id: SetId): DecodedAttributes {
    const serial = this.#blocks.serial(id);
    if (serial !== this.#lastSerial) {
      this.#last = this.#decode(id);
      this.#lastSerial = serial;
    }
    return this.#last;
  }

  #decode(id: SetId): DecodedAttributes {
    const block = this.#blocks.block(id);
    return decodeAttributes(block, 0, block.length, this.#kindFor(id));
  }

  attributes(id: SetId): PathAttributes {
    return this.decoded(id).attributes;
  }

  /** Never the same for two sets, also of different times. */
  serial(id: SetId): number {
    return this.#blocks.serial(id);
  }

  /** As it came: 4, 16 or 32 octets; empty for what we originate. Nobody may write into it. */
  nextHop(id: SetId): Uint8Array {
    if (this.#blocks.nextHopLength(id) > 0) return this.#blocks.nextHop(id).slice();
    return this.hops.address(this.hop(id)) ?? EMPTY;
  }

  hop = (id: SetId): HopId => this.#rows.get(id, HOP) & HOP_MASK;
  localPref = (id: SetId): number => this.#rows.get(id, LOCAL_PREF);
  origin = (id: SetId): number => (this.#rows.get(id, SHAPE) >>> ORIGIN_SHIFT) & 3;
  med = (id: SetId): number => this.#rows.get(id, MED);
  neighbourAs = (id: SetId): number => this.#rows.get(id, NEIGHBOUR_AS);
  pathLength = (id: SetId): number => this.#rows.get(id, SHAPE) & PATH_LENGTH_MASK;
  pathHash = (id: SetId): number => this.#rows.get(id, PATH_HASH);
  /** At most 255. */
  clusterLength = (id: SetId): number => this.#rows.get(id, HOP) >>> HOP_BITS;
  originator = (id: SetId): number => this.#rows.get(id, ORIGINATOR); // 0: none
  flags = (id: SetId): number => (this.#rows.get(id, SHAPE) >>> FLAGS_SHIFT) & 0x3f;
  /** Of the link bandwidth community in kilobytes a second, 1 at least; 0: none. */
  bandwidth = (id: SetId): number => this.#rows.get(id, BANDWIDTH);

  /** Without a fault, and with all that an announcement must have (RFC 7606 §3 d). */
  isComplete(id: SetId, needsNextHop: boolean): boolean {
    const wanted = HAS_NO_FAULT | HAS_ORIGIN | HAS_PATH | (needsNextHop ? HAS_NEXT_HOP : 0);
    return (this.#rows.get(id, SHAPE) & wanted) === wanted;
  }

  /** Where its attributes lie, if it is of the usual shape; good until the next call of anything here. */
  plain(id: SetId): PlainBlock | undefined {
    if ((this.#rows.get(id, SHAPE) & IS_PLAIN) === 0) return undefined;
    return this.#readPlain(id) ? this.#plain : undefined;
  }

  /** How often one of two AS numbers is in AS_PATH. */
  countAsns(id: SetId, a: number, b: number): number {
    const plain = this.plain(id);
    if (plain !== undefined) return countAsns(plain, a, b);
    let count = 0;
    for (const {asns} of this.attributes(id).asPath ?? []) {
      for (const asn of asns) if (asn === a || asn === b) count++;
    }
    return count;
  }

  hasCluster(id: SetId, cluster: number): boolean {
    return (
      this.clusterLength(id) > 0 && this.attributes(id).clusterList?.includes(cluster) === true
    );
  }

  /** RFC 9234; undefined: without. */
  otc(id: SetId): number | undefined {
    const isPlain = (this.#rows.get(id, SHAPE) & IS_PLAIN) !== 0;
    return isPlain ? undefined : this.attributes(id).otc;
  }

  #readPlain(id: SetId): boolean {
    const blocks = this.#blocks;
    return this.#plain.read(blocks.page(id), blocks.start(id), blocks.end(id), this.#kindFor(id));
  }

  #kindFor(id: SetId): WireSession {
    return this.#kinds[this.#blocks.kind(id)] ?? OWN;
  }

  #describe(id: SetId): void {
    if (this.#readPlain(id)) {
      this.#describePlain(id, this.#plain);
    } else {
      this.#describeOther(id, this.decoded(id));
    }
  }

  #describePlain(id: SetId, plain: PlainBlock): void {
    const rows = this.#rows;
    let flags = 0;
    for (let i = plain.count(ATTR_COMMUNITIES) - 1; i >= 0; i--) {
      const community = plain.item(ATTR_COMMUNITIES, i);
      if (community >= FIRST_WELL_KNOWN) flags |= flagsOf.get(community) ?? 0;
    }
    const has = (type: number, bit: number) => (plain.has(type) ? bit : 0);
    const present =
      has(ATTR_ORIGIN, HAS_ORIGIN) | has(ATTR_AS_PATH, HAS_PATH) | has(ATTR_NEXT_HOP, HAS_NEXT_HOP);
    const origin = plain.has(ATTR_ORIGIN) ? plain.origin : 0;
    const shape = this.#describePath(id, plain) | (origin << ORIGIN_SHIFT) | (flags << FLAGS_SHIFT);
    rows.set(id, SHAPE, shape | present | IS_PLAIN | HAS_NO_FAULT);
    rows.set(id, LOCAL_PREF, plain.word(ATTR_LOCAL_PREF) ?? DEFAULT_LOCAL_PREF);
    rows.set(id, MED, plain.word(ATTR_MED) ?? 0);
    rows.set(id, ORIGINATOR, plain.word(ATTR_ORIGINATOR_ID) ?? 0);
    rows.set(id, BANDWIDTH, 0);
    this.#setHop(id, plain.word(ATTR_NEXT_HOP), plain.count(ATTR_CLUSTER_LIST));
  }

  /** Its length is the result. */
  #describePath(id: SetId, plain: PlainBlock): number {
    const {bytes, pathAt, pathEnd} = plain;
    let length = 0;
    let hash = HASH_SEED;
    for (let next = pathAt; next < pathEnd;) {
      const isSequence = bytes[next] === AS_SEQUENCE;
      const count = bytes[next + 1] as number;
      length += isSequence ? count : 1;
      hash = mix(hash, isSequence ? SEQUENCE : SET);
      const end = next + 2 + count * 4;
      for (let at = next + 2; at < end; at += 4) hash = mix(hash, u32(bytes, at));
      next = end;
    }
    this.#rows.set(id, NEIGHBOUR_AS, plain.isFirstSequence ? u32(bytes, pathAt + 2) : 0);
    this.#rows.set(id, PATH_HASH, hash >>> 0);
    return Math.min(length, PATH_LENGTH_MASK);
  }

  #describeOther(id: SetId, {attributes, faults}: DecodedAttributes): void {
    const {asPath = [], communities, clusterList, originatorId, med, origin, nextHop} = attributes;
    const rows = this.#rows;
    const first = asPath[0];
    let flags = 0;
    for (const community of communities ?? []) flags |= flagsOf.get(community) ?? 0;
    const present =
      (faults.length === 0 ? HAS_NO_FAULT : 0) |
      (origin === undefined ? 0 : HAS_ORIGIN) |
      (attributes.asPath === undefined ? 0 : HAS_PATH) |
      (nextHop === undefined ? 0 : HAS_NEXT_HOP);
    const length = Math.min(asPathLength(asPath), PATH_LENGTH_MASK);
    rows.set(
      id,
      SHAPE,
      length | ((origin ?? 0) << ORIGIN_SHIFT) | (flags << FLAGS_SHIFT) | present,
    );
    rows.set(id, LOCAL_PREF, attributes.localPref ?? DEFAULT_LOCAL_PREF);
    rows.set(id, MED, med ?? 0);
    rows.set(id, NEIGHBOUR_AS, first?.kind === 'sequence' ? (first.asns[0] ?? 0) : 0);
    rows.set(id, PATH_HASH, hashOf(asPath));
    rows.set(id, ORIGINATOR, originatorId ?? 0);
    rows.set(id, BANDWIDTH, bandwidthOf(attributes));
    this.#setHop(id, nextHop, clusterList?.length ?? 0);
  }

  #setHop(id: SetId, nextHop: number | undefined, clusters: number): void {
    const isMp = this.#blocks.nextHopLength(id) > 0;
    const hop = isMp
      ? this.hops.intern(this.#blocks.nextHop(id))
      : nextHop === undefined
        ? 0
        : this.hops.internWord(nextHop);
    if (hop > HOP_MASK) throw new RangeError('more next hops than a set can name');
    this.#rows.set(id, HOP, ((Math.min(clusters, MOST_CLUSTERS) << HOP_BITS) | hop) >>> 0);
    this.hops.retain(hop);
  }
}

const FIRST_WELL_KNOWN = 0xffff_0000;
const HASH_SEED = 0x811c9dc5;
const SEQUENCE = 1;
const SET = 2;

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}

function bandwidthOf({extendedCommunities = []}: PathAttributes): number {
  for (const community of extendedCommunities) {
    const bytesPerSecond = linkBandwidthOf(community);
    if (bytesPerSecond === undefined) continue;
    return Math.max(1, Math.min(0xffff_ffff, Math.round(bytesPerSecond / 1000)));
  }
  return 0;
}

function hashOf(path: AsPath): number {
  let hash = HASH_SEED;
  for (const {kind, asns} of path) {
    hash = mix(hash, kind === 'sequence' ? SEQUENCE : SET);
    for (const asn of asns) hash = mix(hash, asn);
  }
  return hash >>> 0;
}

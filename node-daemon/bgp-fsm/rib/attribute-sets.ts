/**
 * Attribute sets: the octets of each once, and in columns what the decision looks at. Pure to the outside.
 *
 * A set is what came in UPDATEs of sessions of one kind (external or internal, AS numbers of two or four
 * octets, our own address), or what a policy made of one, which is written as an internal session's. It
 * is decoded when it is new; whoever needs all of it decodes it again.
 */
import {asPathLength} from '../wire/as-path.js';
import {encodeAttributes} from '../wire/attribute-encode.js';
import {decodeAttributes, type DecodedAttributes, type PathAttributes} from '../wire/attributes.js';
import {EMPTY} from '../wire/bytes.js';
import {linkBandwidthOf} from '../wire/communities.js';
import type {WireSession} from '../wire/session.js';
import {Blocks, type BlockId, type Hop} from './blocks.js';
import {Column} from './column.js';
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

const DEFAULT_LOCAL_PREF = 100;
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
  readonly #localPref = new Column();
  readonly #origin = new Column();
  readonly #med = new Column();
  readonly #neighbourAs = new Column();
  readonly #pathLength = new Column();
  readonly #pathHash = new Column();
  readonly #clusterLength = new Column();
  readonly #originator = new Column();
  readonly #flags = new Column();
  readonly #bandwidth = new Column();
  readonly #hop = new Column();
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
    this.#kinds.push({...OWN, peer: wire.peer, as4: wire.as4, localAddress: wire.localAddress});
    this.#kindByKey.set(key, this.#kinds.length - 1);
    return this.#kinds.length - 1;
  }

  /** Retain or settle it. `hop` of MP_REACH; without octets NEXT_HOP in the block counts. */
  intern(bytes: Uint8Array, at: number, end: number, kind: number, hop: Hop = NO_HOP): SetId {
    const id = this.#blocks.intern(bytes, at, end, kind, hop);
    if (this.#blocks.isNew) this.#describe(id, this.attributes(id));
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
    if (id !== 0 && this.#blocks.release(id)) this.hops.release(this.#hop.get(id));
  }

  settle(id: SetId): void {
    if (id !== 0 && this.#blocks.settle(id)) this.hops.release(this.#hop.get(id));
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
    return decodeAttributes(block, 0, block.length, this.#kinds[this.#blocks.kind(id)] ?? OWN);
  }

  attributes(id: SetId): PathAttributes {
    return this.decoded(id).attributes;
  }

  /** Never the same for two sets, also of different times. */
  serial(id: SetId): number {
    return this.#blocks.serial(id);
  }

  /** As it came: 4, 16 or 32 octets; empty for what we originate. A copy. */
  nextHop(id: SetId): Uint8Array {
    const own = this.#blocks.nextHop(id);
    return own.length > 0 ? own.slice() : (this.hops.address(this.hop(id)) ?? EMPTY);
  }

  hop = (id: SetId): HopId => this.#hop.get(id);
  localPref = (id: SetId): number => this.#localPref.get(id);
  origin = (id: SetId): number => this.#origin.get(id);
  med = (id: SetId): number => this.#med.get(id);
  neighbourAs = (id: SetId): number => this.#neighbourAs.get(id);
  pathLength = (id: SetId): number => this.#pathLength.get(id);
  pathHash = (id: SetId): number => this.#pathHash.get(id);
  clusterLength = (id: SetId): number => this.#clusterLength.get(id);
  originator = (id: SetId): number => this.#originator.get(id); // 0: none
  flags = (id: SetId): number => this.#flags.get(id);
  /** Of the link bandwidth community in kilobytes a second, 1 at least; 0: none. */
  bandwidth = (id: SetId): number => this.#bandwidth.get(id);

  #describe(id: SetId, attributes: PathAttributes): void {
    const {asPath = [], communities, clusterList, originatorId, med, origin, nextHop} = attributes;
    const first = asPath[0];
    this.#localPref.set(id, attributes.localPref ?? DEFAULT_LOCAL_PREF);
    this.#origin.set(id, origin ?? 0);
    this.#med.set(id, med ?? 0);
    this.#neighbourAs.set(id, first?.kind === 'sequence' ? (first.asns[0] ?? 0) : 0);
    this.#pathLength.set(id, asPathLength(asPath));
    this.#pathHash.set(id, hashOf(asPath.flatMap(({kind, asns}) => [kind.length, ...asns])));
    this.#clusterLength.set(id, clusterList?.length ?? 0);
    this.#originator.set(id, originatorId ?? 0);
    let flags = 0;
    for (const community of communities ?? []) flags |= flagsOf.get(community) ?? 0;
    this.#flags.set(id, flags);
    this.#bandwidth.set(id, bandwidthOf(attributes));
    const mp = this.#blocks.nextHop(id);
    const octets = mp.length > 0 ? mp : nextHop === undefined ? EMPTY : octetsOf(nextHop);
    const hop = this.hops.intern(octets);
    this.#hop.set(id, hop);
    this.hops.retain(hop);
  }
}

function bandwidthOf({extendedCommunities = []}: PathAttributes): number {
  for (const community of extendedCommunities) {
    const bytesPerSecond = linkBandwidthOf(community);
    if (bytesPerSecond === undefined) continue;
    return Math.max(1, Math.min(0xffff_ffff, Math.round(bytesPerSecond / 1000)));
  }
  return 0;
}

function hashOf(numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const number of numbers) hash = Math.imul(hash ^ number, 0x01000193);
  return hash >>> 0;
}

function octetsOf(word: number): Uint8Array {
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}

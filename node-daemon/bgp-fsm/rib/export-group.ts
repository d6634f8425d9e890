/**
 * Peers that are sent the same things for the same paths: each attribute set is rewritten and encoded once
 * for all of them. Pure to the outside.
 *
 * What came of a set is remembered by its serial, so that nothing has to be forgotten when the set goes.
 */
import {encodeAttributesTo} from '../wire/attribute-encode.js';
import {Writer} from '../wire/bytes.js';
import type {Family} from '../wire/family.js';
import {REJECTED, UNSEEN, unchanged} from '../policy/types.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import type {BlockId, Blocks} from './blocks.js';
import type {Stretch} from './stretch.js';
import type {PeerIx} from './types.js';
import {rewritePlain} from '../wire/plain-block.js';
import {announcementOctets} from '../wire/update-packer.js';
import {
  exportPath,
  exportPlain,
  keepsNextHops,
  leadOf,
  mayPass,
  type PlainTarget,
  type Source,
  type Target,
} from './export.js';

/** What is to be exported; the callee keeps none of it but `source`. */
export interface Path {
  family: Family;
  words: Uint32Array;
  bits: number;
  set: SetId;
  source: Source;
  hasPathId: boolean; // the peer is sent one
  namesPeer: boolean; // its next hop is the peer's address
}

interface Flavour extends Pick<Path, 'source' | 'family' | 'namesPeer'> {
  readonly rule: number;
  readonly flavour: number;
}

/** Kinds of blocks: how AS numbers are written in them. */
export const AS2 = 0;
export const AS4 = 1;

const MOST_AROUND = announcementOctets(0, 32, {bits: 128, hasPathId: true});
const DEFAULT_ROUTE = {bits: 0, hasPathId: false};
const ANY = -2; // in place of a rule: whatever the policy says of the set

export interface GroupTables {
  readonly sets: AttributeSets;
  readonly outs: Blocks;
  /** A path is too long for a message of the peers (RFC 8654 §4). */
  readonly onTooLong: () => void;
}

export class ExportGroup {
  readonly target: Target;
  readonly keepsNextHops: boolean;
  /** What one of the peers was told last; adj-ribs-out.ts keeps it. */
  readonly stretches: Partial<Record<Family, Stretch>> = {};
  /** Who was last sent something: two in turn have something to share. */
  lastTold: PeerIx = -1;
  readonly #plainTarget: PlainTarget;
  readonly #sets: AttributeSets;
  readonly #outs: Blocks;
  readonly #onTooLong: () => void;
  readonly #alwaysFits: number; // a block of so many octets, whatever goes with it
  readonly #flavours = new Map<string, number>();
  #memory = new Memory(LEAST_REMEMBERED);
  #last: Flavour | undefined;

  constructor(target: Target, {sets, outs, onTooLong}: GroupTables) {
    this.#onTooLong = onTooLong;
    this.target = target;
    this.keepsNextHops = keepsNextHops(target);
    this.#alwaysFits = target.session.negotiated.maxSendOctets - MOST_AROUND;
    this.#plainTarget = {target, lead: leadOf(0, target)};
    this.#sets = sets;
    this.#outs = outs;
  }

  /** The block for the path, to be retained or settled; 0: it does not go there. */
  export(path: Path): BlockId {
    const out = this.#find(path);
    if (out === 0) return 0;
    const octets = this.#outs.length(out);
    if (octets <= this.#alwaysFits) return out;
    if (this.#fits(octets, this.#outs.nextHopLength(out), path)) return out;
    this.#outs.settle(out);
    this.#tellTooLong(path);
    return 0;
  }

  /** Once for a set and a length of prefixes, however often it is looked at. */
  #tellTooLong({set, bits, hasPathId}: Path): void {
    const flavour = this.#numberOf(`too long ${this.#last?.flavour} ${bits} ${hasPathId}`);
    const serial = this.#sets.serial(set);
    if (this.#memory.find(serial, flavour, this.#outs) !== undefined) return;
    this.#memory.put(serial, flavour, 0, 0);
    this.#onTooLong();
  }

  #fits(block: number, nextHop: number, nlri: Pick<Path, 'bits' | 'hasPathId'>): boolean {
    const {maxSendOctets} = this.target.session.negotiated;
    return announcementOctets(block, nextHop, nlri) <= maxSendOctets;
  }

  /** Whatever its length. */
  #find(path: Path): BlockId {
    const {set, source} = path;
    if (!mayPass(source, this.#sets.flags(set), this.target)) return 0;
    const policy = this.target.policy.exportPolicy;
    const asked = policy?.looksAtPrefix === true ? this.#choose(path) : ANY;
    if (asked === REJECTED) return 0;
    const flavour = this.#flavourOf(path, asked);
    const serial = this.#sets.serial(set);
    const known = this.#memory.find(serial, flavour, this.#outs);
    if (known !== undefined) return known;
    const rule = asked === ANY ? this.#choose(path) : asked;
    const out = rule === REJECTED ? 0 : this.#make(path, rule);
    if (this.#sets.count > this.#memory.size) this.#memory = this.#memory.larger();
    this.#memory.put(serial, flavour, out, out === 0 ? 0 : this.#outs.serial(out));
    return out;
  }

  #choose({family, words, bits, set, source}: Path): number {
    const policy = this.target.policy.exportPolicy;
    if (policy === undefined) return 0;
    const isReflected = source.kind === 'internal' && this.target.session.negotiated.internal;
    const attributes = policy.looksAtAttributes ? this.#sets.attributes(set) : UNSEEN;
    const isLocal = source.kind === 'local';
    return policy.choose({family, words, bits, attributes, isLocal, isReflected});
  }

  /** What beside the set decides over the outcome, as a number. Mostly that of the path before. */
  #flavourOf({family, source, namesPeer}: Path, rule: number): number {
    const last = this.#last;
    const isAsLast =
      last?.rule === rule &&
      last.source === source &&
      last.family === family &&
      last.namesPeer === namesPeer;
    if (isAsLast) return last.flavour;
    const of = source.kind === 'internal' ? `${source.isClient} ${source.identifier}` : '';
    const flavour = this.#numberOf(`${family} ${source.kind} ${rule} ${namesPeer} ${of}`);
    this.#last = {source, family, rule, namesPeer, flavour};
    return flavour;
  }

  #numberOf(key: string): number {
    let flavour = this.#flavours.get(key);
    if (flavour === undefined) this.#flavours.set(key, (flavour = this.#flavours.size + 1));
    return flavour;
  }

  #make(path: Path, rule: number): BlockId {
    const {policy, session} = this.target;
    const nextHop = this.#sets.nextHop(path.set);
    const isKept = policy.exportPolicy?.changes(rule) !== true && !path.namesPeer;
    const hop =
      (isKept ? this.#writePlain(path, nextHop) : undefined) ?? this.#write(path, nextHop, rule);
    if (hop === undefined) return 0;
    if (!this.#fits(scratch.length, hop.length, DEFAULT_ROUTE)) {
      this.#onTooLong();
      return 0; // which is remembered: no prefix is shorter
    }
    const {as4} = session.negotiated;
    const at = {bytes: hop, at: 0, length: hop.length};
    return this.#outs.intern(scratch.octets, 0, scratch.length, as4 ? AS4 : AS2, at);
  }

  /** Into `scratch`; the next hop of MP_REACH is the result, as of the next one. */
  #writePlain({family, source, set}: Path, nextHop: Uint8Array): Uint8Array | undefined {
    if (!this.#sets.isComplete(set, false)) return undefined;
    const block = this.#sets.plain(set);
    if (block === undefined) return undefined;
    const exported = exportPlain(family, source, block, nextHop, this.#plainTarget);
    if (exported === undefined) return undefined;
    scratch.truncate(0);
    return rewritePlain(scratch, block, exported.rewrite) ? exported.nextHop : undefined;
  }

  /** Undefined: it does not go there. */
  #write(
    {family, source, set, namesPeer}: Path,
    nextHop: Uint8Array,
    rule: number,
  ): Uint8Array | undefined {
    const {policy, session} = this.target;
    const before = this.#sets.attributes(set);
    const outcome = policy.exportPolicy?.apply(rule, before) ?? unchanged(before);
    const exported = exportPath(family, source, {before, outcome, nextHop, namesPeer}, this.target);
    if (exported === undefined) return undefined;
    scratch.truncate(0);
    encodeAttributesTo(scratch, exported.attributes, session.negotiated.as4 ? 4 : 2);
    return exported.nextHop;
  }
}

/**
 * What came of (set, flavour), each in the one place that its numbers give it: what is in the way is
 * forgotten. So it has a bound, and nothing in it needs to be removed.
 */
class Memory {
  readonly size: number;
  readonly #serials: Uint32Array;
  readonly #flavours: Uint32Array;
  readonly #outs: Uint32Array;
  readonly #outSerials: Uint32Array; // 0 beside out 0: it does not go there

  constructor(size: number) {
    this.size = size;
    this.#serials = new Uint32Array(size);
    this.#flavours = new Uint32Array(size);
    this.#outs = new Uint32Array(size);
    this.#outSerials = new Uint32Array(size);
  }

  find(serial: number, flavour: number, outs: Blocks): BlockId | undefined {
    const at = this.#place(serial, flavour);
    if (this.#serials[at] !== serial || this.#flavours[at] !== flavour) return undefined;
    const out = this.#outs[at] as number;
    return out === 0 || outs.serial(out) === this.#outSerials[at] ? out : undefined;
  }

  put(serial: number, flavour: number, out: BlockId, outSerial: number): void {
    const at = this.#place(serial, flavour);
    this.#serials[at] = serial;
    this.#flavours[at] = flavour;
    this.#outs[at] = out;
    this.#outSerials[at] = outSerial;
  }

  larger(): Memory {
    return this.size >= MOST_REMEMBERED ? this : new Memory(this.size * 4);
  }

  #place(serial: number, flavour: number): number {
    return (serial + Math.imul(flavour, 0x9e3779b1)) & (this.size - 1);
  }
}

const LEAST_REMEMBERED = 1 << 10;
const MOST_REMEMBERED = 1 << 16;
const scratch = new Writer(4096);

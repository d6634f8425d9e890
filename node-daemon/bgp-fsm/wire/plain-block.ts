/**
 * Attribute blocks of the usual shape, read and rewritten as octets. Pure.
 *
 * A block is plain when encodeAttributes would write it just so, octet by octet: known attributes in
 * ascending order, each well-formed and with its usual flags, AS numbers of 4 octets, nothing that is
 * discarded, merged or passed on with Partial set. Nearly all are. For them decode, change and encode is to
 * copy some octets and leave others out; for all others it is done the long way (attributes.ts).
 */
import {isMartianNextHop} from './attribute-table.js';
import {u32, u8, type Writer} from './bytes.js';
import * as c from './constants.js';
import type {WireSession} from './session.js';

const WELL_KNOWN = c.FLAG_TRANSITIVE;
const NON_TRANSITIVE = c.FLAG_OPTIONAL;
const TRANSITIVE = c.FLAG_OPTIONAL | c.FLAG_TRANSITIVE;
const ASN_OCTETS = 4;
const MAX_SEGMENT = 255;
const MOST_OCTETS = 255; // of a value whose length is one octet

/** Where the values of one block lie. Reused: good until the next read(). */
export class PlainBlock {
  bytes: Uint8Array = new Uint8Array(0);
  /** First octet of the value, by type up to CLUSTER_LIST; 0: absent, for a header stands before each. */
  readonly #at = new Uint32Array(c.ATTR_CLUSTER_LIST + 1);
  readonly #length = new Uint32Array(c.ATTR_CLUSTER_LIST + 1);
  #largeAt = 0;

  /** False: it is not plain, and nothing may be asked of it. */
  read(bytes: Uint8Array, from: number, end: number, session: WireSession): boolean {
    this.bytes = bytes;
    this.#at.fill(0);
    this.#largeAt = 0;
    if (!session.as4) return false;
    let last = 0;
    for (let next = from; next < end;) {
      if (end - next < 3) return false;
      const type = bytes[next + 1] as number;
      const length = bytes[next + 2] as number;
      const at = next + 3;
      next = at + length;
      if (type <= last || next > end) return false;
      last = type;
      if (!this.#isPlain(bytes[at - 3] as number, type, at, length, session)) return false;
      if (type === c.ATTR_LARGE_COMMUNITIES) {
        this.#largeAt = at;
      } else {
        this.#at[type] = at;
        this.#length[type] = length;
      }
    }
    return true;
  }

  has(type: number): boolean {
    return this.#at[type] !== 0;
  }

  /** The number that the attribute is, where it has 4 octets. */
  word(type: number): number | undefined {
    const at = this.#at[type] as number;
    return at === 0 ? undefined : u32(this.bytes, at);
  }

  get origin(): number {
    return u8(this.bytes, this.#at[c.ATTR_ORIGIN] as number);
  }

  /** Of communities or CLUSTER_LIST. */
  count(type: number): number {
    return this.has(type) ? (this.#length[type] as number) / 4 : 0;
  }

  item(type: number, index: number): number {
    return u32(this.bytes, (this.#at[type] as number) + index * 4);
  }

  get pathAt(): number {
    return this.#at[c.ATTR_AS_PATH] as number;
  }

  get pathEnd(): number {
    return this.pathAt === 0 ? 0 : this.pathAt + (this.#length[c.ATTR_AS_PATH] as number);
  }

  get isFirstSequence(): boolean {
    return this.pathAt < this.pathEnd && this.bytes[this.pathAt] === c.AS_SEQUENCE;
  }

  copyTo(out: Writer, type: number): void {
    const at = type === c.ATTR_LARGE_COMMUNITIES ? this.#largeAt : (this.#at[type] as number);
    if (at === 0) return;
    const from = at - 3;
    out.part(this.bytes, from, at + u8(this.bytes, from + 2));
  }

  #isPlain(flags: number, type: number, at: number, length: number, session: WireSession): boolean {
    const {bytes} = this;
    switch (type) {
      case c.ATTR_ORIGIN:
        return flags === WELL_KNOWN && length === 1 && u8(bytes, at) <= c.ORIGIN_INCOMPLETE;
      case c.ATTR_AS_PATH:
        return flags === WELL_KNOWN && isPlainPath(bytes, at, at + length);
      case c.ATTR_NEXT_HOP:
        return flags === WELL_KNOWN && length === 4 && !isMartianNextHop(bytes, at, 4, session);
      case c.ATTR_MED:
        return flags === NON_TRANSITIVE && length === 4;
      case c.ATTR_LOCAL_PREF:
        return flags === WELL_KNOWN && length === 4 && session.peer === 'internal';
      case c.ATTR_ATOMIC_AGGREGATE:
        return flags === WELL_KNOWN && length === 0;
      case c.ATTR_AGGREGATOR:
        return flags === TRANSITIVE && length === 8 && u32(bytes, at) !== 0;
      case c.ATTR_COMMUNITIES:
        return flags === TRANSITIVE && length > 0 && length % 4 === 0;
      case c.ATTR_ORIGINATOR_ID:
        return flags === NON_TRANSITIVE && length === 4 && session.peer === 'internal';
      case c.ATTR_CLUSTER_LIST:
        return (
          flags === NON_TRANSITIVE && length > 0 && length % 4 === 0 && session.peer === 'internal'
        );
      case c.ATTR_LARGE_COMMUNITIES: // of several some may be the same (RFC 8092 §3)
        return flags === TRANSITIVE && length === 12;
      default:
        return false;
    }
  }
}

/** Segments that are full where another of their kind follows would be joined by nobody: all are kept. */
function isPlainPath(bytes: Uint8Array, at: number, end: number): boolean {
  for (let next = at; next < end;) {
    if (end - next < 2) return false;
    const type = bytes[next] as number;
    const count = bytes[next + 1] as number;
    const first = next + 2;
    next = first + count * ASN_OCTETS;
    if (count === 0 || next > end) return false;
    if (type !== c.AS_SEQUENCE && type !== c.AS_SET) return false;
    for (let asn = first; asn < next; asn += ASN_OCTETS) if (u32(bytes, asn) === 0) return false;
  }
  return true;
}

/** What becomes of a plain block on its way to a peer. Undefined: the attribute is not sent. */
export interface PlainRewrite {
  readonly lead: readonly number[]; // AS numbers before the path
  readonly nextHop: number | undefined;
  readonly keepsMed: boolean;
  readonly localPref: number | undefined;
  readonly originatorId: number | undefined;
  readonly clusterId: number | undefined; // goes before CLUSTER_LIST; undefined: none is sent
}

/** False: this takes the long way; what was written then must be cut off. */
export function rewritePlain(out: Writer, block: PlainBlock, by: PlainRewrite): boolean {
  block.copyTo(out, c.ATTR_ORIGIN);
  if (!writePath(out, block, by.lead)) return false;
  if (by.nextHop !== undefined) writeWord(out, c.ATTR_NEXT_HOP, WELL_KNOWN, by.nextHop);
  if (by.keepsMed) block.copyTo(out, c.ATTR_MED);
  if (by.localPref !== undefined) writeWord(out, c.ATTR_LOCAL_PREF, WELL_KNOWN, by.localPref);
  block.copyTo(out, c.ATTR_ATOMIC_AGGREGATE);
  block.copyTo(out, c.ATTR_AGGREGATOR);
  block.copyTo(out, c.ATTR_COMMUNITIES);
  if (by.originatorId !== undefined) {
    writeWord(out, c.ATTR_ORIGINATOR_ID, NON_TRANSITIVE, by.originatorId);
  }
  if (by.clusterId !== undefined && !writeClusters(out, block, by.clusterId)) return false;
  block.copyTo(out, c.ATTR_LARGE_COMMUNITIES);
  return true;
}

function writePath(out: Writer, block: PlainBlock, lead: readonly number[]): boolean {
  if (lead.length === 0) {
    block.copyTo(out, c.ATTR_AS_PATH);
    return true;
  }
  const {bytes, pathAt, pathEnd, isFirstSequence} = block;
  const held = isFirstSequence ? u8(bytes, pathAt + 1) : 0;
  const rest = isFirstSequence ? pathAt + 2 : pathAt;
  const octets = 2 + lead.length * ASN_OCTETS + (pathEnd - rest);
  if (octets > MOST_OCTETS || held + lead.length > MAX_SEGMENT) return false;
  out.u8(WELL_KNOWN).u8(c.ATTR_AS_PATH).u8(octets);
  out.u8(c.AS_SEQUENCE).u8(held + lead.length);
  for (const asn of lead) out.u32(asn);
  out.part(bytes, rest, pathEnd);
  return true;
}

function writeClusters(out: Writer, block: PlainBlock, clusterId: number): boolean {
  const count = block.count(c.ATTR_CLUSTER_LIST);
  const octets = (count + 1) * 4;
  if (octets > MOST_OCTETS) return false;
  out.u8(NON_TRANSITIVE).u8(c.ATTR_CLUSTER_LIST).u8(octets).u32(clusterId);
  for (let i = 0; i < count; i++) out.u32(block.item(c.ATTR_CLUSTER_LIST, i));
  return true;
}

function writeWord(out: Writer, type: number, flags: number, value: number): void {
  out.u8(flags).u8(type).u8(4).u32(value);
}

/** How often one of two AS numbers is in the path, sets included. */
export function countAsns(block: PlainBlock, a: number, b: number): number {
  const {bytes, pathEnd} = block;
  let found = 0;
  for (let next = block.pathAt; next < pathEnd;) {
    const end = next + 2 + u8(bytes, next + 1) * ASN_OCTETS;
    for (let at = next + 2; at < end; at += ASN_OCTETS) {
      const asn = u32(bytes, at);
      if (asn === a || asn === b) found++;
    }
    next = end;
  }
  return found;
}

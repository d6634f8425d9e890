/**
 * AS_PATH (RFC 4271 §4.3) with 2 or 4 octets an AS number (RFC 6793 §3). Pure.
 *
 *   +------+-------+----------------+
 *   | type | count |  AS numbers …  |   type 1 set, 2 sequence, 3 and 4 confederation; repeated
 *   +------+-------+----------------+
 *
 * We are in no confederation: RFC 5065 §5 makes its segments an error in AS_PATH, RFC 6793 §6
 * drops them from AS4_PATH. A segment of zero members is an error (RFC 7606 §7.2).
 */
import {u16, u32, u8, type Writer} from './bytes.js';
import {AS_CONFED_SEQUENCE, AS_CONFED_SET, AS_SEQUENCE, AS_SET, AS_TRANS} from './constants.js';

export interface AsSegment {
  readonly kind: 'sequence' | 'set';
  readonly asns: readonly number[]; // 1 or more, none of them 0
}

export type AsPath = readonly AsSegment[];

export interface AsPathForm {
  readonly asnOctets: 2 | 4;
  readonly confederation: 'refuse' | 'drop';
}

/** Undefined when malformed. AS 0 is malformed too (RFC 7607 §2). */
export function decodeAsPath(
  bytes: Uint8Array,
  at: number,
  end: number,
  {asnOctets, confederation}: AsPathForm,
): AsPath | undefined {
  const path: AsSegment[] = [];
  for (let next = at; next < end;) {
    if (end - next < 2) return undefined;
    const type = u8(bytes, next);
    const count = u8(bytes, next + 1);
    const first = next + 2;
    next = first + count * asnOctets;
    if (count === 0 || next > end) return undefined;
    if (type === AS_CONFED_SEQUENCE || type === AS_CONFED_SET) {
      if (confederation === 'refuse') return undefined;
      continue;
    }
    if (type !== AS_SEQUENCE && type !== AS_SET) return undefined;

    const asns: number[] = [];
    for (let asn = first; asn < next; asn += asnOctets) {
      asns.push(asnOctets === 4 ? u32(bytes, asn) : u16(bytes, asn));
    }
    if (asns.includes(0)) return undefined;
    path.push({kind: type === AS_SEQUENCE ? 'sequence' : 'set', asns});
  }
  return path;
}

/** With two octets a number above 65535 becomes AS_TRANS. Long segments are split at 255. */
export function encodeAsPath(out: Writer, path: AsPath, asnOctets: 2 | 4): void {
  for (const {kind, asns} of path) {
    const type = kind === 'sequence' ? AS_SEQUENCE : AS_SET;
    for (let i = 0; i < asns.length; i++) {
      if (i % MAX_SEGMENT === 0) out.u8(type).u8(Math.min(MAX_SEGMENT, asns.length - i));
      const asn = asns[i] ?? 0;
      if (asnOctets === 4) out.u32(asn);
      else out.u16(asn > 0xffff ? AS_TRANS : asn);
    }
  }
}

/** What encodeAsPath writes. */
export function asPathOctets(path: AsPath, asnOctets: 2 | 4): number {
  let octets = 0;
  for (const {asns} of path) {
    octets += Math.ceil(asns.length / MAX_SEGMENT) * 2 + asns.length * asnOctets;
  }
  return octets;
}

const MAX_SEGMENT = 255; // one octet of count

/** RFC 4271 §9.1.2.2 a: a set counts as one. */
export function asPathLength(path: AsPath): number {
  let length = 0;
  for (const {kind, asns} of path) length += kind === 'sequence' ? asns.length : 1;
  return length;
}

/** With those in front of it, the first of them foremost (RFC 4271 §5.1.2 b). */
export function prependAsns(asns: readonly number[], path: AsPath): AsPath {
  const [first, ...rest] = path;
  return first?.kind === 'sequence'
    ? [{kind: 'sequence', asns: [...asns, ...first.asns]}, ...rest]
    : [{kind: 'sequence', asns}, ...path];
}

/** Whether a peer with 2-octet numbers needs AS4_PATH to know it (RFC 6793 §4.2.2). */
export function needsAs4(path: AsPath): boolean {
  return path.some(({asns}) => asns.some(asn => asn > 0xffff));
}

/**
 * The path that an old peer's AS_PATH and AS4_PATH stand for (RFC 6793 §4.2.3): leading hops of
 * AS_PATH that AS4_PATH does not have, then AS4_PATH. An AS4_PATH longer than AS_PATH is ignored.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let excess = asPathLength(path) - asPathLength(as4Path);
  if (excess < 0) return path;
  const merged: AsSegment[] = [];
  for (const segment of path) {
    if (excess === 0) break;
    const taken = segment.kind === 'set' ? segment.asns : segment.asns.slice(0, excess);
    merged.push({kind: segment.kind, asns: taken});
    excess -= segment.kind === 'set' ? 1 : taken.length;
  }
  return joinSequences([...merged, ...as4Path]);
}

/** Neighbouring sequences as one: the cut made above must not show. */
function joinSequences(path: AsPath): AsPath {
  const joined: AsSegment[] = [];
  for (const segment of path) {
    const last = joined.at(-1);
    if (last?.kind === 'sequence' && segment.kind === 'sequence') {
      joined[joined.length - 1] = {kind: 'sequence', asns: [...last.asns, ...segment.asns]};
    } else {
      joined.push(segment);
    }
  }
  return joined;
}

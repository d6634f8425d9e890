/**
 * Path attributes of one UPDATE, but for MP_REACH and MP_UNREACH, which belong to the message
 * (update.ts). Pure.
 *
 *   +-------+------+----------------+----------+
 *   | flags | type | length: 1 or 2 | value …  |   2 when flags has 0x10 (RFC 4271 §4.3)
 *   +-------+------+----------------+----------+
 *
 * The same octets in sessions of the same kind decode to the same result, faults included, so the
 * RIB decodes each distinct block once. What is missing depends on the message: judgeUpdate.
 */
import {DECODERS, type AttributeValue, type Draft} from './attribute-table.js';
import {type AsPath, mergeAs4Path} from './as-path.js';
import {copyOf, u16, u8} from './bytes.js';
import type {ExtendedCommunity, LargeCommunity} from './communities.js';
import {
  AS_TRANS,
  ATTR_AS4_AGGREGATOR,
  ATTR_AS4_PATH,
  ATTR_MP_REACH,
  ATTR_MP_UNREACH,
  BAD_FLAGS,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_PARTIAL,
  FLAG_TRANSITIVE,
  MALFORMED_ATTRIBUTES,
  UNKNOWN_WELL_KNOWN,
} from './constants.js';
import type {WireSession} from './session.js';
import {NO_FAULTS, type FaultAction, type AttributeFault} from './verdict.js';

/** Undefined: absent, or discarded. Addresses and identifiers are unsigned 32-bit numbers. */
export interface PathAttributes {
  readonly origin?: number | undefined; // 0 IGP, 1 EGP, 2 incomplete
  readonly asPath?: AsPath | undefined; // of old and new peers alike: AS4_PATH is merged in
  readonly nextHop?: number | undefined; // of the NLRI field; MP_REACH has its own
  readonly med?: number | undefined;
  readonly localPref?: number | undefined;
  readonly atomicAggregate?: boolean | undefined;
  readonly aggregator?: Aggregator | undefined;
  readonly communities?: readonly number[] | undefined; // in the order of the wire
  readonly originatorId?: number | undefined;
  readonly clusterList?: readonly number[] | undefined; // nearest reflector first
  readonly extendedCommunities?: readonly ExtendedCommunity[] | undefined;
  readonly aigp?: bigint | undefined; // unsigned 64 bits
  readonly largeCommunities?: readonly LargeCommunity[] | undefined;
  readonly otc?: number | undefined; // AS number (RFC 9234 §5)
  readonly prefixSid?: Uint8Array | undefined; // TLVs as received (RFC 8669)
  readonly unknown?: readonly UnknownAttribute[] | undefined; // optional transitive ones
  readonly partialTypes?: readonly number[] | undefined; // known, with Partial set on the way here; ascending
}

export interface Aggregator {
  readonly asn: number;
  readonly address: number;
}

/** Passed on with Partial set (RFC 4271 §5). Ascending by type. */
export interface UnknownAttribute {
  readonly type: number;
  readonly value: Uint8Array; // a copy
}

export interface DecodedAttributes {
  readonly attributes: PathAttributes;
  readonly faults: readonly AttributeFault[];
  readonly count: number; // of attributes in the block, good or bad
}

/** `bytes` from `at` to `end` is an attribute block: UpdateReader.block. */
export function decodeAttributes(
  bytes: Uint8Array,
  at: number,
  end: number,
  session: WireSession,
): DecodedAttributes {
  const draft: Draft = {};
  const faults: AttributeFault[] = [];
  const seen = new Uint8Array(32); // a bit for each type
  const value: AttributeValue = {bytes, at, end, session};
  let count = 0;

  for (let next = at; next < end; count++) {
    const valueAt = valueOffset(bytes, next, end);
    const valueEnd = valueAt < 0 ? -1 : valueAt + valueLength(bytes, next);
    if (valueAt < 0 || valueEnd > end) {
      faults.push(overrun(bytes, next, end));
      count++;
      break;
    }
    const type = u8(bytes, next + 1);
    if (type !== ATTR_MP_REACH && type !== ATTR_MP_UNREACH) {
      value.at = valueAt;
      value.end = valueEnd;
      const complaint = decodeOne(draft, value, u8(bytes, next), type, seen);
      if (complaint !== undefined) {
        faults.push({...complaint, type, data: copyOf(bytes, next, valueEnd)});
      }
    }
    next = valueEnd;
  }
  return {attributes: mergeAs4(draft), faults: faults.length === 0 ? NO_FAULTS : faults, count};
}

/** First octet of the value of the attribute at `at`; -1 when not even its header fits. */
export function valueOffset(bytes: Uint8Array, at: number, end: number): number {
  const header = (u8(bytes, at) & FLAG_EXTENDED_LENGTH) === 0 ? 3 : 4;
  return end - at < header ? -1 : at + header;
}

export function valueLength(bytes: Uint8Array, at: number): number {
  const isExtended = (u8(bytes, at) & FLAG_EXTENDED_LENGTH) !== 0;
  return isExtended ? u16(bytes, at + 2) : u8(bytes, at + 2);
}

/** RFC 7606 §4: the prefixes are still found by the total length, so they are withdrawn. */
function overrun(bytes: Uint8Array, at: number, end: number): AttributeFault {
  const data = copyOf(bytes, at, end);
  return {action: 'withdraw', type: 0, subcode: MALFORMED_ATTRIBUTES, data};
}

interface Complaint {
  readonly action: FaultAction;
  readonly subcode: number;
}

function decodeOne(
  draft: Draft,
  value: AttributeValue,
  flags: number,
  type: number,
  seen: Uint8Array,
): Complaint | undefined {
  const bits = u8(seen, type >>> 3);
  const bit = 1 << (type & 7);
  if ((bits & bit) !== 0) return {action: 'discard', subcode: MALFORMED_ATTRIBUTES};
  seen[type >>> 3] = bits | bit;
  const decoder = DECODERS[type];
  if (decoder === undefined) return keepUnknown(draft, value, flags, type);
  if (decoder.peer !== undefined && decoder.peer !== value.session.peer) {
    return {action: 'discard', subcode: MALFORMED_ATTRIBUTES};
  }
  if (flagsConflict(flags, decoder.flags)) {
    return {action: decoder.onBadFlags ?? 'withdraw', subcode: BAD_FLAGS};
  }
  const subcode = decoder.decode(draft, value);
  if (subcode !== 0) return {action: decoder.onMalformed, subcode};
  if ((flags & FLAG_PARTIAL) !== 0) notePartial(draft, type);
  return undefined;
}

/** It must not be cleared on the way (RFC 4271 §5); the AS4 twins go no further than here. */
function notePartial(draft: Draft, type: number): void {
  if (type === ATTR_AS4_PATH || type === ATTR_AS4_AGGREGATOR) return;
  draft.partialTypes = [...(draft.partialTypes ?? []), type].sort((a, b) => a - b);
}

/** Optional and Transitive as specified; Partial only on what is both (RFC 4271 §4.3). */
export function flagsConflict(flags: number, specified: number): boolean {
  const both = FLAG_OPTIONAL | FLAG_TRANSITIVE;
  if ((flags & both) !== specified) return true;
  return (flags & FLAG_PARTIAL) !== 0 && specified !== both;
}

/** RFC 4271 §5: transitive ones are passed on, others dropped, well-known ones must be known. */
function keepUnknown(
  draft: Draft,
  {bytes, at, end}: AttributeValue,
  flags: number,
  type: number,
): Complaint | undefined {
  if ((flags & FLAG_OPTIONAL) === 0) return {action: 'reset', subcode: UNKNOWN_WELL_KNOWN};
  if ((flags & FLAG_TRANSITIVE) === 0) return undefined;
  const kept = [...(draft.unknown ?? []), {type, value: copyOf(bytes, at, end)}];
  draft.unknown = kept.sort((a, b) => a.type - b.type);
  return undefined;
}

/**
 * RFC 6793 §4.2.3: AS4_PATH and AS4_AGGREGATOR of an old peer, where they count. An AGGREGATOR
 * that is not AS_TRANS was made by an old speaker behind them: both are out of date.
 */
function mergeAs4({as4Path, as4Aggregator, ...attributes}: Draft): PathAttributes {
  if (as4Path === undefined && as4Aggregator === undefined) return attributes;
  const {asPath, aggregator} = attributes;
  const hasOwn = aggregator !== undefined && aggregator.asn !== AS_TRANS;
  if (as4Aggregator !== undefined && hasOwn) return attributes;
  if (as4Path !== undefined && asPath !== undefined) {
    attributes.asPath = mergeAs4Path(asPath, as4Path);
  }
  if (as4Aggregator !== undefined && aggregator !== undefined) {
    attributes.aggregator = as4Aggregator;
  }
  return attributes;
}

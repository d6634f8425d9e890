/**
 * Per attribute: its flags, who may send it, and what a malformed one costs (RFC 7606 §7). Pure.
 *
 * A decoder returns 0, or the UPDATE_ERROR subcode of what is wrong. RFC 7606 §4 makes a length of
 * zero an error but for AS_PATH and ATOMIC_AGGREGATE: each decoder's length rule excludes it.
 */
import {decodeAsPath} from './as-path.js';
import type {AsPath} from './as-path.js';
import type {Aggregator, PathAttributes} from './attributes.js';
import {copyOf, u16, u32, u8} from './bytes.js';
import {
  decodeCommunities,
  decodeExtendedCommunities,
  decodeLargeCommunities,
} from './communities.js';
import * as c from './constants.js';
import type {WireSession} from './session.js';

/** Where a value lies. Reused from one attribute to the next. */
export interface AttributeValue {
  readonly bytes: Uint8Array;
  readonly session: WireSession;
  at: number;
  end: number;
}

export type Draft = {-readonly [K in keyof PathAttributes]: PathAttributes[K]} & {
  as4Path?: AsPath;
  as4Aggregator?: Aggregator;
};

export interface AttributeDecoder {
  readonly flags: number; // Optional and Transitive
  readonly peer?: WireSession['peer']; // discarded when it comes from another kind (RFC 7606 §7)
  readonly onMalformed: 'discard' | 'withdraw';
  readonly onBadFlags?: 'discard'; // where the attribute's own RFC says so; else withdraw
  readonly decode: (draft: Draft, value: AttributeValue) => number;
}

const WELL_KNOWN = c.FLAG_TRANSITIVE;
const NON_TRANSITIVE = c.FLAG_OPTIONAL;
const TRANSITIVE = c.FLAG_OPTIONAL | c.FLAG_TRANSITIVE;

const rules: readonly (readonly [number, AttributeDecoder])[] = [
  [c.ATTR_ORIGIN, {flags: WELL_KNOWN, onMalformed: 'withdraw', decode: origin}],
  [c.ATTR_AS_PATH, {flags: WELL_KNOWN, onMalformed: 'withdraw', decode: asPath}],
  [c.ATTR_NEXT_HOP, {flags: WELL_KNOWN, onMalformed: 'withdraw', decode: nextHop}],
  [c.ATTR_MED, {flags: NON_TRANSITIVE, onMalformed: 'withdraw', decode: number32('med')}],
  [
    c.ATTR_LOCAL_PREF,
    {
      flags: WELL_KNOWN,
      peer: 'internal',
      onMalformed: 'withdraw',
      decode: number32('localPref'),
    },
  ],
  [c.ATTR_ATOMIC_AGGREGATE, {flags: WELL_KNOWN, onMalformed: 'discard', decode: atomicAggregate}],
  [c.ATTR_AGGREGATOR, {flags: TRANSITIVE, onMalformed: 'discard', decode: aggregator}],
  [c.ATTR_COMMUNITIES, {flags: TRANSITIVE, onMalformed: 'withdraw', decode: communities}],
  [
    c.ATTR_ORIGINATOR_ID,
    {
      flags: NON_TRANSITIVE,
      peer: 'internal',
      onMalformed: 'withdraw',
      decode: number32('originatorId'),
    },
  ],
  [
    c.ATTR_CLUSTER_LIST,
    {flags: NON_TRANSITIVE, peer: 'internal', onMalformed: 'withdraw', decode: clusterList},
  ],
  [
    c.ATTR_EXTENDED_COMMUNITIES,
    {flags: TRANSITIVE, onMalformed: 'withdraw', decode: extendedCommunities},
  ],
  [c.ATTR_AS4_PATH, {flags: TRANSITIVE, onMalformed: 'discard', decode: as4Path}],
  [c.ATTR_AS4_AGGREGATOR, {flags: TRANSITIVE, onMalformed: 'discard', decode: as4Aggregator}],
  // RFC 7311 §3.2: with Transitive set it is as if it were not recognised.
  [
    c.ATTR_AIGP,
    {flags: NON_TRANSITIVE, onMalformed: 'discard', onBadFlags: 'discard', decode: aigp},
  ],
  [
    c.ATTR_LARGE_COMMUNITIES,
    {flags: TRANSITIVE, onMalformed: 'withdraw', decode: largeCommunities},
  ],
  [c.ATTR_OTC, {flags: TRANSITIVE, onMalformed: 'withdraw', decode: number32('otc')}],
  [c.ATTR_PREFIX_SID, {flags: TRANSITIVE, onMalformed: 'discard', decode: prefixSid}],
];

/** By type; undefined for what we do not know. */
export const DECODERS: readonly (AttributeDecoder | undefined)[] = (() => {
  const byType = new Map(rules);
  return Array.from({length: 256}, (_, type) => byType.get(type));
})();

function origin(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (end - at !== 1) return c.BAD_ATTRIBUTE_LENGTH;
  const value = u8(bytes, at);
  if (value > c.ORIGIN_INCOMPLETE) return c.BAD_ORIGIN;
  draft.origin = value;
  return 0;
}

function asPath(draft: Draft, {bytes, at, end, session}: AttributeValue): number {
  const form = session.as4 ? WIDE_PATH : NARROW_PATH;
  const path = decodeAsPath(bytes, at, end, form);
  if (path === undefined) return c.BAD_AS_PATH;
  draft.asPath = path;
  return 0;
}

const WIDE_PATH = {asnOctets: 4, confederation: 'refuse'} as const;
const NARROW_PATH = {asnOctets: 2, confederation: 'refuse'} as const;
const AS4_PATH = {asnOctets: 4, confederation: 'drop'} as const;

function nextHop(draft: Draft, {bytes, at, end, session}: AttributeValue): number {
  if (end - at !== 4) return c.BAD_ATTRIBUTE_LENGTH;
  if (isMartianNextHop(bytes, at, 4, session)) return c.BAD_NEXT_HOP;
  draft.nextHop = u32(bytes, at);
  return 0;
}

/**
 * RFC 4271 §6.3: no host, or ourselves. 0/8, 127/8, 224/4 and broadcast; ::, ::1 and ff00::/8.
 * 240/4 passes: clouds number pods from it.
 */
export function isMartianNextHop(
  bytes: Uint8Array,
  at: number,
  width: 4 | 16,
  {localAddress}: WireSession,
): boolean {
  if (localAddress?.length === width && equals(bytes, at, localAddress)) return true;
  const first = u8(bytes, at);
  if (width === 4) {
    const isBroadcast = u32(bytes, at) === 0xffffffff;
    return first === 0 || first === 127 || first >>> 4 === 14 || isBroadcast;
  }
  const isZero = u32(bytes, at) === 0 && u32(bytes, at + 4) === 0 && u32(bytes, at + 8) === 0;
  return first === 0xff || (isZero && u32(bytes, at + 12) <= 1);
}

function equals(bytes: Uint8Array, at: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) {
    if (bytes[at + i] !== other[i]) return false;
  }
  return true;
}

function number32(field: 'med' | 'localPref' | 'originatorId' | 'otc'): AttributeDecoder['decode'] {
  return (draft, {bytes, at, end}) => {
    if (end - at !== 4) return c.BAD_ATTRIBUTE_LENGTH;
    draft[field] = u32(bytes, at);
    return 0;
  };
}

function atomicAggregate(draft: Draft, {at, end}: AttributeValue): number {
  if (at !== end) return c.BAD_ATTRIBUTE_LENGTH;
  draft.atomicAggregate = true;
  return 0;
}

function aggregator(draft: Draft, {bytes, at, end, session}: AttributeValue): number {
  const octets = session.as4 ? 4 : 2;
  if (end - at !== octets + 4) return c.BAD_ATTRIBUTE_LENGTH;
  const asn = session.as4 ? u32(bytes, at) : u16(bytes, at);
  if (asn === 0) return c.BAD_OPTIONAL; // RFC 7607 §2
  draft.aggregator = {asn, address: u32(bytes, at + octets)};
  return 0;
}

/** RFC 6793 §4.1: a new peer must not send it. */
function as4Path(draft: Draft, {bytes, at, end, session}: AttributeValue): number {
  if (session.as4 || at === end) return c.BAD_OPTIONAL;
  const path = decodeAsPath(bytes, at, end, AS4_PATH);
  if (path === undefined) return c.BAD_OPTIONAL;
  draft.as4Path = path;
  return 0;
}

function as4Aggregator(draft: Draft, {bytes, at, end, session}: AttributeValue): number {
  if (session.as4) return c.BAD_OPTIONAL;
  if (end - at !== 8) return c.BAD_ATTRIBUTE_LENGTH;
  const asn = u32(bytes, at);
  if (asn === 0) return c.BAD_OPTIONAL;
  draft.as4Aggregator = {asn, address: u32(bytes, at + 4)};
  return 0;
}

function communities(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (!isMultiple(end - at, 4)) return c.BAD_ATTRIBUTE_LENGTH;
  draft.communities = decodeCommunities(bytes, at, end);
  return 0;
}

function clusterList(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (!isMultiple(end - at, 4)) return c.BAD_ATTRIBUTE_LENGTH;
  draft.clusterList = decodeCommunities(bytes, at, end);
  return 0;
}

function extendedCommunities(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (!isMultiple(end - at, 8)) return c.BAD_ATTRIBUTE_LENGTH;
  draft.extendedCommunities = decodeExtendedCommunities(bytes, at, end);
  return 0;
}

function largeCommunities(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (!isMultiple(end - at, 12)) return c.BAD_ATTRIBUTE_LENGTH;
  draft.largeCommunities = decodeLargeCommunities(bytes, at, end);
  return 0;
}

function isMultiple(length: number, unit: number): boolean {
  return length > 0 && length % unit === 0;
}

/** RFC 7311 §3: TLVs (type 1, length 2 with its header); type 1 of 11 octets is the metric. */
function aigp(draft: Draft, {bytes, at, end}: AttributeValue): number {
  let metric: bigint | undefined;
  for (let next = at; next < end;) {
    if (end - next < 3) return c.BAD_OPTIONAL;
    const length = u16(bytes, next + 1);
    if (length < 3 || next + length > end) return c.BAD_OPTIONAL;
    if (u8(bytes, next) === 1 && metric === undefined) {
      if (length !== 11) return c.BAD_OPTIONAL;
      metric = (BigInt(u32(bytes, next + 3)) << 32n) | BigInt(u32(bytes, next + 7));
    }
    next += length;
  }
  if (at === end) return c.BAD_ATTRIBUTE_LENGTH;
  if (metric !== undefined) draft.aigp = metric;
  return 0;
}

/** RFC 8669 §3: TLVs (type 1, length 2 without its header). Carried, not used: checked only. */
function prefixSid(draft: Draft, {bytes, at, end}: AttributeValue): number {
  if (at === end) return c.BAD_ATTRIBUTE_LENGTH;
  for (let next = at; next < end;) {
    if (end - next < 3) return c.BAD_OPTIONAL;
    next += 3 + u16(bytes, next + 1);
    if (next > end) return c.BAD_OPTIONAL;
  }
  draft.prefixSid = copyOf(bytes, at, end);
  return 0;
}

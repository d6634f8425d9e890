/**
 * Communities between text and numbers: `64512:1` (RFC 1997), `64512:1:2` (RFC 8092) and the names of
 * the well-known ones. In a pattern `*` stands for any number: `64512:*`. Pure.
 */
import type {LargeCommunity} from '../wire/communities.js';
import {
  GRACEFUL_SHUTDOWN,
  LLGR_STALE,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  NO_LLGR,
} from '../wire/constants.js';

/** One kind of community; a field that is undefined is any number. */
export type CommunityPattern =
  | {readonly kind: 'standard'; readonly high: number | undefined; readonly low: number | undefined}
  | {
      readonly kind: 'large';
      readonly global: number | undefined;
      readonly local1: number | undefined;
      readonly local2: number | undefined;
    };

export type Community =
  | {readonly kind: 'standard'; readonly value: number} // unsigned 32 bits
  | {readonly kind: 'large'; readonly value: LargeCommunity};

/** IANA "BGP Well-known Communities". */
export const WELL_KNOWN_COMMUNITIES: ReadonlyMap<string, number> = new Map([
  ['graceful-shutdown', GRACEFUL_SHUTDOWN],
  ['accept-own', 0xffff0001], // RFC 7611
  ['llgr-stale', LLGR_STALE],
  ['no-llgr', NO_LLGR],
  ['blackhole', 0xffff029a], // RFC 7999
  ['no-export', NO_EXPORT],
  ['no-advertise', NO_ADVERTISE],
  ['no-export-subconfed', NO_EXPORT_SUBCONFED],
  ['no-peer', 0xffffff04], // RFC 3765
]);

/** Undefined when the text is none. */
export function parseCommunity(text: string): Community | undefined {
  const pattern = parseCommunityPattern(text);
  if (pattern?.kind === 'standard') {
    const {high, low} = pattern;
    if (high === undefined || low === undefined) return undefined;
    return {kind: 'standard', value: high * 0x1_0000 + low};
  }
  if (pattern?.kind === 'large') {
    const {global, local1, local2} = pattern;
    if (global === undefined || local1 === undefined || local2 === undefined) return undefined;
    return {kind: 'large', value: {global, local1, local2}};
  }
  return undefined;
}

export function parseCommunityPattern(text: string): CommunityPattern | undefined {
  const named = WELL_KNOWN_COMMUNITIES.get(text);
  if (named !== undefined) return {kind: 'standard', high: named >>> 16, low: named & 0xffff};
  const parts = text.split(':');
  const max = parts.length === 2 ? 0xffff : 0xffff_ffff;
  const numbers = parts.map(part => toNumber(part, max));
  if (numbers.includes(undefined)) return undefined;
  const [first, second, third] = numbers.map(number => (number === ANY ? undefined : number));
  if (parts.length === 2) return {kind: 'standard', high: first, low: second};
  return parts.length === 3
    ? {kind: 'large', global: first, local1: second, local2: third}
    : undefined;
}

export function matchesCommunity(pattern: CommunityPattern, community: Community): boolean {
  if (pattern.kind === 'standard') {
    if (community.kind !== 'standard') return false;
    const {value} = community;
    return isOf(pattern.high, value >>> 16) && isOf(pattern.low, value & 0xffff);
  }
  if (community.kind !== 'large') return false;
  const {global, local1, local2} = community.value;
  return (
    isOf(pattern.global, global) && isOf(pattern.local1, local1) && isOf(pattern.local2, local2)
  );
}

/** Of a standard one by its name where it has one. */
export function formatCommunity(community: Community): string {
  if (community.kind === 'large') {
    const {global, local1, local2} = community.value;
    return `${global}:${local1}:${local2}`;
  }
  return NAMES.get(community.value) ?? `${community.value >>> 16}:${community.value & 0xffff}`;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  [...WELL_KNOWN_COMMUNITIES].map(([name, value]) => [value, name]),
);

const ANY = -1;

function toNumber(text: string, max: number): number | undefined {
  if (text === '*') return ANY;
  return /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

function isOf(wanted: number | undefined, number: number): boolean {
  return wanted === undefined || wanted === number;
}

/**
 * Communities: RFC 1997 (4 octets), RFC 4360 (8) and RFC 8092 (12). Pure.
 *
 *   extended:  type 1 (0x80 IANA authority, 0x40 non-transitive), subtype 1, value 6
 *   large:     global administrator 4, local data 4, local data 4
 */
import {u32, type Writer} from './bytes.js';

/** Two words in network order: `high` begins with type and subtype. */
export interface ExtendedCommunity {
  readonly high: number; // unsigned 32 bits
  readonly low: number; // unsigned 32 bits
}

export interface LargeCommunity {
  readonly global: number; // each unsigned 32 bits
  readonly local1: number;
  readonly local2: number;
}

export function decodeCommunities(bytes: Uint8Array, at: number, end: number): number[] {
  const found: number[] = [];
  for (let next = at; next < end; next += 4) found.push(u32(bytes, next));
  return found;
}

export function decodeExtendedCommunities(
  bytes: Uint8Array,
  at: number,
  end: number,
): ExtendedCommunity[] {
  const found: ExtendedCommunity[] = [];
  for (let next = at; next < end; next += 8) {
    found.push({high: u32(bytes, next), low: u32(bytes, next + 4)});
  }
  return found;
}

/** RFC 8092 §3: repeated ones are removed without a word. */
export function decodeLargeCommunities(
  bytes: Uint8Array,
  at: number,
  end: number,
): LargeCommunity[] {
  const found = new Map<string, LargeCommunity>();
  for (let next = at; next < end; next += 12) {
    const global = u32(bytes, next);
    const local1 = u32(bytes, next + 4);
    const local2 = u32(bytes, next + 8);
    found.set(`${global}:${local1}:${local2}`, {global, local1, local2});
  }
  return [...found.values()];
}

export function encodeExtendedCommunities(out: Writer, all: readonly ExtendedCommunity[]): void {
  for (const {high, low} of all) out.u32(high).u32(low);
}

export function encodeLargeCommunities(out: Writer, all: readonly LargeCommunity[]): void {
  for (const {global, local1, local2} of all) out.u32(global).u32(local1).u32(local2);
}

/** RFC 4360 §6: the others are removed at the boundary of the AS. */
export function isTransitive({high}: ExtendedCommunity): boolean {
  return (high & 0x40000000) === 0;
}

/**
 * draft-ietf-idr-link-bandwidth: 0x40 or 0x00 (transitive), 0x04, AS number 2 octets, then octets a
 * second as an IEEE 754 single. NaN, negative and infinite values are no bandwidth.
 */
export function linkBandwidthOf({high, low}: ExtendedCommunity): number | undefined {
  if (((high >>> 16) & 0xbfff) !== 0x0004) return undefined;
  scratch.setUint32(0, low);
  const bytesPerSecond = scratch.getFloat32(0);
  return Number.isFinite(bytesPerSecond) && bytesPerSecond >= 0 ? bytesPerSecond : undefined;
}

/** An AS number that needs four octets is written as AS_TRANS by the caller. */
export function linkBandwidth(asn: number, bytesPerSecond: number): ExtendedCommunity {
  scratch.setFloat32(0, bytesPerSecond);
  return {high: (0x40040000 | (asn & 0xffff)) >>> 0, low: scratch.getUint32(0)};
}

const scratch = new DataView(new ArrayBuffer(4));

/**
 * Capabilities of OPEN (RFC 5492 §4) as plain objects, both ways. Pure.
 *
 *   +------+--------+--------------+
 *   | code | length |  value …     |   1 + 1 + length octets
 *   +------+--------+--------------+
 *
 * What is unknown is kept as it came. A capability that decides how later messages are read (the
 * AS width, path ids, next hops …) and has a wrong length makes the OPEN malformed (2/0, as BIRD):
 * to guess would be to misread UPDATEs. Hostname and software version decide nothing and never
 * fail: a broken one becomes `unknown`.
 */
import {copyOf, u16, u24, u32, u8, Writer} from './bytes.js';
import {
  CAP_ADD_PATH,
  CAP_AS4,
  CAP_ENHANCED_REFRESH,
  CAP_EXTENDED_MESSAGE,
  CAP_EXTENDED_NEXT_HOP,
  CAP_GRACEFUL_RESTART,
  CAP_HOSTNAME,
  CAP_LLGR,
  CAP_MULTIPROTOCOL,
  CAP_ROLE,
  CAP_ROUTE_REFRESH,
  CAP_SOFTWARE_VERSION,
} from './constants.js';
import type {AfiSafi} from './family.js';

export type Capability =
  | ({readonly kind: 'multiprotocol'} & AfiSafi)
  | {readonly kind: 'route-refresh'}
  | {readonly kind: 'enhanced-refresh'}
  | {readonly kind: 'extended-message'}
  | {readonly kind: 'extended-next-hop'; readonly families: readonly NextHopFamily[]}
  | {readonly kind: 'role'; readonly role: number} // RFC 9234 §4.1: ROLES by number
  | GracefulRestart
  | {readonly kind: 'as4'; readonly asn: number}
  | {readonly kind: 'add-path'; readonly families: readonly AddPathFamily[]}
  | {readonly kind: 'llgr'; readonly families: readonly LlgrFamily[]}
  | {readonly kind: 'hostname'; readonly hostname: string; readonly domain: string}
  | {readonly kind: 'software-version'; readonly version: string}
  | {readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array};

/** RFC 8950 §4: NLRI of this family may come with a next hop of that AFI. */
export interface NextHopFamily extends AfiSafi {
  readonly nextHopAfi: number;
}

/** RFC 4724 §3, with the N bit of RFC 8538 §2. */
export interface GracefulRestart {
  readonly kind: 'graceful-restart';
  readonly restarting: boolean; // R
  readonly notification: boolean; // N
  readonly restartTimeSeconds: number; // 0..4095
  readonly families: readonly (AfiSafi & {readonly forwarding: boolean})[]; // F
}

/** RFC 7911 §4: 1 receive, 2 send, 3 both, of the one who says it; other values: ignore the tuple. */
export interface AddPathFamily extends AfiSafi {
  readonly mode: number;
}

/** RFC 9494 §3.1. */
export interface LlgrFamily extends AfiSafi {
  readonly forwarding: boolean; // F
  readonly staleTimeSeconds: number; // 0..16777215
}

/** RFC 9234 §4.1, by number. */
export const ROLES = ['provider', 'rs', 'rs-client', 'customer', 'peer'] as const;
export type Role = (typeof ROLES)[number];

export type CapabilityOf<K extends Capability['kind']> = Extract<Capability, {kind: K}>;

/** The last one of its kind: a repeated graceful restart replaces the earlier (RFC 4724 §3). */
export function findCapability<K extends Capability['kind']>(
  capabilities: readonly Capability[],
  kind: K,
): CapabilityOf<K> | undefined {
  return capabilities.findLast((each): each is CapabilityOf<K> => each.kind === kind);
}

/** Undefined when a TLV overruns `end`, or one that decides the encoding has a wrong length. */
export function decodeCapabilities(
  bytes: Uint8Array,
  at: number,
  end: number,
): Capability[] | undefined {
  const found: Capability[] = [];
  for (let next = at; next < end;) {
    if (end - next < 2) return undefined;
    const value = next + 2;
    const valueEnd = value + u8(bytes, next + 1);
    if (valueEnd > end) return undefined;
    const capability = decodeCapability(u8(bytes, next), bytes, value, valueEnd);
    if (capability === undefined) return undefined;
    found.push(capability);
    next = valueEnd;
  }
  return found;
}

function decodeCapability(
  code: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): Capability | undefined {
  const length = end - at;
  switch (code) {
    case CAP_MULTIPROTOCOL: // AFI 2, reserved 1, SAFI 1
      return length === 4
        ? {kind: 'multiprotocol', afi: u16(bytes, at), safi: u8(bytes, at + 3)}
        : undefined;
    case CAP_ROUTE_REFRESH:
      return length === 0 ? {kind: 'route-refresh'} : undefined;
    case CAP_ENHANCED_REFRESH:
      return length === 0 ? {kind: 'enhanced-refresh'} : undefined;
    case CAP_EXTENDED_MESSAGE:
      return length === 0 ? {kind: 'extended-message'} : undefined;
    case CAP_EXTENDED_NEXT_HOP:
      return decodeExtendedNextHop(bytes, at, end);
    case CAP_ROLE:
      return length === 1 ? {kind: 'role', role: u8(bytes, at)} : undefined;
    case CAP_GRACEFUL_RESTART:
      return decodeGracefulRestart(bytes, at, end);
    case CAP_AS4:
      return length === 4 ? {kind: 'as4', asn: u32(bytes, at)} : undefined;
    case CAP_ADD_PATH:
      return decodeAddPath(bytes, at, end);
    case CAP_LLGR:
      return decodeLlgr(bytes, at, end);
    case CAP_HOSTNAME:
      return decodeHostname(bytes, at, end) ?? unknown(code, bytes, at, end);
    case CAP_SOFTWARE_VERSION:
      return decodeVersion(bytes, at, end) ?? unknown(code, bytes, at, end);
    default:
      return unknown(code, bytes, at, end);
  }
}

function unknown(code: number, bytes: Uint8Array, at: number, end: number): Capability {
  return {kind: 'unknown', code, value: copyOf(bytes, at, end)};
}

/** AFI 2, SAFI 2 (two octets here, RFC 8950 §4), next hop AFI 2. */
function decodeExtendedNextHop(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  if ((end - at) % 6 !== 0) return undefined;
  const families = tuples(at, end, 6).map(tuple => ({
    afi: u16(bytes, tuple),
    safi: u16(bytes, tuple + 2),
    nextHopAfi: u16(bytes, tuple + 4),
  }));
  return {kind: 'extended-next-hop', families};
}

/** R 1 bit, N 1 bit, reserved 2, restart time 12; then AFI 2, SAFI 1, F and reserved 1. */
function decodeGracefulRestart(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  if ((end - at) % 4 !== 2) return undefined;
  const word = u16(bytes, at);
  return {
    kind: 'graceful-restart',
    restarting: (word & 0x8000) !== 0,
    notification: (word & 0x4000) !== 0,
    restartTimeSeconds: word & 0x0fff,
    families: tuples(at + 2, end, 4).map(tuple => ({
      afi: u16(bytes, tuple),
      safi: u8(bytes, tuple + 2),
      forwarding: (u8(bytes, tuple + 3) & FORWARDING) !== 0,
    })),
  };
}

/** AFI 2, SAFI 1, send/receive 1. */
function decodeAddPath(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  if ((end - at) % 4 !== 0) return undefined;
  const families = tuples(at, end, 4).map(tuple => ({
    afi: u16(bytes, tuple),
    safi: u8(bytes, tuple + 2),
    mode: u8(bytes, tuple + 3),
  }));
  return {kind: 'add-path', families};
}

/** AFI 2, SAFI 1, F and reserved 1, stale time 3. */
function decodeLlgr(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  if ((end - at) % 7 !== 0) return undefined;
  const families = tuples(at, end, 7).map(tuple => ({
    afi: u16(bytes, tuple),
    safi: u8(bytes, tuple + 2),
    forwarding: (u8(bytes, tuple + 3) & FORWARDING) !== 0,
    staleTimeSeconds: u24(bytes, tuple + 4),
  }));
  return {kind: 'llgr', families};
}

/** Length 1, host name, length 1, domain name. */
function decodeHostname(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  const hostEnd = at + 1 + u8(bytes, at);
  if (at >= end || hostEnd >= end) return undefined;
  const domainEnd = hostEnd + 1 + u8(bytes, hostEnd);
  if (domainEnd !== end) return undefined;
  return {
    kind: 'hostname',
    hostname: lenient.decode(bytes.subarray(at + 1, hostEnd)),
    domain: lenient.decode(bytes.subarray(hostEnd + 1, domainEnd)),
  };
}

/** Length 1, text. */
function decodeVersion(bytes: Uint8Array, at: number, end: number): Capability | undefined {
  if (at >= end || at + 1 + u8(bytes, at) !== end) return undefined;
  return {kind: 'software-version', version: lenient.decode(bytes.subarray(at + 1, end))};
}

const FORWARDING = 0x80;
const lenient = new TextDecoder('utf-8', {fatal: false, ignoreBOM: true});
const encoder = new TextEncoder();

function tuples(at: number, end: number, size: number): number[] {
  return Array.from({length: (end - at) / size}, (_, index) => at + index * size);
}

/** Appends the TLVs. A value is at most 255 octets; texts and lists beyond that are cut. */
export function encodeCapabilities(out: Writer, capabilities: readonly Capability[]): void {
  for (const capability of capabilities) {
    const start = out.length;
    out.u8(codeOf(capability)).u8(0);
    encodeValue(out, capability);
    out.patchU8(start + 1, out.length - start - 2);
  }
}

/** One capability as NOTIFICATION 2/7 wants it (RFC 5492 §5). */
export function capabilityBytes(capability: Capability): Uint8Array {
  const out = new Writer(16);
  encodeCapabilities(out, [capability]);
  return out.take();
}

function encodeValue(out: Writer, capability: Capability): void {
  switch (capability.kind) {
    case 'route-refresh':
    case 'enhanced-refresh':
    case 'extended-message':
      return;
    case 'multiprotocol':
      out.u16(capability.afi).u8(0).u8(capability.safi);
      return;
    case 'extended-next-hop':
      for (const {afi, safi, nextHopAfi} of capability.families.slice(0, 42)) {
        out.u16(afi).u16(safi).u16(nextHopAfi);
      }
      return;
    case 'role':
      out.u8(capability.role);
      return;
    case 'graceful-restart':
      encodeGracefulRestart(out, capability);
      return;
    case 'as4':
      out.u32(capability.asn);
      return;
    case 'add-path':
      for (const {afi, safi, mode} of capability.families.slice(0, 63)) {
        out.u16(afi).u8(safi).u8(mode);
      }
      return;
    case 'llgr':
      for (const {afi, safi, forwarding, staleTimeSeconds} of capability.families.slice(0, 36)) {
        out.u16(afi).u8(safi);
        out.u8(forwarding ? FORWARDING : 0).u24(staleTimeSeconds);
      }
      return;
    case 'hostname':
      encodeText(out, capability.hostname, 126);
      encodeText(out, capability.domain, 126);
      return;
    case 'software-version':
      encodeText(out, capability.version, 64);
      return;
    case 'unknown':
      out.bytes(capability.value.subarray(0, 255));
      return;
  }
}

function encodeGracefulRestart(out: Writer, capability: GracefulRestart): void {
  const {restarting, notification, restartTimeSeconds, families} = capability;
  const time = Math.min(restartTimeSeconds, 0x0fff);
  out.u16((restarting ? 0x8000 : 0) | (notification ? 0x4000 : 0) | time);
  for (const {afi, safi, forwarding} of families.slice(0, 63)) {
    out.u16(afi).u8(safi);
    out.u8(forwarding ? FORWARDING : 0);
  }
}

/** Cut between characters. */
function encodeText(out: Writer, text: string, maxOctets: number): void {
  const octets = new Uint8Array(maxOctets);
  const {written} = encoder.encodeInto(text, octets);
  out.u8(written).bytes(octets.subarray(0, written));
}

const CODES: Readonly<Record<Exclude<Capability['kind'], 'unknown'>, number>> = {
  multiprotocol: CAP_MULTIPROTOCOL,
  'route-refresh': CAP_ROUTE_REFRESH,
  'enhanced-refresh': CAP_ENHANCED_REFRESH,
  'extended-message': CAP_EXTENDED_MESSAGE,
  'extended-next-hop': CAP_EXTENDED_NEXT_HOP,
  role: CAP_ROLE,
  'graceful-restart': CAP_GRACEFUL_RESTART,
  as4: CAP_AS4,
  'add-path': CAP_ADD_PATH,
  llgr: CAP_LLGR,
  hostname: CAP_HOSTNAME,
  'software-version': CAP_SOFTWARE_VERSION,
};

function codeOf(capability: Capability): number {
  return capability.kind === 'unknown' ? capability.code : CODES[capability.kind];
}

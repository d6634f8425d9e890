/**
 * NOTIFICATION (RFC 4271 §4.5): also how the codec says that a session cannot go on. Pure.
 *
 *   19       20        21
 *   +--------+---------+---------------+
 *   |  code  | subcode |  data …       |
 *   +--------+---------+---------------+
 *
 * Cease 2 and 4 carry a shutdown communication (RFC 9003 §2): one octet of length, then UTF-8.
 * Cease 9 carries another NOTIFICATION's code, subcode and data (RFC 8538 §3). A sender may lie in
 * both: a length past the end, broken UTF-8 and missing octets are read as far as they go and
 * never fail (BIRD's CVE-2019-16159 was this parser).
 */
import {copyOf, EMPTY, u16, u32, u8, Writer} from './bytes.js';
import {
  ADMIN_RESET,
  ADMIN_SHUTDOWN,
  BFD_DOWN,
  CEASE,
  DECONFIGURED,
  HARD_RESET,
  HEADER_LENGTH,
  MAX_MESSAGE,
  MAX_PREFIXES,
  NOTIFICATION,
} from './constants.js';
import {AFI_SAFI, familyOf, type Family} from './family.js';
import {beginMessage, endMessage} from './header.js';

export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array; // a copy: outlives the receive buffer
}

export interface PrefixBound {
  readonly family: Family;
  readonly bound: number;
}

const MAX_DATA = MAX_MESSAGE - HEADER_LENGTH - 2;
const MAX_SHUTDOWN_OCTETS = 255; // RFC 9003 §2; one octet of length
const encoder = new TextEncoder();
const lenient = new TextDecoder('utf-8', {fatal: false});

export function notification(code: number, subcode = 0, data: Uint8Array = EMPTY): Notification {
  return {code, subcode, data};
}

/** Data beyond what a 4096-octet message holds is cut: the peer may not read longer ones. */
export function encodeNotification({code, subcode, data}: Notification): Uint8Array {
  const out = new Writer(HEADER_LENGTH + 2 + Math.min(data.length, MAX_DATA));
  const start = beginMessage(out, NOTIFICATION);
  out.u8(code).u8(subcode).bytes(data.subarray(0, MAX_DATA));
  endMessage(out, start);
  return out.take();
}

/** The framer has seen to it that `length` is 21 or more. */
export function decodeNotification(bytes: Uint8Array, at: number, length: number): Notification {
  const body = at + HEADER_LENGTH;
  return {
    code: u8(bytes, body),
    subcode: u8(bytes, body + 1),
    data: copyOf(bytes, body + 2, at + length),
  };
}

/** Cease 2 or 4 with a text for the other operator; a long text is cut between characters. */
export function shutdownNotice(
  subcode: typeof ADMIN_SHUTDOWN | typeof ADMIN_RESET,
  text = '',
): Notification {
  if (text === '') return notification(CEASE, subcode);
  const octets = new Uint8Array(1 + MAX_SHUTDOWN_OCTETS);
  const {written} = encoder.encodeInto(text, octets.subarray(1));
  octets[0] = written;
  return notification(CEASE, subcode, octets.slice(0, 1 + written));
}

/** Cease 1 with the family and its bound (RFC 4486 §4). */
export function maxPrefixesNotice(family: Family, bound: number): Notification {
  const {afi, safi} = AFI_SAFI[family];
  return notification(CEASE, MAX_PREFIXES, new Writer(7).u16(afi).u8(safi).u32(bound).take());
}

/** What Cease 1 says of its bound (RFC 4486 §4), also inside a hard reset; most say nothing. */
export function prefixBound(of: Notification): PrefixBound | undefined {
  const {code, subcode, data} = hardResetReason(of) ?? of;
  if (code !== CEASE || subcode !== MAX_PREFIXES || data.length < 7) return undefined;
  const family = familyOf(u16(data, 0), u8(data, 2));
  return family && {family, bound: u32(data, 3)};
}

/** Text of Cease 2 and 4, also inside a hard reset; undefined when there is none. */
export function shutdownText(of: Notification): string | undefined {
  const {code, subcode, data} = hardResetReason(of) ?? of;
  if (code !== CEASE || (subcode !== ADMIN_SHUTDOWN && subcode !== ADMIN_RESET)) return undefined;
  const octets = data.subarray(1, 1 + u8(data, 0)); // subarray stops at the end
  return octets.length === 0 ? undefined : lenient.decode(octets);
}

/**
 * Which of our Ceases end graceful restart, once both sides sent the N bit. RFC 8538 §5.1 leaves
 * it to the sender; this is FRR's choice (`bgp_notify_send_hard_reset`), admin reset included.
 */
export function isHardCease({code, subcode}: Notification): boolean {
  return code === CEASE && HARD_CEASES.has(subcode);
}

const HARD_CEASES: ReadonlySet<number> = new Set([
  MAX_PREFIXES,
  ADMIN_SHUTDOWN,
  DECONFIGURED,
  ADMIN_RESET,
  HARD_RESET,
  BFD_DOWN,
]);

/** Cease 9 around the real reason (RFC 8538 §3). What is wrapped already stays as it is. */
export function wrapHardReset(inner: Notification): Notification {
  if (isHardReset(inner)) return inner;
  const data = new Writer(2 + inner.data.length);
  data.u8(inner.code).u8(inner.subcode).bytes(inner.data);
  return notification(CEASE, HARD_RESET, data.take());
}

export function isHardReset({code, subcode}: Notification): boolean {
  return code === CEASE && subcode === HARD_RESET;
}

/** What a hard reset wraps; undefined when it is none, or too short to say (RFC 8538 §3.1). */
export function hardResetReason(of: Notification): Notification | undefined {
  const {data} = of;
  if (!isHardReset(of) || data.length < 2) return undefined;
  return {code: u8(data, 0), subcode: u8(data, 1), data: data.subarray(2)};
}

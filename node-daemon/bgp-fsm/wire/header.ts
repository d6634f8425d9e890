/**
 * The message header (RFC 4271 §4.1) and framing over a receive buffer. Pure.
 *
 *   0                               16       18     19
 *   +-------------------------------+--------+------+
 *   |  marker: 16 octets of 0xff    | length | type |
 *   +-------------------------------+--------+------+
 *
 * Nothing is copied: a message is (offset, length) in the buffer of its session. The caller moves
 * on by `length` and asks again; `incomplete` says how many octets the message needs in all, so
 * that the buffer can grow once. It is never above 65535.
 */
import {copyOf, EMPTY, u16, u8, type Writer} from './bytes.js';
import {
  BAD_LENGTH,
  BAD_TYPE,
  HEADER_ERROR,
  HEADER_LENGTH,
  KEEPALIVE,
  MARKER_LENGTH,
  MAX_EXTENDED_MESSAGE,
  MAX_MESSAGE,
  NOT_SYNCHRONISED,
  NOTIFICATION,
  OPEN,
  REFRESH_BAD_LENGTH,
  REFRESH_ERROR,
  ROUTE_REFRESH,
  UPDATE,
} from './constants.js';
import type {Notification} from './notification.js';

export type Frame =
  | {readonly kind: 'message'; readonly type: number; readonly at: number; readonly length: number}
  | {readonly kind: 'incomplete'; readonly needed: number} // octets from `at`, header included
  | {readonly kind: 'error'; readonly notification: Notification};

/**
 * The message at `at`, if `bytes` hold all of it before `end`.
 * `extended` is whether *we* sent the extended message capability: RFC 8654 §4 ties what may be
 * received to that, not to what the peer sent.
 */
export function nextMessage(bytes: Uint8Array, at: number, end: number, extended = false): Frame {
  const available = end - at;
  if (available < HEADER_LENGTH) {
    return markerIntact(bytes, at, Math.min(end, at + MARKER_LENGTH))
      ? {kind: 'incomplete', needed: HEADER_LENGTH}
      : fault(HEADER_ERROR, NOT_SYNCHRONISED, EMPTY);
  }
  if (!markerIntact(bytes, at, at + MARKER_LENGTH)) {
    return fault(HEADER_ERROR, NOT_SYNCHRONISED, EMPTY);
  }

  const length = u16(bytes, at + MARKER_LENGTH);
  const type = u8(bytes, at + MARKER_LENGTH + 2);
  const badLength = length < HEADER_LENGTH || length > longest(type, extended);
  if (badLength || (isKnown(type) && type !== ROUTE_REFRESH && !fits(type, length))) {
    return fault(HEADER_ERROR, BAD_LENGTH, copyOf(bytes, at + MARKER_LENGTH, at + 18));
  }
  if (!isKnown(type)) return fault(HEADER_ERROR, BAD_TYPE, Uint8Array.of(type));
  if (available < length) return {kind: 'incomplete', needed: length};
  if (type === ROUTE_REFRESH && length !== REFRESH_LENGTH) {
    return fault(REFRESH_ERROR, REFRESH_BAD_LENGTH, copyOf(bytes, at, at + length));
  }
  return {kind: 'message', type, at, length};
}

/** Writes a header with the length still open; the result is for endMessage. */
export function beginMessage(out: Writer, type: number): number {
  const start = out.length;
  out.bytes(MARKER).u16(0).u8(type);
  return start;
}

export function endMessage(out: Writer, start: number): void {
  out.patchU16(start + MARKER_LENGTH, out.length - start);
}

/** A header alone (RFC 4271 §4.4). A fresh array: sockets may keep what they are given. */
export function encodeKeepalive(): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH).fill(0xff, 0, MARKER_LENGTH);
  bytes[MARKER_LENGTH + 1] = HEADER_LENGTH;
  bytes[MARKER_LENGTH + 2] = KEEPALIVE;
  return bytes;
}

const MARKER = new Uint8Array(MARKER_LENGTH).fill(0xff);
const REFRESH_LENGTH = 23; // RFC 2918 §3; another length is 7/1, not 1/2 (RFC 7313 §5)

/** RFC 8654 §4: OPEN and KEEPALIVE are never extended. */
function longest(type: number, extended: boolean): number {
  return extended && type !== OPEN && type !== KEEPALIVE ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE;
}

function isKnown(type: number): boolean {
  return type >= OPEN && type <= ROUTE_REFRESH;
}

/** RFC 4271 §6.1. */
function fits(type: number, length: number): boolean {
  switch (type) {
    case OPEN:
      return length >= 29;
    case UPDATE:
      return length >= 23;
    case NOTIFICATION:
      return length >= 21;
    default:
      return length === HEADER_LENGTH; // KEEPALIVE
  }
}

function markerIntact(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) {
    if (bytes[i] !== 0xff) return false;
  }
  return true;
}

function fault(code: number, subcode: number, data: Uint8Array): Frame {
  return {kind: 'error', notification: {code, subcode, data}};
}

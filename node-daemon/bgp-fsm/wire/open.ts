/**
 * OPEN (RFC 4271 §4.2), with long optional parameters (RFC 9072 §2) both ways. Pure.
 *
 *   19        20      22          24           28         29
 *   +---------+-------+-----------+------------+----------+----------------+
 *   | version |  AS   | hold time | identifier | opt. len | parameters …   |
 *   +---------+-------+-----------+------------+----------+----------------+
 *
 *   parameter:  type 1, length 1, value …
 *   extended:   opt. len 255, type 255, total length 2, then type 1, length 2, value …
 *
 * RFC 9072 §2 takes the extended form whenever the first type is 255, also when it is short.
 */
import {EMPTY, u16, u32, u8, Writer} from './bytes.js';
import {
  encodeCapabilities,
  decodeCapabilities,
  findCapability,
  type Capability,
} from './capabilities.js';
import {
  AS_TRANS,
  BAD_HOLD_TIME,
  BAD_IDENTIFIER,
  BAD_PEER_AS,
  BGP_VERSION,
  HEADER_LENGTH,
  MALFORMED_PARAMETER,
  OPEN,
  OPEN_ERROR,
  PARAMETER_CAPABILITIES,
  PARAMETER_EXTENDED,
  UNKNOWN_PARAMETER,
  UNSUPPORTED_VERSION,
} from './constants.js';
import {beginMessage, endMessage} from './header.js';
import type {Notification} from './notification.js';

export interface Open {
  readonly asn: number; // of the capability when there is one, else of the 2-octet field
  readonly holdTimeSeconds: number; // 0 or 3..65535
  readonly identifier: number; // unsigned 32 bits, not 0
  readonly capabilities: readonly Capability[]; // in the order of the wire; none: old peer
}

export type OpenResult =
  | {readonly kind: 'open'; readonly open: Open}
  | {readonly kind: 'error'; readonly notification: Notification};

/**
 * Checks what needs no configuration: version, AS 0, identifier 0 (RFC 6286 §2.2), hold time 1 or
 * 2, the parameters. Whether AS, role and families are the expected ones is for `negotiate`.
 * The framer has seen to it that `length` is 29 or more.
 */
export function decodeOpen(bytes: Uint8Array, at: number, length: number): OpenResult {
  const body = at + HEADER_LENGTH;
  if (u8(bytes, body) !== BGP_VERSION) {
    return fault(UNSUPPORTED_VERSION, Uint8Array.of(0, BGP_VERSION));
  }
  const parameters = decodeParameters(bytes, body + 9, at + length);
  if (typeof parameters === 'number') return fault(parameters);

  const asn = findCapability(parameters, 'as4')?.asn ?? u16(bytes, body + 1);
  const holdTimeSeconds = u16(bytes, body + 3);
  const identifier = u32(bytes, body + 5);
  if (asn === 0) return fault(BAD_PEER_AS); // RFC 7607 §2
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) return fault(BAD_HOLD_TIME);
  if (identifier === 0) return fault(BAD_IDENTIFIER);
  return {kind: 'open', open: {asn, holdTimeSeconds, identifier, capabilities: parameters}};
}

/** Capabilities of all parameters, or the subcode of what is wrong. */
function decodeParameters(bytes: Uint8Array, at: number, end: number): Capability[] | number {
  const isExtended =
    u8(bytes, at) !== 0 && at + 1 < end && u8(bytes, at + 1) === PARAMETER_EXTENDED;
  if (isExtended && end - at < 4) return MALFORMED_PARAMETER;
  const total = isExtended ? u16(bytes, at + 2) : u8(bytes, at);
  const lengthOctets = isExtended ? 2 : 1;
  let next = at + (isExtended ? 4 : 1);
  if (next + total !== end) return MALFORMED_PARAMETER;

  const found: Capability[] = [];
  while (next < end) {
    if (end - next < 1 + lengthOctets) return MALFORMED_PARAMETER;
    const length = isExtended ? u16(bytes, next + 1) : u8(bytes, next + 1);
    const value = next + 1 + lengthOctets;
    if (value + length > end) return MALFORMED_PARAMETER;
    if (u8(bytes, next) !== PARAMETER_CAPABILITIES) return UNKNOWN_PARAMETER;
    const capabilities = decodeCapabilities(bytes, value, value + length);
    if (capabilities === undefined) return MALFORMED_PARAMETER;
    found.push(...capabilities);
    next = value + length;
  }
  return found;
}

/**
 * All capabilities in one parameter, as RFC 5492 §4 asks; the extended form only when they do not
 * fit into the plain one, since a peer without RFC 9072 cannot read it.
 */
export function encodeOpen({asn, holdTimeSeconds, identifier, capabilities}: Open): Uint8Array {
  const values = new Writer(128);
  encodeCapabilities(values, capabilities);
  const out = new Writer(HEADER_LENGTH + 20 + values.length);
  const start = beginMessage(out, OPEN);
  out.u8(BGP_VERSION);
  out.u16(asn > 0xffff ? AS_TRANS : asn);
  out.u16(holdTimeSeconds).u32(identifier);

  if (values.length === 0) {
    out.u8(0);
  } else if (values.length <= MAX_PLAIN_VALUE) {
    out.u8(values.length + 2);
    out.u8(PARAMETER_CAPABILITIES).u8(values.length).bytes(values.view());
  } else {
    out.u8(PARAMETER_EXTENDED).u8(PARAMETER_EXTENDED);
    out.u16(values.length + 3);
    out.u8(PARAMETER_CAPABILITIES).u16(values.length).bytes(values.view());
  }
  endMessage(out, start);
  return out.take();
}

/** 255 less type and length of the parameter; 255 in the length octet itself is no extended form. */
const MAX_PLAIN_VALUE = 253;

function fault(subcode: number, data: Uint8Array = EMPTY): OpenResult {
  return {kind: 'error', notification: {code: OPEN_ERROR, subcode, data}};
}

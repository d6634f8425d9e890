/**
 * ROUTE-REFRESH (RFC 2918 §3), with the subtypes of RFC 7313 §3.2. Pure.
 *
 *   19      21         22      23
 *   +-------+----------+-------+
 *   |  AFI  | subtype  | SAFI  |   subtype: 0 request, 1 BoRR, 2 EoRR; others are ignored
 *   +-------+----------+-------+
 *
 * Where enhanced refresh was not negotiated the second field is reserved and every message is a
 * request; the caller knows which.
 */
import {u16, u8, Writer} from './bytes.js';
import {
  HEADER_LENGTH,
  REFRESH_BEGIN,
  REFRESH_END,
  REFRESH_REQUEST,
  ROUTE_REFRESH,
} from './constants.js';
import {AFI_SAFI, familyOf, type AfiSafi, type Family} from './family.js';
import {beginMessage, endMessage} from './header.js';

export type RefreshKind = 'request' | 'begin' | 'end';

export interface Refresh extends AfiSafi {
  readonly family: Family | undefined; // undefined when we do not route it
  readonly kind: RefreshKind | undefined; // undefined: a subtype to ignore (RFC 7313 §5)
  readonly subtype: number; // as received
}

const SUBTYPES: Readonly<Record<RefreshKind, number>> = {
  request: REFRESH_REQUEST,
  begin: REFRESH_BEGIN,
  end: REFRESH_END,
};
const KINDS: readonly RefreshKind[] = ['request', 'begin', 'end']; // by subtype

export function encodeRefresh(family: Family, kind: RefreshKind = 'request'): Uint8Array {
  const out = new Writer(HEADER_LENGTH + 4);
  const start = beginMessage(out, ROUTE_REFRESH);
  const {afi, safi} = AFI_SAFI[family];
  out.u16(afi).u8(SUBTYPES[kind]).u8(safi);
  endMessage(out, start);
  return out.take();
}

/** The framer has seen to it that the message has 23 octets. */
export function decodeRefresh(bytes: Uint8Array, at: number): Refresh {
  const body = at + HEADER_LENGTH;
  const afi = u16(bytes, body);
  const subtype = u8(bytes, body + 2);
  const safi = u8(bytes, body + 3);
  return {afi, safi, family: familyOf(afi, safi), kind: KINDS[subtype], subtype};
}

/**
 * Router Advertisement and Solicitation (RFC 4861 §4.1, §4.2), as far as routers use them to find each
 * other on a link without addresses. Pure. The kernel sets the checksum.
 *
 *   0      1      2          4           5       6           8              12            16
 *   +------+------+----------+-----------+-------+-----------+--------------+-------------+
 *   | type | code | checksum | hop limit | flags | lifetime  | reachable    | retransmit  |
 *   +------+------+----------+-----------+-------+-----------+--------------+-------------+
 *
 * A lifetime of 0 says that we are nobody's default router; the other fields that we leave nothing.
 */
export const SOLICITATION = 133;
export const ADVERTISEMENT = 134;

const ADVERTISEMENT_OCTETS = 16;
const SOLICITATION_OCTETS = 8;
const MAX_HOPS = 255; // RFC 4861 §6.1: what crossed a router is not from the link

export function encodeAdvertisement(): Uint8Array {
  const bytes = new Uint8Array(ADVERTISEMENT_OCTETS);
  bytes[0] = ADVERTISEMENT;
  return bytes;
}

/** Undefined: nothing of a router's, or nothing that RFC 4861 §6.1 lets count. */
export function routerMessageOf(
  bytes: Uint8Array,
  hopLimit: number,
): 'solicitation' | 'advertisement' | undefined {
  if (hopLimit !== MAX_HOPS || bytes[1] !== 0) return undefined;
  if (bytes[0] === ADVERTISEMENT && bytes.length >= ADVERTISEMENT_OCTETS) return 'advertisement';
  if (bytes[0] === SOLICITATION && bytes.length >= SOLICITATION_OCTETS) return 'solicitation';
  return undefined;
}

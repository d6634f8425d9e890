/** The address families that we route, and their numbers on the wire (RFC 4760 §3). Pure. */
import {AFI_IPV4, AFI_IPV6, SAFI_UNICAST} from './constants.js';

export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** A family as a capability or a message names it; it may be one that we do not route. */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

export const AFI_SAFI: Readonly<Record<Family, AfiSafi>> = {
  ipv4: {afi: AFI_IPV4, safi: SAFI_UNICAST},
  ipv6: {afi: AFI_IPV6, safi: SAFI_UNICAST},
};

/** Undefined for what we do not route (multicast, VPN, EVPN …). */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === AFI_IPV4) return 'ipv4';
  return afi === AFI_IPV6 ? 'ipv6' : undefined;
}

/** Octets of an address. */
export function widthOf(family: Family): 4 | 16 {
  return family === 'ipv4' ? 4 : 16;
}

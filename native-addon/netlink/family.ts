/** Address families as the values that the rest of the program uses. Pure. */
import {AF_INET, AF_INET6} from './constants.js';
import {DecodeError} from './errors.js';

export type Family = 'ipv4' | 'ipv6';

export interface Prefix {
  readonly address: Uint8Array; // 4 or 16 octets, network order
  readonly bits: number;
}

export function toAf(family: Family): number {
  return family === 'ipv4' ? AF_INET : AF_INET6;
}

export function widthOf(family: Family): 4 | 16 {
  return family === 'ipv4' ? 4 : 16;
}

export function familyOfBytes(address: Uint8Array): Family {
  return address.length === 4 ? 'ipv4' : 'ipv6';
}

/** @throws DecodeError for any family but IPv4 and IPv6. */
export function fromAf(af: number, field: string): Family {
  if (af === AF_INET) return 'ipv4';
  if (af === AF_INET6) return 'ipv6';
  throw new DecodeError(field, 0, `address family ${af}`);
}

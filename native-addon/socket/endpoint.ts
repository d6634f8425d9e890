/**
 * struct sockaddr_in and sockaddr_in6 (linux/in.h, linux/in6.h), both ways. Pure.
 *
 *   0        2       4          8                        24         28
 *   +--------+-------+----------+
 *   | AF 2   | port  | address  |  and 8 octets of zero
 *   +--------+-------+----------+------------------------+----------+
 *   | AF 10  | port  | flow     |  address               | scope id |
 *   +--------+-------+----------+------------------------+----------+
 *
 * Family and scope id are in the byte order of the host, port and address in the network's.
 */
import {AF_INET, AF_INET6} from '../netlink/constants.js';
import {fromAf} from '../netlink/family.js';
import {HOST_IS_LITTLE} from '../netlink/writer.js';

export interface Endpoint {
  readonly address: Uint8Array; // 4 or 16 octets
  readonly port: number;
  readonly scopeId?: number; // ifindex of a link-local address; 0: none
}

export function encodeEndpoint({address, port, scopeId = 0}: Endpoint): Uint8Array {
  const isIpv4 = address.length === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv4 ? AF_INET : AF_INET6, HOST_IS_LITTLE);
  view.setUint16(2, port);
  bytes.set(address, isIpv4 ? 4 : 8);
  if (!isIpv4) view.setUint32(24, scopeId, HOST_IS_LITTLE);
  return bytes;
}

/** The address is a copy. @throws DecodeError for any family but IPv4 and IPv6. */
export function decodeEndpoint(bytes: Uint8Array): Required<Endpoint> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = fromAf(view.getUint16(0, HOST_IS_LITTLE), 'sockaddr.family');
  const port = view.getUint16(2);
  if (family === 'ipv4') return {address: bytes.slice(4, 8), port, scopeId: 0};
  return {address: bytes.slice(8, 24), port, scopeId: view.getUint32(24, HOST_IS_LITTLE)};
}

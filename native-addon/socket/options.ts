/**
 * Options of Internet sockets as setsockopt takes them: linux/{in,in6,tcp}.h, asm-generic/socket.h.
 * Pure. Where IPv4 and IPv6 have different names for one thing, the family chooses.
 */
import {type Family} from '../netlink/family.js';
import {HOST_IS_LITTLE} from '../netlink/writer.js';
import {encodeEndpoint} from './endpoint.js';

export interface SocketOption {
  readonly name: string; // for messages
  readonly level: number;
  readonly number: number;
  readonly value: Uint8Array;
}

/** A password for whoever is inside a prefix (RFC 2385); the longest prefix counts. */
export interface Md5Key {
  readonly address: Uint8Array; // 4 or 16 octets
  readonly bits: number;
  readonly password: string; // 1..80 octets of UTF-8; empty: the key of that prefix is removed
}

const SOL_SOCKET = 1;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;

export function reuseAddress(): SocketOption {
  return flag('SO_REUSEADDR', SOL_SOCKET, 2);
}

/** Only what comes and goes over this link, or inside this VRF. */
export function bindToDevice(name: string): SocketOption {
  const value = new TextEncoder().encode(`${name}\0`);
  return {name: 'SO_BINDTODEVICE', level: SOL_SOCKET, number: 25, value};
}

export function onlyIpv6(): SocketOption {
  return flag('IPV6_V6ONLY', IPPROTO_IPV6, 26);
}

/** Of what we send; 1..255. */
export function hopLimit(family: Family, hops: number): SocketOption {
  return family === 'ipv4'
    ? number('IP_TTL', IPPROTO_IP, 2, hops)
    : number('IPV6_UNICAST_HOPS', IPPROTO_IPV6, 16, hops);
}

/** Less is dropped by the kernel without an answer (RFC 5082); 0: nothing is. Inherited by accept. */
export function minHopLimit(family: Family, hops: number): SocketOption {
  return family === 'ipv4'
    ? number('IP_MINTTL', IPPROTO_IP, 21, hops)
    : number('IPV6_MINHOPCOUNT', IPPROTO_IPV6, 73, hops);
}

/** DSCP and ECN octet; 0xc0 is CS6, internetwork control, as routing daemons mark it. */
export function trafficClass(family: Family, octet: number): SocketOption {
  return family === 'ipv4'
    ? number('IP_TOS', IPPROTO_IP, 1, octet)
    : number('IPV6_TCLASS', IPPROTO_IPV6, 67, octet);
}

/** A source address that the host does not have yet. */
export function freeBind(family: Family): SocketOption {
  return family === 'ipv4'
    ? flag('IP_FREEBIND', IPPROTO_IP, 15)
    : flag('IPV6_FREEBIND', IPPROTO_IPV6, 78);
}

/** Hop limit, our address and link of each datagram come with it. */
export function describeDatagrams(family: Family): readonly SocketOption[] {
  return family === 'ipv4'
    ? [flag('IP_RECVTTL', IPPROTO_IP, 12), flag('IP_PKTINFO', IPPROTO_IP, 8)]
    : [flag('IPV6_RECVHOPLIMIT', IPPROTO_IPV6, 51), flag('IPV6_RECVPKTINFO', IPPROTO_IPV6, 49)];
}

/** Of a listening socket: what it accepts knows its SYN (Linux 4.3), which synHopLimit() reads. */
export function saveSyn(): SocketOption {
  return flag('TCP_SAVE_SYN', IPPROTO_TCP, 27);
}

/** To be read, once: IP and TCP header of the SYN. */
export const TCP_SAVED_SYN = {level: IPPROTO_TCP, number: 28};

export function noDelay(): SocketOption {
  return flag('TCP_NODELAY', IPPROTO_TCP, 1);
}

/** How long sent data may stay unacknowledged, a closed window included; 0: as the kernel has it. */
export function userTimeout(milliseconds: number): SocketOption {
  return number('TCP_USER_TIMEOUT', IPPROTO_TCP, 18, milliseconds);
}

/** The socket is writable while less than this is unsent: the queue stays with us, not the kernel. */
export function notSentLowWater(octets: number): SocketOption {
  return number('TCP_NOTSENT_LOWAT', IPPROTO_TCP, 25, octets);
}

/** Of multicast datagrams that we send, and of us alone: our own copies do not come back. */
export function multicastHops(hops: number): readonly SocketOption[] {
  return [
    number('IPV6_MULTICAST_HOPS', IPPROTO_IPV6, 18, hops),
    number('IPV6_MULTICAST_LOOP', IPPROTO_IPV6, 19, 0),
  ];
}

/** struct ipv6_mreq: what is sent to the group on this link is ours to receive. */
export function joinGroup(group: Uint8Array, ifindex: number): SocketOption {
  const value = new Uint8Array(20);
  value.set(group);
  new DataView(value.buffer).setInt32(16, ifindex, HOST_IS_LITTLE);
  return {name: 'IPV6_JOIN_GROUP', level: IPPROTO_IPV6, number: 20, value};
}

/** struct icmp6_filter (linux/icmpv6.h): all types but these are blocked. */
export function onlyIcmpTypes(types: readonly number[]): SocketOption {
  const words = new Uint32Array(8).fill(0xffffffff);
  for (const type of types) words[type >>> 5] = (words[type >>> 5] ?? 0) & ~(1 << (type & 31));
  const value = new Uint8Array(words.buffer);
  return {name: 'ICMPV6_FILTER', level: IPPROTO_ICMPV6, number: 1, value};
}

const MD5_BYTES = 216; // struct tcp_md5sig: storage 128, flags, prefix, length 2, ifindex 4, key 80
const MD5_KEY_OFFSET = 136;
const MAX_KEY_OCTETS = 80;
const FLAG_PREFIX = 1;

/**
 * TCP_MD5SIG_EXT with a prefix (Linux 4.13). Adding under the same prefix replaces. One key is about
 * 136 octets of net.core.optmem_max: some 960 fit a listener, so a range is one key, not many.
 * @throws RangeError when the password is longer than the kernel's 80 octets.
 */
export function md5Key({address, bits, password}: Md5Key): SocketOption {
  const key = new TextEncoder().encode(password);
  if (key.length > MAX_KEY_OCTETS) throw new RangeError(`password of ${key.length} octets`);
  const value = new Uint8Array(MD5_BYTES);
  value.set(encodeEndpoint({address, port: 0}));
  value[128] = FLAG_PREFIX;
  value[129] = bits;
  new DataView(value.buffer).setUint16(130, key.length, HOST_IS_LITTLE);
  value.set(key, MD5_KEY_OFFSET);
  return {name: 'TCP_MD5SIG_EXT', level: IPPROTO_TCP, number: 32, value};
}

function flag(name: string, level: number, option: number): SocketOption {
  return number(name, level, option, 1);
}

function number(name: string, level: number, option: number, value: number): SocketOption {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, HOST_IS_LITTLE);
  return {name, level, number: option, value: bytes};
}

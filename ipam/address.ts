import {isIPv4, isIPv6} from 'node:net';

/**
 * IP addresses and prefixes of both families. Pure.
 *
 * Inside the package an address is octets in network order (4 or 16) or, where blocks are counted,
 * a bigint. Text is parsed and printed at the edges only. One spelling per address: RFC 5952 for
 * IPv6 (lower case, longest run of zeros shortened, mixed notation for IPv4-mapped, §5), dotted
 * quad without leading zeros for IPv4, so that two equal addresses are equal strings.
 *
 * Zone ids (fe80::1%eth0) are refused: they mean something on one host only.
 */
export type Family = 'ipv4' | 'ipv6';

export interface Prefix {
  readonly family: Family;
  readonly address: Uint8Array; // 4 or 16 octets, host bits zero
  readonly bits: number; // prefix length, 0..32 or 0..128
}

/** Octets of an address of the family. */
export function widthOf(family: Family): 4 | 16 {
  return family === 'ipv4' ? 4 : 16;
}

/** Bits of an address of the family. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 'ipv4' ? 32 : 128;
}

export function familyOf(address: Uint8Array): Family {
  return address.length === 4 ? 'ipv4' : 'ipv6';
}

export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIPv6(text);
}

export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  if (isMapped(address)) return `::ffff:${address.subarray(12).join('.')}`;
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(address[at]! * 256 + address[at + 1]!);
  const {start, length} = longestZeroRun(groups);
  const hex = groups.map(group => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The canonical spelling of an address, undefined when the text is no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

/**
 * `10.0.0.0/8`. Host bits must be zero: 10.0.0.1/8 is somebody's mistake, and which of the two
 * meanings was wanted cannot be known. Undefined when it is no prefix.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const prefix = parseInterface(text);
  if (prefix === undefined) return undefined;
  const network = maskAddress(prefix.address, prefix.bits);
  return equalAddresses(network, prefix.address) ? prefix : undefined;
}

/** An address with its prefix length, host bits allowed: `10.0.0.1/8`. */
export function parseInterface(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  if (bits > address.length * 8) return undefined;
  return {family: familyOf(address), address, bits};
}

export function formatPrefix(prefix: Pick<Prefix, 'address' | 'bits'>): string {
  return `${formatAddress(prefix.address)}/${prefix.bits}`;
}

/** The prefix of one address, or the prefix itself: what `reserved: [addresses or CIDRs]` needs. */
export function parsePrefixOrAddress(text: string): Prefix | undefined {
  const address = parseAddress(text);
  if (address === undefined) return parsePrefix(text);
  return {family: familyOf(address), address, bits: address.length * 8};
}

/** False across families. */
export function contains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  return equalAddresses(maskAddress(address, prefix.bits), prefix.address);
}

/** True when the two share at least one address. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.bits <= b.bits ? contains(a, b.address) : contains(b, a.address);
}

/** A copy with everything after the first `bits` bits zero. */
export function maskAddress(address: Uint8Array, bits: number): Uint8Array {
  const network = new Uint8Array(address.length);
  const whole = bits >> 3;
  network.set(address.subarray(0, whole));
  const rest = bits & 7;
  if (rest !== 0) network[whole] = address[whole]! & (0xff << (8 - rest));
  return network;
}

export function equalAddresses(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

export function addressToNumber(address: Uint8Array): bigint {
  let number = 0n;
  for (const octet of address) number = (number << 8n) | BigInt(octet);
  return number;
}

/** @throws RangeError when the number does not fit the family. */
export function addressFromNumber(family: Family, number: bigint): Uint8Array {
  const address = new Uint8Array(widthOf(family));
  let rest = number;
  for (let at = address.length - 1; at >= 0; at--) {
    address[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError(`${number} is no ${family} address`);
  return address;
}

/** How many addresses the prefix has. */
export function sizeOf(prefix: Pick<Prefix, 'family' | 'bits'>): bigint {
  return 1n << BigInt(bitsOf(prefix.family) - prefix.bits);
}

/** The `offset`th address of the prefix; 0 is its first. */
export function addressAt(prefix: Prefix, offset: bigint): Uint8Array {
  return addressFromNumber(prefix.family, addressToNumber(prefix.address) + offset);
}

/** The inverse of addressAt, for an address that the prefix contains. */
export function offsetOf(prefix: Prefix, address: Uint8Array): bigint {
  return addressToNumber(address) - addressToNumber(prefix.address);
}

/** Text that isIPv6 has accepted: at most one `::`, a dotted quad at most at the end. */
function parseIPv6(text: string): Uint8Array {
  const [head, tail] = text.split('::').map(half => (half === '' ? [] : half.split(':')));
  const address = new Uint8Array(16);
  writeGroups(address, 0, head!);
  if (tail === undefined) return address;
  const dotted = tail.at(-1)?.includes('.') === true;
  const at = 16 - 2 * (tail.length + (dotted ? 1 : 0));
  writeGroups(address, at, tail);
  return address;
}

function writeGroups(address: Uint8Array, start: number, groups: readonly string[]): void {
  let at = start;
  for (const group of groups) {
    if (group.includes('.')) {
      address.set(group.split('.').map(Number), at);
      return;
    }
    const value = parseInt(group, 16);
    address[at++] = value >> 8;
    address[at++] = value & 0xff;
  }
}

function isMapped(address: Uint8Array): boolean {
  if (address[10] !== 0xff || address[11] !== 0xff) return false;
  return address.subarray(0, 10).every(octet => octet === 0);
}

/** RFC 5952 §4.2.3: the longest run of zero groups, the first one of equals. */
function longestZeroRun(groups: readonly number[]): {start: number; length: number} {
  let best = {start: 0, length: 0};
  let start = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === 0) continue;
    if (at - start > best.length) best = {start, length: at - start};
    start = at + 1;
  }
  return best;
}

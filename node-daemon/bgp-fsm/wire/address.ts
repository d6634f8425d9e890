/**
 * Addresses and prefixes between text and octets, as a speaker's configuration has them. Pure. Zones
 * (fe80::1%eth0) are not part of an address here: the link is a field of its own.
 */
import type {Family} from './family.js';

export interface Cidr {
  readonly address: Uint8Array; // 4 or 16 octets
  readonly bits: number;
}

/** Undefined when the text is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** `10.0.0.0/8`; an address alone is the prefix of its full length. */
export function parseCidr(text: string): Cidr | undefined {
  const [head = '', tail, ...rest] = text.split('/');
  const address = parseAddress(head);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = tail === undefined ? address.length * 8 : decimal(tail, address.length * 8);
  return bits === undefined ? undefined : {address, bits};
}

/** IPv6 as RFC 5952 has it. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({length: 8}, (_, at) =>
    ((address[at * 2] ?? 0) * 256 + (address[at * 2 + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = groups.findIndex((_, from) =>
    `${groups.slice(from).join(':')}:`.startsWith(`${longest}:`),
  );
  const length = longest.split(':').length;
  return `${groups.slice(0, at).join(':')}::${groups.slice(at + length).join(':')}`;
}

export function familyOfAddress(address: Uint8Array): Family {
  return address.length === 4 ? 'ipv4' : 'ipv6';
}

/** False across families. */
export function contains({address: network, bits}: Cidr, address: Uint8Array): boolean {
  if (network.length !== address.length) return false;
  for (let at = 0; at * 8 < bits; at++) {
    const mask = bits - at * 8 >= 8 ? 0xff : 0xff << (8 - (bits - at * 8));
    if ((((network[at] ?? 0) ^ (address[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;
}

export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false; // neighbours differ at the end
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const octets = text.split('.').map(part => decimal(part, 255));
  if (octets.length !== 4 || octets.includes(undefined)) return undefined;
  return Uint8Array.from(octets as number[]);
}

/** At most one `::`, and a dotted quad at the end only. */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, at) => parseGroups(half, at === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Uint8Array(missing), ...(tail ?? [])]);
}

function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const octets: number[] = [];
  for (const [at, group] of groups.entries()) {
    const mayBeDotted = isLast && at === groups.length - 1;
    const quad = mayBeDotted && group.includes('.') ? parseIpv4(group) : undefined;
    if (quad !== undefined) octets.push(...quad);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      octets.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return octets;
}

/** Digits without a leading zero, up to `max`. */
function decimal(text: string, max: number): number | undefined {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

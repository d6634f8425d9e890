/**
 * Whether a prefix can be a route at all: RFC 4271 §6.3 ignores one that is "semantically incorrect (e.g., an
 * unexpected multicast IP address)". What is not: multicast, loopback, link-local IPv6, the limited broadcast
 * address, the unspecified IPv6 address; with all that is inside, not what they are inside of. Pure.
 */
import type {Family} from '../wire/family.js';

/** `words`: the address in network order, bits beyond the prefix zero. */
export function isUnicastPrefix(family: Family, words: Uint32Array, bits: number): boolean {
  const first = words[0] as number;
  return family === 'ipv4' ? isUnicast4(first, bits) : isUnicast6(first, words, bits);
}

function isUnicast4(address: number, bits: number): boolean {
  const octet = address >>> 24;
  if (octet < 127 || bits < 4) return true;
  if (octet === 127) return bits < 8;
  return octet >>> 4 !== 0xe && !(bits === 32 && address >>> 0 === 0xffffffff);
}

function isUnicast6(first: number, words: Uint32Array, bits: number): boolean {
  if (first >>> 24 === 0xff && bits >= 8) return false; // multicast
  if (first >>> 22 === 0x3fa && bits >= 10) return false; // fe80::/10
  const isOneOf128 = bits === 128 && first === 0 && words[1] === 0 && words[2] === 0;
  return !isOneOf128 || (words[3] as number) > 1; // ::, ::1
}

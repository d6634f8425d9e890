/**
 * The prefix list of a filter, both families in one. Pure.
 *
 * An entry matches as routers have it: alone that very prefix; `ge` and `le` what lies inside it and is
 * so long; `ge` alone up to the longest, `le` alone from the entry's own length.
 */
import type {Cidr} from '../wire/address.js';
import type {Family} from '../wire/family.js';
import {wordsOf} from '../wire/nlri.js';
import {PrefixTrie, type TrieEntry} from './prefix-trie.js';

export interface PrefixRange {
  readonly prefix: Cidr; // bits of the address after the length do not matter
  readonly ge?: number | undefined;
  readonly le?: number | undefined;
}

export class PrefixSet {
  readonly #ipv4: PrefixTrie;
  readonly #ipv6: PrefixTrie;

  constructor(ranges: readonly PrefixRange[]) {
    const ofWidth = (octets: number) =>
      ranges.filter(({prefix}) => prefix.address.length === octets).map(toEntry);
    this.#ipv4 = new PrefixTrie(1, ofWidth(4));
    this.#ipv6 = new PrefixTrie(4, ofWidth(16));
  }

  /** `words` as NlriCursor has them. */
  has(family: Family, words: Uint32Array, bits: number): boolean {
    return (family === 'ipv4' ? this.#ipv4 : this.#ipv6).has(words, bits);
  }
}

/** What an entry lets in; `shortest` above `longest` lets nothing in. */
export function lengthsOf({prefix, ge, le}: PrefixRange): {shortest: number; longest: number} {
  const width = prefix.address.length * 8;
  return {
    shortest: Math.max(ge ?? prefix.bits, prefix.bits),
    longest: Math.min(le ?? (ge === undefined ? prefix.bits : width), width),
  };
}

function toEntry(range: PrefixRange): TrieEntry {
  const {address, bits} = range.prefix;
  return {words: wordsOf(address), bits, ...lengthsOf(range)};
}

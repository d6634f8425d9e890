/**
 * Prefixes of one family and their ids. Pure to the outside.
 *
 * An id stays while its prefix is in the table, from 1; columns of others are indexed by it.
 */
import {type Family} from '../wire/family.js';
import {Column, HashIndex, Ids} from './column.js';

export type PrefixId = number; // 0: none

export class PrefixTable {
  readonly #wordCount: 1 | 4;
  readonly #ids = new Ids();
  readonly #words = new Column(1024);
  readonly #bits = new Column(); // prefix length + 1; 0: free
  readonly #index = new HashIndex(id => this.#isProbe(id));
  #count = 0;
  #probe: Uint32Array = new Uint32Array(4);
  #probeBits = 0;

  constructor(family: Family) {
    this.#wordCount = family === 'ipv4' ? 1 : 4;
  }

  get count(): number {
    return this.#count;
  }

  /** Above every id; for walks over all of them, with isThere(). */
  get limit(): number {
    return this.#ids.limit;
  }

  isThere(id: PrefixId): boolean {
    return this.#bits.get(id) !== 0;
  }

  /** `words` as in NlriCursor. */
  find(words: Uint32Array, bits: number): PrefixId {
    this.#probe = words;
    this.#probeBits = bits;
    return this.#index.find(this.#hash(words, bits));
  }

  ensure(words: Uint32Array, bits: number): PrefixId {
    const found = this.find(words, bits);
    if (found !== 0) return found;
    const id = this.#ids.take();
    for (let i = 0; i < this.#wordCount; i++) {
      this.#words.set(id * this.#wordCount + i, words[i] as number);
    }
    this.#bits.set(id, bits + 1);
    this.#index.add(this.#hash(words, bits), id);
    this.#count++;
    return id;
  }

  remove(id: PrefixId): void {
    const words = this.words(id, new Uint32Array(4));
    this.#index.remove(this.#hash(words, this.bits(id)), id);
    this.#bits.set(id, 0);
    this.#ids.give(id);
    this.#count--;
  }

  words(id: PrefixId, into: Uint32Array): Uint32Array {
    for (let i = 0; i < this.#wordCount; i++) into[i] = this.#words.get(id * this.#wordCount + i);
    return into;
  }

  bits(id: PrefixId): number {
    return this.#bits.get(id) - 1;
  }

  #isProbe(id: PrefixId): boolean {
    if (this.#bits.get(id) !== this.#probeBits + 1) return false;
    for (let i = 0; i < this.#wordCount; i++) {
      if (this.#words.get(id * this.#wordCount + i) !== this.#probe[i]) return false;
    }
    return true;
  }

  #hash(words: Uint32Array, bits: number): number {
    let hash = Math.imul(bits + 1, 0x9e3779b1);
    for (let i = 0; i < this.#wordCount; i++) {
      hash = Math.imul(hash ^ (words[i] as number), 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    return Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35) >>> 0;
  }
}

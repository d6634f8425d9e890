/**
 * Prefixes of one family and their ids, and what is known of each in one record. Pure to the outside.
 *
 * An id stays while its prefix is in the table, from 1. The record is its owners': they agree on the fields
 * below, and each writes its own.
 */
import {widthOf, type Family} from '../wire/family.js';
import {addressOf} from '../wire/nlri.js';
import {Ids, Records} from './column.js';
import {HashIndex} from './hash-index.js';

export type PrefixId = number; // 0: none

/** Fields of a prefix's record. */
export const HEAD = 0; // its first path: paths.ts
export const BEST = 1; // family-rib.ts
export const STATUS = 2; // users << 11 | (prefix length + 1, 0: free) << 3 | marks
export const LOGGED = 3; // change-log.ts
const WORDS = 4;

const ONE_USER = 1 << 11; // 21 bits of them
const LENGTH_SHIFT = 3;
const LENGTH_MASK = 0xff << LENGTH_SHIFT;

export class PrefixTable {
  readonly records: Records;
  readonly #family: Family;
  readonly #wordCount: 1 | 4;
  readonly #ids = new Ids();
  readonly #index: HashIndex;
  readonly #scratch = new Uint32Array(4);
  #count = 0;
  #probe: Uint32Array = new Uint32Array(4);
  #probeBits = 0;

  constructor(family: Family) {
    this.#family = family;
    this.#wordCount = family === 'ipv4' ? 1 : 4;
    this.records = new Records(WORDS + this.#wordCount);
    this.#index = new HashIndex({
      isProbe: id => this.#isProbe(id),
      isLive: id => this.isThere(id),
      hashOf: id => this.#hashOf(id),
      limit: () => this.limit,
    });
  }

  get count(): number {
    return this.#count;
  }

  /** Above every id; for walks over all of them, with isThere(). */
  get limit(): number {
    return this.#ids.limit;
  }

  isThere(id: PrefixId): boolean {
    return (this.records.get(id, STATUS) & LENGTH_MASK) !== 0;
  }

  /** `words` as in NlriCursor. */
  find(words: Uint32Array, bits: number): PrefixId {
    return this.#find(this.#hash(words, bits), words, bits);
  }

  ensure(words: Uint32Array, bits: number): PrefixId {
    const hash = this.#hash(words, bits);
    const found = this.#find(hash, words, bits);
    if (found !== 0) return found;
    const id = this.#ids.take();
    this.#index.add(hash, id); // first: it must not find the prefix there
    const page = this.records.page(id);
    const at = this.records.at(id);
    for (let field = 0; field < WORDS; field++) page[at + field] = 0;
    page[at + STATUS] = (bits + 1) << LENGTH_SHIFT;
    for (let i = 0; i < this.#wordCount; i++) page[at + WORDS + i] = words[i] as number;
    this.#count++;
    return id;
  }

  #remove(id: PrefixId): void {
    this.#index.remove(this.#hashOf(id), id);
    this.records.set(id, STATUS, 0);
    this.#ids.give(id);
    this.#count--;
  }

  words(id: PrefixId, into: Uint32Array): Uint32Array {
    for (let i = 0; i < this.#wordCount; i++) into[i] = this.records.get(id, WORDS + i);
    return into;
  }

  /** The same in octets, which nobody else has. */
  address(id: PrefixId): Uint8Array {
    return addressOf(this.words(id, this.#scratch), widthOf(this.#family));
  }

  bits(id: PrefixId): number {
    return ((this.records.get(id, STATUS) & LENGTH_MASK) >>> LENGTH_SHIFT) - 1;
  }

  /** One of three bits, whose meaning is the owners'. False: it has it already. */
  mark(id: PrefixId, mark: number): boolean {
    const {records} = this;
    const status = records.get(id, STATUS);
    if ((status & mark) !== 0) return false;
    records.set(id, STATUS, (status | mark) >>> 0);
    return true;
  }

  /** False: it did not have it. */
  unmark(id: PrefixId, mark: number): boolean {
    const {records} = this;
    const status = records.get(id, STATUS);
    if ((status & mark) === 0) return false;
    records.set(id, STATUS, (status & ~mark) >>> 0);
    return true;
  }

  /** It stays in the table for one more who has it. */
  use(id: PrefixId): void {
    const {records} = this;
    records.set(id, STATUS, records.get(id, STATUS) + ONE_USER);
  }

  /** When the last one leaves, the prefix does. */
  leave(id: PrefixId): void {
    const {records} = this;
    const status = records.get(id, STATUS) - ONE_USER;
    records.set(id, STATUS, status);
    if (status < ONE_USER) this.#remove(id);
  }

  /** Order of address, then of length: < 0 when the prefix comes first. */
  compare(id: PrefixId, words: Uint32Array, bits: number): number {
    for (let i = 0; i < this.#wordCount; i++) {
      const difference = this.records.get(id, WORDS + i) - (words[i] as number);
      if (difference !== 0) return difference;
    }
    return this.bits(id) - bits;
  }

  #find(hash: number, words: Uint32Array, bits: number): PrefixId {
    this.#probe = words;
    this.#probeBits = bits;
    return this.#index.find(hash);
  }

  #isProbe(id: PrefixId): boolean {
    const {records} = this;
    const length = (this.#probeBits + 1) << LENGTH_SHIFT;
    if ((records.get(id, STATUS) & LENGTH_MASK) !== length) return false;
    for (let i = 0; i < this.#wordCount; i++) {
      if (records.get(id, WORDS + i) !== this.#probe[i]) return false;
    }
    return true;
  }

  #hashOf(id: PrefixId): number {
    return this.#hash(this.words(id, this.#scratch), this.bits(id));
  }

  /**
   * Eight neighbours, as 10.0.0.0/24 to 10.0.7.0/24, have slots beside each other: tables come in order, and
   * what lies together is found together. Where the eight lie is left to chance.
   */
  #hash(words: Uint32Array, bits: number): number {
    const last = bits === 0 ? 0 : (bits - 1) >>> 5;
    const shift = bits === 0 ? 0 : 31 - ((bits - 1) & 31);
    const place = ((words[last] as number) >>> shift) & 7;
    let hash = Math.imul(bits + 1, 0x9e3779b1);
    for (let i = 0; i < this.#wordCount; i++) {
      const word = (words[i] as number) ^ (i === last ? place << shift : 0);
      hash = Math.imul(hash ^ word, 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
    hash ^= hash >>> 15;
    return ((hash & ~7) | place) ^ (place << 24);
  }
}

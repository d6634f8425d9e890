/**
 * Numbers for prefixes of one family: 0, 1, 2 … with those that were given back first, so that columns
 * of typed arrays can hold what is known of a prefix. No I/O.
 *
 * Open addressing with linear probing over one array of words; 100,000 prefixes cost a few MiB, where
 * a Map with an object for each costs ten times that.
 */
import type {AddressWords} from '#native-addon';

export class PrefixSlots {
  readonly #words: number; // of 32 bits in an address
  #keys: Uint32Array; // #words for each slot
  #bits: Uint8Array;
  #index: Int32Array; // slot + 1 at its hash or after; 0: empty
  #count = 0; // slots that were ever given out
  #free: number[] = [];

  constructor(octets: 4 | 16, capacity = 64) {
    this.#words = octets / 4;
    this.#keys = new Uint32Array(capacity * this.#words);
    this.#bits = new Uint8Array(capacity);
    this.#index = new Int32Array(capacity * 2);
  }

  /** Slots are below it; columns must be as long. */
  get capacity(): number {
    return this.#bits.length;
  }

  get size(): number {
    return this.#count - this.#free.length;
  }

  /** -1 when the prefix has none. */
  find(address: Uint8Array, bits: number): number {
    return (this.#index[this.#probe(address, bits, 0)] as number) - 1;
  }

  /**
   * The slot of the prefix, a new one if need be. `capacity` may have doubled after it. The address
   * begins at `from` in `octets`.
   */
  add(octets: Uint8Array, bits: number, from = 0): number {
    let at = this.#probe(octets, bits, from);
    const found = this.#index[at] as number;
    if (found !== 0) return found - 1;
    if (this.#free.length === 0 && this.#count === this.capacity) {
      this.#grow();
      at = this.#probe(octets, bits, from);
    }
    const slot = this.#free.length > 0 ? (this.#free.pop() as number) : this.#count++;
    for (let word = 0; word < this.#words; word++) {
      this.#keys[slot * this.#words + word] = wordAt(octets, from + word * 4);
    }
    this.#bits[slot] = bits;
    this.#index[at] = slot + 1;
    return slot;
  }

  /** Gives the slot back. Entries after the gap that probed over it move into it. */
  remove(slot: number): void {
    const mask = this.#index.length - 1;
    let gap = this.#hashOf(slot);
    while (this.#index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#index[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashOf((this.#index[at] as number) - 1);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#index[gap] = this.#index[at] as number;
      gap = at;
    }
    this.#index[gap] = 0;
    this.#free.push(slot);
  }

  /** A copy. */
  address(slot: number): Uint8Array {
    const address = new Uint8Array(this.#words * 4);
    for (let word = 0; word < this.#words; word++) {
      const value = this.#keys[slot * this.#words + word] as number;
      for (let octet = 0; octet < 4; octet++) {
        address[word * 4 + octet] = value >>> (24 - octet * 8);
      }
    }
    return address;
  }

  /** The same, not copied: good until the next add(). */
  addressWords(slot: number): AddressWords {
    const width = this.#words === 1 ? 4 : 16;
    return {words: this.#keys, from: slot * this.#words, width};
  }

  bits(slot: number): number {
    return this.#bits[slot] as number;
  }

  /** Where the prefix is in the index, or would be. */
  #probe(octets: Uint8Array, bits: number, from: number): number {
    const mask = this.#index.length - 1;
    let hash = bits;
    for (let word = 0; word < this.#words; word++)
      hash = mix(hash, wordAt(octets, from + word * 4));
    for (let at = finish(hash) & mask; ; at = (at + 1) & mask) {
      const slot = (this.#index[at] as number) - 1;
      if (slot < 0 || (this.#bits[slot] === bits && this.#hasAddress(slot, octets, from)))
        return at;
    }
  }

  #hasAddress(slot: number, octets: Uint8Array, from: number): boolean {
    for (let word = 0; word < this.#words; word++) {
      if (this.#keys[slot * this.#words + word] !== wordAt(octets, from + word * 4)) return false;
    }
    return true;
  }

  #hashOf(slot: number): number {
    let hash = this.#bits[slot] as number;
    for (let word = 0; word < this.#words; word++) {
      hash = mix(hash, this.#keys[slot * this.#words + word] as number);
    }
    return finish(hash) & (this.#index.length - 1);
  }

  #grow(): void {
    const capacity = this.capacity * 2;
    this.#keys = resized(this.#keys, capacity * this.#words);
    this.#bits = resized(this.#bits, capacity);
    this.#index = new Int32Array(capacity * 2).fill(0); // written before it is looked at: one fault a page, not two
    const mask = this.#index.length - 1;
    for (let slot = 0; slot < this.#count; slot++) {
      let at = this.#hashOf(slot);
      while (this.#index[at] !== 0) at = (at + 1) & mask;
      this.#index[at] = slot + 1;
    }
  }
}

/** The same values in a longer array. */
export function resized<T extends Uint8Array | Uint32Array | Int32Array>(
  from: T,
  length: number,
): T {
  const to = new (from.constructor as new (length: number) => T)(length);
  to.set(from);
  return to;
}

function wordAt(octets: Uint8Array, at: number): number {
  return (
    ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0
  );
}

function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/**
 * Ids by hash, open addressing with linear probing. Pure to the outside. Beside each id lies an octet of its
 * hash, so that few ids that are not looked for have their rows read.
 *
 * The owner says which of the ids is the one that is looked for, and what an id's hash is: it keeps what it
 * looks for in fields, so that no closure is made for a look-up.
 */
export interface Hashed {
  isProbe(id: number): boolean;
  isLive(id: number): boolean; // of ids below the limit: is it in the index?
  hashOf(id: number): number; // signed, 32 bits
  limit(): number;
}

const GONE = 0xffff_ffff;
const LEAST_SLOTS = 1024;

export class HashIndex {
  readonly #owner: Hashed;
  #ids = new Uint32Array(LEAST_SLOTS);
  #tags = new Uint8Array(LEAST_SLOTS);
  #used = 0; // slots that are not empty, GONE ones included
  #count = 0;

  constructor(owner: Hashed) {
    this.#owner = owner;
  }

  /** 0: there is none. */
  find(hash: number): number {
    const ids = this.#ids;
    const tags = this.#tags;
    const mask = ids.length - 1;
    const tag = hash >>> 24;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = ids[slot] as number;
      if (id === 0) return 0;
      if (tags[slot] === tag && id !== GONE && this.#owner.isProbe(id)) return id;
    }
  }

  add(hash: number, id: number): void {
    if ((this.#used + 1) * 8 > this.#ids.length * 5) this.#rebuild();
    this.#put(hash, id);
    this.#count++;
  }

  remove(hash: number, id: number): void {
    const mask = this.#ids.length - 1;
    for (let slot = hash & mask; this.#ids[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#ids[slot] !== id) continue;
      this.#ids[slot] = GONE;
      this.#count--;
      return;
    }
  }

  #put(hash: number, id: number): void {
    const ids = this.#ids;
    const mask = ids.length - 1;
    let slot = hash & mask;
    while (ids[slot] !== 0) slot = (slot + 1) & mask;
    ids[slot] = id;
    this.#tags[slot] = hash >>> 24;
    this.#used++;
  }

  /**
   * What is new is written before it is looked at: where a look comes first, the kernel lends its page of zeros, and
   * the write after it costs a second fault and a word to all processors.
   */
  #rebuild(): void {
    const limit = this.#owner.limit();
    let size = LEAST_SLOTS;
    while (size * 2 < (this.#count + 1) * 5) size *= 2;
    this.#ids = new Uint32Array(size).fill(0);
    this.#tags = new Uint8Array(size).fill(0);
    this.#used = 0;
    for (let id = 1; id < limit; id++) {
      // in order: rows that lie together are read together
      if (this.#owner.isLive(id)) this.#put(this.#owner.hashOf(id), id);
    }
  }
}

/**
 * Ids by hash, open addressing with linear probing. Pure to the outside. Beside each id lies its hash, so that few
 * ids that are not looked for have their rows read, and none when the index grows.
 *
 * The owner says which of the ids is the one that is looked for: it keeps what it looks for in fields, so that no
 * closure is made for a look-up.
 */
export interface Hashed {
  isProbe(id: number): boolean;
}

const GONE = -1;
const LEAST_SLOTS = 1024;

export class HashIndex {
  readonly #owner: Hashed;
  #entries = new Int32Array(LEAST_SLOTS * 2); // id, 0: empty; hash
  #used = 0; // slots that are not empty, GONE ones included
  #count = 0;

  constructor(owner: Hashed) {
    this.#owner = owner;
  }

  /** `hash`: signed, 32 bits. 0: there is none. */
  find(hash: number): number {
    const entries = this.#entries;
    const mask = entries.length - 1;
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const id = entries[at] as number;
      if (id === 0) return 0;
      if (entries[at + 1] === hash && id !== GONE && this.#owner.isProbe(id)) return id;
    }
  }

  add(hash: number, id: number): void {
    if ((this.#used + 1) * 16 > this.#entries.length * 5) this.#rebuild();
    this.#put(hash, id);
    this.#count++;
  }

  remove(hash: number, id: number): void {
    const mask = this.#entries.length - 1;
    for (let at = (hash << 1) & mask; this.#entries[at] !== 0; at = (at + 2) & mask) {
      if (this.#entries[at] !== id) continue;
      this.#entries[at] = GONE;
      this.#count--;
      return;
    }
  }

  #put(hash: number, id: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let at = (hash << 1) & mask;
    while (entries[at] !== 0) at = (at + 2) & mask;
    entries[at] = id;
    entries[at + 1] = hash;
    this.#used++;
  }

  /**
   * What is new is written before it is looked at: where a look comes first, the kernel lends its page of zeros, and
   * the write after it costs a second fault and a word to all processors.
   */
  #rebuild(): void {
    let size = LEAST_SLOTS;
    while (size * 2 < (this.#count + 1) * 5) size *= 2;
    const before = this.#entries;
    this.#entries = new Int32Array(size * 2).fill(0);
    this.#used = 0;
    for (let at = 0; at < before.length; at += 2) {
      // in order: what lay together is put together
      const id = before[at] as number;
      if (id > 0) this.#put(before[at + 1] as number, id);
    }
  }
}

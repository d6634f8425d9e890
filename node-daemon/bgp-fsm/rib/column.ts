/**
 * Arrays of numbers that grow as they are written, and a hash index of ids over them: a table of a million
 * rows without a million objects. Pure to the outside. What was never written reads as 0.
 */
export class Column {
  #values: Uint32Array;

  constructor(capacity = 64) {
    this.#values = new Uint32Array(capacity);
  }

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) this.#grow(at + 1);
    this.#values[at] = value;
  }

  clear(): void {
    this.#values = new Uint32Array(64);
  }

  #grow(needed: number): void {
    const grown = new Uint32Array(Math.max(needed, this.#values.length * 2));
    grown.set(this.#values);
    this.#values = grown;
  }
}

/** Ids from 1; a freed one is given out again, the last first. */
export class Ids {
  readonly #free: number[] = [];
  #limit = 1;

  /** Above every id that is in use. */
  get limit(): number {
    return this.#limit;
  }

  take(): number {
    return this.#free.pop() ?? this.#limit++;
  }

  give(id: number): void {
    this.#free.push(id);
  }
}

/** Which ids were met since begin(), without anything to clear. */
export class Visits {
  readonly #round = new Column();
  #now = 0;

  begin(): void {
    this.#now++;
  }

  isFirst(id: number): boolean {
    if (this.#round.get(id) === this.#now) return false;
    this.#round.set(id, this.#now);
    return true;
  }
}

const GONE = 0xffff_ffff;

/**
 * Ids by hash, open addressing with linear probing. The owner says which of the ids with a hash is the one
 * that is looked for: it keeps what it looks for in fields, so that no closure is made for a look-up.
 */
export class HashIndex {
  readonly #isIt: (id: number) => boolean;
  #ids = new Uint32Array(1024);
  #hashes = new Uint32Array(1024);
  #used = 0; // slots that are not empty, GONE ones included
  #count = 0;

  constructor(isIt: (id: number) => boolean) {
    this.#isIt = isIt;
  }

  /** 0: there is none. */
  find(hash: number): number {
    const mask = this.#ids.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#ids[slot] as number;
      if (id === 0) return 0;
      if (id !== GONE && this.#hashes[slot] === hash && this.#isIt(id)) return id;
    }
  }

  add(hash: number, id: number): void {
    if ((this.#used + 1) * 2 > this.#ids.length) this.#rebuild();
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
    const mask = this.#ids.length - 1;
    let slot = hash & mask;
    while (this.#ids[slot] !== 0) slot = (slot + 1) & mask;
    this.#ids[slot] = id;
    this.#hashes[slot] = hash;
    this.#used++;
  }

  #rebuild(): void {
    const [ids, hashes] = [this.#ids, this.#hashes];
    let size = 1024;
    while (size < (this.#count + 1) * 4) size *= 2;
    this.#ids = new Uint32Array(size);
    this.#hashes = new Uint32Array(size);
    this.#used = 0;
    for (const [slot, id] of ids.entries()) {
      if (id !== 0 && id !== GONE) this.#put(hashes[slot] as number, id);
    }
  }
}

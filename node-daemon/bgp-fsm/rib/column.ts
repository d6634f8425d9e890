/**
 * Numbers by id, in pages: a table of a million rows without a million objects, and without the moment in
 * which it grows and is there twice. Pure to the outside. What was never written reads as 0.
 */
const PAGE_BITS = 10;
const PAGE_ROWS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ROWS - 1;

/** Unsigned numbers of 32 bits, some to each id: what is read together lies together. */
export class Records {
  readonly #width: number;
  readonly #pages: Uint32Array[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  get(id: number, field: number): number {
    const page = this.#pages[id >>> PAGE_BITS];
    return page === undefined ? 0 : (page[(id & PAGE_MASK) * this.#width + field] as number);
  }

  set(id: number, field: number, value: number): void {
    const page = this.#pages[id >>> PAGE_BITS] ?? this.#addPage(id >>> PAGE_BITS);
    page[(id & PAGE_MASK) * this.#width + field] = value;
  }

  /** To write many fields of one id: those are at(id) and what follows, in this array. */
  page(id: number): Uint32Array {
    return this.#pages[id >>> PAGE_BITS] ?? this.#addPage(id >>> PAGE_BITS);
  }

  at(id: number): number {
    return (id & PAGE_MASK) * this.#width;
  }

  #addPage(index: number): Uint32Array {
    while (this.#pages.length <= index) {
      this.#pages.push(new Uint32Array(PAGE_ROWS * this.#width));
    }
    return this.#pages[index] as Uint32Array;
  }
}

/** One number to each id. */
export class Column {
  #pages: Uint32Array[] = [];

  get(at: number): number {
    const page = this.#pages[at >>> PAGE_BITS];
    return page === undefined ? 0 : (page[at & PAGE_MASK] as number);
  }

  set(at: number, value: number): void {
    const page = this.#pages[at >>> PAGE_BITS] ?? this.#addPage(at >>> PAGE_BITS);
    page[at & PAGE_MASK] = value;
  }

  clear(): void {
    this.#pages = [];
  }

  #addPage(index: number): Uint32Array {
    while (this.#pages.length <= index) this.#pages.push(new Uint32Array(PAGE_ROWS));
    return this.#pages[index] as Uint32Array;
  }
}

/** Ids from `first` on; a freed one is given out again, the last first. */
export class Ids {
  readonly #free: number[] = [];
  #limit: number;

  constructor(first = 1) {
    this.#limit = first;
  }

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

/**
 * Numbers in the order in which they came, forgotten from the front: four octets each, in pages that go back
 * as they are read. An array of a million numbers is twice that, and moves to shed what was read. Pure to the
 * outside.
 */
const PAGE_BITS = 10;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

export class Backlog {
  readonly #pages: Uint32Array[] = []; // from the one that has the base on
  #spare: Uint32Array | undefined;
  #base = 0;
  #end = 0;

  /** Place of the first number that is kept; places are not given twice. */
  get base(): number {
    return this.#base;
  }

  /** Place of the next one that comes. */
  get end(): number {
    return this.#end;
  }

  push(value: number): void {
    const at = this.#end - firstOfPage(this.#base);
    if (at >>> PAGE_BITS === this.#pages.length) this.#addPage();
    (this.#pages[at >>> PAGE_BITS] as Uint32Array)[at & PAGE_MASK] = value;
    this.#end++;
  }

  /** 0 before the base and beyond the end. */
  at(place: number): number {
    if (place < this.#base || place >= this.#end) return 0;
    const at = place - firstOfPage(this.#base);
    return (this.#pages[at >>> PAGE_BITS] as Uint32Array)[at & PAGE_MASK] as number;
  }

  /** Forgets what is before that place. */
  trim(place: number): void {
    if (place <= this.#base) return;
    const first = firstOfPage(this.#base);
    this.#base = Math.min(place, this.#end);
    const whole = (this.#base - first) >>> PAGE_BITS;
    if (whole === 0) return;
    this.#spare = this.#pages[0];
    this.#pages.splice(0, whole);
  }

  #addPage(): void {
    this.#pages.push(this.#spare ?? new Uint32Array(PAGE_SIZE));
    this.#spare = undefined;
  }
}

/** The place with which its page begins. Places may be beyond 32 bits; a page's size is not. */
function firstOfPage(place: number): number {
  return place - (place & PAGE_MASK);
}

/**
 * Numbers in the order in which they came, forgotten from the front: four octets each, in pages that go back
 * as they are read. An array of a million numbers is twice that, and moves to shed what was read. Pure to the
 * outside.
 */
const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

export class Backlog {
  #pages: Uint32Array[] = [];
  #spare: Uint32Array | undefined;
  #offset = 0; // of pages[0]: places from the very first one on
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
    const at = this.#end - this.#offset;
    if (at >>> PAGE_BITS === this.#pages.length) this.#addPage();
    (this.#pages[at >>> PAGE_BITS] as Uint32Array)[at & PAGE_MASK] = value;
    this.#end++;
  }

  /** 0 before the base and beyond the end. */
  at(place: number): number {
    if (place < this.#base || place >= this.#end) return 0;
    const at = place - this.#offset;
    return (this.#pages[at >>> PAGE_BITS] as Uint32Array)[at & PAGE_MASK] as number;
  }

  /** Forgets what is before that place. */
  trim(place: number): void {
    if (place <= this.#base) return;
    this.#base = Math.min(place, this.#end);
    const whole = (this.#base - this.#offset) >>> PAGE_BITS;
    if (whole === 0) return;
    this.#spare = this.#pages[0];
    this.#pages = this.#pages.slice(whole);
    this.#offset += whole * PAGE_SIZE;
  }

  #addPage(): void {
    this.#pages.push(this.#spare ?? new Uint32Array(PAGE_SIZE));
    this.#spare = undefined;
  }
}

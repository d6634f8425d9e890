/**
 * Octets in pages, written one behind the other: what grows is never copied. Pure to the outside. An address
 * is page and offset in one number; what is no longer wanted is a hole, until its owner packs all anew.
 */
const PAGE_BITS = 17; // more than the longest attribute block and its next hop
const PAGE_OCTETS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_OCTETS - 1;

export class Arena {
  readonly #pages: Uint8Array[] = [];
  #end = PAGE_OCTETS; // in the last page

  /** Octets of all pages. */
  get size(): number {
    return this.#pages.length * PAGE_OCTETS;
  }

  /** Room for so many octets, at most a page. */
  take(octets: number): number {
    if (this.#end + octets > PAGE_OCTETS) {
      this.#pages.push(new Uint8Array(PAGE_OCTETS));
      this.#end = 0;
    }
    const at = (this.#pages.length - 1) * PAGE_OCTETS + this.#end;
    this.#end += octets;
    return at;
  }

  page(at: number): Uint8Array {
    return this.#pages[at >>> PAGE_BITS] as Uint8Array;
  }

  offset(at: number): number {
    return at & PAGE_MASK;
  }
}

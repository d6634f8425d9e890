/** Selected routes in columns (types.ts), both ways. Pure. */
import {widthOf, type Family} from '../wire/family.js';
import {wordsOf} from '../wire/nlri.js';
import type {SelectedColumns, SelectedNextHop, SelectedRoute} from './types.js';

/** Filled prefix by prefix, for at most so many: then nothing is copied to hand it over. */
export class SelectedWriter {
  readonly #families: Uint8Array;
  readonly #bits: Uint8Array;
  #addresses: Uint8Array;
  readonly #nextHops: Uint32Array;
  readonly #indices = new Map<readonly SelectedNextHop[], number>();
  #count = 0;
  #octets = 0;

  constructor(limit: number) {
    this.#families = new Uint8Array(limit);
    this.#bits = new Uint8Array(limit);
    this.#addresses = new Uint8Array(limit * 4);
    this.#nextHops = new Uint32Array(limit);
  }

  get count(): number {
    return this.#count;
  }

  /** `words` as in NlriCursor. */
  add(
    family: Family,
    words: Uint32Array,
    bits: number,
    nextHops: readonly SelectedNextHop[],
  ): void {
    const width = widthOf(family);
    let index = this.#indices.get(nextHops);
    if (index === undefined) this.#indices.set(nextHops, (index = this.#indices.size));
    this.#families[this.#count] = family === 'ipv4' ? 4 : 6;
    this.#bits[this.#count] = bits;
    this.#nextHops[this.#count] = index;
    if (this.#octets + width > this.#addresses.length) this.#widen();
    for (let i = 0; i < width; i++) {
      this.#addresses[this.#octets + i] = (words[i >>> 2] as number) >>> (24 - (i & 3) * 8);
    }
    this.#octets += width;
    this.#count++;
  }

  take(): SelectedColumns {
    return {
      families: upTo(this.#families, this.#count),
      bits: upTo(this.#bits, this.#count),
      addresses: upTo(this.#addresses, this.#octets),
      nextHops: upTo(this.#nextHops, this.#count),
      sets: [...this.#indices.keys()],
    };
  }

  /** There is IPv6 among them. */
  #widen(): void {
    const wide = new Uint8Array(this.#families.length * 16);
    wide.set(this.#addresses);
    this.#addresses = wide;
  }
}

function upTo<T extends Uint8Array | Uint32Array>(array: T, count: number): T {
  return array.length === count ? array : (array.slice(0, count) as T);
}

/** Without attributes. */
export function packSelected(routes: readonly SelectedRoute[]): SelectedColumns {
  const writer = new SelectedWriter(routes.length);
  for (const {family, address, bits, nextHops} of routes) {
    writer.add(family, wordsOf(address), bits, nextHops);
  }
  return writer.take();
}

/** Next hops of one batch are one object where they were one; addresses are views. */
export function unpackSelected(columns: SelectedColumns): readonly SelectedRoute[] {
  let end = 0;
  return Array.from(columns.families, (number, at): SelectedRoute => {
    const family: Family = number === 4 ? 'ipv4' : 'ipv6';
    const address = columns.addresses.subarray(end, (end += widthOf(family)));
    const nextHops = columns.sets[columns.nextHops[at] ?? 0] ?? [];
    return {family, address, bits: columns.bits[at] ?? 0, nextHops, attributes: undefined};
  });
}

/** Changes for one peer, by the block that is announced, in the order in which they came. Pure to the outside. */
import type {BlockId} from './blocks.js';
import type {PrefixId} from './prefix-table.js';

export const WITHDRAWN: BlockId = 0;

export class Batch {
  /** By block the last of its changes; each has the next beside it, and the last has the first. */
  readonly #tails = new Map<BlockId, number>();
  #prefixes = new Uint32Array(256);
  #pathIds = new Uint32Array(256);
  #next = new Uint32Array(256);
  #count = 0;

  get blocks(): Iterable<BlockId> {
    return this.#tails.keys();
  }

  has(block: BlockId): boolean {
    return this.#tails.has(block);
  }

  add(block: BlockId, prefix: PrefixId, pathId: number): void {
    const at = this.#count++;
    if (at === this.#next.length) this.#grow();
    const tail = this.#tails.get(block);
    this.#prefixes[at] = prefix;
    this.#pathIds[at] = pathId;
    if (tail === undefined) {
      this.#next[at] = at;
    } else {
      this.#next[at] = this.#next[tail] as number;
      this.#next[tail] = at;
    }
    this.#tails.set(block, at);
  }

  each(block: BlockId, visit: (prefix: PrefixId, pathId: number) => void): void {
    const tail = this.#tails.get(block);
    if (tail === undefined) return;
    for (let at = this.#next[tail] as number; ; at = this.#next[at] as number) {
      visit(this.#prefixes[at] as number, this.#pathIds[at] as number);
      if (at === tail) return;
    }
  }

  clear(): void {
    this.#tails.clear();
    this.#count = 0;
  }

  #grow(): void {
    this.#prefixes = grown(this.#prefixes);
    this.#pathIds = grown(this.#pathIds);
    this.#next = grown(this.#next);
  }
}

function grown(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

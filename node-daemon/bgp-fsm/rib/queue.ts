/** Prefixes that wait for something, each once. Pure to the outside. */
import {Column} from './column.js';
import type {PrefixId} from './prefix-table.js';

export class PrefixQueue {
  readonly #isIn = new Column();
  #entries: number[] = [];
  #next = 0;

  get size(): number {
    return this.#entries.length - this.#next;
  }

  /** False: it was in already. */
  push(prefix: PrefixId): boolean {
    if (this.#isIn.get(prefix) === 1) return false;
    this.#isIn.set(prefix, 1);
    this.#entries.push(prefix);
    return true;
  }

  /** 0: nothing waits. */
  take(): PrefixId {
    const prefix = this.#entries[this.#next] ?? 0;
    if (prefix === 0) return 0;
    this.#isIn.set(prefix, 0);
    this.#next++;
    if (this.#next === this.#entries.length) {
      this.#entries = [];
      this.#next = 0;
    }
    return prefix;
  }
}

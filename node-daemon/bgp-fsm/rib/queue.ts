/** Prefixes that wait for something, each once: a mark in their record says so. Pure to the outside. */
import {Backlog} from './backlog.js';
import type {PrefixId, PrefixTable} from './prefix-table.js';

export class PrefixQueue {
  readonly #table: PrefixTable;
  readonly #mark: number; // a bit
  readonly #entries = new Backlog();

  constructor(table: PrefixTable, mark: number) {
    this.#table = table;
    this.#mark = mark;
  }

  get size(): number {
    return this.#entries.end - this.#entries.base;
  }

  /** False: it was in already. */
  push(prefix: PrefixId): boolean {
    if (!this.#table.mark(prefix, this.#mark)) return false;
    this.#entries.push(prefix);
    return true;
  }

  /** 0: nothing waits. */
  take(): PrefixId {
    const {base} = this.#entries;
    const prefix = this.#entries.at(base);
    if (prefix === 0) return 0;
    this.#entries.trim(base + 1);
    this.#table.unmark(prefix, this.#mark);
    return prefix;
  }
}

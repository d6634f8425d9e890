/** Prefixes that wait for something, each once: a mark in their record says so. Pure to the outside. */
import {MARKS, type PrefixId, type PrefixTable} from './prefix-table.js';

const TRIM_AT = 65_536;

export class PrefixQueue {
  readonly #table: PrefixTable;
  readonly #mark: number; // a bit of MARKS
  #entries: number[] = [];
  #next = 0;

  constructor(table: PrefixTable, mark: number) {
    this.#table = table;
    this.#mark = mark;
  }

  get size(): number {
    return this.#entries.length - this.#next;
  }

  /** False: it was in already. */
  push(prefix: PrefixId): boolean {
    const {records} = this.#table;
    const marks = records.get(prefix, MARKS);
    if ((marks & this.#mark) !== 0) return false;
    records.set(prefix, MARKS, marks | this.#mark);
    this.#entries.push(prefix);
    return true;
  }

  /** 0: nothing waits. */
  take(): PrefixId {
    const prefix = this.#entries[this.#next] ?? 0;
    if (prefix === 0) return 0;
    const {records} = this.#table;
    records.set(prefix, MARKS, records.get(prefix, MARKS) & ~this.#mark);
    this.#next++;
    if (this.#next === this.#entries.length) {
      this.#entries = [];
      this.#next = 0;
    } else if (this.#next >= TRIM_AT) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    return prefix;
  }
}

/**
 * Prefixes whose selection changed, in order, for readers that go through it at their own pace. Pure to the
 * outside. What all readers have still before them is not written twice. It stays short: a reader that is
 * too far behind is told to go through the whole table instead.
 */
import {Backlog} from './backlog.js';
import {LOGGED, type PrefixId, type PrefixTable} from './prefix-table.js';

export class ChangeLog {
  readonly #table: PrefixTable; // in its records: where it was written last, + 1
  readonly #entries = new Backlog();
  #frontier = 0; // no reader is beyond

  constructor(table: PrefixTable) {
    this.#table = table;
  }

  get end(): number {
    return this.#entries.end;
  }

  get base(): number {
    return this.#entries.base;
  }

  push(prefix: PrefixId): void {
    const {records} = this.#table;
    const at = records.get(prefix, LOGGED);
    if (at > this.#frontier && at > this.base) return;
    this.#entries.push(prefix);
    records.set(prefix, LOGGED, this.end);
  }

  /** 0 beyond the end. */
  at(index: number): PrefixId {
    return this.#entries.at(index);
  }

  noteRead(to: number): void {
    this.#frontier = Math.max(this.#frontier, to);
  }

  /** Forgets what is before `index`. */
  trim(index: number): void {
    this.#entries.trim(index);
    this.#frontier = Math.max(this.#frontier, index);
  }
}

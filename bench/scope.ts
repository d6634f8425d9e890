/** Undoes in reverse order at the end of a section, or when the run is interrupted. Shell. */
import type {Scope} from '../e2e/lab.js';

export class BenchScope implements Scope {
  readonly #undo: (() => Promise<void>)[] = [];

  teardown(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  async close(): Promise<void> {
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) await undo();
  }
}

/**
 * What the CNI verbs could not put right on the spot, for the status: the newest under each key.
 * Bounded, because a broken disk would report every pod.
 */
import type {Problem} from '../../cni-plugin/port.js';
import type {StatusProblem} from '../http/status.js';

const LONGEST = 100;

export class ProblemList {
  readonly #problems = new Map<string, StatusProblem>();

  add({what, key = 'cni', error}: Problem): void {
    const why = error instanceof Error ? `: ${error.message}` : '';
    this.#problems.delete(key);
    this.#problems.set(key, {key, message: what + why});
    for (const oldest of this.#problems.keys()) {
      if (this.#problems.size <= LONGEST) break;
      this.#problems.delete(oldest);
    }
  }

  /** The attachment is gone, and its troubles with it. */
  settle(key: string): void {
    this.#problems.delete(key);
  }

  list(): readonly StatusProblem[] {
    return [...this.#problems.values()];
  }
}

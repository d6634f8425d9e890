/** A share of time: work stops where it is spent and goes on in the next turn. */
import type {Clock} from './ports.js';

const CHECK_EVERY = 16; // asking the clock costs as much as a small message

export class Slice {
  readonly #clock: Clock;
  readonly #endMs: number;
  #count = 0;
  #isSpent = false;

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#endMs = clock.nowMs() + budgetMs;
  }

  /** To be asked before each small piece of work: looks at the clock now and then. */
  isSpent(): boolean {
    return this.#isSpent || (++this.#count % CHECK_EVERY === 0 && this.isOver());
  }

  /** To be asked before each large one. */
  isOver(): boolean {
    this.#isSpent ||= this.#clock.nowMs() >= this.#endMs;
    return this.#isSpent;
  }
}

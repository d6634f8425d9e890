/**
 * Time as the shells of the daemon see it, so that tests can turn it by hand.
 *
 * `nowMs` never goes back and means nothing on its own: it is for intervals. Dates for people are
 * made at the edge, from Date.
 */
export interface Clock {
  nowMs(): number;
  /** Runs `action` once, `delayMs` from now, unless cancelled. Does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void; // idempotent
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return {cancel: () => clearTimeout(timer)};
  },
};

/** A clock for tests: time moves only by `advance`, and what falls due runs in order. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: {readonly atMs: number; readonly action: () => void}[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = {atMs: this.#nowMs + delayMs, action};
    this.#timers.push(timer);
    return {cancel: () => (this.#timers = this.#timers.filter(each => each !== timer))};
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time forward; between two timers every promise that can settle does. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      await settled();
      const due = this.#timers.filter(({atMs}) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter(each => each !== due);
      this.#nowMs = due.atMs;
      due.action();
    }
    this.#nowMs = endMs;
    await settled();
  }
}

/** After everything that goes on by itself: microtasks, and a few rounds of the event loop. */
async function settled(): Promise<void> {
  for (let round = 0; round < 25; round++) await new Promise(resolve => setImmediate(resolve));
}

/** Named timers of one owner: starting one that runs restarts it. Over a Clock. */
import type {Clock, RunningTimer} from './ports.js';

export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #running = new Map<Name, RunningTimer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(name: Name, delayMs: number, callback: () => void): void {
    this.stop(name);
    const timer = this.#clock.after(delayMs, () => {
      this.#running.delete(name);
      callback();
    });
    this.#running.set(name, timer);
  }

  /**
   * As `start`, but what has come in by then is delivered first: it may stop or restart the timer,
   * which is then as if it had not fired.
   */
  startAfterInput(name: Name, delayMs: number, callback: () => void): void {
    this.stop(name);
    let isStopped = false;
    const timer = this.#clock.after(delayMs, () => {
      this.#clock.soon(() => {
        if (isStopped) return;
        this.#running.delete(name);
        callback();
      });
    });
    this.#running.set(name, {
      cancel() {
        isStopped = true;
        timer.cancel();
      },
    });
  }

  stop(name: Name): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  stopAll(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}

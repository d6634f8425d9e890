/** What is wished for last, tried until it works: one attempt after the other, with a pause after a failure. */
import type {Clock, Timer} from '../datastore/clock.js';

export interface AttemptsOptions<T> {
  readonly fulfil: (wish: T) => Promise<void>;
  readonly clock: Clock;
  readonly againMs: number;
  readonly onError: (error: unknown) => void;
}

export class Attempts<T> {
  readonly #options: AttemptsOptions<T>;
  #latest: {readonly wish: T} | undefined;
  #turn: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #failure: string | undefined;

  constructor(options: AttemptsOptions<T>) {
    this.#options = options;
  }

  /** Why the latest is not fulfilled; undefined: it is, or is being tried for the first time. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** In place of what was wished for before, of which only an attempt under way is finished. */
  wish(wish: T): void {
    this.#latest = {wish};
    this.#try(this.#latest);
  }

  /** Resolves when nothing is under way and nothing will be. */
  async stop(): Promise<void> {
    this.#latest = undefined;
    this.#timer?.cancel();
    await this.#turn;
  }

  #try(attempt: {readonly wish: T}): void {
    this.#timer?.cancel();
    this.#turn = this.#turn.then(async () => {
      if (attempt !== this.#latest) return;
      const {fulfil, clock, againMs, onError} = this.#options;
      try {
        await fulfil(attempt.wish);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        onError(error);
        if (attempt === this.#latest) {
          this.#timer = clock.after(againMs, () => this.#try(attempt));
        }
      }
    });
  }
}

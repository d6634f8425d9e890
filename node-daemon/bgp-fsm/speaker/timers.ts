/**
 * Named timers of one owner: starting one that runs restarts it. Over a Clock.
 *
 * A timer that is put off, as a hold timer is with all that comes in, costs nothing but a number: it
 * fires at its old time, sees that it was put off, and runs on.
 */
import type {Clock, RunningTimer} from './ports.js';

interface Entry {
  dueMs: number;
  firesMs: number; // when it runs: not after dueMs
  callback: () => void;
  isAfterInput: boolean;
  slackMs: number;
  phase: 'running' | 'fired' | 'stopped'; // fired: waits for input
  timer: RunningTimer | undefined;
  readonly fire: () => void; // made once: a timer is started many times
}

export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #entries = new Map<Name, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `slackMs`: it may fire so much later, together with those of others. */
  start(name: Name, delayMs: number, callback: () => void, slackMs = 0): void {
    const entry = this.#entryOf(name);
    entry.slackMs = slackMs;
    this.#start(entry, delayMs, callback, false);
  }

  /**
   * As `start`, but what has come in by then is delivered first: it may stop or restart the timer,
   * which is then as if it had not fired.
   */
  startAfterInput(name: Name, delayMs: number, callback: () => void): void {
    this.#start(this.#entryOf(name), delayMs, callback, true);
  }

  stop(name: Name): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) stop(entry);
    this.#entries.delete(name);
  }

  stopAll(): void {
    for (const entry of this.#entries.values()) stop(entry);
    this.#entries.clear();
  }

  #entryOf(name: Name): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const entry: Entry = {
      dueMs: 0,
      firesMs: 0,
      callback() {},
      isAfterInput: false,
      slackMs: 0,
      phase: 'stopped',
      timer: undefined,
      fire: () => this.#fire(entry),
    };
    this.#entries.set(name, entry);
    return entry;
  }

  #start(entry: Entry, delayMs: number, callback: () => void, isAfterInput: boolean): void {
    entry.dueMs = this.#clock.nowMs() + delayMs;
    entry.callback = callback;
    entry.isAfterInput = isAfterInput;
    if (entry.phase === 'running' && entry.firesMs <= entry.dueMs) return;
    stop(entry);
    this.#arm(entry, delayMs);
  }

  #arm(entry: Entry, delayMs: number): void {
    entry.phase = 'running';
    entry.firesMs = entry.dueMs;
    entry.timer = this.#clock.after(delayMs, entry.fire, entry.slackMs);
  }

  #fire(entry: Entry): void {
    const leftMs = entry.dueMs - this.#clock.nowMs();
    if (leftMs > 0) {
      this.#arm(entry, leftMs);
      return;
    }
    entry.phase = 'fired';
    entry.timer = undefined;
    if (entry.isAfterInput) this.#clock.soon(() => end(entry));
    else end(entry);
  }
}

function stop(entry: Entry): void {
  entry.timer?.cancel();
  entry.timer = undefined;
  entry.phase = 'stopped';
}

/** Unless it was stopped or started anew since. */
function end(entry: Entry): void {
  if (entry.phase !== 'fired') return;
  entry.phase = 'stopped';
  entry.callback();
}

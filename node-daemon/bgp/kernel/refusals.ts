/** What the kernel refused, by key, and when each is tried again: later each time. No I/O. */

export interface Refusal {
  readonly code: string; // 'EEXIST'
  readonly message: string;
}

export interface Refused<T> extends Refusal {
  readonly what: T;
  readonly attempts: number;
  readonly sinceMs: number;
  readonly dueMs: number | undefined; // undefined: it is being tried
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;

export class Refusals<T> {
  readonly #refused = new Map<string, Refused<T>>();
  total = 0; // since start

  get size(): number {
    return this.#refused.size;
  }

  entries(): ReadonlyMap<string, Refused<T>> {
    return this.#refused;
  }

  note(key: string, what: T, {code, message}: Refusal, nowMs: number): void {
    const before = this.#refused.get(key);
    const attempts = (before?.attempts ?? 0) + 1;
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 10));
    const sinceMs = before?.sinceMs ?? nowMs;
    this.total++;
    this.#refused.set(key, {what, code, message, attempts, sinceMs, dueMs: nowMs + delayMs});
  }

  forget(key: string): void {
    this.#refused.delete(key);
  }

  /** Those whose time has come; each once, until it is refused again. */
  takeDue(nowMs: number): T[] {
    const due: T[] = [];
    for (const [key, refused] of this.#refused) {
      if (refused.dueMs === undefined || refused.dueMs > nowMs) continue;
      this.#refused.set(key, {...refused, dueMs: undefined});
      due.push(refused.what);
    }
    return due;
  }

  nextDueMs(): number {
    let next = Infinity;
    for (const {dueMs} of this.#refused.values()) next = Math.min(next, dueMs ?? Infinity);
    return next;
  }
}

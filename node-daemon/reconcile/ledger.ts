/**
 * What became of the keys of one table: which failed and when they are tried again, which wait for
 * something, when it last went well. No I/O.
 */
import type {KernelError} from '../kernel/port.js';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  readonly sinceMs: number;
  readonly retryAtMs: number;
  /** Somebody else's object has the key. */
  readonly isConflict: boolean;
}

const firstRetryMs = 250;
const longestRetryMs = 30_000;

export class Ledger {
  readonly failed = new Map<string, Failure>();
  readonly blocked = new Map<string, string>(); // what they wait for
  operations = 0; // accepted by the kernel, since start
  refusals = 0; // by the kernel, since start
  lastError: string | undefined;
  lastOkAtMs: number | undefined; // end of the last pass that left nothing failed or blocked
  lastPassMs: number | undefined; // how long the last pass took

  fail(key: string, error: KernelError, isConflict: boolean, nowMs: number): void {
    this.refusals++;
    const before = this.failed.get(key);
    const attempts = (before?.attempts ?? 0) + 1;
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempts - 1, 10));
    const {code, message} = error;
    const sinceMs = before?.sinceMs ?? nowMs;
    this.failed.set(key, {
      code,
      message,
      attempts,
      sinceMs,
      retryAtMs: nowMs + delayMs,
      isConflict,
    });
    this.lastError = message;
  }

  forget(key: string): void {
    this.failed.delete(key);
    this.blocked.delete(key);
  }

  isWaiting(key: string, nowMs: number): boolean {
    const failure = this.failed.get(key);
    return failure !== undefined && failure.retryAtMs > nowMs;
  }

  /** Keys whose time has come. */
  due(nowMs: number): string[] {
    return [...this.failed].filter(([, {retryAtMs}]) => retryAtMs <= nowMs).map(([key]) => key);
  }

  nextRetryAtMs(): number {
    let next = Infinity;
    for (const {retryAtMs} of this.failed.values()) next = Math.min(next, retryAtMs);
    return next;
  }

  endPass(startMs: number, nowMs: number): void {
    this.lastPassMs = nowMs - startMs;
    if (this.failed.size === 0 && this.blocked.size === 0) this.lastOkAtMs = nowMs;
  }
}

import type {Endpoint} from './endpoint.js';
import {isTokenProblem, StoreUnavailableError, toStoreError} from './error.js';

/**
 * The members of an etcd cluster as one place to send a call. Shell.
 *
 * Calls go to the member that answered last. When it cannot be reached the next one is tried within
 * the same deadline. A read that failed on the way is tried again too; a write is not, because it
 * may have been applied: its caller gets StoreUnavailableError and reads before it writes again.
 */
export interface MembersOptions {
  readonly endpoints: readonly Endpoint[];
  readonly deadlineMs: number;
}

type Attempt<T> = (endpoint: Endpoint, deadline: Date) => Promise<T>;

export class Members {
  readonly #endpoints: readonly Endpoint[];
  readonly #deadlineMs: number;
  readonly #cuts = new Set<() => void>(); // of calls under way
  #preferred = 0;
  #closed = false;

  constructor({endpoints, deadlineMs}: MembersOptions) {
    if (endpoints.length === 0) throw new RangeError('etcd: no endpoints');
    this.#endpoints = endpoints;
    this.#deadlineMs = deadlineMs;
  }

  /** @throws StoreError, at the latest when the deadline is over. */
  async run<T>(operation: string, kind: 'read' | 'write', attempt: Attempt<T>): Promise<T> {
    const deadline = Date.now() + this.#deadlineMs;
    let failure: Error | undefined;
    let renewed = false;
    for (let left = this.#endpoints.length; left > 0; left--) {
      if (this.#closed) throw new StoreUnavailableError(`etcd ${operation}: the client is closed`);
      const endpoint = this.#endpoints[this.#preferred]!;
      const share = new Date(Date.now() + Math.max(1, (deadline - Date.now()) / left));
      try {
        if (!(await endpoint.connect(share))) {
          failure = new StoreUnavailableError(`etcd ${operation}: ${endpoint.url} is unreachable`);
          this.#leave(endpoint);
          continue;
        }
        return await this.#orCut(attempt(endpoint, kind === 'write' ? new Date(deadline) : share));
      } catch (error) {
        failure = toStoreError(operation, error);
        if (isTokenProblem(error) && !renewed) {
          renewed = true;
          endpoint.renew();
          left++;
          continue;
        }
        if (!(failure instanceof StoreUnavailableError)) throw failure;
        endpoint.renew();
        this.#leave(endpoint);
        if (kind === 'write') throw failure;
      }
    }
    throw failure ?? new StoreUnavailableError(`etcd ${operation}: no member answered`);
  }

  /** Calls under way are failed as on a lost connection, and new ones go over new connections. */
  renew(): void {
    for (const endpoint of this.#endpoints) endpoint.renew();
    const cuts = [...this.#cuts];
    this.#cuts.clear();
    for (const cut of cuts) cut();
  }

  close(): void {
    this.#closed = true;
    this.renew();
  }

  #orCut<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cut = () => reject(new StoreUnavailableError('etcd: the connection was given up'));
      this.#cuts.add(cut);
      call.then(resolve, reject).finally(() => this.#cuts.delete(cut));
    });
  }

  /** Another call may have moved on already. */
  #leave(endpoint: Endpoint): void {
    const at = this.#endpoints.indexOf(endpoint);
    if (at === this.#preferred) this.#preferred = (at + 1) % this.#endpoints.length;
  }
}

/**
 * Holds back the news that a node's record is gone: for a moment it may only be between two leases.
 * Shell, but for the clock pure.
 *
 * The record is bound to its node's lease. A lease that somebody revokes, or that ran out while the node
 * was cut off, takes the record along; the node writes it again within milliseconds. To tear down the
 * routes to it meanwhile would cost its pods packets, and to keep them a few seconds longer costs nothing:
 * the node is gone or it is not.
 */
import type {Clock, Timer} from './clock.js';
import type {StoreEvent} from './store-event.js';

export interface DeparturesOptions {
  readonly clock: Clock;
  readonly graceMs: number;
  /** Keys whose deletion is held back. */
  readonly concerns: (key: string) => boolean;
  readonly onGone: (events: readonly StoreEvent[]) => void;
}

export class Departures {
  readonly #options: DeparturesOptions;
  readonly #leaving = new Map<string, Timer>();

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** What may be told now, in order. The rest comes by `onGone`, or never, when the record is back. */
  pass(events: readonly StoreEvent[]): readonly StoreEvent[] {
    return events.filter(event => {
      if (event.kind === 'synced' || !this.#options.concerns(event.key)) return true;
      this.#leaving.get(event.key)?.cancel();
      this.#leaving.delete(event.key);
      if (event.kind !== 'delete') return true;
      this.#leave(event);
      return false;
    });
  }

  stop(): void {
    for (const timer of this.#leaving.values()) timer.cancel();
    this.#leaving.clear();
  }

  #leave(event: Extract<StoreEvent, {kind: 'delete'}>): void {
    const {clock, graceMs, onGone} = this.#options;
    const timer = clock.after(graceMs, () => {
      this.#leaving.delete(event.key);
      onGone([event]);
    });
    this.#leaving.set(event.key, timer);
  }
}

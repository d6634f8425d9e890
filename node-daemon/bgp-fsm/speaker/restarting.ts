/**
 * Our own restart at work (fsm/graceful-restart.ts executed): from the first configuration until all
 * that is awaited has come, or the deferral is over.
 */
import {
  advanceRestart,
  beginRestart,
  isOver,
  type Restart,
  type RestartEvent,
  type RestartStart,
  type RestartStep,
} from '../fsm/graceful-restart.js';
import type {Family} from '../wire/family.js';
import type {Clock} from './ports.js';
import type {RestartStatus} from './status.js';
import {Timers} from './timers.js';

export interface RestartOwner {
  /** All that will be selected is: what the kernel has beyond it may go. */
  sweep(family: Family): void;
  /** Peers may hear that they have all that we have. */
  releaseEndOfRib(family: Family): void;
  /** R is clear from the next OPEN on. */
  restartOver(): void;
}

export class Restarting {
  readonly #owner: RestartOwner;
  readonly #timers: Timers<'deferral'>;
  #restart: Restart;

  constructor(owner: RestartOwner, clock: Clock) {
    this.#owner = owner;
    this.#timers = new Timers(clock);
    this.#restart = {
      restarted: false,
      preserved: new Set(),
      pending: new Set(),
      unswept: new Set(),
      awaited: new Map(),
    };
  }

  /** As OPENs see it. */
  get value(): Restart {
    return this.#restart;
  }

  get isOver(): boolean {
    return isOver(this.#restart);
  }

  isPending(family: Family): boolean {
    return this.#restart.pending.has(family);
  }

  begin(start: RestartStart): void {
    this.#take(beginRestart(start));
  }

  tell(event: RestartEvent): void {
    this.#take(advanceRestart(this.#restart, event));
  }

  stop(): void {
    this.#timers.stopAll();
  }

  status(): RestartStatus {
    const {unswept, awaited} = this.#restart;
    const names = [...awaited].filter(([, {families}]) => families.size > 0).map(([name]) => name);
    return {isOver: this.isOver, pending: [...unswept], awaited: names};
  }

  #take({restart, actions}: RestartStep): void {
    this.#restart = restart;
    for (const action of actions) {
      switch (action.kind) {
        case 'startDeferral':
          this.#timers.start('deferral', action.delayMs, () =>
            this.tell({kind: 'deferralExpired'}),
          );
          break;
        case 'stopDeferral':
          this.#timers.stop('deferral');
          break;
        case 'sweep':
          this.#owner.sweep(action.family);
          break;
        case 'sendEndOfRib':
          this.#owner.releaseEndOfRib(action.family);
          break;
        case 'restartOver':
          this.#owner.restartOver();
          break;
      }
    }
  }
}

/**
 * Which neighbours are away and have no route of theirs left in the kernel: a restart of ours need not wait
 * for them (calico #9976). They were seen so twice, LOOK_MS apart, and not up in between. Neighbours are
 * NAME@ADDRESS: one that a record means today may be another tomorrow. Nobody is judged before our own
 * restart is over: until then routes of peers that are not back yet are in the kernel and in no RIB.
 */
import {nameOfId, type Absence, type State} from '#bgp-fsm';
import type {Clock, Timer} from '../datastore/clock.js';

export interface AbsentPeersOptions {
  readonly clock: Clock;
  readonly before: readonly string[]; // of the run before this one
  readonly absence: () => Promise<Absence>;
  readonly onChange: (absent: readonly string[]) => void;
}

type Names = Map<string, string>; // to NAME@ADDRESS: events have names alone

const LOOK_MS = 5000;

export class AbsentPeers {
  readonly #options: AbsentPeersOptions;
  #absent: Names;
  #suspects: Names = new Map();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: AbsentPeersOptions) {
    this.#options = options;
    this.#absent = byName(options.before);
    this.#lookLater(); // one that never answers changes no state
  }

  /** Before its first route: a peer that has agreed to a session is not away. */
  hear(peer: string, state: State): void {
    if (state !== 'OpenConfirm' && state !== 'Established') {
      if (!this.#absent.has(peer)) this.#lookLater();
      return;
    }
    const names = [peer, rangeOf(peer)];
    for (const name of names) this.#suspects.delete(name);
    if (names.map(name => this.#absent.delete(name)).includes(true)) this.#tell();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#options.clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look().catch(() => undefined); // the speaker is gone, and who owns it knows
    });
  }

  async #look(): Promise<void> {
    const {isOver, away, isAnyKept} = await this.#options.absence();
    if (!isOver) return this.#lookLater();
    this.#become(away.filter(id => isIn(this.#suspects, id) || isIn(this.#absent, id)));
    this.#suspects = byName(away);
    if (isAnyKept || !away.every(id => isIn(this.#absent, id))) this.#lookLater();
  }

  #become(ids: readonly string[]): void {
    if (ids.length === this.#absent.size && ids.every(id => isIn(this.#absent, id))) return;
    this.#absent = byName(ids);
    this.#tell();
  }

  #tell(): void {
    this.#options.onChange([...this.#absent.values()]);
  }
}

function byName(ids: readonly string[]): Names {
  return new Map(ids.map(id => [nameOfId(id), id]));
}

function isIn(names: Names, id: string): boolean {
  return names.get(nameOfId(id)) === id;
}

/** Who dials from a range is called RANGE/ADDRESS; of others it is a name that nobody has. */
function rangeOf(peer: string): string {
  return peer.slice(0, Math.max(0, peer.indexOf('/')));
}

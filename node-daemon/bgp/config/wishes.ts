/**
 * Keeps the wish of a node's speaker in step with records, files and sessions. Shell around deriveBgp:
 * whoever owns the speaker says that something has changed, and hears of a wish that differs.
 *
 *   wishes.renew()      the state has changed, or a session came up or went down
 *   onWish(wish)        configure the speaker first, then tell others by the node's record (`facts`):
 *                       a reflector says that it is one when its speaker knows
 *
 * Nothing is wished before etcd's content is known: an AS number by default would be a wrong one.
 */
import {isDeepStrictEqual} from 'node:util';
import type {PeerStatus} from '#bgp-fsm';
import type {Clock, Timer} from '../../datastore/clock.js';
import type {Labels} from '../../datastore/records/selector.js';
import type {State} from '../../state/state.js';
import {deriveBgp} from './derive.js';
import {findEtcdAddresses} from './etcd-addresses.js';
import type {BgpWish} from './input.js';
import {PasswordFiles} from './password-files.js';
import {SettledPeers, toSessionFact} from './settled.js';

export interface BgpWishesOptions {
  readonly labels: Labels; // of this node
  readonly etcdEndpoints: readonly string[];
  readonly clock: Clock;
  readonly state: () => State;
  readonly sessions: () => Promise<readonly PeerStatus[]>; // none when no speaker runs
  readonly onWish: (wish: BgpWish) => void;
  readonly onError: (error: unknown) => void; // one pass failed; the next may not
}

const APART_MS = 200; // a storm of records is one wish
const RESOLVE_MS = 300_000;
const MOST_RESOLVE_MS = 2000;

export class BgpWishes {
  readonly #options: BgpWishesOptions;
  readonly #files: PasswordFiles;
  readonly #settled = new SettledPeers();
  #timer: Timer | undefined;
  #againTimer: Timer | undefined;
  #resolveTimer: Timer | undefined;
  #lastMs = -APART_MS;
  #running = false;
  #isStale = false;
  #isClosed = false;
  #etcdAddresses: readonly Uint8Array[] = [];
  #linkNeighbours: ReadonlyMap<string, string> = new Map();
  #isLeaving = false;
  #wish: BgpWish | undefined;

  constructor(options: BgpWishesOptions) {
    this.#options = options;
    this.#files = new PasswordFiles({onChange: () => this.renew()});
  }

  /** A resolver that is away holds up the first wish for a moment only. */
  async start(): Promise<void> {
    const {clock} = this.#options;
    await Promise.race([
      this.#resolve(),
      new Promise<void>(resolve => clock.after(MOST_RESOLVE_MS, resolve)),
    ]);
    this.renew();
  }

  get wish(): BgpWish | undefined {
    return this.#wish;
  }

  renew(): void {
    this.#isStale = true;
    if (this.#timer !== undefined || this.#running || this.#isClosed) return;
    const {clock} = this.#options;
    const waitMs = Math.max(0, this.#lastMs + APART_MS - clock.nowMs());
    this.#timer = clock.after(waitMs, () => {
      this.#timer = undefined;
      void this.#pass();
    });
  }

  /** By interface, who was heard there; for `wish.links`. */
  setLinkNeighbours(neighbours: ReadonlyMap<string, string>): void {
    this.#linkNeighbours = neighbours;
    this.renew();
  }

  /** The node is drained: others are to prefer other ways (RFC 8326). */
  setLeaving(isLeaving: boolean): void {
    this.#isLeaving = isLeaving;
    this.renew();
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of [this.#timer, this.#againTimer, this.#resolveTimer]) timer?.cancel();
    this.#files.close();
  }

  async #pass(): Promise<void> {
    this.#running = true;
    this.#isStale = false;
    this.#lastMs = this.#options.clock.nowMs();
    try {
      await this.#derive();
    } catch (error) {
      this.#options.onError(error);
    }
    this.#running = false;
    if (this.#isStale) this.renew();
  }

  async #derive(): Promise<void> {
    const {labels, state, sessions, clock, onWish} = this.#options;
    if (!state().synced) return;
    const facts = (await sessions()).map(toSessionFact);
    if (this.#isClosed) return;
    const settled = this.#settled.look(clock.nowMs(), facts, reflectorsIn(state()));
    this.#lookAgain(settled.againMs);
    const wish = deriveBgp({
      ...{state: state(), labels, settled, isLeaving: this.#isLeaving},
      etcdAddresses: this.#etcdAddresses,
      passwords: this.#files.passwords,
      linkNeighbours: this.#linkNeighbours,
      memory: this.#wish?.memory,
    });
    if (wish === undefined) return;
    const before = this.#wish;
    this.#wish = wish;
    this.#files.want(wish.passwordFiles);
    if (before === undefined || !isSame(before, wish)) onWish(wish);
  }

  /** Time alone settles a session; nobody else has news of it. */
  #lookAgain(afterMs: number | undefined): void {
    this.#againTimer?.cancel();
    this.#againTimer =
      afterMs === undefined ? undefined : this.#options.clock.after(afterMs, () => this.renew());
  }

  async #resolve(): Promise<void> {
    const found = await findEtcdAddresses(this.#options.etcdEndpoints);
    if (this.#isClosed) return;
    this.#resolveTimer = this.#options.clock.after(RESOLVE_MS, () => void this.#resolve());
    if (found.length === 0 || isDeepStrictEqual(found, this.#etcdAddresses)) return;
    this.#etcdAddresses = found;
    this.renew();
  }
}

function reflectorsIn({nodes}: State): ReadonlySet<string> {
  const names = new Set<string>();
  for (const {name, bgp} of nodes.values()) if (bgp.reflector === true) names.add(name);
  return names;
}

/** But for what only the next derivation reads. */
function isSame({memory: _before, ...before}: BgpWish, {memory: _next, ...next}: BgpWish): boolean {
  return isDeepStrictEqual(before, next);
}

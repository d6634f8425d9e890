/**
 * Keeps the wish of a node's speaker in step with records, files and sessions. Shell around deriveBgp:
 * whoever owns the speaker says that something has changed, and hears of a wish that differs.
 *
 *   wishes.renew()      the state has changed, or a session came up or went down
 *   onWish(wish)        configure the speaker first, then tell others by the node's record (`facts`):
 *                       a reflector says that it is one when its speaker knows
 *
 * Before etcd's content is known nothing is wished but what the daemon before this one was told (`recall`):
 * an AS number by default would be a wrong one. The same while a BGPConfig is there that this version does
 * not understand, and did not before. Sessions that the daemon before this one kept until their replacement
 * is proven are kept on by this one: a restart changes nothing of what runs.
 */
import {isDeepStrictEqual} from 'node:util';
import type {Cidr, LocalRoute, PeerStatus} from '#bgp-fsm';
import type {Clock, Timer} from '../../datastore/clock.js';
import type {Labels} from '../../datastore/records/selector.js';
import type {State} from '../../state/state.js';
import {deriveBgp, NO_SESSIONS} from './derive.js';
import {findEtcdAddresses} from './etcd-addresses.js';
import type {BgpMemory, BgpWish, LastWish, PasswordRead} from './input.js';
import {PasswordFiles} from './password-files.js';
import {PolicyShelf} from './policy-shelf.js';
import {SettledPeers, toSessionFact} from './settled.js';

export interface BgpWishesOptions {
  readonly labels: Labels; // of this node
  readonly etcdEndpoints: readonly string[];
  readonly secretsDir: string;
  readonly clock: Clock;
  readonly state: () => State;
  readonly sessions: () => Promise<readonly PeerStatus[]>; // none when no speaker runs
  readonly onWish: (wish: BgpWish) => void;
  readonly onError: (error: unknown) => void; // one pass failed; the next may not
}

const APART_MS = 200; // a storm of records is one wish
const RESOLVE_MS = 300_000;
const MOST_RESOLVE_MS = 2000;
const MOST_LOOK_MS = 2000;

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
  #last: LastWish | undefined;
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

  get passwords(): ReadonlyMap<string, PasswordRead> {
    return this.#files.passwords;
  }

  /** To be called before `start`: what holds until etcd is known. Undefined: nothing does. */
  recall(last: LastWish | undefined): void {
    this.#last = last;
    this.#files.want(last?.passwordFiles ?? []); // or the first wish of records would do without
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
    const {labels, secretsDir, state, sessions, clock} = this.#options;
    if (!state().synced || isConfigUnreadable(state())) return this.#recallLast();
    const facts = (await sessions()).map(toSessionFact);
    if (this.#isClosed) return;
    const settled = this.#settled.look(clock.nowMs(), facts, reflectorsIn(state()));
    this.#lookAgain(settled.againMs);
    const derive = () =>
      deriveBgp({
        ...{state: state(), labels, secretsDir, settled},
        etcdAddresses: this.#etcdAddresses,
        passwords: this.#files.passwords,
        linkNeighbours: this.#linkNeighbours,
        memory: this.#wish?.memory ?? (this.#last && toMemory(this.#last)),
      });
    let wish = derive();
    const files = wish?.passwordFiles ?? [];
    this.#files.want(files);
    if (files.some(file => !this.#files.passwords.has(file))) {
      await this.#looked();
      wish = derive();
    }
    if (wish !== undefined && !this.#isClosed) this.#become(wish);
  }

  /** A session whose password was not read yet is none: a new file must not end it for a moment. */
  async #looked(): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>(resolve => {
      timer = this.#options.clock.after(MOST_LOOK_MS, resolve); // a file that hangs
    });
    await Promise.race([this.#files.looked(), late]);
    timer?.cancel();
  }

  /** The lease says on disk which ranges are still ours; etcd is not needed for it. */
  #recallLast(): void {
    const last = this.#last;
    const {ranges, pods} = this.#options.state();
    if (last === undefined || ranges === undefined || pods === undefined) return;
    const addresses = [...pods.values()].flatMap(pod => pod.addresses);
    const routes = last.routes.filter(route => isStillOurs(route, ranges, addresses));
    this.#become({
      ...{...last, routes, kept: [], withheld: [], problems: [], isRecalled: true},
      memory: toMemory(last),
    });
  }

  #become(wish: BgpWish): void {
    const before = this.#wish;
    this.#wish = wish;
    if (before === undefined || !isSame(before, wish)) this.#options.onWish(wish);
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

function toMemory({memory: {sessions, clients}}: LastWish): BgpMemory {
  return {...NO_SESSIONS, sessions, clients, shelf: new PolicyShelf(undefined)};
}

/** A range of ours, or the route to a pod that is here. */
function isStillOurs(
  {address, bits}: LocalRoute,
  ranges: readonly Cidr[],
  addresses: readonly Uint8Array[],
): boolean {
  const isRange = ranges.some(
    range => range.bits === bits && Buffer.compare(range.address, address) === 0,
  );
  const isWhole = bits === address.length * 8;
  return isRange || (isWhole && addresses.some(each => Buffer.compare(each, address) === 0));
}

/** One that was understood once is still in use: the state keeps what was last good. */
function isConfigUnreadable({problems, resources}: State): boolean {
  const isRefused = [...problems.keys()].some(key => key.endsWith('/bgpconfig/default'));
  return isRefused && ![...resources.values()].some(({kind}) => kind === 'BGPConfig');
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

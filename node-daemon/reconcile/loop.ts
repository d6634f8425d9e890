/**
 * The core of the daemon: owns the state, derives what the kernel should hold, and keeps the kernel
 * to it. Shell. One loop; nothing else writes state or the tables.
 *
 *   dispatch(event) ── state ── changes ──┐
 *   kernel news, timer, backoff ──────────┴── loop: derive what changed ── update() or resync()
 *
 * How to compose it:
 *
 *   const core = createNodeCore({self: {name, uid}, kernel: createRtnetlink(), log, resyncMs: 30_000});
 *   const reflector = new Reflector({
 *     openClient: () => openEtcd(etcd),
 *     prefixes: reflectedPrefixes(prefix),
 *     onChanges: (changes, isListed) =>
 *       core.dispatch({kind: 'store', events: toStoreEvents(prefix, changes, isListed)}),
 *   });
 *   core.dispatch({kind: 'underlay', underlay});                       // and whenever it changes
 *   core.dispatch({kind: 'ranges', ranges});                           // and whenever the lease does
 *   core.dispatch({kind: 'attachments', attachments: book.list()});    // once, then one by one:
 *   book.onChange(change => core.dispatch({kind: 'attachment', …}));   // or 'attachment-gone'
 *   await core.start();
 *   reflector.start();
 *   await core.firstPassDone;                                          // log "ready":true
 *
 * Order of the dispatches does not matter. Until etcd was read completely and the underlay is known,
 * only what pods need is healed, and nothing is deleted. An underlay that goes away for a while
 * changes nothing in the kernel. stop() leaves the kernel as it is.
 */
import {systemClock, type Clock, type Timer} from '../datastore/clock.js';
import {createDirtyKeys, type DirtyKeys} from '../desired/desired.js';
import {Derivation} from '../desired/derivation.js';
import type {KernelChange, KernelPort} from '../kernel/port.js';
import {createState, type Self, type State} from '../state/state.js';
import {createChanges, transition, type Changes, type StateEvent} from '../state/transition.js';
import {describeTables, type NodeHealth} from './health.js';
import {needsResync} from './news.js';
import {PassMeter, type KernelPass} from './pass-meter.js';
import {Reconciler} from './reconciler.js';

export interface NodeCoreOptions {
  readonly self: Self;
  readonly kernel: KernelPort;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Everything is looked at this often, whatever happens. */
  readonly resyncMs?: number; // default 30000
  /** News of the kernel are gathered this long before they lead to a resync. */
  readonly debounceMs?: number; // default 100
  /** After every pass that had something to do, and after every resync. */
  readonly onPass?: (pass: KernelPass) => void;
  /** The state has taken this event; told within dispatch(). */
  readonly onEvent?: (event: StateEvent) => void;
}

/** The methods of a pino logger that are used. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface NodeCore {
  /** Takes effect on state() at once, on the kernel soon after. Never throws, never waits. */
  dispatch(event: StateEvent): void;
  /** Begins to listen to the kernel and to reconcile. @throws NetlinkError when it cannot listen. */
  start(): Promise<void>;
  /** Waits for the pass under way. The kernel keeps what it has. */
  stop(): Promise<void>;
  state(): State;
  /** The first pass after etcd was read completely, with underlay and journal known, is over. */
  readonly firstPassDone: Promise<void>;
  /** Nothing is left to do for what was dispatched so far, except what failed. */
  settled(): Promise<void>;
  health(): NodeHealth;
}

/** Beyond it they are not looked at one by one. */
const mostSuspects = 100;

const silent: Log = {info: () => undefined, warn: () => undefined};

export function createNodeCore(options: NodeCoreOptions): NodeCore {
  return new Core(options);
}

class Core implements NodeCore {
  readonly firstPassDone: Promise<void>;
  readonly #state: State;
  readonly #kernel: KernelPort;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #resyncMs: number;
  readonly #debounceMs: number;
  readonly #passes: PassMeter;
  readonly #onEvent: ((event: StateEvent) => void) | undefined;
  readonly #derivation: Derivation;
  readonly #reconciler: Reconciler;
  #changes = createChanges();
  #markFirstPass: () => void = () => undefined;
  #isFirstPassDone = false;
  #wake: () => void = () => undefined;
  #waiters: (() => void)[] = [];
  #isIdle = true;
  #newsTimer: Timer | undefined;
  #suspects: KernelChange[] = [];
  #wantsResync = false;
  #monitor: {close(): void} | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #resyncAtMs = 0; // full pass at the latest then
  #dumpFailures = 0;
  #dumpError: {message: string; sinceMs: number} | undefined;
  #lastPassAtMs: number | undefined;
  #resyncs = 0;
  #updates = 0;

  constructor({self, kernel, log, clock, resyncMs, debounceMs, onPass, onEvent}: NodeCoreOptions) {
    this.#state = createState(self);
    this.#derivation = new Derivation((node, problems) =>
      this.#log.warn({node, problems}, 'node cannot be reached fully'),
    );
    this.#kernel = kernel;
    this.#log = log ?? silent;
    this.#clock = clock ?? systemClock;
    this.#resyncMs = resyncMs ?? 30_000;
    this.#debounceMs = debounceMs ?? 100;
    this.#reconciler = new Reconciler(kernel, this.#clock);
    this.#passes = new PassMeter(this.#reconciler.ledgers, onPass);
    this.#onEvent = onEvent;
    this.firstPassDone = new Promise(resolve => (this.#markFirstPass = resolve));
  }

  dispatch(event: StateEvent): void {
    transition(this.#state, event, this.#changes);
    this.#wake();
    this.#onEvent?.(event);
  }

  async start(): Promise<void> {
    this.#monitor = await this.#kernel.monitor({
      onChange: change => this.#noteNews(change),
      isBusy: () => !this.#isIdle,
      onResync: why => {
        this.#log.info({why}, 'kernel news were lost');
        this.#resyncSoon();
      },
    });
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#monitor?.close();
    this.#newsTimer?.cancel();
    this.#wake();
    await this.#running;
  }

  state(): State {
    return this.#state;
  }

  settled(): Promise<void> {
    if (this.#isIdle && !hasChanges(this.#changes)) return Promise.resolve();
    return new Promise(resolve => this.#waiters.push(resolve));
  }

  health(): NodeHealth {
    const {device, addresses, nexthops, neighbours, fdb, routes} = this.#derivation.desired;
    const counts = {
      device: device === undefined ? 0 : 1,
      addresses: addresses.size,
      nexthops: nexthops.size,
      neighbours: neighbours.size,
      fdb: fdb.size,
      routes: routes.size,
    };
    return {
      tables: describeTables(this.#reconciler.ledgers, counts),
      ...(this.#dumpError !== undefined && {dumpError: this.#dumpError}),
      ...(this.#lastPassAtMs !== undefined && {lastPassAtMs: this.#lastPassAtMs}),
      resyncs: this.#resyncs,
      updates: this.#updates,
      problems: new Map([...this.#state.problems, ...this.#derivation.problems()]),
    };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#isIdle = false;
      await this.#pass();
      if (this.#stopped) break;
      if (!hasChanges(this.#changes) && this.#dueInMs() > 0) await this.#sleep(this.#dueInMs());
    }
    this.#tellWaiters();
  }

  /** One full pass or one update, whichever is due. */
  async #pass(): Promise<void> {
    const changes = this.#changes;
    this.#changes = createChanges();
    const dirty = createDirtyKeys();
    const isBroad = this.#derivation.take(this.#state, changes, dirty);
    const isOverdue = this.#isComplete() && !this.#isFirstPassDone && this.#dumpFailures === 0;
    if (isBroad || isOverdue || this.#isResyncDue()) await this.#resync();
    else if (this.#derivation.isReady && this.#dumpFailures === 0) await this.#update(dirty);
    this.#lastPassAtMs = this.#clock.nowMs();
    if (this.#reconciler.wantsResync) this.#resyncSoon();
  }

  #isResyncDue(): boolean {
    const nowMs = this.#clock.nowMs();
    return nowMs >= this.#resyncAtMs || this.#reconciler.ledgers.device.due(nowMs).length > 0;
  }

  /** Enough is known to say what the kernel should hold. */
  #isComplete(): boolean {
    return this.#state.pods !== undefined && this.#derivation.isReady;
  }

  async #update(dirty: DirtyKeys): Promise<void> {
    this.#updates++;
    try {
      await this.#reconciler.update(this.#derivation.desired, dirty);
      this.#passes.end('update');
    } catch (error) {
      this.#noteDumpError(error);
    }
  }

  async #resync(): Promise<void> {
    const isComplete = this.#isComplete();
    const {desired, isReady} = this.#derivation;
    this.#resyncAtMs = this.#clock.nowMs() + this.#resyncMs;
    this.#resyncs++;
    try {
      await this.#reconciler.resync(desired, {withOverlay: isReady});
      this.#passes.end('resync');
      this.#dumpFailures = 0;
      this.#dumpError = undefined;
    } catch (error) {
      return this.#noteDumpError(error);
    }
    if (!isComplete || this.#isFirstPassDone) return;
    this.#isFirstPassDone = true;
    this.#markFirstPass();
  }

  /** The kernel could not be asked; the tables are as they were. */
  #noteDumpError(error: unknown): void {
    const sinceMs = this.#dumpError?.sinceMs ?? this.#clock.nowMs();
    this.#dumpError = {message: error instanceof Error ? error.message : String(error), sinceMs};
    this.#dumpFailures++;
    const delayMs = Math.min(this.#resyncMs, 250 * 2 ** Math.min(this.#dumpFailures - 1, 10));
    this.#resyncAtMs = this.#clock.nowMs() + delayMs;
    if (this.#dumpFailures === 1) this.#log.warn({err: error}, 'kernel could not be read');
  }

  /**
   * What looks amiss is looked at again after a moment: by then echoes of our own changes, and of
   * those of CNI verbs, agree with what we know.
   */
  #noteNews(change: KernelChange): void {
    if (this.#stopped || this.#wantsResync) return;
    if (change.table === 'links') this.#forgetEarlierNews(change.link.index);
    const {desired} = this.#derivation;
    if (!needsResync(change, desired, this.#reconciler.mirror)) return;
    if (this.#suspects.push(change) > mostSuspects) this.#wantsResync = true;
    this.#startNewsTimer();
  }

  /** Of an interface only the last news count. */
  #forgetEarlierNews(index: number): void {
    this.#suspects = this.#suspects.filter(
      suspect => suspect.table !== 'links' || suspect.link.index !== index,
    );
  }

  #resyncSoon(): void {
    this.#wantsResync = true;
    this.#startNewsTimer();
  }

  #startNewsTimer(): void {
    this.#newsTimer ??= this.#clock.after(this.#debounceMs, () => {
      const {desired} = this.#derivation;
      const {mirror} = this.#reconciler;
      const isAmiss = this.#suspects.some(change => needsResync(change, desired, mirror));
      this.#newsTimer = undefined;
      this.#suspects = [];
      if (!this.#wantsResync && !isAmiss) return;
      this.#wantsResync = false;
      this.#resyncAtMs = 0;
      this.#wake();
    });
  }

  #dueInMs(): number {
    const nextMs = Math.min(this.#resyncAtMs, this.#reconciler.nextRetryAtMs());
    return nextMs - this.#clock.nowMs();
  }

  /** Until there is something to do. */
  async #sleep(forMs: number): Promise<void> {
    this.#isIdle = true;
    this.#tellWaiters();
    let timer: Timer | undefined;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      timer = this.#clock.after(forMs, resolve);
    });
    this.#wake = () => undefined;
    timer?.cancel();
  }

  #tellWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const tell of waiters) tell();
  }
}

function hasChanges({context, pods, nodes}: Changes): boolean {
  return context || pods.size > 0 || nodes.size > 0;
}

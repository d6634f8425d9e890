/**
 * Learnt routes in the kernel, and the way to next hops out of it. Shell over routes.ts, tracker.ts.
 *
 *   select, sweep ──> LearntRoutes ── RouteWriter ──> kernel
 *   watch ──> NextHopTracker <─── Underlay <───── news, dumps
 *                  └──> onNextHops
 *
 * What is lost or doubtful is looked at again (all of it: a "picture"), and so is everything from time
 * to time. Nothing is removed when it stops.
 */
import type {Family, NextHopState, SelectedColumns, SelectedRoute} from '#bgp-fsm';
import {NetlinkError, type Message, type Monitor, type NetlinkSocket} from '#native-addon';
import type {Clock, Timer} from '../../datastore/clock.js';
import {toNews, type News} from './news.js';
import {takePicture} from './picture.js';
import type {Refused} from './refusals.js';
import {RouteWriter} from './route-writer.js';
import {families, LearntRoutes} from './routes.js';
import {NextHopTracker, type NextHop} from './tracker.js';
import {Underlay} from './underlay.js';

export interface BgpKernelOptions {
  readonly openSocket: () => Promise<NetlinkSocket>;
  readonly openMonitor: (handlers: MonitorHandlers) => Promise<Pick<Monitor, 'ignore' | 'close'>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly resyncMs?: number; // all is looked at this often; 60000
  readonly onNextHops: (states: readonly NextHopState[]) => void;
  /** The kernel holds routes of ours in these families: said when that changes. */
  readonly onHolding?: (families: readonly Family[]) => void;
  /** Before each slice of much: see RouteWriter. */
  readonly othersPass?: () => Promise<unknown> | undefined;
}

export interface MonitorHandlers {
  readonly onMessage: (message: Message) => void;
  readonly onResync: (why: string) => void;
}

/** The methods of a pino logger that are used. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface BgpKernelStatus {
  readonly routes: Readonly<Record<Family, {wanted: number; held: number; stale: number}>>;
  readonly objects: number;
  readonly written: number; // operations, since start
  readonly refused: number;
  readonly refusals: readonly (Pick<Refused<unknown>, 'code' | 'message' | 'attempts'> & {
    readonly key: string;
  })[];
  readonly pictures: number;
}

const DEBOUNCE_MS = 200;
const SHOWN_REFUSALS = 20;

export class BgpKernel {
  readonly #options: BgpKernelOptions;
  readonly #clock: Clock;
  readonly #tracker: NextHopTracker;
  readonly #routes: LearntRoutes;
  readonly #writer: RouteWriter;
  readonly #resyncMs: number;
  #underlay = new Underlay();
  #socket: Promise<NetlinkSocket> | undefined;
  #monitor: Pick<Monitor, 'ignore' | 'close'> | undefined;
  #newsSincePicture: News[] | undefined; // while one is taken
  #isReflecting = false;
  #pictureTimer: Timer | undefined;
  #wantsPicture = false;
  #isTaking = false;
  #resyncTimer: Timer | undefined;
  #pictures = 0;
  #isStopped = false;
  #holding = ''; // families, as last told

  constructor(options: BgpKernelOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#resyncMs = options.resyncMs ?? 60_000;
    this.#tracker = new NextHopTracker(this.#underlay);
    this.#routes = new LearntRoutes(hop => this.#tracker.resolve(hop));
    this.#writer = new RouteWriter(this.#routes, {
      clock: this.#clock,
      useSocket: action => this.#use(action),
      onRefused: (err, isFirst) => this.#refused(err, isFirst),
      onIdle: () => this.#tellHolding(),
      ...(options.othersPass && {othersPass: options.othersPass}),
    });
  }

  /**
   * Looks at what is there, writes nothing yet. Answers how many routes an earlier process left.
   * @throws NetlinkError when the kernel cannot be listened to or read.
   */
  async start(): Promise<Readonly<Record<Family, number>>> {
    this.#monitor = await this.#options.openMonitor({
      onMessage: message => this.#hear(message),
      onResync: why => this.#doubt(why),
    });
    try {
      await this.#takePicture();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#holding = this.#heldFamilies().join();
    this.#writer.start();
    this.#pictureAgain();
    return {ipv4: this.#routes.heldCount('ipv4'), ipv6: this.#routes.heldCount('ipv6')};
  }

  /** Resolves when there is room for more. In the order of the calls. */
  select(routes: readonly SelectedRoute[]): Promise<void> {
    for (const route of routes) this.#routes.select(route);
    return this.#writer.taken();
  }

  /** The same. */
  selectColumns(columns: SelectedColumns): Promise<void> {
    this.#routes.selectColumns(columns);
    return this.#writer.taken();
  }

  /** False: no route is wanted, whatever is selected. True again: what is selected from now on. */
  install(isWanted: boolean): void {
    this.#routes.install(isWanted);
    this.#writer.wake();
  }

  /** All that will be selected of the family is: what an earlier process left beyond it goes. */
  sweep(family: Family): void {
    this.#routes.sweep(family);
    this.#writer.wake();
  }

  /** The states of those that are new come by onNextHops. */
  watch(changes: readonly (NextHop & {readonly isUsed: boolean})[]): void {
    for (const change of changes) {
      if (change.isUsed) this.#tracker.track(change);
      else this.#tracker.untrack(change);
    }
    this.#tellNextHops();
  }

  status(): BgpKernelStatus {
    const {refusals, objects, written} = this.#routes;
    const shown = [...refusals.entries()].slice(0, SHOWN_REFUSALS);
    return {
      routes: {ipv4: this.#routes.count('ipv4'), ipv6: this.#routes.count('ipv6')},
      objects: objects.size,
      written,
      refused: refusals.total,
      refusals: shown.map(([key, {code, message, attempts}]) => ({key, code, message, attempts})),
      pictures: this.#pictures,
    };
  }

  /** Nothing is left to write for what was selected so far, but what was refused. */
  settled(): Promise<void> {
    return this.#writer.settled();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pictureTimer?.cancel();
    this.#resyncTimer?.cancel();
    this.#monitor?.close();
    await this.#writer.stop();
    (await this.#socket?.catch(() => undefined))?.close();
  }

  #heldFamilies(): readonly Family[] {
    return families.filter(family => this.#routes.heldCount(family) > 0);
  }

  #tellHolding(): void {
    const held = this.#heldFamilies();
    if (held.join() === this.#holding) return;
    this.#holding = held.join();
    this.#options.onHolding?.(held);
  }

  #hear(message: Message): void {
    const news = toNews(message);
    if (news === undefined) return;
    this.#newsSincePicture?.push(news);
    this.#take(news);
  }

  /** `isRepeated`: after the picture that was taken meanwhile, which may show what was before. */
  #take(news: News, isRepeated = false): void {
    switch (news.kind) {
      case 'link':
        return this.#takeLink(news, isRepeated);
      case 'route': {
        const {route, isGone, isOnly} = news;
        const {address, bits} = route.destination;
        const isKnown = isGone ? this.#underlay.dropRoute(route) : true;
        if (!isGone) this.#underlay.setRoute(route, isOnly);
        if (!this.#tracker.concerns(address, bits)) return;
        if (!isKnown) this.#doubt('an unknown route went');
        return this.#reflectSoon();
      }
      case 'nexthop':
        if (news.isGone) this.#underlay.dropNexthop(news.nexthop.id);
        else this.#underlay.setNexthop(news.nexthop);
        return this.#reflectSoon();
      case 'lost-route': {
        const {family, destination} = news.route;
        this.#routes.lostRoute(family, destination, isRepeated);
        return this.#writer.wake();
      }
      case 'lost-object':
        this.#underlay.dropNexthop(news.id); // if it was somebody else's
        this.#routes.lostObject(news.id, isRepeated);
        return this.#writer.wake();
      case 'doubt':
        return this.#doubt(news.why);
    }
  }

  #takeLink({ifindex, state}: Extract<News, {kind: 'link'}>, isRepeated: boolean): void {
    const wasUsable = this.#underlay.isUsable(ifindex);
    const isUsable = state === 'usable';
    this.#underlay.setLink(ifindex, isUsable);
    if (state === 'down') this.#underlay.dropRoutesOf(ifindex);
    if (wasUsable === isUsable) return;
    if (!isUsable && this.#routes.lostLink(ifindex, isRepeated)) this.#doubt('a link of ours went');
    if (this.#tracker.dependsOn(ifindex)) this.#reflect();
  }

  /** Next hops anew, once for a burst of news. */
  #reflectSoon(): void {
    if (this.#isReflecting) return;
    this.#isReflecting = true;
    setImmediate(() => {
      this.#isReflecting = false;
      this.#reflect();
    });
  }

  #reflect(): void {
    this.#routes.resolveAll(hop => this.#tracker.resolve(hop));
    this.#writer.wake();
    this.#tellNextHops();
  }

  #tellNextHops(): void {
    const changes = this.#tracker.takeChanges();
    if (changes.length > 0) this.#options.onNextHops(changes);
  }

  #refused(err: NetlinkError | undefined, isFirst: boolean): void {
    this.#doubt('the kernel refused something');
    if (isFirst) this.#options.log.warn({err}, 'kernel refused what BGP has learnt');
  }

  #doubt(why: string): void {
    if (this.#isStopped || this.#pictureTimer !== undefined) return;
    this.#pictureTimer = this.#clock.after(DEBOUNCE_MS, () => {
      this.#pictureTimer = undefined;
      this.#pictureSoon(why);
    });
  }

  /** All is looked at again from time to time. */
  #pictureAgain(): void {
    this.#resyncTimer?.cancel();
    this.#resyncTimer = this.#clock.after(this.#resyncMs, () => this.#pictureSoon());
  }

  #pictureSoon(why = 'it is time'): void {
    this.#pictureAgain();
    if (this.#isTaking) {
      this.#wantsPicture = true;
      return;
    }
    this.#takePicture().catch((err: unknown) => {
      this.#options.log.warn({err, why}, 'kernel could not be read for BGP');
      this.#doubt('the last picture failed');
    });
  }

  async #takePicture(): Promise<void> {
    this.#isTaking = true;
    const news: News[] = (this.#newsSincePicture = []);
    this.#routes.beginObservation();
    try {
      await this.#writer.landed(); // a dump does not see what is still on its way
      this.#underlay = await this.#use(socket => takePicture(socket, this.#routes));
      this.#tracker.setUnderlay(this.#underlay);
      this.#pictures++;
    } finally {
      this.#isTaking = false;
      this.#newsSincePicture = undefined;
      for (const each of news) this.#take(each, true); // routes were observed also if it failed
      this.#routes.endObservation();
    }
    if (this.#wantsPicture) this.#doubt('things happened meanwhile');
    this.#wantsPicture = false;
    this.#reflect();
  }

  async #use<T>(action: (socket: NetlinkSocket) => Promise<T>): Promise<T> {
    this.#socket ??= this.#options.openSocket().then(socket => {
      this.#monitor?.ignore(socket.port);
      return socket;
    });
    const opened = this.#socket;
    try {
      return await action(await opened);
    } catch (error) {
      const isSound = error instanceof NetlinkError && error.code === 'EINTR'; // of a dump
      if (this.#socket === opened && !isSound) {
        this.#socket = undefined;
        opened.then(
          socket => socket.close(),
          () => undefined,
        );
      }
      throw error;
    }
  }
}

/**
 * Brings the kernel to what learnt routes are to be, as long as anything is left to write. Shell over
 * routes.ts.
 *
 *   LearntRoutes ── plan ──> slices, one behind the other ──> kernel ── settle ──> LearntRoutes
 *
 * What the kernel refuses is tried again with backoff, by itself. Nothing is removed when it stops.
 */
import {NetlinkError, type NetlinkSocket} from '#native-addon';
import type {Clock, Timer} from '../../datastore/clock.js';
import {objectRequest} from './requests.js';
import type {Batch, LearntRoutes} from './routes.js';

export interface RouteWriterPorts {
  readonly clock: Clock;
  readonly useSocket: <T>(action: (socket: NetlinkSocket) => Promise<T>) => Promise<T>;
  /** Something is not as was believed; isFirst: nothing was refused so far. */
  readonly onRefused: (err: NetlinkError | undefined, isFirst: boolean) => void;
  readonly onIdle: () => void;
  /** Resolves when others are done with the kernel's network lock, soon at the latest; undefined: nobody has it. */
  readonly othersPass?: () => Promise<unknown> | undefined;
}

/** More at once would hold up the event loop, and more on its way pods that wait for the kernel's network lock. */
const SLICE = 256;
const MOST_UNDER_WAY = 2;
/** `taken` answers when no more than this wait. */
const TAKEN_BELOW = 1024;

export class RouteWriter {
  readonly #routes: LearntRoutes;
  readonly #ports: RouteWriterPorts;
  #underWay: Promise<void>[] = [];
  #wake: () => void = () => undefined;
  #takers: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(routes: LearntRoutes, ports: RouteWriterPorts) {
    this.#routes = routes;
    this.#ports = ports;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There may be something to write. */
  wake(): void {
    this.#wake();
  }

  /** Resolves when there is room for more. */
  taken(): Promise<void> {
    this.#wake();
    if (this.#routes.queued < TAKEN_BELOW) return Promise.resolve();
    return new Promise(resolve => this.#takers.push(resolve));
  }

  /** Nothing is on its way of what is now. */
  async landed(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Nothing is left to write but what was refused. */
  async settled(): Promise<void> {
    while (this.#routes.queued > 0 || this.#underWay.length > 0) {
      await new Promise<void>(resolve => this.#takers.push(resolve));
      await this.landed();
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
    await this.landed();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#mayWait()) await this.#ports.othersPass?.();
      const batch = this.#routes.plan(SLICE, this.#ports.clock.nowMs());
      if (this.#routes.queued < TAKEN_BELOW) this.#tellTakers();
      if (lengthOf(batch) === 0) {
        this.#ports.onIdle();
        await this.#sleep();
        continue;
      }
      const sent = this.#send(batch).finally(() => {
        this.#underWay = this.#underWay.filter(each => each !== sent);
        this.#wake();
      });
      this.#underWay.push(sent);
      if (this.#underWay.length >= MOST_UNDER_WAY) await this.#underWay[0];
    }
    this.#tellTakers();
  }

  /** What is short does not wait, nor a next hop that BFD takes from many routes at once. */
  #mayWait(): boolean {
    return this.#routes.queued > SLICE && !this.#routes.objects.hasWrites;
  }

  async #send(batch: Batch): Promise<void> {
    const {clock, useSocket, onRefused} = this.#ports;
    const isFirst = this.#routes.refusals.size === 0;
    const errors = await useSocket(socket => carryOut(socket, batch)).catch((error: unknown) => {
      if (!(error instanceof NetlinkError)) throw error;
      // what became of them the next picture tells
      return new Array<NetlinkError>(lengthOf(batch)).fill(error);
    });
    const isDoubtful = this.#routes.settle(batch, errors, clock.nowMs());
    if (!isDoubtful) return;
    const err = errors.find(error => error !== undefined);
    onRefused(err, isFirst);
  }

  /** Until there is something to do. */
  async #sleep(): Promise<void> {
    const {clock} = this.#ports;
    const dueMs = this.#routes.refusals.nextDueMs();
    let timer: Timer | undefined;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      const delayMs = Math.max(0, dueMs - clock.nowMs());
      if (Number.isFinite(delayMs)) timer = clock.after(delayMs, resolve);
    });
    this.#wake = () => undefined;
    timer?.cancel();
  }

  #tellTakers(): void {
    const takers = this.#takers;
    this.#takers = [];
    for (const tell of takers) tell();
  }
}

function lengthOf({objects, routes, garbage}: Batch): number {
  return objects.length + routes.length + garbage.length;
}

/** In this order, also between batches: a socket carries out what it is given one after the other. */
async function carryOut(
  socket: NetlinkSocket,
  {objects, routes, garbage}: Batch,
): Promise<readonly (NetlinkError | undefined)[]> {
  const [ofObjects, ofRoutes, ofGarbage] = await Promise.all([
    socket.send(objects.map(objectRequest)),
    socket.sendBatch(routes),
    socket.send(garbage.map(objectRequest)),
  ]);
  return [...ofObjects, ...ofRoutes, ...ofGarbage];
}

/**
 * Learnt routes: what is to be in the kernel, what is believed to be there, and the next batch that
 * brings the one to the other. Pure: time is handed in, the kernel is elsewhere.
 *
 *   select() ── wanted ──┐                        ┌── settle(): what was refused, with backoff
 *                        ├── queue ── plan() ── batch
 *   observe() ── held ───┘                        └── lost…(): what went without us
 *
 * What plan() hands out is believed to be done from then on; the kernel takes batches in order. Routes
 * that an earlier process left are stale: kept until the same route is selected (and then nothing is
 * written) or until sweep() says that all which will be selected is.
 */
import type {Family, SelectedColumns, SelectedNextHop, SelectedRoute} from '#bgp-fsm';
import {RouteBatch, RT_TABLE_MAIN} from '#native-addon';
import {METRIC_BGP} from '../../kernel/bgp-objects.js';
import {addressText} from '../../kernel/key.js';
import {PROTOCOL_TWILL} from '../../kernel/port.js';
import type {Hop, Path} from './hop-sets.js';
import {NextHopObjects, type KernelObject, type ObjectOp} from './objects.js';
import {Refusals, type Refusal} from './refusals.js';
import {OVERWRITTEN, RouteColumns, STALE, UNKNOWN} from './route-columns.js';

/** To be carried out in this order: objects, routes, garbage. */
export interface Batch {
  readonly objects: readonly ObjectOp[];
  readonly routes: RouteBatch;
  readonly slots: Int32Array; // of each route
  readonly garbage: readonly ObjectOp[];
}

/** What a dump showed of ours. */
export interface Observation {
  readonly objects: ReadonlyMap<number, KernelObject>;
  readonly foreign: ReadonlySet<number>; // ids of our range that others have
  readonly routes: readonly ObservedRoute[];
}

export interface ObservedRoute {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly target: number; // 0: it names no nexthop object, so somebody wrote over ours
}

/** What is tried again. */
type Retry =
  | {readonly kind: 'route'; readonly family: Family; readonly slot: number}
  | {readonly kind: 'object'; readonly id: number};

export const families: readonly Family[] = ['ipv4', 'ipv6'];
const ours = {table: RT_TABLE_MAIN, protocol: PROTOCOL_TWILL, priority: METRIC_BGP};
const none: readonly SelectedNextHop[] = [];

/** Nothing can be done about its route now. */
const UNDECIDED = -3;

export class LearntRoutes {
  readonly objects: NextHopObjects;
  readonly refusals = new Refusals<Retry>();
  written = 0; // operations that the kernel carried out, since start
  readonly #columns: Readonly<Record<Family, RouteColumns>> = {
    ipv4: new RouteColumns(4),
    ipv6: new RouteColumns(16),
  };
  #epoch = 1;
  #isInstalling = true;

  constructor(resolve: (hop: Hop) => Path | undefined) {
    this.objects = new NextHopObjects(resolve);
  }

  /** False: what was selected is to go, and what is from now on is not wanted. Stale routes go with the sweep. */
  install(isWanted: boolean): void {
    this.#isInstalling = isWanted;
    if (isWanted) return;
    for (const columns of Object.values(this.#columns)) {
      for (const slot of columns.wantedSlots()) this.#want(columns, slot, none);
    }
  }

  select({family, address, bits, nextHops}: SelectedRoute): void {
    if (!this.#isInstalling) return;
    const columns = this.#columns[family];
    this.#want(columns, columns.slotOf(address, bits), nextHops);
  }

  selectColumns({families, bits, addresses, nextHops, sets}: SelectedColumns): void {
    if (!this.#isInstalling) return;
    const {ipv4, ipv6} = this.#columns;
    let from = 0;
    for (let at = 0; at < families.length; at++) {
      const isIpv4 = families[at] === 4;
      const columns = isIpv4 ? ipv4 : ipv6;
      const slot = columns.slotOf(addresses, bits[at] as number, from);
      this.#want(columns, slot, sets[nextHops[at] as number] ?? none);
      from += isIpv4 ? 4 : 16;
    }
  }

  #want(columns: RouteColumns, slot: number, nextHops: readonly SelectedNextHop[]): void {
    const before = columns.wanted(slot);
    const set = nextHops.length === 0 ? undefined : this.objects.sets.retain(nextHops);
    if (set !== undefined && before === STALE) this.objects.claim(set, columns.held(slot));
    if (before > 0) this.objects.sets.release(this.objects.sets.at(before - 1));
    columns.want(slot, set === undefined ? 0 : set.ix + 1);
  }

  /** All that will be selected of the family is: stale routes go. */
  sweep(family: Family): void {
    this.#columns[family].sweep();
  }

  get queued(): number {
    return families.reduce((sum, family) => sum + this.#columns[family].queued, 0);
  }

  /** Routes in the kernel, as far as we know. */
  heldCount(family: Family): number {
    return this.#columns[family].heldCount;
  }

  count(family: Family): {wanted: number; held: number; stale: number} {
    return this.#columns[family].count();
  }

  /** At most `limit` routes. Empty lists when there is nothing to do. */
  plan(limit: number, nowMs: number): Batch {
    const retried = this.#retryDue(nowMs);
    const {ops: objects, ready} = this.objects.takeWrites();
    for (const id of retried) {
      if (!objects.some(op => op.id === id)) this.refusals.forget(objectKey(id)); // as it should be
    }
    for (const {waiting} of ready) this.#wake(waiting);
    const most = Math.min(limit, this.queued);
    const routes = new RouteBatch(ours, most);
    const slots = new Int32Array(most);
    for (const family of families) this.#planFamily(family, routes, slots);
    return {objects, routes, slots, garbage: this.queued === 0 ? this.objects.takeDeletes() : []};
  }

  /** What the kernel said, by the index of the operation. True: something is not as we believed. */
  settle(batch: Batch, errors: readonly (Refusal | undefined)[], nowMs: number): boolean {
    const {objects, routes} = batch;
    let isDoubtful = false;
    for (const [at, op] of objects.entries()) {
      isDoubtful = this.#settleObject(op, errors[at], nowMs) || isDoubtful;
    }
    for (let at = 0; at < routes.length; at++) {
      const error = errors[objects.length + at];
      const isPlain = routes.kindAt(at) !== 'delete' && this.refusals.size === 0;
      if (error === undefined && isPlain) continue;
      isDoubtful = this.#settleRoute(batch, at, error, nowMs) || isDoubtful;
    } // garbage that was not there is gone as well
    for (const error of errors) if (error === undefined) this.written++;
    return isDoubtful;
  }

  /** The way to next hops may have changed. */
  resolveAll(resolve: (hop: Hop) => Path | undefined): void {
    for (const hop of this.objects.sets.hops.values()) this.objects.setPath(hop, resolve(hop));
  }

  /** True: objects went with it. */
  lostLink(ifindex: number): boolean {
    const gone = this.objects.noteLinkDown(ifindex);
    this.#lostTargets(gone);
    return gone.size > 0;
  }

  lostObject(id: number): void {
    this.objects.noteGone(id);
    this.#lostTargets(new Set([id]));
  }

  lostRoute(family: Family, address: Uint8Array, bits: number): void {
    const columns = this.#columns[family];
    const slot = columns.find(address, bits);
    if (slot >= 0 && columns.held(slot) !== 0) this.#setHeld(columns, slot, 0);
  }

  /** To be called before the dump: what is written from now on, the dump may not show. */
  beginObservation(): void {
    this.#epoch++;
    this.objects.beginObservation();
  }

  observe({objects, foreign, routes}: Observation): void {
    this.#lostTargets(this.objects.observe(objects, foreign));
    for (const {family, address, bits, target} of routes) {
      const columns = this.#columns[family];
      const slot = columns.slotOf(address, bits);
      columns.noteSeen(slot, this.#epoch);
      if (columns.wasWritten(slot, this.#epoch)) continue;
      if (columns.held(slot) === 0 && columns.wanted(slot) === 0) columns.adopt(slot);
      this.#setHeld(columns, slot, target === 0 ? OVERWRITTEN : target);
    }
    for (const family of families) {
      const columns = this.#columns[family];
      for (const slot of columns.unseen(this.#epoch)) this.#setHeld(columns, slot, 0);
    }
  }

  #planFamily(family: Family, routes: RouteBatch, slots: Int32Array): void {
    const columns = this.#columns[family];
    while (routes.length < slots.length) {
      const slot = columns.next();
      if (slot < 0) return;
      const held = columns.held(slot);
      const target = this.#targetOf(family, columns, slot);
      if (target === held || target === UNDECIDED) continue;
      const isThere = held > 0 || held === OVERWRITTEN;
      const kind = target === 0 ? 'delete' : isThere ? 'replace' : 'add';
      this.#moveCount(held, target);
      columns.write(slot, target, this.#epoch);
      slots[routes.length] = slot;
      routes.add(kind, columns.addressWords(slot), columns.bits(slot), target);
    }
  }

  /** The object that its route is to name; 0: it is to have none. */
  #targetOf(family: Family, columns: RouteColumns, slot: number): number {
    const wanted = columns.wanted(slot);
    if (wanted === STALE) return UNDECIDED;
    const set = wanted === 0 ? undefined : this.objects.sets.at(wanted - 1);
    const target = set === undefined ? 0 : this.objects.target(set);
    if (set !== undefined && target === 0) {
      set.waiting[family].push(slot);
      return UNDECIDED;
    }
    if (target !== columns.held(slot)) return target;
    if (this.refusals.size > 0) {
      const {address, bits} = columns.prefix(slot);
      this.refusals.forget(routeKey(address, bits));
    }
    if (target === 0) columns.free(slot);
    return target;
  }

  #settleObject({kind, id}: ObjectOp, error: Refusal | undefined, nowMs: number): boolean {
    if (error === undefined) {
      this.refusals.forget(objectKey(id));
      this.objects.noteWritten(id);
      return false;
    }
    if (kind === 'add' && error.code === 'EEXIST') this.#letGo(id);
    else this.objects.noteRefused(id);
    this.refusals.note(objectKey(id), {kind: 'object', id}, error, nowMs);
    return true;
  }

  /** Routes that were written with an object that is not ours get another one as soon as there is one. */
  #letGo(id: number): void {
    this.objects.noteForeign(id);
    for (const family of families) {
      const columns = this.#columns[family];
      for (const slot of columns.slotsWith(new Set([id]))) columns.enqueue(slot);
    }
  }

  #settleRoute(
    {routes, slots}: Batch,
    at: number,
    error: Refusal | undefined,
    nowMs: number,
  ): boolean {
    const {family, kind, address, bits, nexthopId: target} = routes.at(at);
    const slot = slots[at] as number;
    const columns = this.#columns[family];
    const isIt = columns.find(address, bits) === slot;
    if (error === undefined || (kind === 'delete' && error.code === 'ESRCH')) {
      this.refusals.forget(routeKey(address, bits));
      const isOver = kind === 'delete' && columns.wanted(slot) === 0 && columns.held(slot) === 0;
      if (isIt && isOver) columns.free(slot);
      return false;
    }
    if (!isIt || columns.held(slot) !== target) return true; // superseded
    this.#moveCount(target, UNKNOWN);
    columns.setHeld(slot, UNKNOWN);
    this.refusals.note(routeKey(address, bits), {kind: 'route', family, slot}, error, nowMs);
    return true;
  }

  /** Answers the ids of objects among them. */
  #retryDue(nowMs: number): number[] {
    const objects: number[] = [];
    for (const retry of this.refusals.takeDue(nowMs)) {
      if (retry.kind === 'route') {
        this.#columns[retry.family].enqueue(retry.slot);
      } else {
        this.objects.retry(retry.id);
        objects.push(retry.id);
      }
    }
    return objects;
  }

  #lostTargets(gone: ReadonlySet<number>): void {
    if (gone.size === 0) return;
    for (const family of families) {
      const columns = this.#columns[family];
      for (const slot of columns.slotsWith(gone)) this.#setHeld(columns, slot, 0);
    }
  }

  #wake(waiting: Record<Family, number[]>): void {
    for (const family of families) {
      for (const slot of waiting[family].splice(0)) this.#columns[family].enqueue(slot);
    }
  }

  #setHeld(columns: RouteColumns, slot: number, held: number): void {
    this.#moveCount(columns.held(slot), held);
    columns.setHeld(slot, held);
    columns.enqueue(slot);
  }

  #moveCount(from: number, to: number): void {
    if (from > 0) this.objects.countRoute(from, -1);
    if (to > 0) this.objects.countRoute(to, 1);
  }
}

/** By id: next hops come and go while one is on its way, and another may have it by then. */
function objectKey(id: number): string {
  return `nexthop ${id}`;
}

function routeKey(address: Uint8Array, bits: number): string {
  return `${addressText(address)}/${bits}`;
}

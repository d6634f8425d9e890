/**
 * Learnt routes: what is to be in the kernel, what is believed to be there, and the next batch that
 * brings the one to the other. Pure: time is handed in, the kernel is elsewhere.
 *
 *   select() ── wanted ──┐                        ┌── settle(): what was refused, with backoff
 *                        ├── queue ── plan() ── batch
 *   observe…() ─ held ───┘                        └── lost…(): what went without us
 *
 * What plan() hands out is believed to be done from then on; the kernel takes batches in order. Routes
 * that an earlier process left are stale: kept until the same route is selected (and then nothing is
 * written) or until sweep() says that all which will be selected is.
 */
import type {Family, SelectedColumns, SelectedNextHop, SelectedRoute} from '#bgp-fsm';
import {RouteBatch, RT_TABLE_MAIN, type Prefix} from '#native-addon';
import {isBgpNexthopId, METRIC_BGP} from '../../kernel/bgp-objects.js';
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

/** A route of ours, by protocol and metric, as a dump shows it: good until the next one. */
export interface ObservedRoute {
  readonly family: Family;
  readonly octets: Uint8Array; // the address begins at `addressAt`
  readonly addressAt: number;
  readonly bits: number;
  readonly nexthopId: number; // 0: it names no nexthop object
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
  readonly #unread = new Set<Family>(); // their routes may need objects that were found
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
    const isAllKnown = this.queued === 0 && this.#unread.size === 0;
    return {objects, routes, slots, garbage: isAllKnown ? this.objects.takeDeletes() : []};
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

  /**
   * True: objects went with it. `isRepeated`, here and below: it was told during the observation, which may
   * have shown what was before; what was written since it began is left out.
   */
  lostLink(ifindex: number, isRepeated = false): boolean {
    const gone = this.objects.noteLinkDown(ifindex, isRepeated);
    this.#lostTargets(gone, isRepeated);
    return gone.size > 0;
  }

  lostObject(id: number, isRepeated = false): void {
    this.objects.noteGone(id, isRepeated);
    this.#lostTargets(new Set([id]), isRepeated);
  }

  lostRoute(family: Family, {address, bits}: Prefix, isRepeated = false): void {
    const columns = this.#columns[family];
    const slot = columns.find(address, bits);
    if (slot < 0 || (isRepeated && columns.wasWritten(slot))) return;
    this.#setHeld(columns, slot, 0);
  }

  /** To be called before the dumps: what is written from now on, they may not show. */
  beginObservation(): void {
    for (const family of families) this.#columns[family].beginObservation();
    this.objects.beginObservation();
  }

  /** A whole dump of them, before those of the routes; `foreign`: ids of our range that others have. */
  observeObjects(objects: ReadonlyMap<number, KernelObject>, foreign: ReadonlySet<number>): void {
    for (const family of families) this.#unread.add(family);
    this.#lostTargets(this.objects.observe(objects, foreign));
  }

  /** Dumps of the family's routes begin, or begin anew after one that was interrupted. */
  beginRoutes(family: Family): void {
    this.#columns[family].beginDump();
  }

  /** It is there, or was since the observation began. Whether the dump comes to its end does not matter. */
  observeRoute({family, octets, addressAt, bits, nexthopId}: ObservedRoute): void {
    if (this.objects.wasLost(nexthopId)) return; // and the route with it; or we wrote it again
    const columns = this.#columns[family];
    const slot = columns.slotOf(octets, bits, addressAt);
    columns.noteSeen(slot);
    if (columns.wasWritten(slot)) return;
    if (columns.held(slot) === 0 && columns.wanted(slot) === 0) columns.adopt(slot);
    this.#setHeld(columns, slot, isBgpNexthopId(nexthopId) ? nexthopId : OVERWRITTEN);
    if (this.#isWrong(columns, slot)) columns.enqueue(slot);
  }

  /** Some that are believed to be there were not shown. */
  misses(family: Family): boolean {
    return this.#columns[family].unseen().length > 0;
  }

  /** All that there is was shown, uninterrupted: what was not is gone. */
  endRoutes(family: Family): void {
    const columns = this.#columns[family];
    for (const slot of columns.unseen()) this.#setHeld(columns, slot, 0);
    this.#unread.delete(family);
  }

  /** All was shown, or it failed on its way. */
  endObservation(): void {
    for (const family of families) this.#columns[family].endObservation();
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
      columns.write(slot, target);
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

  /** It names another object than it is to. */
  #isWrong(columns: RouteColumns, slot: number): boolean {
    const wanted = columns.wanted(slot);
    if (wanted <= 0) return false;
    const target = this.objects.target(this.objects.sets.at(wanted - 1));
    return target !== 0 && target !== columns.held(slot);
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

  #lostTargets(gone: ReadonlySet<number>, isRepeated = false): void {
    if (gone.size === 0) return;
    for (const family of families) {
      const columns = this.#columns[family];
      for (const slot of columns.slotsWith(gone)) {
        if (!isRepeated || !columns.wasWritten(slot)) this.#setHeld(columns, slot, 0);
      }
    }
  }

  #wake(waiting: Record<Family, number[]>): void {
    for (const family of families) {
      for (const slot of waiting[family].splice(0)) this.#columns[family].enqueue(slot);
    }
  }

  #setHeld(columns: RouteColumns, slot: number, held: number): void {
    const before = columns.held(slot);
    if (held === before) return;
    this.#moveCount(before, held);
    columns.setHeld(slot, held);
    if (columns.wanted(slot) !== STALE) columns.enqueue(slot);
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

/**
 * Brings the kernel to the desired tables: dump, plan, apply. Shell; the plans are pure.
 *
 *   stale routes ── device ── addresses ── nexthops ── neighbours, fdb ── routes ── what is left over
 *
 * resync() looks at everything; update() at the keys that changed, against the mirror. Neither
 * throws for what the kernel refuses: that is filed under its key (ledger.ts), tried again with
 * backoff, and the rest goes on.
 *
 * Calls must not overlap. `desired` must not change while one is under way.
 */
import type {Clock} from '../datastore/clock.js';
import type {Desired, DirtyKeys} from '../desired/desired.js';
import type {KernelError, KernelOp, KernelPort} from '../kernel/port.js';
import {planAddresses} from './addresses.js';
import {planDevice, planLeftoverDevices, planPodLinks} from './device.js';
import {planFdb} from './fdb.js';
import {Ledger} from './ledger.js';
import {Mirror} from './mirror.js';
import {planNeighbours} from './neighbours.js';
import {planNexthops} from './nexthops.js';
import type {Keys, PlannedOp, TablePlan} from './plan.js';
import {planRouteDeletes, planRouteWrites} from './routes.js';

export const tableNames = [
  'device',
  'addresses',
  'nexthops',
  'neighbours',
  'fdb',
  'routes',
] as const;
export type TableName = (typeof tableNames)[number];
export type Ledgers = {readonly [Table in TableName]: Ledger};

export interface Extent {
  /** False: too little is known about other hosts. Only what pods need is added, nothing deleted. */
  readonly withOverlay: boolean;
}

interface TableRun {
  readonly dirty?: DirtyKeys; // absent: everything
  readonly mayDelete: boolean;
  readonly stale: readonly PlannedOp[]; // route deletions, carried out before
}

/** On its way to the kernel. */
interface SentSlice {
  readonly slice: readonly PlannedOp[];
  readonly errors: ReturnType<KernelPort['apply']>;
}

/** More at once would hold up the event loop, and with it the CNI verbs. */
const sliceLength = 1024;

export class Reconciler {
  readonly ledgers: Ledgers = {
    device: new Ledger(),
    addresses: new Ledger(),
    nexthops: new Ledger(),
    neighbours: new Ledger(),
    fdb: new Ledger(),
    routes: new Ledger(),
  };
  readonly #kernel: KernelPort;
  readonly #clock: Clock;
  #mirror = new Mirror();
  #wantsResync = false;

  constructor(kernel: KernelPort, clock: Clock) {
    this.#kernel = kernel;
    this.#clock = clock;
  }

  get mirror(): Mirror {
    return this.#mirror;
  }

  /** The kernel answered in a way that shows the mirror to be wrong. */
  get wantsResync(): boolean {
    return this.#wantsResync;
  }

  /** @throws NetlinkError when a dump fails: then nothing was changed. */
  async resync(desired: Desired, {withOverlay}: Extent): Promise<void> {
    const startMs = this.#clock.nowMs();
    this.#mirror = await this.#read(desired);
    this.#wantsResync = false;
    const stale = withOverlay ? planRouteDeletes(desired, this.#mirror) : [];
    await this.#apply('routes', stale);
    if (withOverlay) await this.#reconcileDevice(desired);
    await this.#apply('device', planPodLinks(desired, this.#mirror.links));
    await this.#reconcileTables(desired, {mayDelete: withOverlay, stale});
    if (withOverlay) await this.#removeLeftoverDevices(desired);
    this.#endPass(startMs);
  }

  /** Only these keys, and those whose time to be tried again has come. */
  async update(desired: Desired, dirty: DirtyKeys): Promise<void> {
    const startMs = this.#clock.nowMs();
    for (const table of Object.keys(dirty) as (keyof DirtyKeys)[]) {
      for (const key of dirty[table]) this.ledgers[table].forget(key);
      for (const key of this.ledgers[table].due(startMs)) dirty[table].add(key);
    }
    const stale = planRouteDeletes(desired, this.#mirror, dirty.routes);
    await this.#apply('routes', stale);
    await this.#reconcileTables(desired, {dirty, mayDelete: true, stale});
    this.#endPass(startMs);
  }

  /** When a key that failed is to be tried again. */
  nextRetryAtMs(): number {
    return Math.min(...tableNames.map(table => this.ledgers[table].nextRetryAtMs()));
  }

  /** Between tables others get their turn: a CNI verb must not wait for all of it. */
  async #read(desired: Desired): Promise<Mirror> {
    const kernel = this.#kernel;
    const mirror = Mirror.from(await kernel.dumpLinks());
    const device = desired.device && mirror.links.get(desired.device.name);
    if (device?.kind === 'vxlan') mirror.loadFdb(await kernel.dumpFdb(device.index));
    mirror.loadAddresses(await kernel.dumpAddresses());
    mirror.loadNexthops(await kernel.dumpNexthops());
    mirror.loadNeighbours(await kernel.dumpNeighbours());
    mirror.loadRoutes(await kernel.dumpRoutes());
    await breathe();
    return mirror;
  }

  async #reconcileDevice({device}: Desired): Promise<void> {
    const ledger = this.ledgers.device;
    if (device === undefined) return;
    const {ops, isNew, conflict} = planDevice(device, this.#mirror.links);
    this.#settle('device', undefined, ops);
    if (conflict !== undefined) {
      ledger.fail(device.name, {code: 'CONFLICT', message: conflict}, true, this.#clock.nowMs());
      this.#mirror.links.delete(device.name); // so that nothing is put on it
      return;
    }
    await this.#apply('device', ops);
    if (!isNew || ledger.failed.has(device.name)) return;
    const link = (await this.#kernel.dumpLinks()).find(({name}) => name === device.name);
    if (link !== undefined) this.#mirror.noteLink(link);
  }

  async #reconcileTables(desired: Desired, {dirty, mayDelete, stale}: TableRun): Promise<void> {
    const mirror = this.#mirror;
    const device = mayDelete ? desired.device?.name : undefined;

    const addresses = planAddresses(desired.addresses, mirror, {keys: dirty?.addresses, device});
    await this.#write('addresses', addresses, dirty?.addresses);
    await this.#apply('addresses', addresses.deletes);

    // These three do not need each other: while the kernel works on one the next is planned.
    const nexthops = planNexthops(desired.nexthops, mirror, dirty?.nexthops);
    const writing = [this.#write('nexthops', nexthops, dirty?.nexthops)];
    const neighbours = planNeighbours(desired.neighbours, mirror, {
      keys: dirty?.neighbours,
      device,
    });
    writing.push(this.#write('neighbours', neighbours, dirty?.neighbours));
    const fdb = planFdb(desired.fdb, mirror, dirty?.fdb);
    writing.push(this.#write('fdb', fdb, dirty?.fdb));
    await allOver(writing);

    const routeKeys = dirty && this.#routeKeys(dirty, nexthops);
    const routes = planRouteWrites(desired, mirror, routeKeys);
    await this.#write('routes', {...routes, deletes: stale}, routeKeys);

    if (!mayDelete) return;
    await this.#apply('nexthops', nexthops.deletes);
    await this.#apply('neighbours', neighbours.deletes);
    await this.#apply('fdb', fdb.deletes);
  }

  /** A nexthop that has come now may be what other routes waited for. */
  #routeKeys({routes}: DirtyKeys, {writes}: TablePlan): ReadonlySet<string> {
    if (writes.length === 0) return routes;
    return new Set([...routes, ...this.ledgers.routes.blocked.keys()]);
  }

  async #removeLeftoverDevices({device}: Desired): Promise<void> {
    await this.#apply('device', planLeftoverDevices(device, this.#mirror.links));
  }

  /** Files what is blocked and what is no longer wrong, and applies what is to be written. */
  async #write(table: TableName, plan: TablePlan, keys: Keys): Promise<void> {
    const {writes, deletes, blocked} = plan;
    const ledger = this.ledgers[table];
    if (keys === undefined) ledger.blocked.clear();
    else for (const key of keys) ledger.blocked.delete(key);
    for (const [key, why] of blocked) {
      ledger.blocked.set(key, why);
      ledger.lastError = why;
    }
    this.#settle(table, keys, writes, deletes);
    await this.#apply(table, writes);
    if (keys === undefined) await breathe();
  }

  /** What failed before and needs nothing now has come right without us. */
  #settle(table: TableName, keys: Keys, ...planned: (readonly PlannedOp[])[]): void {
    const {failed} = this.ledgers[table];
    if (failed.size === 0) return;
    const open = new Set(planned.flat().map(({key}) => key));
    for (const key of failed.keys()) {
      const isLookedAt = keys === undefined || keys.has(key);
      if (isLookedAt && !open.has(key)) failed.delete(key);
    }
  }

  /** While the kernel works on one slice the next is made ready: it has its own thread there. */
  async #apply(table: TableName, planned: readonly PlannedOp[]): Promise<void> {
    const ledger = this.ledgers[table];
    const startMs = this.#clock.nowMs();
    const due =
      ledger.failed.size === 0
        ? planned
        : planned.filter(({key}) => !ledger.isWaiting(key, startMs));
    let sent: SentSlice | undefined;
    for (let at = 0; at < due.length; at += sliceLength) {
      const slice = due.slice(at, at + sliceLength);
      const errors = this.#kernel.apply(slice.map(({op}) => op));
      errors.catch(() => undefined); // it is awaited below, but perhaps not after an earlier one
      await this.#fileSlice(table, sent);
      sent = {slice, errors};
    }
    await this.#fileSlice(table, sent);
  }

  async #fileSlice(table: TableName, sent: SentSlice | undefined): Promise<void> {
    if (sent === undefined) return;
    const errors = await sent.errors;
    const nowMs = this.#clock.nowMs();
    sent.slice.forEach((each, index) => this.#file(table, each, errors[index], nowMs));
  }

  #file(table: TableName, planned: PlannedOp, error: KernelError | undefined, nowMs: number): void {
    const {key, op} = planned;
    const ledger = this.ledgers[table];
    if (error === undefined || isDone(op, error)) {
      ledger.operations++;
      if (ledger.failed.size > 0) ledger.failed.delete(key);
      this.#mirror.note(planned);
      return;
    }
    if (!ledger.failed.has(key)) this.#wantsResync = true;
    ledger.fail(key, error, op.kind === 'add-route' && error.code === 'EEXIST', nowMs);
  }

  #endPass(startMs: number): void {
    const nowMs = this.#clock.nowMs();
    for (const table of tableNames) this.ledgers[table].endPass(startMs, nowMs);
  }
}

/** What we wanted is the case already. */
function isDone({kind}: KernelOp, {code}: KernelError): boolean {
  if (kind === 'add-address') return code === 'EEXIST';
  return kind.startsWith('delete-') && goneCodes.has(code);
}

const goneCodes: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'ENODEV', 'EADDRNOTAVAIL']);

/** Not before all of them are over, whatever becomes of one. @throws what the first failed with. */
async function allOver(tasks: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(tasks);
  await Promise.all(tasks);
}

function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/**
 * What we believe the kernel holds, under the keys of the desired tables. No I/O.
 *
 * Built from a full dump, and kept up with every operation that the kernel accepted, so that the
 * change of one node needs no new dump. News of somebody else's changes end in a new dump, and
 * every resync makes a new mirror.
 */
import {addressKey, fdbKey, gatewayKey, routeKey} from '../kernel/key.js';
import {PROTOCOL_TWILL} from '../kernel/port.js';
import type {
  KernelAddress,
  KernelFdbEntry,
  KernelLink,
  KernelNeighbour,
  KernelNexthop,
  KernelRoute,
  LinkSettings,
} from '../kernel/port.js';
import type {PlannedOp} from './plan.js';

/** Out of the way of ids that the kernel or people choose: they count from 1. */
const firstNexthopId = PROTOCOL_TWILL * 2 ** 24;
const lastNexthopId = firstNexthopId + 2 ** 24 - 1;

export class Mirror {
  readonly links = new Map<string, KernelLink>(); // by name
  readonly linkNames = new Map<number, string>();
  readonly addresses = new Map<string, KernelAddress>(); // global ones
  readonly nexthops = new Map<string, KernelNexthop>(); // ours, with a gateway
  readonly nexthopIds = new Map<number, number | undefined>(); // everybody's, with their interfaces
  readonly neighbours = new Map<string, KernelNeighbour>();
  readonly fdb = new Map<string, KernelFdbEntry>();
  readonly routes = new Map<string, KernelRoute>();
  /** Ours, but no desired entry could mean them: a second nexthop for a gateway, a second destination of a MAC. */
  readonly surplusNexthops: KernelNexthop[] = [];
  readonly surplusFdb: KernelFdbEntry[] = [];

  readonly #routeCounts = new Map<number, number>(); // by nexthop id
  #nextId = firstNexthopId;

  /** Links first: the keys of all else have their names in them. */
  static from(links: readonly KernelLink[]): Mirror {
    const mirror = new Mirror();
    for (const link of links) mirror.noteLink(link);
    return mirror;
  }

  loadAddresses(addresses: readonly KernelAddress[]): void {
    for (const address of addresses) {
      if (address.isGlobal) this.addresses.set(this.addressKeyOf(address), address);
    }
  }

  loadNexthops(nexthops: readonly KernelNexthop[]): void {
    for (const nexthop of nexthops) this.#addNexthop(nexthop);
  }

  loadNeighbours(neighbours: readonly KernelNeighbour[]): void {
    for (const each of neighbours) this.neighbours.set(this.neighbourKeyOf(each), each);
  }

  loadFdb(entries: readonly KernelFdbEntry[]): void {
    for (const entry of entries) this.#addFdb(entry);
  }

  loadRoutes(routes: readonly KernelRoute[]): void {
    for (const route of routes) {
      this.#setRoute(routeKey(route.address, route.bits, route.metric), route);
    }
  }

  deviceOf(index: number | undefined): string {
    return (index !== undefined && this.linkNames.get(index)) || `#${index}`;
  }

  indexOf(device: string): number | undefined {
    return this.links.get(device)?.index;
  }

  noteLink(link: KernelLink): void {
    this.links.set(link.name, link);
    this.linkNames.set(link.index, link.name);
  }

  /** The kernel accepted `op` on `key`. Of a new link only the next dump knows the number. */
  note({key, op}: PlannedOp): void {
    switch (op.kind) {
      case 'add-vxlan':
        return;
      case 'set-link':
        return this.#changeLink(op.link);
      case 'delete-link':
        return this.#dropLink(op.link);
      case 'add-address':
        this.addresses.set(key, op.address);
        return;
      case 'delete-address':
        this.addresses.delete(key);
        return;
      case 'add-nexthop':
      case 'replace-nexthop':
        this.nexthopIds.set(op.nexthop.id, op.nexthop.index);
        this.nexthops.set(key, op.nexthop);
        return;
      case 'delete-nexthop':
        return this.#dropNexthop(key, op.nexthop);
      case 'replace-neighbour':
        this.neighbours.set(key, op.neighbour);
        return;
      case 'delete-neighbour':
        this.neighbours.delete(key);
        return;
      case 'replace-fdb':
        this.fdb.set(key, op.entry);
        return;
      case 'delete-fdb':
        if (!takeOut(this.surplusFdb, op.entry)) this.fdb.delete(key);
        return;
      case 'add-route':
      case 'replace-route':
        return this.#setRoute(key, op.route);
      case 'delete-route':
        return this.#dropRoute(key);
      default:
        return op satisfies never;
    }
  }

  /** An id that no nexthop had when we looked. Not the same one twice in a row. */
  takeNexthopId(): number {
    for (;;) {
      const id = this.#nextId;
      this.#nextId = id === lastNexthopId ? firstNexthopId : id + 1;
      if (!this.nexthopIds.has(id)) return id;
    }
  }

  /** The interface a route leads out of. The kernel does not say it of every route by nexthop. */
  indexOfRoute({index, nexthopId}: KernelRoute): number | undefined {
    if (index !== undefined || nexthopId === undefined) return index;
    return this.nexthopIds.get(nexthopId);
  }

  hasRoutesBy(nexthopId: number): boolean {
    return this.#routeCounts.has(nexthopId);
  }

  addressKeyOf({address, bits, index}: KernelAddress): string {
    return addressKey(address, bits, this.deviceOf(index));
  }

  nexthopKeyOf({gateway, index}: KernelNexthop): string | undefined {
    return gateway && gatewayKey(gateway, this.deviceOf(index));
  }

  neighbourKeyOf({address, index}: KernelNeighbour): string {
    return gatewayKey(address, this.deviceOf(index));
  }

  fdbKeyOf({mac, index}: KernelFdbEntry): string {
    return fdbKey(mac, this.deviceOf(index));
  }

  /** With its MAC an interface loses all of its neighbours (neigh_changeaddr). */
  #changeLink({name, mac, mtu, isUp}: LinkSettings): void {
    const link = this.links.get(name);
    if (link === undefined) return;
    if (mac !== undefined) {
      for (const [key, {index}] of this.neighbours) {
        if (index === link.index) this.neighbours.delete(key);
      }
    }
    const changed = {...(mac && {mac}), ...(mtu !== undefined && {mtu}), ...(isUp && {isUp})};
    this.links.set(name, {...link, ...changed});
  }

  /** Everything on it goes with it. */
  #dropLink({index, name}: Pick<KernelLink, 'index' | 'name'>): void {
    for (const table of [this.addresses, this.neighbours, this.fdb]) {
      for (const [key, entry] of table) if (entry.index === index) table.delete(key);
    }
    for (const [key, route] of this.routes) {
      if (this.indexOfRoute(route) === index) this.#dropRoute(key);
    }
    for (const [key, nexthop] of this.nexthops) {
      if (nexthop.index === index) this.#dropNexthop(key, nexthop);
    }
    this.links.delete(name);
    this.linkNames.delete(index);
  }

  /** The lowest id for a gateway is the one that counts. */
  #addNexthop(nexthop: KernelNexthop): void {
    this.nexthopIds.set(nexthop.id, nexthop.index);
    if (nexthop.protocol !== PROTOCOL_TWILL) return;
    const key = this.nexthopKeyOf(nexthop);
    const current = key === undefined ? undefined : this.nexthops.get(key);
    if (key === undefined || (current !== undefined && current.id < nexthop.id)) {
      this.surplusNexthops.push(nexthop);
      return;
    }
    if (current !== undefined) this.surplusNexthops.push(current);
    this.nexthops.set(key, nexthop);
  }

  /** The kernel deletes the routes of a nexthop with it. */
  #dropNexthop(key: string, nexthop: KernelNexthop): void {
    const {id} = nexthop;
    this.nexthopIds.delete(id);
    if (!takeOut(this.surplusNexthops, nexthop)) this.nexthops.delete(key);
    if (!this.#routeCounts.has(id)) return;
    for (const [key, route] of this.routes) if (route.nexthopId === id) this.#dropRoute(key);
  }

  #addFdb(entry: KernelFdbEntry): void {
    const key = this.fdbKeyOf(entry);
    if (this.fdb.has(key)) this.surplusFdb.push(entry);
    else this.fdb.set(key, entry);
  }

  #setRoute(key: string, route: KernelRoute): void {
    this.#dropRoute(key);
    this.routes.set(key, route);
    if (route.nexthopId !== undefined) this.#countRoute(route.nexthopId, 1);
  }

  #dropRoute(key: string): void {
    const route = this.routes.get(key);
    if (route === undefined) return;
    this.routes.delete(key);
    if (route.nexthopId !== undefined) this.#countRoute(route.nexthopId, -1);
  }

  #countRoute(nexthopId: number, by: number): void {
    const count = (this.#routeCounts.get(nexthopId) ?? 0) + by;
    if (count > 0) this.#routeCounts.set(nexthopId, count);
    else this.#routeCounts.delete(nexthopId);
  }
}

function takeOut<T>(entries: T[], entry: T): boolean {
  const at = entries.indexOf(entry);
  if (at >= 0) entries.splice(at, 1);
  return at >= 0;
}

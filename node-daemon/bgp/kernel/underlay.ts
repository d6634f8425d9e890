/**
 * How next hops are reached: the kernel's own routes and links, without what BGP put there. Pure.
 *
 * A next hop is looked for as the kernel would (longest prefix of the main table, then the least
 * metric), but never through a route learnt by BGP: a route that leads to its own next hop would hold
 * itself up (BIRD refuses the same). Policy rules and other tables are not looked at, but for which
 * addresses are ours or broadcasts (table local): those are no next hops. Of several hops of one route the first
 * that works is taken.
 */
import type {Family} from '#bgp-fsm';
import type {Nexthop, Route} from '#native-addon';
import {
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from '#native-addon';
import {addressText, equalOctets, familyOfAddress} from '../../kernel/key.js';
import type {Path} from './hop-sets.js';

export interface ResolvedPath extends Path {
  readonly metric: number; // 0: on the link
  readonly isOnLink: boolean;
  readonly isDefault: boolean; // by a route to everything
}

interface Way {
  readonly ifindex: number;
  readonly gateway: Uint8Array | undefined; // undefined: on the link
}

interface Entry {
  readonly metric: number;
  readonly ways: readonly Way[]; // empty: packets are turned away
  readonly nexthopId: number | undefined;
}

type Table = Map<number, Map<string, Entry[]>>; // by bits, then by prefix

export class Underlay {
  readonly #usable = new Set<number>(); // links: up, with carrier
  readonly #nexthops = new Map<number, Nexthop>();
  readonly #tables: Record<Family, Table> = {ipv4: new Map(), ipv6: new Map()};

  setLink(ifindex: number, isUsable: boolean): void {
    if (isUsable) this.#usable.add(ifindex);
    else this.#usable.delete(ifindex);
  }

  isUsable(ifindex: number): boolean {
    return this.#usable.has(ifindex);
  }

  setNexthop(nexthop: Nexthop): void {
    this.#nexthops.set(nexthop.id, nexthop);
  }

  dropNexthop(id: number): void {
    this.#nexthops.delete(id);
  }

  /** What is told of them anew begins with nothing. */
  forgetLinks(): void {
    this.#usable.clear();
  }

  forgetNexthops(): void {
    this.#nexthops.clear();
  }

  forgetRoutes(family: Family): void {
    this.#tables[family].clear();
  }

  /** `isOnly`: it took the place of what had the prefix and the metric. */
  setRoute(route: Route, isOnly: boolean): void {
    const entry = toEntry(route);
    if (entry === undefined) return;
    const entries = this.#entries(route);
    const others = entries.filter(
      each => !isSameEntry(each, entry) && !(isOnly && each.metric === entry.metric),
    );
    this.#store(
      route,
      [...others, entry].sort((a, b) => a.metric - b.metric),
    );
  }

  /** False: there was none quite like it, and all of its metric went. */
  dropRoute(route: Route): boolean {
    const entry = toEntry(route);
    if (entry === undefined) return true;
    const entries = this.#entries(route);
    const left = entries.filter(each => !isSameEntry(each, entry));
    const isFound = left.length < entries.length;
    this.#store(route, isFound ? left : entries.filter(({metric}) => metric !== entry.metric));
    return isFound;
  }

  /** The link is down or gone: the kernel drops its IPv4 routes without a word (fib_sync_down_dev). */
  dropRoutesOf(ifindex: number): void {
    for (const prefixes of this.#tables.ipv4.values()) {
      for (const [key, entries] of prefixes) {
        const left = entries.flatMap(entry => withoutLink(entry, ifindex));
        if (left.length === 0) prefixes.delete(key);
        else prefixes.set(key, left);
      }
    }
  }

  /** Undefined: unreachable. */
  resolve(address: Uint8Array, ifindex: number): ResolvedPath | undefined {
    if (ifindex !== 0) {
      const path = {ifindex, gateway: address, metric: 0, isOnLink: true, isDefault: false};
      return this.#usable.has(ifindex) ? path : undefined;
    }
    const table = this.#tables[familyOfAddress(address)];
    for (let bits = address.length * 8; bits >= 0; bits--) {
      const entries = table.get(bits)?.get(prefixKey(address, bits));
      if (entries === undefined) continue;
      return this.#follow(entries, address, bits);
    }
    return undefined;
  }

  #follow(entries: readonly Entry[], address: Uint8Array, bits: number): ResolvedPath | undefined {
    for (const {metric, ways, nexthopId} of entries) {
      const all = nexthopId === undefined ? ways : this.#waysOf(nexthopId);
      if (all.length === 0) return undefined; // turned away
      const way = all.find(({ifindex}) => this.#usable.has(ifindex));
      if (way === undefined) continue;
      const isOnLink = way.gateway === undefined;
      return {
        ifindex: way.ifindex,
        gateway: way.gateway ?? address,
        metric: isOnLink ? 0 : metric + 1,
        isOnLink,
        isDefault: bits === 0,
      };
    }
    return undefined;
  }

  #waysOf(id: number): readonly Way[] {
    const nexthop = this.#nexthops.get(id);
    if (nexthop?.group !== undefined) return nexthop.group.flatMap(({id}) => this.#waysOf(id));
    if (nexthop?.oif === undefined) return [];
    return [{ifindex: nexthop.oif, gateway: nexthop.gateway}];
  }

  #entries({family, destination}: Route): readonly Entry[] {
    const {address, bits} = destination;
    return this.#tables[family].get(bits)?.get(prefixKey(address, bits)) ?? [];
  }

  #store({family, destination}: Route, entries: Entry[]): void {
    const {address, bits} = destination;
    const prefixes = this.#tables[family].get(bits) ?? new Map<string, Entry[]>();
    if (entries.length === 0) prefixes.delete(prefixKey(address, bits));
    else prefixes.set(prefixKey(address, bits), entries);
    if (prefixes.size === 0) this.#tables[family].delete(bits);
    else this.#tables[family].set(bits, prefixes);
  }
}

/** An address of this host or a subnet's broadcast is no way to anywhere (RFC 4271 §6.3). */
const OURS: Entry = {metric: 0, ways: [], nexthopId: undefined};
const NO_HOST: readonly number[] = [RTN_LOCAL, RTN_BROADCAST];
const TURNED_AWAY: readonly number[] = [RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT];

/** Undefined: of another table, or not for packets that go on. */
function toEntry({table, type, family, priority, oif, gateway, via, nexthopId, multipath}: Route) {
  if (table === RT_TABLE_LOCAL && NO_HOST.includes(type)) return OURS;
  if (table !== RT_TABLE_MAIN) return undefined;
  const metric = priority ?? (family === 'ipv4' ? 0 : 1024);
  if (TURNED_AWAY.includes(type)) return {metric, ways: [], nexthopId: undefined};
  if (type !== RTN_UNICAST) return undefined;
  const hops = multipath ?? (oif === undefined ? [] : [{oif, gateway, via}]);
  const ways = hops.map(hop => ({ifindex: hop.oif, gateway: hop.gateway ?? hop.via?.address}));
  return {metric, ways, nexthopId};
}

function isSameEntry(a: Entry, b: Entry): boolean {
  if (a.metric !== b.metric || a.nexthopId !== b.nexthopId) return false;
  if (a.ways.length !== b.ways.length) return false;
  return a.ways.every(({ifindex, gateway}, at) => {
    const other = b.ways[at];
    return ifindex === other?.ifindex && equalOctets(gateway, other.gateway);
  });
}

/** A route of several ways keeps the others. */
function withoutLink(entry: Entry, ifindex: number): Entry[] {
  const ways = entry.ways.filter(way => way.ifindex !== ifindex);
  if (ways.length === entry.ways.length) return [entry];
  return ways.length === 0 ? [] : [{...entry, ways}];
}

function prefixKey(address: Uint8Array, bits: number): string {
  const network = address.slice();
  for (let at = 0; at < network.length; at++) {
    const left = bits - at * 8;
    if (left < 8) network[at] = (network[at] as number) & (left <= 0 ? 0 : 0xff << (8 - left));
  }
  return addressText(network);
}

/**
 * The sets of next hops that learnt routes are to have, and the next hops in them, each once. Pure.
 *
 * A set lives as long as a route is to have it, a next hop as long as a set has it.
 */
import type {Family, SelectedNextHop} from '#bgp-fsm';
import {addressText} from '../../kernel/key.js';

/** How a next hop is reached now. */
export interface Path {
  readonly ifindex: number;
  readonly gateway: Uint8Array;
}

export interface Hop {
  readonly key: string;
  readonly address: Uint8Array;
  readonly ifindex: number;
  id: number; // 0: none yet
  path: Path | undefined; // undefined: unreachable
  readonly sets: Set<HopSet>;
}

export interface HopSet {
  readonly ix: number;
  readonly key: string;
  readonly hops: readonly {readonly hop: Hop; readonly weight: number}[];
  groupId: number; // 0: none yet, or one next hop
  routes: number; // that are to have it
  /** Slots of routes that cannot be written before the kernel has its object; see routes.ts. */
  readonly waiting: Record<Family, number[]>;
}

/** Who is told of each that comes and goes; a set comes after its next hops, and goes before them. */
export interface HopSetsOwner {
  hopCame(hop: Hop): void;
  hopWent(hop: Hop): void;
  setCame(set: HopSet): void;
  setWent(set: HopSet): void;
}

/** linux/nexthop.h: the weight less one in eight bits, and 255 is refused by older kernels. */
const MOST_WEIGHT = 255;

export class HopSets {
  readonly hops = new Map<string, Hop>();
  readonly #owner: HopSetsOwner;
  readonly #sets = new Map<string, HopSet>();
  readonly #byIdentity = new WeakMap<readonly SelectedNextHop[], HopSet>();
  readonly #byIx: (HopSet | undefined)[] = [];
  readonly #freeIx: number[] = [];

  constructor(owner: HopSetsOwner) {
    this.#owner = owner;
  }

  at(ix: number): HopSet {
    const set = this.#byIx[ix];
    if (set === undefined) throw new Error(`no set ${ix}`);
    return set;
  }

  /** The set of these; to be given back by `release`, once for each time. */
  retain(nextHops: readonly SelectedNextHop[]): HopSet {
    let set = this.#byIdentity.get(nextHops);
    if (set === undefined || this.#byIx[set.ix] !== set) {
      set = this.#intern(nextHops);
      this.#byIdentity.set(nextHops, set);
    }
    set.routes++;
    return set;
  }

  release(set: HopSet): void {
    if (--set.routes > 0) return;
    this.#sets.delete(set.key);
    this.#byIx[set.ix] = undefined;
    this.#freeIx.push(set.ix);
    this.#owner.setWent(set);
    for (const {hop} of set.hops) {
      hop.sets.delete(set);
      if (hop.sets.size > 0) continue;
      this.hops.delete(hop.key);
      this.#owner.hopWent(hop);
    }
  }

  #intern(nextHops: readonly SelectedNextHop[]): HopSet {
    const members = nextHops
      .map(({address, ifindex, weight}) => ({
        key: hopKey(address, ifindex),
        address,
        ifindex,
        weight: Math.max(1, Math.min(MOST_WEIGHT, weight)),
      }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const key = members.map(({key, weight}) => `${key} weight ${weight}`).join(', ');
    const known = this.#sets.get(key);
    if (known !== undefined) return known;

    const ix = this.#freeIx.pop() ?? this.#byIx.length;
    const hops = members.map(member => ({hop: this.#hop(member), weight: member.weight}));
    const waiting = {ipv4: [], ipv6: []};
    const set: HopSet = {ix, key, hops, groupId: 0, routes: 0, waiting};
    for (const {hop} of hops) hop.sets.add(set);
    this.#byIx[ix] = set;
    this.#sets.set(key, set);
    this.#owner.setCame(set);
    return set;
  }

  #hop(member: {key: string; address: Uint8Array; ifindex: number}): Hop {
    const known = this.hops.get(member.key);
    if (known !== undefined) return known;
    const {key, address, ifindex} = member;
    const hop: Hop = {key, address, ifindex, id: 0, path: undefined, sets: new Set()};
    this.hops.set(key, hop);
    this.#owner.hopCame(hop);
    return hop;
  }
}

export function hopKey(address: Uint8Array, ifindex: number): string {
  return ifindex === 0 ? addressText(address) : `${addressText(address)}%${ifindex}`;
}

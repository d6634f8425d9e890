/**
 * Next hops: each once, whether it can be reached, and sets of them. Pure to the outside.
 *
 * What nobody said anything about is reachable at metric 0. A link-local one means something on its link
 * only, so that it is kept once for each.
 *
 * One that nobody has is kept for a while, with what was said of it: routes come back. The longest idle are
 * forgotten, or a peer could fill the memory with next hops.
 */
import {formatAddress, isLinkLocal} from '../wire/address.js';
import {octetsOf, u32} from '../wire/bytes.js';
import {Ids} from './column.js';
import type {NextHopInterest, NextHopState, SelectedNextHop} from './types.js';

export type HopId = number; // 0: none, as of what we originate

interface NextHop {
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly isLinkLocal: boolean;
  references: number; // of paths: then it is of interest whether it can be reached
  sets: number; // that it is in
  metric: number | undefined; // undefined: unreachable
}

/** A set of next hops by number; NO_SET: there is no route. */
export type HopSetId = number;
export const NO_SET: HopSetId = 0;
/** Of what we originate: no next hop. */
const LOCAL_SET: HopSetId = 1;

interface HopSet {
  readonly key: string;
  readonly nextHops: readonly SelectedNextHop[];
  readonly single: HopId; // 0: several
  readonly hops: readonly HopId[];
  references: number;
}

const NO_HOPS: readonly SelectedNextHop[] = [];

export class NextHops {
  readonly #hops: (NextHop | undefined)[] = [];
  readonly #ids = new Ids();
  readonly #idle = new Set<HopId>(); // the longest first
  readonly #byKey = new Map<string, HopId>();
  readonly #byWord = new Map<number, HopId>();
  readonly #told = new Map<string, {metric: number | undefined}>(); // also of those not in use
  readonly #interest = new Map<string, NextHopInterest>();
  readonly #sets: (HopSet | undefined)[] = []; // by number, from 2
  readonly #setsByKey = new Map<string, HopSetId>();
  readonly #setIds = new Ids(LOCAL_SET + 1);
  readonly #singles: (HopSetId | undefined)[] = []; // by hop; the set may be another's by now

  /** For tests and metrics. */
  get count(): number {
    return this.#byKey.size;
  }

  /** `octets` as in MP_REACH: of 32 the first 16 count, unless they are link-local or zero. */
  intern(octets: Uint8Array): HopId {
    return octets.length === 0 ? 0 : this.#ensure(usable(octets).slice(), 0);
  }

  /** An IPv4 address as a number. */
  internWord(word: number): HopId {
    const known = this.#byWord.get(word);
    if (known !== undefined) return known;
    const hop = this.intern(octetsOf(word));
    this.#byWord.set(word, hop);
    return hop;
  }

  /** The next hop on a link, where it needs one. */
  on(hop: HopId, ifindex: number): HopId {
    const found = this.#hops[hop];
    if (found === undefined || !found.isLinkLocal || ifindex === 0) return hop;
    return this.#ensure(found.address, ifindex);
  }

  retain(hop: HopId): void {
    const found = this.#hops[hop];
    if (found === undefined || found.references++ > 0) return;
    this.#idle.delete(hop);
    this.#note(found, true);
  }

  release(hop: HopId): void {
    const found = this.#hops[hop];
    if (found === undefined || --found.references > 0) return;
    this.#note(found, false);
    if (found.sets === 0) this.#rest(hop);
  }

  isReachable(hop: HopId): boolean {
    return hop === 0 || this.#hops[hop]?.metric !== undefined;
  }

  /** As far as anybody said. */
  isOnLink(hop: HopId): boolean {
    return hop === 0 || this.#hops[hop]?.metric === 0;
  }

  metric(hop: HopId): number {
    return this.#hops[hop]?.metric ?? 0;
  }

  address(hop: HopId): Uint8Array | undefined {
    return this.#hops[hop]?.address;
  }

  /** True when one that was met before is reachable now and was not, the other way, or at another cost. */
  setState({address, ifindex, metric}: NextHopState): boolean {
    const key = keyOf(address, ifindex);
    this.#told.set(key, {metric});
    const hop = this.#hops[this.#byKey.get(key) ?? 0];
    if (hop === undefined || hop.metric === metric) return false;
    hop.metric = metric;
    return true;
  }

  takeInterest(): readonly NextHopInterest[] {
    const taken = [...this.#interest.values()];
    this.#interest.clear();
    return taken;
  }

  /** The set of one next hop. */
  single(hop: HopId): HopSetId {
    if (hop === 0) return LOCAL_SET;
    const known = this.#singles[hop];
    if (known !== undefined && this.#sets[known]?.single === hop) return known;
    return (this.#singles[hop] = this.setOf([{hop, weight: 1}]));
  }

  /** One number for one set, as long as somebody retains it. Weights 1 unless all have a bandwidth. */
  setOf(members: readonly {readonly hop: HopId; readonly weight: number}[]): HopSetId {
    const hops = members.filter(({hop}) => hop !== 0);
    if (hops.length === 0) return LOCAL_SET;
    const key = hops.map(({hop, weight}) => `${hop}:${weight}`).join();
    const known = this.#setsByKey.get(key);
    if (known !== undefined) return known;
    const nextHops = hops.flatMap(({hop, weight}) => {
      const found = this.#hops[hop];
      return found === undefined ? [] : [{address: found.address, ifindex: found.ifindex, weight}];
    });
    const single = hops.length === 1 ? (hops[0]?.hop ?? 0) : 0;
    const id = this.#setIds.take();
    this.#sets[id] = {key, nextHops, single, references: 0, hops: hops.map(({hop}) => hop)};
    for (const {hop} of hops) this.#enterSet(hop);
    this.#setsByKey.set(key, id);
    return id;
  }

  /** Of one set one object: compare by identity. */
  set(id: HopSetId): readonly SelectedNextHop[] {
    return this.#sets[id]?.nextHops ?? NO_HOPS;
  }

  retainSet(id: HopSetId): void {
    const set = this.#sets[id];
    if (set !== undefined) set.references++;
  }

  /** With the last one its number is another's. */
  releaseSet(id: HopSetId): void {
    const set = this.#sets[id];
    if (set === undefined || --set.references > 0) return;
    this.#sets[id] = undefined;
    this.#setsByKey.delete(set.key);
    this.#setIds.give(id);
    for (const hop of set.hops) this.#leaveSet(hop);
  }

  #ensure(address: Uint8Array, ifindex: number): HopId {
    const key = keyOf(address, ifindex);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const told = this.#told.get(key);
    const metric = told === undefined ? 0 : told.metric;
    const id = this.#ids.take();
    this.#byKey.set(key, id);
    this.#hops[id] = {
      address,
      ifindex,
      isLinkLocal: isLinkLocal(address),
      references: 0,
      sets: 0,
      metric,
    };
    this.#rest(id);
    return id;
  }

  #enterSet(hop: HopId): void {
    const found = this.#hops[hop];
    if (found === undefined) return;
    found.sets++;
    this.#idle.delete(hop);
  }

  #leaveSet(hop: HopId): void {
    const found = this.#hops[hop];
    if (found === undefined || --found.sets > 0 || found.references > 0) return;
    this.#rest(hop);
  }

  #rest(hop: HopId): void {
    this.#idle.add(hop);
    if (this.#idle.size <= MOST_IDLE) return;
    for (const oldest of this.#idle) {
      this.#forget(oldest);
      break;
    }
  }

  #forget(hop: HopId): void {
    const found = this.#hops[hop];
    this.#idle.delete(hop);
    if (found === undefined) return;
    const {address, ifindex} = found;
    const key = keyOf(address, ifindex);
    this.#byKey.delete(key);
    this.#told.delete(key);
    if (address.length === 4) this.#byWord.delete(u32(address, 0));
    this.#hops[hop] = undefined;
    this.#ids.give(hop);
  }

  #note({address, ifindex}: NextHop, isUsed: boolean): void {
    this.#interest.set(keyOf(address, ifindex), {address, ifindex, isUsed});
  }
}

/** That nobody has. */
const MOST_IDLE = 4096;

function usable(octets: Uint8Array): Uint8Array {
  if (octets.length !== 32) return octets;
  const isUnspecified = octets.subarray(0, 16).every(octet => octet === 0);
  return isUnspecified ? octets.subarray(16) : octets.subarray(0, 16);
}

function keyOf(address: Uint8Array, ifindex: number): string {
  return `${formatAddress(address)}%${ifindex}`;
}

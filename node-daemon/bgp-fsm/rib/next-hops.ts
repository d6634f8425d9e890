/**
 * Next hops: each once, whether it can be reached, and sets of them. Pure to the outside.
 *
 * What nobody said anything about is reachable at metric 0. A link-local one means something on its link
 * only, so that it is kept once for each.
 */
import {formatAddress} from '../wire/address.js';
import type {NextHopState, SelectedNextHop} from './types.js';

export type HopId = number; // 0: none, as of what we originate

interface NextHop {
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly isLinkLocal: boolean;
  references: number;
  metric: number | undefined; // undefined: unreachable
}

const NO_HOPS: readonly SelectedNextHop[] = [];

export class NextHops {
  readonly #hops: (NextHop | undefined)[] = [undefined];
  readonly #byKey = new Map<string, HopId>();
  readonly #byWord = new Map<number, HopId>();
  readonly #told = new Map<string, {metric: number | undefined}>(); // also of those not in use
  readonly #interest = new Map<string, NextHopInterest>();
  readonly #sets = new Map<string, readonly SelectedNextHop[]>();
  readonly #singles: (readonly SelectedNextHop[] | undefined)[] = [];

  /** `octets` as in MP_REACH: of 32 the first 16 count, unless they are link-local or zero. */
  intern(octets: Uint8Array): HopId {
    return octets.length === 0 ? 0 : this.#ensure(usable(octets).slice(), 0);
  }

  /** An IPv4 address as a number. */
  internWord(word: number): HopId {
    const known = this.#byWord.get(word);
    if (known !== undefined) return known;
    const hop = this.intern(Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word));
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
    if (found === undefined) return;
    if (found.references++ === 0) this.#note(found, true);
  }

  release(hop: HopId): void {
    const found = this.#hops[hop];
    if (found === undefined) return;
    if (--found.references === 0) this.#note(found, false);
  }

  isReachable(hop: HopId): boolean {
    return hop === 0 || this.#hops[hop]?.metric !== undefined;
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
  single(hop: HopId): readonly SelectedNextHop[] {
    return hop === 0 ? NO_HOPS : (this.#singles[hop] ??= this.setOf([{hop, weight: 1}]));
  }

  /** One object for one set. Weights 1 unless all have a bandwidth. */
  setOf(
    members: readonly {readonly hop: HopId; readonly weight: number}[],
  ): readonly SelectedNextHop[] {
    const hops = members.filter(({hop}) => hop !== 0);
    if (hops.length === 0) return NO_HOPS;
    const key = hops.map(({hop, weight}) => `${hop}:${weight}`).join();
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size > MAX_SETS) this.#sets.clear(); // a set made anew is told as a change, no more
    const made = hops.flatMap(({hop, weight}) => {
      const found = this.#hops[hop];
      return found === undefined ? [] : [{address: found.address, ifindex: found.ifindex, weight}];
    });
    this.#sets.set(key, made);
    return made;
  }

  #ensure(address: Uint8Array, ifindex: number): HopId {
    const key = keyOf(address, ifindex);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const isLinkLocal =
      address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
    const told = this.#told.get(key);
    const metric = told === undefined ? 0 : told.metric;
    this.#byKey.set(key, this.#hops.length);
    this.#hops.push({address, ifindex, isLinkLocal, references: 0, metric});
    return this.#hops.length - 1;
  }

  #note({address, ifindex}: NextHop, isUsed: boolean): void {
    this.#interest.set(keyOf(address, ifindex), {address, ifindex, isUsed});
  }
}

export interface NextHopInterest {
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly isUsed: boolean;
}

const MAX_SETS = 100_000;

function usable(octets: Uint8Array): Uint8Array {
  if (octets.length !== 32) return octets;
  const isUnspecified = octets.subarray(0, 16).every(octet => octet === 0);
  return isUnspecified ? octets.subarray(16) : octets.subarray(0, 16);
}

function keyOf(address: Uint8Array, ifindex: number): string {
  return `${formatAddress(address)}%${ifindex}`;
}

/**
 * The state of next hops, as selection wants to know it: who is asked for, what was said last, and
 * what is different now. Pure.
 *
 * A next hop that was on a link is not looked for behind a default route once the link is down: the
 * kernel drops the connected route, and a gateway that leads everywhere does not lead there.
 */
import type {NextHopState} from '#bgp-fsm';
import {hopKey, type Path} from './hop-sets.js';
import type {ResolvedPath, Underlay} from './underlay.js';

interface Tracked {
  readonly address: Uint8Array;
  readonly ifindex: number;
  via: number | undefined; // the link it is reached by; undefined: unreachable
  said: {readonly metric: number | undefined} | undefined;
}

export interface NextHop {
  readonly address: Uint8Array;
  readonly ifindex: number; // of a link-local one; else 0
}

export class NextHopTracker {
  readonly #tracked = new Map<string, Tracked>();
  readonly #onLink = new Set<string>(); // seen on a link, and still asked for
  #underlay: Underlay;

  constructor(underlay: Underlay) {
    this.#underlay = underlay;
  }

  /** A new picture of the kernel. */
  setUnderlay(underlay: Underlay): void {
    this.#underlay = underlay;
  }

  track({address, ifindex}: NextHop): void {
    const key = hopKey(address, ifindex);
    if (!this.#tracked.has(key))
      this.#tracked.set(key, {address, ifindex, via: undefined, said: undefined});
  }

  untrack({address, ifindex}: NextHop): void {
    const key = hopKey(address, ifindex);
    this.#tracked.delete(key);
    this.#onLink.delete(key);
  }

  resolve(nextHop: NextHop): Path | undefined {
    const path = this.#find(nextHop);
    return path && {ifindex: path.ifindex, gateway: path.gateway};
  }

  /** Whether a route to that prefix may be the way to one of them. */
  concerns(address: Uint8Array, bits: number): boolean {
    for (const tracked of this.#tracked.values()) {
      if (isInside(tracked.address, address, bits)) return true;
    }
    return false;
  }

  /** Whether the state of that link may make a difference. */
  dependsOn(ifindex: number): boolean {
    for (const {via} of this.#tracked.values()) {
      if (via === undefined || via === ifindex) return true;
    }
    return false;
  }

  /** What is to be said, and counts as said from now on. */
  takeChanges(): NextHopState[] {
    const changes: NextHopState[] = [];
    for (const tracked of this.#tracked.values()) {
      const {address, ifindex, said} = tracked;
      const path = this.#find(tracked);
      const metric = path?.metric;
      tracked.via = path?.ifindex;
      if (said !== undefined && said.metric === metric) continue;
      tracked.said = {metric};
      changes.push({address, ifindex, metric});
    }
    return changes;
  }

  #find({address, ifindex}: NextHop): ResolvedPath | undefined {
    const key = hopKey(address, ifindex);
    const path = this.#underlay.resolve(address, ifindex);
    if (path?.isDefault === true && !path.isOnLink && this.#onLink.has(key)) return undefined;
    if (path?.isOnLink === true && this.#tracked.has(key)) this.#onLink.add(key);
    return path;
  }
}

function isInside(address: Uint8Array, network: Uint8Array, bits: number): boolean {
  if (address.length !== network.length) return false;
  for (let at = 0; at * 8 < bits; at++) {
    const mask = bits - at * 8 >= 8 ? 0xff : (0xff << (8 - (bits - at * 8))) & 0xff;
    if ((((address[at] as number) ^ (network[at] as number)) & mask) !== 0) return false;
  }
  return true;
}

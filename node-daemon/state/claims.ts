/**
 * Which host has the better right to a range or a VTEP MAC when two records claim it. Pure, but
 * mutable: it belongs to the state.
 *
 * The older claim wins (creation of the record in etcd, then the name, so that every host decides
 * alike); this node's own ranges win over all. A claim loses to any better one, also to one that
 * itself loses elsewhere: that can be decided from two records alone.
 */
import type {Prefix} from '#ipam';
import {PrefixIndex} from './prefix-index.js';

export interface Claim {
  readonly rank: number; // lower is older; -1: our own
  readonly ranges: readonly Prefix[];
  readonly mac?: string; // macKey()
}

export function macKey(mac: Uint8Array): string {
  return String.fromCharCode(...mac);
}

export class Claims {
  readonly #claims = new Map<string, Claim>();
  readonly #ranges = new PrefixIndex();
  readonly #macs = new Map<string, Set<string>>();

  /** Returns the other owners for whom something may have changed. */
  put(owner: string, claim: Claim): ReadonlySet<string> {
    const rivals = new Set(this.remove(owner));
    this.#collectRivals(claim, rivals);
    this.#claims.set(owner, claim);
    for (const range of claim.ranges) this.#ranges.add(range, owner);
    if (claim.mac !== undefined) {
      const owners = this.#macs.get(claim.mac);
      if (owners === undefined) this.#macs.set(claim.mac, new Set([owner]));
      else owners.add(owner);
    }
    return rivals;
  }

  remove(owner: string): ReadonlySet<string> {
    const rivals = new Set<string>();
    const claim = this.#claims.get(owner);
    if (claim === undefined) return rivals;
    this.#claims.delete(owner);
    for (const range of claim.ranges) this.#ranges.remove(range, owner);
    const owners = claim.mac === undefined ? undefined : this.#macs.get(claim.mac);
    if (claim.mac !== undefined && owners?.delete(owner) && owners.size === 0) {
      this.#macs.delete(claim.mac);
    }
    this.#collectRivals(claim, rivals);
    return rivals;
  }

  /** Who has the better right to `range`, if anybody. */
  betterOwnerOfRange(owner: string, range: Prefix): string | undefined {
    return this.#better(owner, this.#ranges.overlapping(range));
  }

  betterOwnerOfMac(owner: string, mac: string): string | undefined {
    return this.#better(owner, this.#macs.get(mac) ?? []);
  }

  #better(owner: string, others: Iterable<string>): string | undefined {
    const mine = this.#claims.get(owner)?.rank ?? Infinity;
    for (const other of others) {
      if (other === owner) continue;
      const theirs = this.#claims.get(other)?.rank ?? Infinity;
      if (theirs < mine || (theirs === mine && other < owner)) return other;
    }
    return undefined;
  }

  #collectRivals(claim: Claim, into: Set<string>): void {
    for (const range of claim.ranges) {
      for (const other of this.#ranges.overlapping(range)) into.add(other);
    }
    for (const other of (claim.mac !== undefined && this.#macs.get(claim.mac)) || [])
      into.add(other);
  }
}

/**
 * A stretch of the log of changes as one peer was told it, for the others of its export group: who has been
 * sent the same until there is sent the same octets, and no attribute is looked at again. Pure to the outside.
 */
import {formatAddress} from '../wire/address.js';
import type {BlockId, Blocks} from './blocks.js';
import type {PrefixId} from './prefix-table.js';
import type {PeerIx} from './types.js';

/** Numbers side by side: of each prefix that was looked at, one place. */
export interface Stretch {
  readonly from: number; // places in the log
  readonly to: number;
  readonly prefixes: Uint32Array;
  readonly wanted: Uint32Array; // blocks; 0: none
  readonly serials: Uint32Array; // of the blocks: they may have been freed
  readonly isSent: Uint8Array; // 1: it was not as it had been sent before
  // who is told something else
  readonly sources: ReadonlySet<PeerIx>; // whose paths are among them
  readonly nextHops: ReadonlySet<string>; // whose addresses are
  readonly octets: Uint8Array; // whole messages
}

/** What it was told of some of it is not what the others are. */
export function isAmong(peer: StretchPeer, {sources, nextHops}: Stretch): boolean {
  return sources.has(peer.ix) || nextHops.has(peer.addressText);
}

export interface StretchPeer {
  readonly ix: PeerIx;
  readonly addressText: string;
}

/** Shorter ones are as quickly worked out. */
export const SHORTEST_STRETCH = 8;

export class StretchNotes {
  readonly #outs: Blocks;
  readonly #from: number;
  readonly #prefixes: PrefixId[] = [];
  readonly #wanted: BlockId[] = [];
  readonly #isSent: number[] = [];
  readonly #sources = new Set<PeerIx>();
  readonly #nextHops = new Set<Uint8Array>(); // each is one object as long as it is in use

  constructor(outs: Blocks, from: number) {
    this.#outs = outs;
    this.#from = from;
  }

  note(prefix: PrefixId, wanted: BlockId, isSent: boolean): void {
    this.#prefixes.push(prefix);
    this.#wanted.push(wanted);
    this.#isSent.push(Number(isSent));
  }

  noteSource(peer: PeerIx): void {
    this.#sources.add(peer);
  }

  noteNextHop(address: Uint8Array | undefined): void {
    if (address !== undefined) this.#nextHops.add(address);
  }

  finish(to: number, octets: Uint8Array): Stretch {
    return {
      ...{from: this.#from, to, octets, sources: this.#sources},
      nextHops: new Set([...this.#nextHops].map(formatAddress)),
      prefixes: Uint32Array.from(this.#prefixes),
      wanted: Uint32Array.from(this.#wanted),
      serials: Uint32Array.from(this.#wanted, out => (out === 0 ? 0 : this.#outs.serial(out))),
      isSent: Uint8Array.from(this.#isSent),
    };
  }
}

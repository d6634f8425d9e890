/**
 * A stretch of the log of changes as one peer was told it, for the others of its export group: who has been
 * sent the same until there is sent the same octets, and no attribute is looked at again. Pure to the outside.
 */
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
  readonly sources: ReadonlySet<PeerIx>; // whose paths are among them: they are told something else
  readonly octets: Uint8Array; // whole messages
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

  hasSource(peer: PeerIx): boolean {
    return this.#sources.has(peer);
  }

  finish(to: number, octets: Uint8Array): Stretch {
    return {
      ...{from: this.#from, to, octets, sources: this.#sources},
      prefixes: Uint32Array.from(this.#prefixes),
      wanted: Uint32Array.from(this.#wanted),
      serials: Uint32Array.from(this.#wanted, out => (out === 0 ? 0 : this.#outs.serial(out))),
      isSent: Uint8Array.from(this.#isSent),
    };
  }
}

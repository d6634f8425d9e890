/**
 * Octets that many routes share, each kept once: an attribute block with its next hop. Pure to the outside.
 *
 *   arena   ...| block | next hop |...        one buffer; holes are closed when half of it is holes
 *
 * A block lives while it is referred to. Its id is given out again afterwards, its serial never is: what
 * is remembered about a block is remembered by serial.
 */
import {EMPTY} from '../wire/bytes.js';
import {Column, HashIndex, Ids} from './column.js';

export type BlockId = number; // 0: none

const MIN_HOLES = 1 << 20;

export class Blocks {
  readonly #ids = new Ids();
  readonly #at = new Column();
  readonly #length = new Column();
  readonly #hopLength = new Column();
  readonly #class = new Column();
  readonly #hash = new Column();
  readonly #references = new Column();
  readonly #serial = new Column();
  readonly #index = new HashIndex(id => this.#isProbe(id));
  #arena = new Uint8Array(1 << 16);
  #end = 0;
  #holes = 0;
  #nextSerial = 1;
  #count = 0;
  // what intern() looks for
  #bytes: Uint8Array = EMPTY;
  #from = 0;
  #size = 0;
  #hop: Uint8Array = EMPTY;
  #hopFrom = 0;
  #hopSize = 0;
  #kind = 0;

  /** Whether the last intern() made a new one. */
  isNew = false;

  get count(): number {
    return this.#count;
  }

  /** Without a reference yet: retain() or settle() it. `kind` is part of the key. */
  intern(bytes: Uint8Array, from: number, end: number, kind: number, hop: Hop): BlockId {
    this.#bytes = bytes;
    this.#from = from;
    this.#size = end - from;
    this.#hop = hop.bytes;
    this.#hopFrom = hop.at;
    this.#hopSize = hop.length;
    this.#kind = kind;
    const hash = this.#hashOfProbe();
    const found = this.#index.find(hash);
    this.isNew = found === 0;
    return found === 0 ? this.#add(hash) : found;
  }

  retain(id: BlockId): void {
    this.#references.set(id, this.#references.get(id) + 1);
  }

  /** True when that was the last reference: the id is free now. */
  release(id: BlockId): boolean {
    const left = this.#references.get(id) - 1;
    this.#references.set(id, left);
    if (left > 0) return false;
    this.#index.remove(this.#hash.get(id), id);
    this.#holes += this.#length.get(id) + this.#hopLength.get(id);
    this.#serial.set(id, 0);
    this.#ids.give(id);
    this.#count--;
    if (this.#holes > MIN_HOLES && this.#holes * 2 > this.#end) this.#compact();
    return true;
  }

  /** Frees what nobody retained. True when it is free now. */
  settle(id: BlockId): boolean {
    if (this.#references.get(id) > 0) return false;
    this.retain(id);
    return this.release(id);
  }

  serial(id: BlockId): number {
    return this.#serial.get(id);
  }

  kind(id: BlockId): number {
    return this.#class.get(id);
  }

  /** A view, until the next intern(). */
  block(id: BlockId): Uint8Array {
    const at = this.#at.get(id);
    return this.#arena.subarray(at, at + this.#length.get(id));
  }

  /** A view, until the next intern(). */
  nextHop(id: BlockId): Uint8Array {
    const at = this.#at.get(id) + this.#length.get(id);
    return this.#arena.subarray(at, at + this.#hopLength.get(id));
  }

  #add(hash: number): BlockId {
    const id = this.#ids.take();
    const needed = this.#end + this.#size + this.#hopSize;
    if (needed > this.#arena.length) this.#growArena(needed);
    const at = this.#end;
    copy(this.#bytes, this.#from, this.#size, this.#arena, at);
    copy(this.#hop, this.#hopFrom, this.#hopSize, this.#arena, at + this.#size);
    this.#end = needed;
    this.#at.set(id, at);
    this.#length.set(id, this.#size);
    this.#hopLength.set(id, this.#hopSize);
    this.#class.set(id, this.#kind);
    this.#hash.set(id, hash);
    this.#references.set(id, 0);
    this.#serial.set(id, this.#nextSerial++);
    this.#index.add(hash, id);
    this.#count++;
    return id;
  }

  #isProbe(id: BlockId): boolean {
    const at = this.#at.get(id);
    return (
      this.#length.get(id) === this.#size &&
      this.#hopLength.get(id) === this.#hopSize &&
      this.#class.get(id) === this.#kind &&
      isSame(this.#arena, at, this.#bytes, this.#from, this.#size) &&
      isSame(this.#arena, at + this.#size, this.#hop, this.#hopFrom, this.#hopSize)
    );
  }

  /** FNV-1a. */
  #hashOfProbe(): number {
    let hash = Math.imul(0x811c9dc5 ^ this.#kind, 0x01000193);
    const [bytes, end] = [this.#bytes, this.#from + this.#size];
    for (let at = this.#from; at < end; at++) {
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    }
    for (let at = 0; at < this.#hopSize; at++) {
      hash = Math.imul(hash ^ (this.#hop[this.#hopFrom + at] as number), 0x01000193);
    }
    return (hash ^ (hash >>> 15)) >>> 0;
  }

  #growArena(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#arena.length * 2));
    grown.set(this.#arena.subarray(0, this.#end));
    this.#arena = grown;
  }

  #compact(): void {
    const packed = new Uint8Array(Math.max(1 << 16, (this.#end - this.#holes) * 2));
    let end = 0;
    for (let id = 1; id < this.#ids.limit; id++) {
      if (this.#serial.get(id) === 0) continue;
      const size = this.#length.get(id) + this.#hopLength.get(id);
      const at = this.#at.get(id);
      packed.set(this.#arena.subarray(at, at + size), end);
      this.#at.set(id, end);
      end += size;
    }
    this.#arena = packed;
    this.#end = end;
    this.#holes = 0;
  }
}

/** Where a next hop lies. */
export interface Hop {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly length: number;
}

function copy(from: Uint8Array, at: number, count: number, to: Uint8Array, into: number): void {
  for (let i = 0; i < count; i++) to[into + i] = from[at + i] as number;
}

function isSame(a: Uint8Array, atA: number, b: Uint8Array, atB: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}

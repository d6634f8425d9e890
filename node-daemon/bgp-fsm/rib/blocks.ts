/**
 * Octets that many routes share, each kept once: an attribute block with its next hop. Pure to the outside.
 *
 *   arena   ...| block | next hop |...        holes are closed when half of it is holes
 *
 * A block lives while it is referred to. Its id is given out again afterwards, its serial never is: what
 * is remembered about a block is remembered by serial.
 */
import {Arena} from './arena.js';
import {EMPTY} from '../wire/bytes.js';
import {Ids, Records} from './column.js';
import {HashIndex} from './hash-index.js';

export type BlockId = number; // 0: none

const AT = 0;
const SHAPE = 1; // length of the block, at most an arena's page << 15 | kind << 6 | length of the next hop
const HASH = 2;
const REFERENCES = 3;
const SERIAL = 4; // 0: free

const HOP_MASK = 0x3f;
const KIND_SHIFT = 6;
const BLOCK_SHIFT = 15;
/** Kinds are numbers up to here. */
export const MOST_KINDS = 0x1ff;

const MIN_HOLES = 1 << 20;

export class Blocks {
  readonly #ids = new Ids();
  readonly #rows = new Records(5);
  readonly #index = new HashIndex({
    isProbe: id => this.#isProbe(id),
    isLive: id => this.#rows.get(id, SERIAL) !== 0,
    hashOf: id => this.#rows.get(id, HASH) | 0,
    limit: () => this.#ids.limit,
  });
  #arena = new Arena();
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
    this.#rows.set(id, REFERENCES, this.#rows.get(id, REFERENCES) + 1);
  }

  /** True when that was the last reference: the id is free now. */
  release(id: BlockId): boolean {
    const left = this.#rows.get(id, REFERENCES) - 1;
    this.#rows.set(id, REFERENCES, left);
    if (left > 0) return false;
    this.#index.remove(this.#rows.get(id, HASH) | 0, id);
    this.#holes += this.#sizeOf(id);
    this.#rows.set(id, SERIAL, 0);
    this.#ids.give(id);
    this.#count--;
    if (this.#holes > MIN_HOLES && this.#holes * 2 > this.#arena.size) this.#compact();
    return true;
  }

  /** Frees what nobody retained. True when it is free now. */
  settle(id: BlockId): boolean {
    if (this.#rows.get(id, REFERENCES) > 0) return false;
    this.retain(id);
    return this.release(id);
  }

  serial(id: BlockId): number {
    return this.#rows.get(id, SERIAL);
  }

  kind(id: BlockId): number {
    return (this.#rows.get(id, SHAPE) >>> KIND_SHIFT) & MOST_KINDS;
  }

  /** Where the block lies: offsets into `page`, until the next intern(). */
  page(id: BlockId): Uint8Array {
    return this.#arena.page(this.#rows.get(id, AT));
  }

  start(id: BlockId): number {
    return this.#arena.offset(this.#rows.get(id, AT));
  }

  end(id: BlockId): number {
    return this.start(id) + this.length(id);
  }

  /** A view, until the next intern(). */
  block(id: BlockId): Uint8Array {
    const at = this.#rows.get(id, AT);
    const from = this.#arena.offset(at);
    return this.#arena.page(at).subarray(from, from + this.length(id));
  }

  /** A view, until the next intern(). */
  nextHop(id: BlockId): Uint8Array {
    const length = this.nextHopLength(id);
    if (length === 0) return EMPTY;
    const at = this.#rows.get(id, AT);
    const from = this.#arena.offset(at) + this.length(id);
    return this.#arena.page(at).subarray(from, from + length);
  }

  /** Of the block, without the next hop. */
  length(id: BlockId): number {
    return this.#rows.get(id, SHAPE) >>> BLOCK_SHIFT;
  }

  nextHopLength(id: BlockId): number {
    return this.#rows.get(id, SHAPE) & HOP_MASK;
  }

  #sizeOf(id: BlockId): number {
    return this.length(id) + this.nextHopLength(id);
  }

  #add(hash: number): BlockId {
    const id = this.#ids.take();
    const at = this.#arena.take(this.#size + this.#hopSize);
    const page = this.#arena.page(at);
    const into = this.#arena.offset(at);
    copy(this.#bytes, this.#from, this.#size, page, into);
    copy(this.#hop, this.#hopFrom, this.#hopSize, page, into + this.#size);
    const rows = this.#rows;
    rows.set(id, AT, at);
    rows.set(id, SHAPE, this.#shapeOfProbe());
    rows.set(id, HASH, hash);
    rows.set(id, REFERENCES, 0);
    this.#index.add(hash, id); // first: it must not find the block there
    rows.set(id, SERIAL, this.#nextSerial);
    this.#nextSerial = (this.#nextSerial % 0xffff_ffff) + 1;
    this.#count++;
    return id;
  }

  #isProbe(id: BlockId): boolean {
    if (this.#rows.get(id, SHAPE) !== this.#shapeOfProbe()) return false;
    const at = this.#rows.get(id, AT);
    const page = this.#arena.page(at);
    const from = this.#arena.offset(at);
    return (
      isSame(page, from, this.#bytes, this.#from, this.#size) &&
      isSame(page, from + this.#size, this.#hop, this.#hopFrom, this.#hopSize)
    );
  }

  #shapeOfProbe(): number {
    return ((this.#size << BLOCK_SHIFT) | (this.#kind << KIND_SHIFT) | this.#hopSize) >>> 0;
  }

  /** FNV-1a. */
  #hashOfProbe(): number {
    let hash = Math.imul(0x811c9dc5 ^ this.#kind, 0x01000193);
    const bytes = this.#bytes;
    const end = this.#from + this.#size;
    for (let at = this.#from; at < end; at++) {
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    }
    for (let at = 0; at < this.#hopSize; at++) {
      hash = Math.imul(hash ^ (this.#hop[this.#hopFrom + at] as number), 0x01000193);
    }
    return hash ^ (hash >>> 15);
  }

  #compact(): void {
    const packed = new Arena();
    for (let id = 1; id < this.#ids.limit; id++) {
      if (this.#rows.get(id, SERIAL) === 0) continue;
      const size = this.#sizeOf(id);
      const at = this.#rows.get(id, AT);
      const to = packed.take(size);
      copy(this.#arena.page(at), this.#arena.offset(at), size, packed.page(to), packed.offset(to));
      this.#rows.set(id, AT, to);
    }
    this.#arena = packed;
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

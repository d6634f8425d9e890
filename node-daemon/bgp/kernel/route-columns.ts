/**
 * What is known of each learnt prefix of one family, in columns: which set of next hops it is to have,
 * which object its route in the kernel names, and the queue of those where the two differ. No I/O.
 */
import type {AddressWords} from '#native-addon';
import {PrefixSlots, resized} from './prefix-slots.js';

/** `wanted`: nobody has said yet; a route that an earlier process left stays. */
export const STALE = -1;
/** `held`: something we cannot name; a write must not replace what may be somebody else's. */
export const UNKNOWN = -1;
/** `held`: a route of ours by protocol and metric, but not with an object of ours. */
export const OVERWRITTEN = -2;

export class RouteColumns {
  readonly #slots: PrefixSlots;
  #wanted: Int32Array; // set + 1; 0: no route; STALE
  #held: Int32Array; // nexthop id; 0: no route; UNKNOWN, OVERWRITTEN
  #writtenIn: Uint32Array; // epochs
  #seenIn: Uint32Array;
  #epoch = 1; // a new one with each observation, and with each dump of it
  #observedSince = 0; // the epoch that the observation began with
  #isObserved = false;
  #freeLater: number[] = [];
  #isQueued: Uint8Array;
  #queue: number[] = [];
  #from = 0; // of the queue
  #isSwept = false;
  #heldCount = 0;

  constructor(octets: 4 | 16) {
    this.#slots = new PrefixSlots(octets);
    const {capacity} = this.#slots;
    this.#wanted = new Int32Array(capacity);
    this.#held = new Int32Array(capacity);
    this.#writtenIn = new Uint32Array(capacity);
    this.#seenIn = new Uint32Array(capacity);
    this.#isQueued = new Uint8Array(capacity);
  }

  /** Prefixes with a route in the kernel. */
  get heldCount(): number {
    return this.#heldCount;
  }

  get queued(): number {
    return this.#queue.length - this.#from;
  }

  find(address: Uint8Array, bits: number): number {
    return this.#slots.find(address, bits);
  }

  /** The address begins at `from` in `octets`. */
  slotOf(octets: Uint8Array, bits: number, from = 0): number {
    const slot = this.#slots.add(octets, bits, from);
    const {capacity} = this.#slots;
    if (capacity > this.#wanted.length) {
      this.#wanted = resized(this.#wanted, capacity);
      this.#held = resized(this.#held, capacity);
      this.#writtenIn = resized(this.#writtenIn, capacity);
      this.#seenIn = resized(this.#seenIn, capacity);
      this.#isQueued = resized(this.#isQueued, capacity);
    }
    return slot;
  }

  prefix(slot: number): {address: Uint8Array; bits: number} {
    return {address: this.#slots.address(slot), bits: this.#slots.bits(slot)};
  }

  bits(slot: number): number {
    return this.#slots.bits(slot);
  }

  /** Not a copy: good until the next slotOf(). */
  addressWords(slot: number): AddressWords {
    return this.#slots.addressWords(slot);
  }

  wanted(slot: number): number {
    return this.#wanted[slot] as number;
  }

  held(slot: number): number {
    return this.#held[slot] as number;
  }

  want(slot: number, wanted: number): void {
    this.#wanted[slot] = wanted;
    this.enqueue(slot);
  }

  setHeld(slot: number, held: number): void {
    this.#heldCount += Number(held !== 0) - Number(this.#held[slot] !== 0);
    this.#held[slot] = held;
  }

  /** Found in the kernel, and nobody has asked for it. */
  adopt(slot: number): void {
    this.#wanted[slot] = this.#isSwept ? 0 : STALE;
  }

  write(slot: number, target: number): void {
    this.setHeld(slot, target);
    this.#writtenIn[slot] = this.#epoch;
  }

  beginObservation(): void {
    this.#observedSince = ++this.#epoch;
    this.#isObserved = true;
  }

  /** Of the observation; another one if that was interrupted: what was seen before does not count. */
  beginDump(): void {
    this.#epoch++;
  }

  /** Since the observation began: a dump of it may show what was before. */
  wasWritten(slot: number): boolean {
    return (this.#writtenIn[slot] as number) >= this.#observedSince;
  }

  noteSeen(slot: number): void {
    this.#seenIn[slot] = this.#epoch;
  }

  /** Believed to be there, and not seen in this dump. What was refused is believed nothing of, and has its time. */
  unseen(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#held.length; slot++) {
      const held = this.#held[slot];
      const isBelieved = held !== 0 && held !== UNKNOWN && this.#seenIn[slot] !== this.#epoch;
      if (isBelieved && !this.wasWritten(slot)) slots.push(slot);
    }
    return slots;
  }

  endObservation(): void {
    this.#isObserved = false;
    for (const slot of this.#freeLater.splice(0)) {
      if (this.#wanted[slot] === 0 && this.#held[slot] === 0) this.free(slot);
    }
  }

  /** With a set of next hops. */
  wantedSlots(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#wanted.length; slot++) {
      if ((this.#wanted[slot] as number) > 0) slots.push(slot);
    }
    return slots;
  }

  slotsWith(targets: ReadonlySet<number>): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#held.length; slot++) {
      const held = this.#held[slot] as number;
      if (held > 0 && targets.has(held)) slots.push(slot);
    }
    return slots;
  }

  /** From now on what nobody asks for goes. */
  sweep(): void {
    this.#isSwept = true;
    for (let slot = 0; slot < this.#wanted.length; slot++) {
      if (this.#wanted[slot] === STALE) this.want(slot, 0);
    }
  }

  enqueue(slot: number): void {
    if (this.#isQueued[slot] === 1) return;
    this.#isQueued[slot] = 1;
    this.#queue.push(slot);
  }

  /** The next one of the queue; -1: it is empty. */
  next(): number {
    const slot = this.#queue[this.#from];
    if (slot === undefined) {
      this.#queue = [];
      this.#from = 0;
      return -1;
    }
    this.#from++;
    this.#isQueued[slot] = 0;
    return slot;
  }

  /**
   * Nothing is wanted or held of the prefix: its slot may be another's. One that is free already may
   * come again, from a list of those that waited. While an observation is made it has to be known that the
   * route was deleted: a dump may still show it.
   */
  free(slot: number): void {
    if (this.#isObserved) return void this.#freeLater.push(slot);
    const {address, bits} = this.prefix(slot);
    if (this.#isQueued[slot] === 1 || this.find(address, bits) !== slot) return;
    this.#slots.remove(slot);
    this.#wanted[slot] = 0;
    this.#held[slot] = 0;
    this.#writtenIn[slot] = 0;
    this.#seenIn[slot] = 0;
  }

  count(): {wanted: number; held: number; stale: number} {
    const counts = {wanted: 0, held: this.#heldCount, stale: 0};
    for (let slot = 0; slot < this.#wanted.length; slot++) {
      const wanted = this.#wanted[slot] as number;
      if (wanted > 0) counts.wanted++;
      else if (wanted === STALE) counts.stale++;
    }
    return counts;
  }
}

/**
 * The tables of one family: prefixes, their paths, what is selected, and what is to be done about it. Pure to
 * the outside. adj-ribs-in.ts fills it, adj-ribs-out.ts reads it.
 *
 * A prefix is in the table while a path, a peer that was sent it, or the queue of the kernel has it.
 */
import type {Family} from '../wire/family.js';
import type {AttributeSets} from './attribute-sets.js';
import {ChangeLog} from './change-log.js';
import {Column} from './column.js';
import {Decision, type DecisionTables} from './decide.js';
import {NO_SET, type HopSetId} from './next-hops.js';
import {Paths, type Given, type Row} from './paths.js';
import {BEST, PrefixTable, type PrefixId} from './prefix-table.js';
import {PrefixQueue} from './queue.js';
import type {SelectedWriter} from './selected.js';
import type {PeerIx, RibOptions, SelectedRoute} from './types.js';

export interface FamilyRibOptions {
  readonly family: Family;
  readonly sets: AttributeSets;
  readonly options: RibOptions;
  readonly peerOf: DecisionTables['peerOf'];
  readonly onOffLink: DecisionTables['onOffLink'];
}

/** Marks of a prefix. */
const UNDECIDED = 1;
const UNTOLD = 2; // to the kernel
const HAS_PATHS = 4; // which is one use; until it is decided that it has none
/** Beside the row in BEST: that path is not what it was when it was chosen. */
const IS_OTHER = 0x8000_0000;
const MAX_WEIGHT = 256; // nexthop groups of the kernel have 8 bits

export type FamilyRibs = Readonly<Record<Family, FamilyRib>>;

export class FamilyRib {
  readonly family: Family;
  readonly table: PrefixTable;
  readonly paths: Paths;
  readonly decision: Decision;
  readonly log: ChangeLog;
  /** Every change of any path is logged, not only of the best: a peer has ADD-PATH. */
  logsAllPaths = false;
  readonly #sets: AttributeSets;
  readonly #dirty: PrefixQueue;
  readonly #changed: PrefixQueue; // for the kernel
  readonly #hops = new Column(); // the set that the kernel is to use: HopSetId
  readonly #bestCounts = new Column(); // by peer
  readonly #words = new Uint32Array(4);

  constructor({family, sets, options, peerOf, onOffLink}: FamilyRibOptions) {
    this.family = family;
    this.table = new PrefixTable(family);
    this.paths = new Paths(this.table);
    this.log = new ChangeLog(this.table);
    this.#dirty = new PrefixQueue(this.table, UNDECIDED);
    this.#changed = new PrefixQueue(this.table, UNTOLD);
    this.decision = new Decision({sets, paths: this.paths, peerOf, onOffLink}, options);
    this.#sets = sets;
  }

  /** Prefixes of which the kernel is to be told. */
  get untold(): number {
    return this.#changed.size;
  }

  get waiting(): number {
    return this.#dirty.size;
  }

  best(prefix: PrefixId): Row {
    return this.table.records.get(prefix, BEST) & ~IS_OTHER;
  }

  /** Undefined: ours. As it was told, on whatever link. */
  nextHop(row: Row): Uint8Array | undefined {
    const {hops} = this.#sets;
    return hops.address(this.#sets.hop(this.paths.effective(row)));
  }

  /** Prefixes whose best path is the peer's. */
  bestCount(peer: PeerIx): number {
    return this.#bestCounts.get(peer);
  }

  use(prefix: PrefixId): void {
    this.table.use(prefix);
  }

  leave(prefix: PrefixId): void {
    this.table.leave(prefix);
  }

  /** The peer's path of that id, from now on; it had one or not. */
  putPath(prefix: PrefixId, peer: PeerIx, pathId: number, given: Given): void {
    const row = this.paths.find(prefix, peer, pathId);
    if (row === 0) this.#addPath(prefix, peer, pathId, given);
    else this.setPath(row, given);
  }

  /** Both as the row has them from now on. A change makes the prefix undecided. */
  setPath(row: Row, {raw, effective, reason, epoch}: Given): void {
    const {paths} = this;
    const oldRaw = paths.raw(row);
    const oldEffective = paths.effective(row);
    if (oldRaw !== raw) this.#sets.retain(raw);
    paths.setRaw(row, raw, epoch);
    if (effective !== 0) this.#sets.retain(effective);
    paths.setEffective(row, effective, reason);
    if (oldEffective !== effective) {
      const prefix = paths.prefix(row);
      this.#dirty.push(prefix);
      if (this.best(prefix) === row) this.table.records.set(prefix, BEST, (row | IS_OTHER) >>> 0);
    }
    if (oldRaw !== raw && oldRaw !== 0) this.#sets.release(oldRaw);
    if (oldEffective !== 0) this.#sets.release(oldEffective);
  }

  removePath(row: Row): void {
    const {paths} = this;
    const prefix = paths.prefix(row);
    const [raw, effective] = [paths.raw(row), paths.effective(row)];
    paths.remove(row);
    this.#sets.release(raw);
    this.#sets.release(effective);
    this.#dirty.push(prefix);
    // the row may be another path's before this is decided
    if (this.best(prefix) === row) {
      this.#countBest(row, -1);
      this.table.records.set(prefix, BEST, IS_OTHER);
    }
  }

  /** Those of the peer's paths that `isIt` is true of. */
  removePaths(peer: PeerIx, isIt: (row: Row) => boolean): void {
    for (const row of this.paths.ofPeer(peer)) if (isIt(row)) this.removePath(row);
  }

  /** Undecided, for other reasons than their paths. */
  doubtAll(): void {
    for (let id = 1; id < this.table.limit; id++) if (this.table.isThere(id)) this.#dirty.push(id);
  }

  /** Those that the peer has a path of. */
  doubtOf(peer: PeerIx): void {
    for (const row of this.paths.ofPeer(peer)) this.#dirty.push(this.paths.prefix(row));
  }

  /** At most `limit` prefixes; how many there were. */
  decide(limit: number): number {
    let done = 0;
    for (; done < limit; done++) {
      const prefix = this.#dirty.take();
      if (prefix === 0) break;
      if (this.table.isThere(prefix)) this.#decideOne(prefix);
    }
    return done;
  }

  takeChanged(limit: number, into: SelectedRoute[]): void {
    while (into.length < limit) {
      const prefix = this.#changed.take();
      if (prefix === 0) return;
      into.push(this.#selected(prefix));
      this.leave(prefix);
    }
  }

  /** At most `limit` in all. */
  takeChangedColumns(limit: number, into: SelectedWriter): void {
    while (into.count < limit) {
      const prefix = this.#changed.take();
      if (prefix === 0) return;
      const words = this.table.words(prefix, this.#words);
      const nextHops = this.#sets.hops.set(this.#hops.get(prefix));
      into.add(this.family, words, this.table.bits(prefix), nextHops);
      this.leave(prefix);
    }
  }

  reselectAll(): void {
    for (let id = 1; id < this.table.limit; id++) {
      if (this.table.isThere(id) && this.best(id) !== 0) this.#tellKernel(id);
    }
  }

  /** The rows in use, the best first. Good until the next call. */
  chosen(prefix: PrefixId): readonly Row[] {
    return this.best(prefix) === 0 ? [] : this.decision.choose(prefix);
  }

  #addPath(prefix: PrefixId, peer: PeerIx, pathId: number, given: Given): void {
    if (this.table.mark(prefix, HAS_PATHS)) this.table.use(prefix);
    this.#sets.retain(given.raw);
    if (given.effective !== 0) {
      this.#sets.retain(given.effective);
      this.#dirty.push(prefix);
    }
    this.paths.add(prefix, peer, pathId, given);
  }

  #decideOne(prefix: PrefixId): void {
    const {records} = this.table;
    const chosen = this.decision.choose(prefix);
    const best = chosen[0] ?? 0;
    const isBestNew = best !== records.get(prefix, BEST); // also where the old one is marked
    const hops = this.#hopsOf(chosen);
    if (isBestNew) {
      this.#countBest(this.best(prefix), -1);
      this.#countBest(best, 1);
    }
    records.set(prefix, BEST, best);
    if (isBestNew || this.logsAllPaths) this.log.push(prefix);
    const held = this.#hops.get(prefix);
    if (hops !== held) this.#setHops(prefix, hops, held);
    if (isBestNew || hops !== held) this.#tellKernel(prefix);
    if (this.paths.first(prefix) === 0) this.#noteEmpty(prefix);
  }

  #setHops(prefix: PrefixId, hops: HopSetId, held: HopSetId): void {
    const {hops: nextHops} = this.#sets;
    nextHops.retainSet(hops);
    nextHops.releaseSet(held);
    this.#hops.set(prefix, hops);
  }

  #countBest(row: Row, change: number): void {
    if (row === 0) return;
    const peer = this.paths.peer(row);
    this.#bestCounts.set(peer, this.#bestCounts.get(peer) + change);
  }

  #noteEmpty(prefix: PrefixId): void {
    if (this.table.unmark(prefix, HAS_PATHS)) this.leave(prefix);
  }

  #tellKernel(prefix: PrefixId): void {
    if (this.#changed.push(prefix)) this.use(prefix);
  }

  #hopsOf(chosen: readonly Row[]): HopSetId {
    const {hops} = this.#sets;
    const [best] = chosen;
    if (best === undefined) return NO_SET;
    if (chosen.length === 1) return hops.single(this.decision.hopOf(best));
    const weights = weightsOf(chosen.map(row => this.#sets.bandwidth(this.paths.effective(row))));
    const members = new Map<number, number>();
    for (const [at, row] of chosen.entries()) {
      const hop = this.decision.hopOf(row);
      if (!members.has(hop)) members.set(hop, weights[at] ?? 1);
    }
    const sorted = [...members].sort(([a], [b]) => a - b);
    return hops.setOf(sorted.map(([hop, weight]) => ({hop, weight})));
  }

  #selected(prefix: PrefixId): SelectedRoute {
    const best = this.best(prefix);
    return {
      family: this.family,
      address: this.table.address(prefix),
      bits: this.table.bits(prefix),
      nextHops: this.#sets.hops.set(this.#hops.get(prefix)),
      attributes: best === 0 ? undefined : this.#sets.attributes(this.paths.effective(best)),
    };
  }
}

/** Equal unless all say a bandwidth; then in proportion, the largest with the largest weight. */
export function weightsOf(bandwidths: readonly number[]): readonly number[] {
  const largest = Math.max(...bandwidths);
  if (bandwidths.some(each => each === 0) || bandwidths.every(each => each === largest)) {
    return bandwidths.map(() => 1);
  }
  return bandwidths.map(each => Math.max(1, Math.round((each / largest) * MAX_WEIGHT)));
}

/**
 * The tables of one family: prefixes, their paths, what is selected, and what is to be done about it. Pure to
 * the outside; rib.ts fills it.
 *
 * A prefix is in the table while a path, a peer that was sent it, or the queue of the kernel has it.
 */
import type {Family} from '../wire/family.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import {ChangeLog} from './change-log.js';
import {Column, Visits} from './column.js';
import {Decision, type PathPeer} from './decide.js';
import {Paths, type Row} from './paths.js';
import {PrefixTable, type PrefixId} from './prefix-table.js';
import {PrefixQueue} from './queue.js';
import type {PeerIx, RibOptions, SelectedNextHop, SelectedRoute} from './types.js';
import {addressOf} from '../wire/nlri.js';
import {widthOf} from '../wire/family.js';

export interface FamilyRibOptions {
  readonly family: Family;
  readonly sets: AttributeSets;
  readonly options: RibOptions;
  readonly peerOf: (peer: PeerIx) => PathPeer | undefined;
}

const NO_HOPS: readonly SelectedNextHop[] = [];
const REMOVED = 0xffff_ffff; // no set has this serial: what is decided next is a change
const MAX_WEIGHT = 256; // nexthop groups of the kernel have 8 bits

export class FamilyRib {
  readonly family: Family;
  readonly table: PrefixTable;
  readonly paths = new Paths();
  readonly decision: Decision;
  readonly log = new ChangeLog();
  readonly visits = new Visits(); // of one pass over prefixes
  /** Every change of any path is logged, not only of the best: a peer has ADD-PATH. */
  logsAllPaths = false;
  readonly #sets: AttributeSets;
  readonly #dirty = new PrefixQueue();
  readonly #changed = new PrefixQueue(); // for the kernel
  readonly #users = new Column();
  readonly #best = new Column(); // row
  readonly #bestSet = new Column(); // serial of its set
  readonly #hops: (readonly SelectedNextHop[] | undefined)[] = [];
  readonly #leaving = new Column(); // by prefix: users that go once it is decided
  readonly #words = new Uint32Array(4);

  constructor({family, sets, options, peerOf}: FamilyRibOptions) {
    this.family = family;
    this.table = new PrefixTable(family);
    this.decision = new Decision({sets, paths: this.paths, peerOf}, options);
    this.#sets = sets;
  }

  get waiting(): number {
    return this.#dirty.size;
  }

  best(prefix: PrefixId): Row {
    return this.#best.get(prefix);
  }

  use(prefix: PrefixId): void {
    this.#users.set(prefix, this.#users.get(prefix) + 1);
  }

  leave(prefix: PrefixId): void {
    const left = this.#users.get(prefix) - 1;
    this.#users.set(prefix, left);
    if (left === 0) this.table.remove(prefix);
  }

  addPath(prefix: PrefixId, peer: PeerIx, pathId: number): Row {
    this.use(prefix);
    return this.paths.add(prefix, peer, pathId);
  }

  /** Both as the row has them from now on. A change makes the prefix undecided. */
  setPath(row: Row, raw: SetId, effective: SetId, reason: number): void {
    const {paths} = this;
    const [oldRaw, oldEffective] = [paths.raw(row), paths.effective(row)];
    this.#sets.retain(raw);
    if (effective !== 0) this.#sets.retain(effective);
    paths.setRaw(row, raw, paths.epoch(row));
    paths.setEffective(row, effective, reason);
    if (oldRaw !== 0) this.#sets.release(oldRaw);
    if (oldEffective !== 0) this.#sets.release(oldEffective);
    if (oldEffective !== effective) this.#dirty.push(paths.prefix(row));
  }

  removePath(row: Row): void {
    const {paths} = this;
    const prefix = paths.prefix(row);
    const [raw, effective] = [paths.raw(row), paths.effective(row)];
    paths.remove(row);
    this.#sets.release(raw);
    this.#sets.release(effective);
    this.#dirty.push(prefix);
    if (this.#best.get(prefix) === row) {
      this.#best.set(prefix, 0); // the row may be another path's before this is decided
      this.#bestSet.set(prefix, REMOVED);
    }
    this.#leaving.set(prefix, this.#leaving.get(prefix) + 1);
  }

  /** Undecided, for other reasons than their paths. */
  doubtAll(): void {
    for (let id = 1; id < this.table.limit; id++) if (this.table.isThere(id)) this.#dirty.push(id);
  }

  /** At most `limit` prefixes; how many there were. */
  decide(limit: number): number {
    let done = 0;
    for (; done < limit; done++) {
      const prefix = this.#dirty.take();
      if (prefix === 0) break;
      if (this.table.isThere(prefix)) this.#decideOne(prefix);
      this.#settle(prefix);
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

  reselectAll(): void {
    for (let id = 1; id < this.table.limit; id++) {
      if (this.table.isThere(id) && this.#best.get(id) !== 0) this.#tellKernel(id);
    }
  }

  /** The rows in use, the best first. */
  chosen(prefix: PrefixId): readonly Row[] {
    return this.#best.get(prefix) === 0 ? [] : this.decision.choose(prefix);
  }

  #settle(prefix: PrefixId): void {
    const leaving = this.#leaving.get(prefix);
    this.#leaving.set(prefix, 0);
    for (let i = 0; i < leaving; i++) this.leave(prefix);
  }

  #decideOne(prefix: PrefixId): void {
    const chosen = this.decision.choose(prefix);
    const best = chosen[0] ?? 0;
    const serial = best === 0 ? 0 : this.#sets.serial(this.paths.effective(best));
    const isBestNew = best !== this.#best.get(prefix) || serial !== this.#bestSet.get(prefix);
    const hops = this.#hopsOf(chosen);
    const before = this.#hops[prefix];
    this.#best.set(prefix, best);
    this.#bestSet.set(prefix, serial);
    this.#hops[prefix] = hops;
    if (isBestNew || this.logsAllPaths) this.log.push(prefix);
    if (isBestNew || hops !== before) this.#tellKernel(prefix);
  }

  #tellKernel(prefix: PrefixId): void {
    if (this.#changed.push(prefix)) this.use(prefix);
  }

  /** Undefined: no path at all. Of what we originate there are none. */
  #hopsOf(chosen: readonly Row[]): readonly SelectedNextHop[] | undefined {
    const {hops} = this.#sets;
    const [best] = chosen;
    if (best === undefined) return undefined;
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
    const best = this.#best.get(prefix);
    const words = this.table.words(prefix, this.#words);
    return {
      family: this.family,
      address: addressOf(words, widthOf(this.family)),
      bits: this.table.bits(prefix),
      nextHops: this.#hops[prefix] ?? NO_HOPS,
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

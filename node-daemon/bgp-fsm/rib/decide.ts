/**
 * Which of a prefix's paths is best, and which are used beside it (RFC 4271 §9.1.2.2, RFC 4456 §9, 9494
 * §4.4). Pure over the tables it is given.
 *
 *   reachable, ours, not long-lived stale, LOCAL_PREF, AS_PATH length, ORIGIN, MED, external, cost of the
 *   next hop    [multipath: what ties up to here]    identifier, CLUSTER_LIST length, address, path id
 *
 * MED is compared between paths of one neighbour AS only, which makes it no order: paths are grouped by
 * that AS, the best of each group go on, and the result does not depend on who came first.
 */
import {type AttributeSets, LLGR_STALE, type SetId} from './attribute-sets.js';
import type {HopId} from './next-hops.js';
import {LOCAL, type Paths, type Row} from './paths.js';
import type {PrefixId} from './prefix-table.js';
import type {PeerIx, RibOptions} from './types.js';

/** Of the peer a path came from, as its last session had it. */
export interface PathPeer {
  readonly internal: boolean;
  readonly identifier: number;
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly needsLink: boolean; // its next hops are on a link of ours, or itself
}

export interface DecisionTables {
  readonly sets: AttributeSets;
  readonly paths: Paths;
  readonly peerOf: (peer: PeerIx) => PathPeer | undefined; // undefined: ourselves
  /** A path is not eligible for that alone. Again whenever it is looked at. */
  readonly onOffLink: (peer: PeerIx, hop: HopId) => void;
}

const NONE: readonly Row[] = [];
const ALONE: Row[] = [0]; // the one row of nearly all prefixes, without an array for each

export class Decision {
  readonly #tables: DecisionTables;
  #options: RibOptions;

  constructor(tables: DecisionTables, options: RibOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  setOptions(options: RibOptions): void {
    this.#options = options;
  }

  /** The best first; empty: no path is eligible. Good until the next call. */
  choose(prefix: PrefixId): readonly Row[] {
    const {paths} = this.#tables;
    const first = paths.first(prefix);
    if (first === 0) return NONE;
    if (paths.next(first) === 0) {
      if (!this.isEligible(first)) return NONE;
      ALONE[0] = first;
      return ALONE;
    }
    const candidates: Row[] = [];
    for (let row = first; row !== 0; row = paths.next(row)) {
      if (this.isEligible(row)) candidates.push(row);
    }
    return candidates.length < 2 ? candidates : this.#rank(candidates);
  }

  /** All eligible ones in the order they would be chosen, for ADD-PATH. */
  ranked(prefix: PrefixId): readonly Row[] {
    const {paths} = this.#tables;
    const left = new Set<Row>();
    for (let row = paths.first(prefix); row !== 0; row = paths.next(row)) {
      if (this.isEligible(row)) left.add(row);
    }
    const ranked: Row[] = [];
    while (left.size > 0) {
      const best = this.#best([...left]);
      ranked.push(best);
      left.delete(best);
    }
    return ranked;
  }

  isEligible(row: Row): boolean {
    const {paths, sets, peerOf, onOffLink} = this.#tables;
    if (paths.effective(row) === 0) return false;
    const peer = peerOf(paths.peer(row));
    const hop = this.#hopOf(row, peer);
    if (!sets.hops.isReachable(hop)) return false;
    if (peer?.needsLink !== true || sets.hops.isOnLink(hop)) return true;
    if (compareOctets(sets.hops.address(hop), peer.address) === 0) return true;
    onOffLink(paths.peer(row), hop);
    return false;
  }

  /** Where that is all that is asked of a next hop. */
  isReachable(row: Row): boolean {
    return this.#tables.sets.hops.isReachable(this.hopOf(row));
  }

  hopOf(row: Row): HopId {
    const {paths, peerOf} = this.#tables;
    return this.#hopOf(row, peerOf(paths.peer(row)));
  }

  #hopOf(row: Row, peer: PathPeer | undefined): HopId {
    const {paths, sets} = this.#tables;
    return sets.hops.on(sets.hop(paths.effective(row)), peer?.ifindex ?? 0);
  }

  #rank(candidates: readonly Row[]): readonly Row[] {
    const best = this.#best(candidates);
    const {max, maxInternal} = this.#options.multipath;
    const most = this.#isInternal(best) === 1 ? maxInternal : max;
    if (most < 2) return [best];
    const beside = candidates.filter(
      row => row !== best && this.#goesBeside(row, best, candidates),
    );
    return [best, ...beside.sort((a, b) => this.#compareLast(a, b)).slice(0, most - 1)];
  }

  #best(candidates: readonly Row[]): Row {
    const groups = new Map<number, Row>();
    for (const row of candidates) {
      const group = this.#options.alwaysCompareMed ? 0 : this.#neighbourAs(row);
      const held = groups.get(group);
      if (held === undefined || this.#compare(row, held, true) < 0) groups.set(group, row);
    }
    let best = 0;
    for (const row of groups.values()) {
      if (best === 0 || this.#compare(row, best, this.#options.alwaysCompareMed) < 0) best = row;
    }
    return best;
  }

  /** As good as the best up to the cost of the next hop, and not outdone by MED inside its group. */
  #goesBeside(row: Row, best: Row, candidates: readonly Row[]): boolean {
    const {sets} = this.#tables;
    const {alwaysCompareMed, multipath} = this.#options;
    const ties = this.#compareFirst(row, best, alwaysCompareMed, multipath.relaxPeerType) === 0;
    if (!ties) return false;
    const [mine, its] = [this.#set(row), this.#set(best)];
    if (!multipath.relaxAsPath && sets.pathHash(mine) !== sets.pathHash(its)) {
      return false;
    }
    return !candidates.some(
      other =>
        this.#neighbourAs(other) === this.#neighbourAs(row) &&
        this.#compareFirst(other, row, true, multipath.relaxPeerType) < 0,
    );
  }

  #compare(a: Row, b: Row, withMed: boolean): number {
    return this.#compareFirst(a, b, withMed) || this.#compareLast(a, b);
  }

  #compareFirst(a: Row, b: Row, withMed: boolean, anyPeer = false): number {
    const {sets, paths} = this.#tables;
    const [x, y] = [this.#set(a), this.#set(b)];
    return (
      Number(paths.peer(a) !== LOCAL) - Number(paths.peer(b) !== LOCAL) ||
      (sets.flags(x) & LLGR_STALE) - (sets.flags(y) & LLGR_STALE) ||
      sets.localPref(y) - sets.localPref(x) ||
      sets.pathLength(x) - sets.pathLength(y) ||
      sets.origin(x) - sets.origin(y) ||
      (withMed ? sets.med(x) - sets.med(y) : 0) ||
      (anyPeer ? 0 : this.#isInternal(a) - this.#isInternal(b)) ||
      sets.hops.metric(this.hopOf(a)) - sets.hops.metric(this.hopOf(b))
    );
  }

  #compareLast(a: Row, b: Row): number {
    const {sets, paths, peerOf} = this.#tables;
    const [x, y] = [this.#set(a), this.#set(b)];
    const [from, other] = [peerOf(paths.peer(a)), peerOf(paths.peer(b))];
    return (
      (sets.originator(x) || (from?.identifier ?? 0)) -
        (sets.originator(y) || (other?.identifier ?? 0)) ||
      sets.clusterLength(x) - sets.clusterLength(y) ||
      compareOctets(from?.address, other?.address) ||
      paths.pathId(a) - paths.pathId(b)
    );
  }

  #set(row: Row): SetId {
    return this.#tables.paths.effective(row);
  }

  #neighbourAs(row: Row): number {
    return this.#tables.sets.neighbourAs(this.#set(row));
  }

  #isInternal(row: Row): number {
    return Number(this.#tables.peerOf(this.#tables.paths.peer(row))?.internal ?? false);
  }
}

function compareOctets(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  const [x, y] = [a ?? [], b ?? []];
  if (x.length !== y.length) return x.length - y.length;
  for (let i = 0; i < x.length; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

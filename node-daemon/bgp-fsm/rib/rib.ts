/**
 * The routes of a speaker: Adj-RIBs-In, selection, Adj-RIBs-Out (RFC 4271 §3.2). Pure: no clock, no socket;
 * octets of UPDATEs in, octets of UPDATEs and selected routes out (types.ts says how it is used).
 *
 *   receive ── adj-ribs-in ──> family-rib: paths ── work: decide ──┬──> takeSelected: the kernel
 *                                                                  └──> log ── adj-ribs-out: takeUpdates
 *
 * Both sides keep what they know of a peer in its peer-entry.ts. What goes out is asked of the paths, so that
 * neither side calls the other.
 */
import {FAMILIES, type Family} from '../wire/family.js';
import {AdjRibsIn} from './adj-ribs-in.js';
import {AdjRibsOut} from './adj-ribs-out.js';
import {AttributeSets} from './attribute-sets.js';
import {countersOf} from './counters.js';
import {FamilyRib, type FamilyRibs} from './family-rib.js';
import {LocalRoutes} from './local-routes.js';
import {NextHops, type HopId} from './next-hops.js';
import {importKey, PeerEntries, type PeerEntry} from './peer-entry.js';
import {SelectedWriter} from './selected.js';
import {showPaths} from './show.js';
import {attachLongLived, deleteStale, markStale} from './stale.js';
import {SHORTEST_STRETCH} from './stretch.js';
import type * as api from './types.js';

/** Until setOptions(). */
const UNTOLD: api.RibOptions = {
  ...{asn: 0, identifier: 0, clusterId: 0, alwaysCompareMed: false},
  multipath: {max: 1, maxInternal: 1, relaxAsPath: false, relaxPeerType: false},
};

export class Rib implements api.RibApi {
  readonly #hops = new NextHops();
  readonly #sets = new AttributeSets(this.#hops);
  readonly #peers = new PeerEntries();
  readonly #families: FamilyRibs;
  readonly #adjRibsIn: AdjRibsIn;
  readonly #adjRibsOut: AdjRibsOut;
  readonly #localRoutes: LocalRoutes;
  #options: api.RibOptions;
  #offLink: api.OffLink[] = [];

  /** `shortestStretch`: fewer changes than that are worked out for each peer by itself; see stretch.ts. */
  constructor(options: api.RibOptions = UNTOLD, shortestStretch = SHORTEST_STRETCH) {
    const peers = this.#peers;
    const sets = this.#sets;
    const peerOf = (peer: api.PeerIx) => peers.find(peer)?.pathPeer;
    const onOffLink = this.#noteOffLink.bind(this);
    const familyRib = (family: Family) => new FamilyRib({family, options, sets, peerOf, onOffLink});
    const families = {ipv4: familyRib('ipv4'), ipv6: familyRib('ipv6')};
    this.#options = options;
    this.#families = families;
    this.#adjRibsIn = new AdjRibsIn({sets, families}, options);
    this.#adjRibsOut = new AdjRibsOut({sets, families, peers}, options, shortestStretch);
    this.#localRoutes = new LocalRoutes(sets, families);
  }

  /** Attribute sets and blocks that are kept; 0 when no route is. */
  get sharedCount(): number {
    return this.#sets.count + this.#adjRibsOut.blocks.count;
  }

  /** Times that a peer was told what another one had been; for tests and the bench. */
  get repeated(): number {
    return this.#adjRibsOut.repeated;
  }

  addPeer(address: Uint8Array, policy: api.PeerPolicy): api.PeerIx {
    return this.#peers.add(address, policy).ix;
  }

  setPolicy(peer: api.PeerIx, policy: api.PeerPolicy): void {
    const entry = this.#peers.of(peer);
    const isImportNew = importKey(policy) !== importKey(entry.policy);
    const isClientNew = policy.reflectorClient !== entry.policy.reflectorClient;
    this.#doubtWhere(entry, () => (entry.policy = policy));
    if (isImportNew) this.#adjRibsIn.importAgain(entry);
    this.#adjRibsOut.regroup(entry);
    if (isClientNew) this.#adjRibsOut.compareAll(); // where its paths may go
  }

  removePeer(peer: api.PeerIx): void {
    this.sessionDown(peer);
    for (const family of FAMILIES) this.deleteRoutes(peer, family);
    this.#peers.delete(peer);
  }

  setOptions(options: api.RibOptions): void {
    if (JSON.stringify(options) === JSON.stringify(this.#options)) return;
    this.#options = options;
    for (const family of FAMILIES) {
      this.#families[family].decision.setOptions(options);
      this.#families[family].doubtAll();
    }
    this.#adjRibsIn.setOptions(options);
    for (const entry of this.#peers.values()) this.#adjRibsIn.importAgain(entry);
    this.#adjRibsOut.setOptions(options);
  }

  sessionUp(peer: api.PeerIx, session: api.RibSession): void {
    const entry = this.#peers.of(peer);
    this.#doubtWhere(entry, () => (entry.session = entry.last = session));
    entry.isOffLinkTold = false;
    this.#adjRibsIn.sessionUp(entry, session);
    this.#adjRibsOut.sessionUp(entry, session);
  }

  setPath(peer: api.PeerIx, path: api.SessionPath): void {
    const entry = this.#peers.of(peer);
    if (entry.session === undefined) return;
    const session = {...entry.session, ...path};
    this.#doubtWhere(entry, () => (entry.session = entry.last = session));
    this.#adjRibsOut.regroup(entry);
  }

  sessionDown(peer: api.PeerIx): void {
    const entry = this.#peers.of(peer);
    entry.session = undefined;
    this.#adjRibsIn.sessionDown(entry);
    this.#adjRibsOut.sessionDown(entry);
  }

  markStale(peer: api.PeerIx, family: Family): void {
    markStale(this.#families[family], this.#peers.of(peer));
  }

  deleteStale(peer: api.PeerIx, family: Family): void {
    deleteStale(this.#families[family], this.#peers.of(peer));
  }

  deleteRoutes(peer: api.PeerIx, family: Family): void {
    this.#families[family].removePaths(peer, () => true);
  }

  attachLongLived(peer: api.PeerIx, family: Family): void {
    attachLongLived(this.#families[family], this.#peers.of(peer), this.#sets);
  }

  receive(peer: api.PeerIx, bytes: Uint8Array, at: number, length: number): api.Received {
    return this.#adjRibsIn.receive(this.#peers.of(peer), bytes, at, length);
  }

  beginRefresh(peer: api.PeerIx, family: Family): void {
    this.markStale(peer, family);
  }

  endRefresh(peer: api.PeerIx, family: Family): void {
    this.deleteStale(peer, family);
  }

  resend(peer: api.PeerIx, family: Family): void {
    this.#adjRibsOut.resend(this.#peers.of(peer), family);
  }

  releaseEndOfRib(family: Family): void {
    this.#adjRibsOut.releaseEndOfRib(family);
  }

  setLocalRoutes(routes: readonly api.LocalRoute[]): void {
    this.#localRoutes.set(routes);
  }

  setNextHops(states: readonly api.NextHopState[]): void {
    const changed = states.filter(state => this.#hops.setState(state));
    if (changed.length > 0) for (const family of FAMILIES) this.#families[family].doubtAll();
  }

  takeNextHopInterest(): readonly api.NextHopInterest[] {
    return this.#hops.takeInterest();
  }

  work(limit: number): boolean {
    let left = limit;
    for (const family of FAMILIES) left -= this.#families[family].decide(left);
    return FAMILIES.some(family => this.#families[family].waiting > 0);
  }

  takeSelected(limit: number): readonly api.SelectedRoute[] {
    const taken: api.SelectedRoute[] = [];
    for (const family of FAMILIES) this.#families[family].takeChanged(limit, taken);
    return taken;
  }

  takeSelectedColumns(limit: number): api.SelectedColumns | undefined {
    const waiting = FAMILIES.reduce((sum, family) => sum + this.#families[family].untold, 0);
    if (waiting === 0) return undefined;
    const count = Math.min(waiting, limit);
    const taken = new SelectedWriter(count);
    for (const family of FAMILIES) this.#families[family].takeChangedColumns(count, taken);
    return taken.take();
  }

  reselectAll(family: Family): void {
    this.#families[family].reselectAll();
  }

  hasUpdates(peer: api.PeerIx): boolean {
    return this.#adjRibsOut.hasUpdates(this.#peers.of(peer));
  }

  takeUpdates(peer: api.PeerIx, octets: number): Uint8Array | undefined {
    return this.#adjRibsOut.takeUpdates(this.#peers.of(peer), octets);
  }

  checkLimit(peer: api.PeerIx): api.OverLimit | undefined {
    return this.#adjRibsIn.checkLimit(this.#peers.of(peer));
  }

  takeTooLong(): number {
    return this.#adjRibsOut.takeTooLong();
  }

  takeOffLink(): readonly api.OffLink[] {
    const taken = this.#offLink;
    if (taken.length > 0) this.#offLink = [];
    return taken;
  }

  counters(peer: api.PeerIx): api.PeerCounters {
    return countersOf(this.#families, this.#peers.of(peer));
  }

  show(query: api.ShowQuery): readonly api.ShownPath[] {
    const {family, peer} = query;
    const out = peer === undefined ? undefined : this.#peers.find(peer)?.outs[family];
    const epochOf = (ix: api.PeerIx) => this.#peers.find(ix)?.epochs[family] ?? 0;
    const tables = {rib: this.#families[family], sets: this.#sets, outs: this.#adjRibsOut.blocks};
    return showPaths({...tables, out, epochOf}, query);
  }

  /** A change that may make paths of the peer eligible, or no more. */
  #doubtWhere(entry: PeerEntry, change: () => void): void {
    const {needsLink} = entry.pathPeer;
    change();
    if (entry.pathPeer.needsLink === needsLink) return;
    for (const family of FAMILIES) this.#families[family].doubtOf(entry.ix);
  }

  #noteOffLink(peer: api.PeerIx, hop: HopId): void {
    const entry = this.#peers.find(peer);
    const nextHop = this.#hops.address(hop);
    if (entry === undefined || entry.isOffLinkTold || nextHop === undefined) return;
    entry.isOffLinkTold = true;
    this.#offLink.push({peer, nextHop});
  }
}

/**
 * The routes of a speaker: Adj-RIB-In, selection, Adj-RIB-Out (RFC 4271 §3.2). Pure: no clock, no socket;
 * octets of UPDATEs in, octets of UPDATEs and selected routes out (types.ts says how it is used).
 *
 *   receive ── attribute-sets, importer ──> paths ── work: decide ──┬──> takeSelected: the kernel
 *                                                                   └──> log ── takeUpdates: peer-out,
 *                                                                               export-group
 */
import {FAMILIES, type Family} from '../wire/family.js';
import {NlriCursor} from '../wire/nlri.js';
import {maxPrefixesNotice} from '../wire/notification.js';
import {judgeUpdate, UpdateReader, type NlriField} from '../wire/update.js';
import {UpdatePacker} from '../wire/update-packer.js';
import {OK, type UpdateVerdict} from '../wire/verdict.js';
import {decodeAttributes} from '../wire/attributes.js';
import {wordsOf} from '../wire/nlri.js';
import {
  AttributeSets,
  LLGR_STALE,
  LLGR_STALE_COMMUNITY,
  NO_LLGR,
  type SetId,
} from './attribute-sets.js';
import {Blocks, type BlockId} from './blocks.js';
import {ExportGroup, type Path} from './export-group.js';
import {groupKey, type Source} from './export.js';
import {FamilyRib} from './family-rib.js';
import {Importer} from './importer.js';
import {NextHops, type NextHopInterest} from './next-hops.js';
import type {Given, Row} from './paths.js';
import {importKey, PeerEntry} from './peer-entry.js';
import {PeerOut} from './peer-out.js';
import type {PrefixId} from './prefix-table.js';
import {SelectedWriter} from './selected.js';
import {showPaths} from './show.js';
import {SHORTEST_STRETCH, StretchNotes} from './stretch.js';
import type * as api from './types.js';

/** Until setOptions(). */
const UNTOLD: api.RibOptions = {
  ...{asn: 0, identifier: 0, clusterId: 0, alwaysCompareMed: false},
  multipath: {max: 1, maxInternal: 1, relaxAsPath: false, relaxPeerType: false},
};
const LOCAL: api.PeerIx = 0;
const LOCAL_SOURCE: Source = {kind: 'local', isClient: false, identifier: 0};
const NO_PATHS: ReadonlyMap<number, BlockId> = new Map();

export class Rib implements api.RibApi {
  readonly #hops = new NextHops();
  readonly #sets = new AttributeSets(this.#hops);
  readonly #outs = new Blocks();
  readonly #peers = new Map<api.PeerIx, PeerEntry>();
  readonly #groups = new Map<string, ExportGroup>();
  readonly #families: Readonly<Record<Family, FamilyRib>>;
  readonly #cursor = new NlriCursor();
  readonly #words = new Uint32Array(4);
  readonly #heldFamilies = new Set<Family>(FAMILIES); // whose End-of-RIB our own restart holds back
  readonly #path: Path = {
    ...{family: 'ipv4', words: new Uint32Array(4), bits: 0, set: 0},
    source: LOCAL_SOURCE,
  };
  #importer: Importer | undefined;
  #options: api.RibOptions;
  readonly #shortestStretch: number;
  /** Times that a peer was told what another one had been; for tests and the bench. */
  repeated = 0;
  #tooLong = 0;
  #localEpoch = 1;
  #nextIx = 1;

  /** `shortestStretch`: fewer changes than that are worked out for each peer by itself; see stretch.ts. */
  constructor(options: api.RibOptions = UNTOLD, shortestStretch = SHORTEST_STRETCH) {
    this.#options = options;
    this.#shortestStretch = shortestStretch;
    const familyRib = (family: Family) =>
      new FamilyRib({
        ...{family, options, sets: this.#sets},
        peerOf: peer => this.#peers.get(peer)?.pathPeer,
      });
    this.#families = {ipv4: familyRib('ipv4'), ipv6: familyRib('ipv6')};
  }

  /** Attribute sets and blocks that are kept; 0 when no route is. */
  get sharedCount(): number {
    return this.#sets.count + this.#outs.count;
  }

  addPeer(address: Uint8Array, policy: api.PeerPolicy): api.PeerIx {
    const ix = this.#nextIx++;
    this.#peers.set(ix, new PeerEntry(ix, address, policy));
    return ix;
  }

  setPolicy(peer: api.PeerIx, policy: api.PeerPolicy): void {
    const entry = this.#of(peer);
    const isImportNew = importKey(policy) !== importKey(entry.policy);
    entry.policy = policy;
    if (isImportNew) this.#importAgain(entry);
    this.#regroup(entry);
  }

  removePeer(peer: api.PeerIx): void {
    const entry = this.#of(peer);
    this.sessionDown(peer);
    for (const family of FAMILIES) this.deleteRoutes(peer, family);
    this.#peers.delete(entry.ix);
  }

  setOptions(options: api.RibOptions): void {
    if (JSON.stringify(options) === JSON.stringify(this.#options)) return;
    this.#options = options;
    this.#groups.clear();
    for (const family of FAMILIES) {
      this.#families[family].decision.setOptions(options);
      this.#families[family].doubtAll();
    }
    for (const entry of this.#peers.values()) {
      this.#importAgain(entry);
      entry.group = undefined;
      this.#regroup(entry);
    }
  }

  sessionUp(peer: api.PeerIx, session: api.RibSession): void {
    const entry = this.#of(peer);
    entry.closeOuts();
    entry.session = entry.last = session;
    entry.reader = new UpdateReader(session.wire);
    entry.kind = this.#sets.kindOf(session.wire);
    entry.holdsEndOfRib = session.holdsEndOfRib;
    entry.group = this.#groupOf(entry, session);
    for (const family of session.negotiated.families) {
      const rib = this.#families[family];
      const {send} = session.negotiated.addPath[family];
      entry.outs[family] = new PeerOut({rib, outs: this.#outs}, send);
      rib.logsAllPaths ||= send;
    }
  }

  setPath(peer: api.PeerIx, path: api.SessionPath): void {
    const entry = this.#of(peer);
    if (entry.session === undefined) return;
    entry.session = entry.last = {...entry.session, ...path};
    this.#regroup(entry);
  }

  sessionDown(peer: api.PeerIx): void {
    const entry = this.#of(peer);
    entry.closeOuts();
    entry.session = undefined;
    entry.reader = undefined;
    entry.group = undefined;
  }

  markStale(peer: api.PeerIx, family: Family): void {
    this.#of(peer).epochs[family]++;
  }

  deleteStale(peer: api.PeerIx, family: Family): void {
    const {epochs, sweptEpochs} = this.#of(peer);
    sweptEpochs[family] = epochs[family];
    this.#deleteWhere(
      peer,
      family,
      row => this.#families[family].paths.epoch(row) < epochs[family],
    );
  }

  deleteRoutes(peer: api.PeerIx, family: Family): void {
    this.#deleteWhere(peer, family, () => true);
  }

  attachLongLived(peer: api.PeerIx, family: Family): void {
    const {epochs} = this.#of(peer);
    const rib = this.#families[family];
    for (const row of this.#rowsOf(peer, family)) {
      if (rib.paths.epoch(row) >= epochs[family]) continue;
      const effective = rib.paths.effective(row);
      if ((this.#sets.flags(rib.paths.raw(row)) & NO_LLGR) !== 0) rib.removePath(row);
      else if (effective !== 0) this.#makeLongLived(rib, row, effective);
    }
  }

  receive(peer: api.PeerIx, bytes: Uint8Array, at: number, length: number): api.Received {
    const entry = this.#of(peer);
    const {reader} = entry;
    if (reader === undefined) throw new Error('an UPDATE without a session');
    const fault = reader.read(bytes, at, length);
    if (fault !== undefined) return {kind: 'reset', notification: fault};
    const {announces} = reader;
    // one that announces is interned first, so that a set that is known is not looked at again
    const set = announces ? this.#internOf(entry, reader) : 0;
    const verdict = this.#judge(reader, set);
    if (verdict.kind === 'reset') {
      this.#sets.settle(set);
      return {kind: 'reset', notification: verdict.notification};
    }
    this.#withdraw(entry, reader, reader.withdrawn);
    this.#withdraw(entry, reader, reader.mpUnreach);
    if (verdict.kind === 'withdraw') {
      this.#withdraw(entry, reader, reader.announced);
      this.#withdraw(entry, reader, reader.mpReach);
    } else if (announces) this.#announceAll(entry, reader, set);
    this.#sets.settle(set);
    const limit = this.checkLimit(peer);
    if (verdict.kind === 'ok' || limit?.kind === 'limit') {
      return limit ?? {kind: 'ok', endOfRib: reader.endOfRib};
    }
    if (limit?.kind === 'nearLimit') entry.isNearLimit[limit.family] = false; // said next time
    return {kind: 'faulty', faults: verdict.faults};
  }

  beginRefresh(peer: api.PeerIx, family: Family): void {
    this.markStale(peer, family);
  }

  endRefresh(peer: api.PeerIx, family: Family): void {
    this.deleteStale(peer, family);
  }

  resend(peer: api.PeerIx, family: Family): void {
    const {outs, session} = this.#of(peer);
    outs[family]?.repeat(family, session?.negotiated.enhancedRefresh ?? false);
  }

  releaseEndOfRib(family: Family): void {
    this.#heldFamilies.delete(family);
  }

  setLocalRoutes(routes: readonly api.LocalRoute[]): void {
    this.#localEpoch++;
    for (const {family, address, bits, attributes} of routes) {
      const rib = this.#families[family];
      const prefix = rib.table.ensure(wordsOf(address, this.#words), bits);
      const {origin = 0, asPath = [], ...rest} = attributes;
      const set = this.#sets.internOwn({origin, asPath, ...rest}, new Uint8Array(0));
      const given = {raw: set, effective: set, reason: 0, epoch: this.#localEpoch};
      this.#put(rib, prefix, LOCAL, 0, given);
    }
    for (const family of FAMILIES) {
      const {paths} = this.#families[family];
      this.#deleteWhere(LOCAL, family, row => paths.epoch(row) < this.#localEpoch);
    }
  }

  setNextHops(states: readonly api.NextHopState[]): void {
    const changed = states.filter(state => this.#hops.setState(state));
    if (changed.length > 0) for (const family of FAMILIES) this.#families[family].doubtAll();
  }

  takeNextHopInterest(): readonly NextHopInterest[] {
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
    const entry = this.#of(peer);
    return FAMILIES.some(
      family => entry.outs[family]?.hasWork(this.#holds(entry, family)) ?? false,
    );
  }

  takeUpdates(peer: api.PeerIx, octets: number): Uint8Array | undefined {
    const entry = this.#of(peer);
    if (entry.session === undefined || entry.group === undefined) return undefined;
    const {group} = entry;
    const family = this.#followedBy(entry);
    if (family === undefined) return this.#pack(entry, octets);
    const isShared = group.lastTold !== peer && group.lastTold >= 0;
    group.lastTold = peer;
    const told = group.stretches[family];
    if (told !== undefined && !told.sources.has(peer)) {
      if (entry.outs[family]?.repeatStretch(told) === true) {
        this.repeated++;
        this.#trim(family);
        return told.octets.length === 0 ? undefined : told.octets;
      }
    }
    if (!isShared) return this.#pack(entry, octets);
    return this.#packForAll(entry, group, {family, octets});
  }

  /** The family whose log the peer follows, where nothing but that is due; undefined: there is more. */
  #followedBy(entry: PeerEntry): Family | undefined {
    const due = FAMILIES.filter(family => entry.outs[family]?.hasWork(this.#holds(entry, family)));
    const [family] = due;
    if (family === undefined || due.length > 1) return undefined;
    const {log} = this.#families[family];
    const out = entry.outs[family];
    const isLong = out !== undefined && log.end - out.cursor >= this.#shortestStretch;
    return isLong && out.isFollowing ? family : undefined;
  }

  /** What the peer is told is kept for others of its group. */
  #packForAll(
    entry: PeerEntry,
    group: ExportGroup,
    {family, octets}: {family: Family; octets: number},
  ): Uint8Array | undefined {
    const {log} = this.#families[family];
    const {cursor = 0} = entry.outs[family] ?? {};
    const isWhole = log.end - cursor <= prefixesIn(octets);
    if (!isWhole) return this.#pack(entry, octets);
    const notes = new StretchNotes(this.#outs, cursor);
    const told = this.#pack(entry, octets, notes);
    // who had some of it from is not told that, and no model for the others
    if (!notes.hasSource(entry.ix)) {
      group.stretches[family] = notes.finish(log.end, told ?? new Uint8Array(0));
    }
    return told;
  }

  #pack(entry: PeerEntry, octets: number, notes?: StretchNotes): Uint8Array | undefined {
    const {session} = entry;
    if (session === undefined) return undefined;
    const {maxSendOctets, addPath, extendedNextHop} = session.negotiated;
    const sendsPathIds = {ipv4: addPath.ipv4.send, ipv6: addPath.ipv6.send};
    const packer = new UpdatePacker({maxLength: maxSendOctets, sendsPathIds});
    const messages: Uint8Array[] = [];
    for (const family of FAMILIES) {
      const out = entry.outs[family];
      if (out === undefined) continue;
      messages.push(...out.takeMessages());
      const inMpUnreach = family === 'ipv6' || extendedNextHop.includes(family);
      const wanted = (prefix: PrefixId) => this.#wanted(entry, family, prefix, notes);
      while (!out.isCaughtUp() && packer.length < octets) {
        out.pack(packer, prefixesIn(octets), {wanted, inMpUnreach, notes});
      }
      this.#trim(family);
      if (out.takeEndOfRib(this.#holds(entry, family))) packer.endOfRib(family);
      const end = out.takeRefreshEnd(family);
      if (end !== undefined) messages.push(packer.take(), end);
    }
    return joined([...messages, packer.take()]);
  }

  takeTooLong(): number {
    const count = this.#tooLong;
    this.#tooLong = 0;
    return count;
  }

  counters(peer: api.PeerIx): api.PeerCounters {
    const {outs, epochs, sweptEpochs} = this.#of(peer);
    const count = (of: (family: Family) => number) => ({ipv4: of('ipv4'), ipv6: of('ipv6')});
    const staleOf = (family: Family) => {
      if (epochs[family] === sweptEpochs[family]) return 0;
      const {paths} = this.#families[family];
      let stale = 0;
      for (const row of this.#rowsOf(peer, family)) {
        if (paths.epoch(row) < epochs[family]) stale++;
      }
      return stale;
    };
    return {
      received: count(family => this.#families[family].paths.count(peer)),
      accepted: count(family => this.#families[family].paths.accepted(peer)),
      best: count(family => this.#families[family].bestCount(peer)),
      advertised: count(family => outs[family]?.count ?? 0),
      stale: count(staleOf),
    };
  }

  show(query: api.ShowQuery): readonly api.ShownPath[] {
    const rib = this.#families[query.family];
    const out =
      query.peer === undefined ? undefined : this.#peers.get(query.peer)?.outs[query.family];
    const epochOf = (peer: api.PeerIx) => this.#peers.get(peer)?.epochs[query.family] ?? 0;
    return showPaths({rib, out, epochOf, sets: this.#sets, outs: this.#outs}, query);
  }

  #holds(entry: PeerEntry, family: Family): boolean {
    return entry.holdsEndOfRib && this.#heldFamilies.has(family);
  }

  #of(peer: api.PeerIx): PeerEntry {
    const entry = this.#peers.get(peer);
    if (entry === undefined) throw new Error(`no peer ${peer}`);
    return entry;
  }

  #judge(reader: UpdateReader, set: SetId): UpdateVerdict {
    const {block, blockAt, blockEnd} = reader;
    if (reader.faults.length === 0) {
      const isSure =
        set === 0 ? blockAt === blockEnd : this.#sets.isComplete(set, reader.announced.present);
      if (isSure) return OK;
    }
    const decoded =
      set === 0
        ? decodeAttributes(block, blockAt, blockEnd, reader.session)
        : this.#sets.decoded(set);
    return judgeUpdate(reader, decoded);
  }

  #internOf(entry: PeerEntry, reader: UpdateReader): SetId {
    const {block, blockAt, blockEnd, mpReach, announced} = reader;
    if (announced.present || !mpReach.present) {
      return this.#sets.intern(block, blockAt, blockEnd, entry.kind);
    }
    return this.#internMp(entry, reader);
  }

  #internMp(entry: PeerEntry, {block, blockAt, blockEnd, bytes, mpReach}: UpdateReader): SetId {
    const hop = {bytes, at: mpReach.nextHopAt, length: mpReach.nextHopLength};
    return this.#sets.intern(block, blockAt, blockEnd, entry.kind, hop);
  }

  #announceAll(entry: PeerEntry, reader: UpdateReader, set: SetId): void {
    const {announced, mpReach} = reader;
    if (!announced.present) return this.#announce(entry, reader, mpReach, set);
    this.#announce(entry, reader, announced, set);
    if (!mpReach.present) return;
    const other = this.#internMp(entry, reader);
    this.#announce(entry, reader, mpReach, other);
    this.#sets.settle(other);
  }

  #announce(entry: PeerEntry, reader: UpdateReader, field: NlriField, set: SetId): void {
    const facts = entry.factsFor(this.#options);
    if (field.family === undefined || field.count === 0 || facts === undefined) return;
    const rib = this.#families[field.family];
    const epoch = entry.epochs[field.family];
    const importer = (this.#importer ??= new Importer(this.#sets, rib, facts));
    importer.open(rib, set, epoch, facts);
    const cursor = reader.open(this.#cursor, field);
    while (cursor.next()) {
      const prefix = rib.table.ensure(cursor.words, cursor.bits);
      this.#put(rib, prefix, entry.ix, cursor.pathId, importer.judge(prefix));
    }
    importer.close();
  }

  #put(rib: FamilyRib, prefix: PrefixId, peer: api.PeerIx, pathId: number, given: Given): void {
    const row = rib.paths.find(prefix, peer, pathId);
    if (row === 0) rib.addPath(prefix, peer, pathId, given);
    else rib.setPath(row, given);
  }

  #withdraw(entry: PeerEntry, reader: UpdateReader, field: NlriField): void {
    if (field.family === undefined || field.count === 0) return;
    const rib = this.#families[field.family];
    const cursor = reader.open(this.#cursor, field);
    while (cursor.next()) {
      const prefix = rib.table.find(cursor.words, cursor.bits);
      const row = prefix === 0 ? 0 : rib.paths.find(prefix, entry.ix, cursor.pathId);
      if (row !== 0) rib.removePath(row);
    }
  }

  checkLimit(peer: api.PeerIx): api.OverLimit | undefined {
    const {policy, isNearLimit} = this.#of(peer);
    const limit = policy.maxPrefixes;
    if (limit === undefined) return undefined;
    for (const family of FAMILIES) {
      const count = this.#families[family].paths.count(peer);
      if (count > limit.max) {
        return {kind: 'limit', family, notification: maxPrefixesNotice(family, limit.max)};
      }
      const wasNear = isNearLimit[family];
      isNearLimit[family] = count * 100 > limit.max * limit.warnPercent;
      if (isNearLimit[family] && !wasNear) return {kind: 'nearLimit', family};
    }
    return undefined;
  }

  #deleteWhere(peer: api.PeerIx, family: Family, isIt: (row: Row) => boolean): void {
    const rib = this.#families[family];
    for (const row of this.#rowsOf(peer, family)) if (isIt(row)) rib.removePath(row);
  }

  /** The row that is given may be removed before the next is taken. */
  *#rowsOf(peer: api.PeerIx, family: Family): Iterable<Row> {
    const {paths} = this.#families[family];
    for (let row = paths.firstOfPeer(peer); row !== 0;) {
      const next = paths.nextOfPeer(row);
      yield row;
      row = next;
    }
  }

  #makeLongLived(rib: FamilyRib, row: Row, effective: SetId): void {
    const attributes = this.#sets.attributes(effective);
    const {communities = []} = attributes;
    if (communities.includes(LLGR_STALE_COMMUNITY)) return;
    const marked = {...attributes, communities: [...communities, LLGR_STALE_COMMUNITY]};
    const set = this.#sets.internOwn(marked, this.#sets.nextHop(effective));
    const {paths} = rib;
    const [raw, epoch] = [paths.raw(row), paths.epoch(row)];
    rib.setPath(row, {raw, effective: set, reason: 0, epoch});
  }

  /** The mark is on what import left, not on what came: whoever judges that anew has to put it on again. */
  #isMarkedByUs({paths}: FamilyRib, row: Row): boolean {
    const effective = paths.effective(row);
    if (effective === 0) return false;
    return (this.#sets.flags(effective) & ~this.#sets.flags(paths.raw(row)) & LLGR_STALE) !== 0;
  }

  #importAgain(entry: PeerEntry): void {
    const facts = entry.factsFor(this.#options);
    if (facts === undefined) return;
    for (const family of FAMILIES) {
      const rib = this.#families[family];
      for (const row of this.#rowsOf(entry.ix, family)) {
        const importer = (this.#importer ??= new Importer(this.#sets, rib, facts));
        importer.open(rib, rib.paths.raw(row), rib.paths.epoch(row), facts);
        const isMarked = this.#isMarkedByUs(rib, row);
        rib.setPath(row, importer.judge(rib.paths.prefix(row)));
        importer.close();
        const effective = rib.paths.effective(row);
        if (isMarked && effective !== 0) this.#makeLongLived(rib, row, effective);
      }
    }
  }

  #groupOf({policy}: PeerEntry, session: api.RibSession): ExportGroup {
    const target = {options: this.#options, policy, session};
    const key = `${groupKey(target)} ${session.negotiated.maxSendOctets}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size > MOST_GROUPS) this.#groups.clear(); // those in use go on without being shared
    const made = new ExportGroup(target, {
      ...{sets: this.#sets, outs: this.#outs},
      onTooLong: () => void this.#tooLong++,
    });
    this.#groups.set(key, made);
    return made;
  }

  #regroup(entry: PeerEntry): void {
    if (entry.session === undefined) return;
    const group = this.#groupOf(entry, entry.session);
    if (group === entry.group) return;
    entry.group = group;
    for (const family of FAMILIES) entry.outs[family]?.restart();
  }

  #wanted(
    entry: PeerEntry,
    family: Family,
    prefix: PrefixId,
    notes?: StretchNotes,
  ): ReadonlyMap<number, BlockId> | BlockId {
    const rib = this.#families[family];
    const isAddPath = entry.session?.negotiated.addPath[family].send === true;
    if (!isAddPath) {
      const best = rib.best(prefix);
      if (best !== 0) notes?.noteSource(rib.paths.peer(best));
      return this.#exported(entry, rib, best);
    }
    if (rib.paths.first(prefix) === 0) return NO_PATHS;
    const wanted = new Map<number, BlockId>();
    for (const row of rib.decision.ranked(prefix)) {
      if (wanted.size >= entry.policy.addPathMax) break;
      const out = this.#exported(entry, rib, row);
      if (out !== 0) wanted.set(row, out);
    }
    return wanted;
  }

  #exported(entry: PeerEntry, rib: FamilyRib, row: Row): BlockId {
    if (row === 0 || entry.group === undefined) return 0;
    const from = rib.paths.peer(row);
    if (from === entry.ix) return 0; // never back to where it came from
    const prefix = rib.paths.prefix(row);
    const path = this.#path;
    path.family = rib.family;
    rib.table.words(prefix, path.words);
    path.bits = rib.table.bits(prefix);
    path.set = rib.paths.effective(row);
    path.source = from === LOCAL ? LOCAL_SOURCE : this.#of(from).source;
    return entry.group.export(path);
  }

  #trim(family: Family): void {
    const {log} = this.#families[family];
    if (log.end - log.base < TRIM_AT) return;
    let least = log.end;
    for (const {outs} of this.#peers.values())
      least = Math.min(least, outs[family]?.cursor ?? least);
    log.trim(least);
  }
}

const MOST_GROUPS = 4096;
const TRIM_AT = 65_536;

/** About as many as fill so many octets. */
function prefixesIn(octets: number): number {
  return Math.max(64, Math.ceil(octets / 8));
}

function joined(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const filled = parts.filter(part => part.length > 0);
  const [first] = filled;
  if (first === undefined || filled.length === 1) return first;
  return Uint8Array.from(Buffer.concat(filled));
}

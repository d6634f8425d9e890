/**
 * For tests: a RIB that is easy to believe. Objects and maps, everything anew each time; the simulation
 * compares the real one with it. It knows AS_PATH loops, eBGP, iBGP without reflection, stale routes
 * and prefix limits; no policy, no multipath, no MED, no ADD-PATH.
 */
import {SelectedWriter} from '../rib/selected.js';
import type * as rib from '../rib/types.js';
import {formatAddress, parseCidr} from '../wire/address.js';
import type {AsPath} from '../wire/as-path.js';
import {encodeAttributes} from '../wire/attribute-encode.js';
import type {PathAttributes} from '../wire/attributes.js';
import {EMPTY, octetsOf} from '../wire/bytes.js';
import {FAMILIES, type Family} from '../wire/family.js';
import {type Nlri, wordsOf} from '../wire/nlri.js';
import {maxPrefixesNotice} from '../wire/notification.js';
import {decodeUpdate} from '../wire/update-message.js';
import {UpdatePacker} from '../wire/update-packer.js';

interface Path {
  readonly peer: rib.PeerIx;
  readonly attributes: PathAttributes;
  readonly nextHop: Uint8Array;
  isStale: boolean;
}

interface PeerState {
  readonly address: string;
  readonly paths: Map<string, Path>;
  readonly sent: Map<string, Uint8Array>; // by prefix, the attributes that went out
  readonly pending: Set<string>;
  readonly endOfRib: Set<Family>; // to be sent when nothing of the family is pending
  policy: rib.PeerPolicy;
  session: rib.RibSession | undefined;
  holds: boolean;
}

const LOCAL: rib.PeerIx = 0;
const NO_FAMILIES = {ipv4: 0, ipv6: 0};

export class NaiveRib implements rib.RibApi {
  readonly #peers = new Map<rib.PeerIx, PeerState>();
  #options: rib.RibOptions | undefined;
  #local = new Map<string, Path>();
  readonly #selected = new Map<string, Path>();
  readonly #undecided = new Set<string>();
  readonly #changed = new Set<string>();
  #nextIx = 1;

  /** What is selected now, as text: prefix, then AS_PATH. */
  get routes(): readonly string[] {
    return [...this.#selected]
      .map(([key, {attributes}]) => `${key} [${asns(attributes).join(' ')}]`)
      .sort();
  }

  /** Of one peer, stale or not. */
  prefixesOf(peer: rib.PeerIx): readonly string[] {
    return [...(this.#peers.get(peer)?.paths.keys() ?? [])].sort();
  }

  addPeer(address: Uint8Array, policy: rib.PeerPolicy): rib.PeerIx {
    const ix = this.#nextIx++;
    this.#peers.set(ix, {
      address: formatAddress(address),
      paths: new Map(),
      sent: new Map(),
      pending: new Set(),
      endOfRib: new Set(),
      policy,
      session: undefined,
      holds: false,
    });
    return ix;
  }

  setPolicy(peer: rib.PeerIx, policy: rib.PeerPolicy): void {
    this.#of(peer).policy = policy;
  }

  removePeer(peer: rib.PeerIx): void {
    for (const family of FAMILIES) this.deleteRoutes(peer, family);
    this.#peers.delete(peer);
  }

  setOptions(options: rib.RibOptions): void {
    this.#options = options;
  }

  sessionUp(peer: rib.PeerIx, session: rib.RibSession): void {
    const state = this.#of(peer);
    state.session = session;
    state.holds = session.holdsEndOfRib;
    state.sent.clear();
    state.pending.clear();
    for (const key of this.#selected.keys()) state.pending.add(key);
    for (const family of session.negotiated.families) state.endOfRib.add(family);
  }

  setPath(peer: rib.PeerIx, path: rib.SessionPath): void {
    const state = this.#of(peer);
    if (state.session === undefined) return;
    state.session = {...state.session, ...path};
    for (const key of [...this.#selected.keys(), ...state.sent.keys()]) state.pending.add(key);
  }

  sessionDown(peer: rib.PeerIx): void {
    const state = this.#of(peer);
    state.session = undefined;
    state.endOfRib.clear();
  }

  markStale(peer: rib.PeerIx, family: Family): void {
    for (const [key, path] of this.#of(peer).paths) if (isOf(key, family)) path.isStale = true;
  }

  deleteStale(peer: rib.PeerIx, family: Family): void {
    this.#delete(peer, family, path => path.isStale);
  }

  deleteRoutes(peer: rib.PeerIx, family: Family): void {
    this.#delete(peer, family, () => true);
  }

  attachLongLived(): void {}

  receive(peer: rib.PeerIx, bytes: Uint8Array, at: number, length: number): rib.Received {
    const state = this.#of(peer);
    if (state.session === undefined) throw new Error('an UPDATE without a session');
    const update = decodeUpdate(bytes, at, length, state.session.wire);
    const {verdict, attributes, mpReach, mpUnreach} = update;
    if (verdict.kind === 'reset') return {kind: 'reset', notification: verdict.notification};
    for (const nlri of update.withdrawn) this.#withdraw(state, keyOf('ipv4', nlri));
    for (const nlri of mpUnreach?.nlri ?? []) this.#withdraw(state, keyOf(mpUnreach!.family, nlri));
    const nextHop = octetsOf(attributes.nextHop ?? 0);
    const isLost = verdict.kind === 'withdraw';
    const announced = [
      ...update.announced.map(nlri => ({key: keyOf('ipv4', nlri), nextHop})),
      ...(mpReach?.nlri ?? []).map(nlri => {
        return {key: keyOf(mpReach!.family, nlri), nextHop: mpReach!.nextHop};
      }),
    ];
    for (const {key, nextHop: via} of announced) {
      if (isLost) this.#withdraw(state, key);
      else state.paths.set(key, {peer, attributes, nextHop: via, isStale: false});
      this.#undecided.add(key);
    }
    return (
      this.#overLimit(state) ??
      (verdict.kind === 'ok'
        ? {kind: 'ok', endOfRib: update.endOfRib}
        : {kind: 'faulty', faults: verdict.faults})
    );
  }

  beginRefresh(peer: rib.PeerIx, family: Family): void {
    this.markStale(peer, family);
  }

  endRefresh(peer: rib.PeerIx, family: Family): void {
    this.deleteStale(peer, family);
  }

  resend(peer: rib.PeerIx, family: Family): void {
    const state = this.#of(peer);
    for (const key of this.#selected.keys()) {
      if (!isOf(key, family)) continue;
      state.sent.delete(key);
      state.pending.add(key);
    }
  }

  releaseEndOfRib(): void {
    for (const state of this.#peers.values()) state.holds = false;
  }

  setLocalRoutes(routes: readonly rib.LocalRoute[]): void {
    const next = new Map<string, Path>();
    for (const {family, address, bits, attributes} of routes) {
      const key = keyOf(family, {address, bits, pathId: 0});
      next.set(key, {peer: LOCAL, attributes, nextHop: EMPTY, isStale: false});
    }
    for (const key of [...this.#local.keys(), ...next.keys()]) this.#undecided.add(key);
    this.#local = next;
  }

  setNextHops(): void {}

  takeNextHopInterest(): [] {
    return [];
  }

  work(limit: number): boolean {
    for (const key of [...this.#undecided].slice(0, limit)) {
      this.#undecided.delete(key);
      const best = this.#best(key);
      if (best === this.#selected.get(key)) continue;
      if (best === undefined) this.#selected.delete(key);
      else this.#selected.set(key, best);
      this.#changed.add(key);
      for (const state of this.#peers.values()) state.pending.add(key);
    }
    return this.#undecided.size > 0;
  }

  takeSelected(limit: number): readonly rib.SelectedRoute[] {
    return [...this.#changed].slice(0, limit).map(key => {
      this.#changed.delete(key);
      const {family, nlri} = partsOf(key);
      const path = this.#selected.get(key);
      const nextHops = path && path.peer !== LOCAL ? [hop(path.nextHop)] : [];
      return {...nlri, family, nextHops, attributes: path?.attributes};
    });
  }

  takeSelectedColumns(limit: number): rib.SelectedColumns | undefined {
    const routes = this.takeSelected(limit);
    const columns = new SelectedWriter(routes.length);
    for (const {family, address, bits, nextHops} of routes) {
      columns.add(family, wordsOf(address), bits, nextHops);
    }
    return routes.length === 0 ? undefined : columns.take();
  }

  reselectAll(family: Family): void {
    for (const key of this.#selected.keys()) if (isOf(key, family)) this.#changed.add(key);
  }

  hasUpdates(peer: rib.PeerIx): boolean {
    const {session, pending, endOfRib, holds} = this.#of(peer);
    return session !== undefined && (pending.size > 0 || (endOfRib.size > 0 && !holds));
  }

  takeUpdates(peer: rib.PeerIx, octets: number): Uint8Array | undefined {
    const state = this.#of(peer);
    const {session} = state;
    if (session === undefined) return undefined;
    const packer = new UpdatePacker({maxLength: session.negotiated.maxSendOctets});
    for (const key of state.pending) {
      if (packer.length >= octets) break;
      state.pending.delete(key);
      this.#pack(packer, state, session, key);
    }
    if (state.pending.size === 0 && !state.holds && this.#undecided.size === 0) {
      for (const family of state.endOfRib) packer.endOfRib(family);
      state.endOfRib.clear();
    }
    const bytes = packer.take();
    return bytes.length === 0 ? undefined : bytes;
  }

  counters(peer: rib.PeerIx): rib.PeerCounters {
    const {paths, sent} = this.#of(peer);
    const all = [...paths.entries()];
    const stale = countOf(all.filter(([, path]) => path.isStale).map(([key]) => key));
    const received = countOf(paths.keys());
    return {
      received,
      accepted: received,
      best: NO_FAMILIES,
      advertised: countOf(sent.keys()),
      stale,
    };
  }

  show(): readonly rib.ShownPath[] {
    return [];
  }

  #of(peer: rib.PeerIx): PeerState {
    const state = this.#peers.get(peer);
    if (state === undefined) throw new Error(`no peer ${peer}`);
    return state;
  }

  #withdraw(state: PeerState, key: string): void {
    if (state.paths.delete(key)) this.#undecided.add(key);
  }

  #delete(peer: rib.PeerIx, family: Family, isWanted: (path: Path) => boolean): void {
    const state = this.#of(peer);
    for (const [key, path] of state.paths) {
      if (isOf(key, family) && isWanted(path)) this.#withdraw(state, key);
    }
  }

  checkLimit(peer: rib.PeerIx): rib.OverLimit | undefined {
    return this.#overLimit(this.#of(peer));
  }

  takeOffLink(): [] {
    return [];
  }

  takeTooLong(): number {
    return 0;
  }

  #overLimit({policy, paths}: PeerState): rib.OverLimit | undefined {
    if (policy.maxPrefixes === undefined) return undefined;
    const {max} = policy.maxPrefixes;
    const counts = countOf(paths.keys());
    const family = FAMILIES.find(each => counts[each] > max);
    if (family === undefined) return undefined;
    const notification = maxPrefixesNotice(family, max);
    return {kind: 'limit', family, max, got: counts[family], notification};
  }

  #best(key: string): Path | undefined {
    const ours = this.#local.get(key);
    if (ours !== undefined) return ours;
    const candidates = [...this.#peers.values()].flatMap(({paths}) => {
      const path = paths.get(key);
      return path !== undefined && !this.#isLoop(path) ? [path] : [];
    });
    return candidates.sort((a, b) => this.#compare(a, b))[0];
  }

  #isLoop({attributes}: Path): boolean {
    return asns(attributes).includes(this.#options?.asn ?? 0);
  }

  #compare(a: Path, b: Path): number {
    return (
      (b.attributes.localPref ?? 100) - (a.attributes.localPref ?? 100) ||
      asns(a.attributes).length - asns(b.attributes).length ||
      (a.attributes.origin ?? 0) - (b.attributes.origin ?? 0) ||
      this.#of(a.peer).address.localeCompare(this.#of(b.peer).address)
    );
  }

  #pack(packer: UpdatePacker, state: PeerState, session: rib.RibSession, key: string): void {
    const {family, nlri} = partsOf(key);
    if (!session.negotiated.families.includes(family)) return;
    const path = this.#selected.get(key);
    const sent = path && this.#exported(path, state, session, family);
    if (sent === undefined) {
      if (!state.sent.delete(key)) return;
      packer.withdraw(family);
    } else {
      if (isSame(state.sent.get(key), sent.block)) return;
      state.sent.set(key, sent.block);
      packer.announce(family, sent.block, family === 'ipv4' ? EMPTY : sent.nextHop);
    }
    packer.add(wordsOf(nlri.address), nlri.bits);
  }

  #exported(path: Path, state: PeerState, session: rib.RibSession, family: Family) {
    if (path.peer !== LOCAL && this.#of(path.peer) === state) return undefined;
    const {internal} = session.negotiated;
    const from = path.peer === LOCAL ? undefined : this.#of(path.peer).session;
    if (internal && from?.negotiated.internal === true) return undefined;
    const asn = this.#options?.asn ?? 0;
    const own: AsPath = [{kind: 'sequence', asns: [asn, ...asns(path.attributes)]}];
    const nextHop = session.nextHops[family];
    if (nextHop === undefined) return undefined;
    const attributes: PathAttributes = {
      ...path.attributes,
      origin: path.attributes.origin ?? 0,
      asPath: internal ? (path.attributes.asPath ?? []) : own,
      localPref: internal ? (path.attributes.localPref ?? 100) : undefined,
      nextHop: family === 'ipv4' ? wordsOf(nextHop)[0] : undefined,
    };
    return {block: encodeAttributes(attributes, session.negotiated.as4 ? 4 : 2), nextHop};
  }
}

function asns({asPath = []}: PathAttributes): readonly number[] {
  return asPath.flatMap(segment => segment.asns);
}

function keyOf(family: Family, {address, bits}: Nlri): string {
  return `${family} ${formatAddress(address)}/${bits}`;
}

function partsOf(key: string): {family: Family; nlri: Nlri} {
  const [family, text = ''] = key.split(' ');
  const {address, bits} = parseCidr(text) ?? {address: EMPTY, bits: 0};
  return {family: family as Family, nlri: {address, bits, pathId: 0}};
}

function isOf(key: string, family: Family): boolean {
  return key.startsWith(family);
}

function countOf(keys: Iterable<string>): Record<Family, number> {
  const counts = {ipv4: 0, ipv6: 0};
  for (const key of keys) counts[isOf(key, 'ipv4') ? 'ipv4' : 'ipv6']++;
  return counts;
}

function hop(address: Uint8Array): rib.SelectedNextHop {
  return {address: address.subarray(0, 16), ifindex: 0, weight: 1};
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((octet, at) => octet === b[at]);
}

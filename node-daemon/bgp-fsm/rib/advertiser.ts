/**
 * What a peer is to be told next, as UPDATEs (RFC 4271 §9.2): its export group says what becomes of a path,
 * peer-out.ts what of that is news to it. Pure to the outside.
 */
import {sameAddress} from '../wire/address.js';
import {FAMILIES, type Family} from '../wire/family.js';
import {UpdatePacker} from '../wire/update-packer.js';
import type {BlockId} from './blocks.js';
import type {Source} from './export.js';
import type {Path} from './export-group.js';
import type {FamilyRib, FamilyRibs} from './family-rib.js';
import {LOCAL, type Row} from './paths.js';
import type {PeerEntries, PeerEntry} from './peer-entry.js';
import {NO_PATHS, type WantedPaths} from './peer-out.js';
import type {PrefixId} from './prefix-table.js';
import type {StretchNotes} from './stretch.js';

const LOCAL_SOURCE: Source = {kind: 'local', isClient: false, identifier: 0};

export class Advertiser {
  readonly #families: FamilyRibs;
  readonly #peers: PeerEntries;
  readonly #heldFamilies = new Set<Family>(FAMILIES); // whose End-of-RIB our own restart holds back
  /** One for all prefixes: the export group keeps none of it. */
  readonly #path: Path = {
    ...{family: 'ipv4', words: new Uint32Array(4), bits: 0, set: 0},
    ...{source: LOCAL_SOURCE, hasPathId: false, namesPeer: false},
  };

  constructor(families: FamilyRibs, peers: PeerEntries) {
    this.#families = families;
    this.#peers = peers;
  }

  releaseEndOfRib(family: Family): void {
    this.#heldFamilies.delete(family);
  }

  hasWork(entry: PeerEntry, family: Family): boolean {
    return entry.outs[family]?.hasWork(this.#holds(entry, family)) ?? false;
  }

  /** About so many octets; undefined: nothing now. */
  pack(entry: PeerEntry, octets: number, notes?: StretchNotes): Uint8Array | undefined {
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
      this.trim(family);
      if (out.takeEndOfRib(this.#holds(entry, family))) packer.endOfRib(family);
      const end = out.takeRefreshEnd(family);
      if (end !== undefined) messages.push(packer.take(), end);
    }
    return joined([...messages, packer.take()]);
  }

  /** Forgets what every peer has read of the log, once that is much. */
  trim(family: Family): void {
    const {log} = this.#families[family];
    if (log.end - log.base < TRIM_AT) return;
    let least = log.end;
    for (const {outs} of this.#peers.values()) {
      least = Math.min(least, outs[family]?.cursor ?? least);
    }
    log.trim(least);
  }

  #holds(entry: PeerEntry, family: Family): boolean {
    return entry.holdsEndOfRib && this.#heldFamilies.has(family);
  }

  #wanted(
    entry: PeerEntry,
    family: Family,
    prefix: PrefixId,
    notes: StretchNotes | undefined,
  ): WantedPaths {
    const rib = this.#families[family];
    const isAddPath = entry.session?.negotiated.addPath[family].send === true;
    if (!isAddPath) {
      const best = rib.best(prefix);
      if (best !== 0 && notes !== undefined) {
        notes.noteSource(rib.paths.peer(best));
        if (entry.group?.keepsNextHops === true) notes.noteNextHop(rib.nextHop(best));
      }
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
    path.hasPathId = entry.session?.negotiated.addPath[rib.family].send === true;
    path.namesPeer = entry.group.keepsNextHops && isAt(entry, rib.nextHop(row));
    path.source = from === LOCAL ? LOCAL_SOURCE : this.#peers.of(from).source;
    return entry.group.export(path);
  }
}

function isAt({address}: PeerEntry, nextHop: Uint8Array | undefined): boolean {
  return nextHop !== undefined && sameAddress(nextHop, address);
}

const TRIM_AT = 65_536;

/** About as many as fill so many octets. */
export function prefixesIn(octets: number): number {
  return Math.max(64, Math.ceil(octets / 8));
}

function joined(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const filled = parts.filter(part => part.length > 0);
  const [first] = filled;
  if (first === undefined || filled.length === 1) return first;
  return Uint8Array.from(Buffer.concat(filled));
}

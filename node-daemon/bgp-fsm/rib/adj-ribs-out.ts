/**
 * Adj-RIBs-Out (RFC 4271 §3.2) of all peers: who is sent what, and what one was told that others of its export
 * group are told as well. Pure to the outside.
 *
 *   takeUpdates ──┬──> the stretch that another peer of the group was told (stretch.ts)
 *                 └──> advertiser.ts ── export-group.ts, peer-out.ts
 */
import {EMPTY} from '../wire/bytes.js';
import {FAMILIES, type Family} from '../wire/family.js';
import {Advertiser, prefixesIn} from './advertiser.js';
import type {AttributeSets} from './attribute-sets.js';
import {Blocks} from './blocks.js';
import type {ExportGroup} from './export-group.js';
import {ExportGroups} from './export-groups.js';
import type {FamilyRibs} from './family-rib.js';
import type {PeerEntries, PeerEntry} from './peer-entry.js';
import {PeerOut} from './peer-out.js';
import {isAmong, StretchNotes} from './stretch.js';
import type {RibOptions, RibSession} from './types.js';

export interface AdjRibsOutTables {
  readonly sets: AttributeSets;
  readonly families: FamilyRibs;
  readonly peers: PeerEntries;
}

export class AdjRibsOut {
  /** Attributes as they go out. */
  readonly blocks = new Blocks();
  /** Times that a peer was told what another one had been. */
  repeated = 0;
  readonly #families: FamilyRibs;
  readonly #peers: PeerEntries;
  readonly #groups: ExportGroups;
  readonly #advertiser: Advertiser;
  readonly #shortestStretch: number;
  #options: RibOptions;

  constructor(
    {sets, families, peers}: AdjRibsOutTables,
    options: RibOptions,
    shortestStretch: number,
  ) {
    this.#families = families;
    this.#peers = peers;
    this.#groups = new ExportGroups(sets, this.blocks);
    this.#advertiser = new Advertiser(families, peers);
    this.#options = options;
    this.#shortestStretch = shortestStretch;
  }

  /** Everything is compared anew with what was sent. */
  setOptions(options: RibOptions): void {
    this.#options = options;
    this.#groups.clear();
    for (const entry of this.#peers.values()) {
      entry.group = undefined;
      this.regroup(entry);
    }
  }

  sessionUp(entry: PeerEntry, session: RibSession): void {
    entry.closeOuts();
    entry.holdsEndOfRib = session.holdsEndOfRib;
    entry.group = this.#groupOf(entry, session);
    for (const family of session.negotiated.families) {
      const rib = this.#families[family];
      const {send} = session.negotiated.addPath[family];
      entry.outs[family] = new PeerOut({rib, outs: this.blocks}, send);
      rib.logsAllPaths ||= send;
    }
  }

  sessionDown(entry: PeerEntry): void {
    entry.closeOuts();
    entry.group = undefined;
  }

  /** After a change of policy or path; where that changes what goes out, everything is compared anew. */
  regroup(entry: PeerEntry): void {
    if (entry.session === undefined) return;
    const group = this.#groupOf(entry, entry.session);
    if (group === entry.group) return;
    entry.group = group;
    for (const family of FAMILIES) entry.outs[family]?.restart();
  }

  /** With what was sent, for every peer: what is no difference is not sent. */
  compareAll(): void {
    for (const {outs} of this.#peers.values()) {
      for (const family of FAMILIES) outs[family]?.restart();
    }
  }

  resend({outs, session}: PeerEntry, family: Family): void {
    outs[family]?.repeat(family, session?.negotiated.enhancedRefresh ?? false);
  }

  releaseEndOfRib(family: Family): void {
    this.#advertiser.releaseEndOfRib(family);
  }

  hasUpdates(entry: PeerEntry): boolean {
    return FAMILIES.some(family => this.#advertiser.hasWork(entry, family));
  }

  takeUpdates(entry: PeerEntry, octets: number): Uint8Array | undefined {
    const {group, ix} = entry;
    if (entry.session === undefined || group === undefined) return undefined;
    const family = this.#followedBy(entry);
    if (family === undefined) return this.#advertiser.pack(entry, octets);
    const isShared = group.lastTold !== ix && group.lastTold >= 0;
    group.lastTold = ix;
    const told = group.stretches[family];
    if (told !== undefined && !isAmong(entry, told)) {
      if (entry.outs[family]?.repeatStretch(told) === true) {
        this.repeated++;
        this.#advertiser.trim(family);
        return told.octets.length === 0 ? undefined : told.octets;
      }
    }
    if (!isShared) return this.#advertiser.pack(entry, octets);
    return this.#packForAll(entry, group, {family, octets});
  }

  takeTooLong(): number {
    return this.#groups.takeTooLong();
  }

  #groupOf({policy}: PeerEntry, session: RibSession): ExportGroup {
    return this.#groups.of({options: this.#options, policy, session});
  }

  /** The family whose log the peer follows, where nothing but that is due; undefined: there is more. */
  #followedBy(entry: PeerEntry): Family | undefined {
    const due = FAMILIES.filter(family => this.#advertiser.hasWork(entry, family));
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
    if (!isWhole) return this.#advertiser.pack(entry, octets);
    const notes = new StretchNotes(this.blocks, cursor);
    const told = this.#advertiser.pack(entry, octets, notes);
    const stretch = notes.finish(log.end, told ?? EMPTY);
    if (!isAmong(entry, stretch)) group.stretches[family] = stretch;
    return told;
  }
}

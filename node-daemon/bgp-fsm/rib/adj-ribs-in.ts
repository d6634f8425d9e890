/**
 * Adj-RIBs-In (RFC 4271 §3.2) of all peers: what their UPDATEs say, as paths of the families' tables. Pure to
 * the outside.
 *
 *   receive: read ── intern the attribute set ── judge ──┬──> withdraw
 *                                                        └──> announce: importer.ts, a set at a time
 */
import {decodeAttributes} from '../wire/attributes.js';
import {BAD_NEXT_HOP} from '../wire/constants.js';
import {FAMILIES} from '../wire/family.js';
import {NlriCursor} from '../wire/nlri.js';
import {maxPrefixesNotice} from '../wire/notification.js';
import {judgeUpdate, UpdateReader, type NlriField} from '../wire/update.js';
import {OK, type AttributeFault, type UpdateVerdict} from '../wire/verdict.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import type {FamilyRib, FamilyRibs} from './family-rib.js';
import type {ImportFacts} from './import.js';
import {Importer} from './importer.js';
import type {PeerEntry} from './peer-entry.js';
import {isMarkedByUs, markLongLived} from './stale.js';
import type {OverLimit, Received, RibOptions, RibSession} from './types.js';

export interface AdjRibsInTables {
  readonly sets: AttributeSets;
  readonly families: FamilyRibs;
}

export class AdjRibsIn {
  readonly #sets: AttributeSets;
  readonly #families: FamilyRibs;
  readonly #cursor = new NlriCursor();
  #importer: Importer | undefined;
  #options: RibOptions;

  constructor({sets, families}: AdjRibsInTables, options: RibOptions) {
    this.#sets = sets;
    this.#families = families;
    this.#options = options;
  }

  /** Of what comes from now on; what is here waits for importAgain(). */
  setOptions(options: RibOptions): void {
    this.#options = options;
  }

  sessionUp(entry: PeerEntry, {wire}: RibSession): void {
    entry.reader = new UpdateReader(wire);
    entry.kind = this.#sets.kindOf(wire);
  }

  sessionDown(entry: PeerEntry): void {
    entry.reader = undefined;
  }

  receive(entry: PeerEntry, bytes: Uint8Array, at: number, length: number): Received {
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
    const isReflected = verdict.kind !== 'ok' && this.#isReflectedToUs(entry, set, verdict.faults);
    this.#sets.settle(set);
    const limit = this.checkLimit(entry);
    if (verdict.kind === 'ok' || isReflected || limit?.kind === 'limit') {
      return limit ?? {kind: 'ok', endOfRib: reader.endOfRib};
    }
    if (limit?.kind === 'nearLimit') entry.isNearLimit[limit.family] = false; // said next time
    return {kind: 'faulty', faults: verdict.faults};
  }

  checkLimit({ix, policy, isNearLimit}: PeerEntry): OverLimit | undefined {
    if (policy.maxPrefixes === undefined) return undefined;
    const {max, warnPercent} = policy.maxPrefixes;
    for (const family of FAMILIES) {
      const got = this.#families[family].paths.count(ix);
      if (got > max) {
        return {kind: 'limit', family, max, got, notification: maxPrefixesNotice(family, max)};
      }
      const wasNear = isNearLimit[family];
      isNearLimit[family] = got * 100 > max * warnPercent;
      if (isNearLimit[family] && !wasNear) return {kind: 'nearLimit', family};
    }
    return undefined;
  }

  /** All that is here of the peer, by its policy as it is now: paths are kept as they came. */
  importAgain(entry: PeerEntry): void {
    const facts = entry.factsFor(this.#options);
    if (facts === undefined) return;
    for (const family of FAMILIES) {
      const rib = this.#families[family];
      for (const row of rib.paths.ofPeer(entry.ix)) {
        const importer = this.#open(rib, facts, rib.paths.raw(row), rib.paths.epoch(row));
        const isMarked = isMarkedByUs(rib, row, this.#sets);
        rib.setPath(row, importer.judge(rib.paths.prefix(row)));
        importer.close();
        if (isMarked) markLongLived(rib, row, this.#sets);
      }
    }
  }

  /** What we told comes back by a reflector (RFC 4456 §8): that its next hop is ours is nobody's fault. */
  #isReflectedToUs({session}: PeerEntry, set: SetId, faults: readonly AttributeFault[]): boolean {
    const {identifier} = this.#options;
    if (set === 0 || identifier === 0 || session?.negotiated.internal !== true) return false;
    const isFromUs = this.#sets.originator(set) === identifier;
    return isFromUs && faults.every(({subcode}) => subcode === BAD_NEXT_HOP);
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
    const importer = this.#open(rib, facts, set, entry.epochs[field.family]);
    const cursor = reader.open(this.#cursor, field);
    while (cursor.next()) {
      const prefix = rib.table.ensure(cursor.words, cursor.bits);
      rib.putPath(prefix, entry.ix, cursor.pathId, importer.judge(prefix));
    }
    importer.close();
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

  /** There is one importer for all that comes in: close it. */
  #open(rib: FamilyRib, facts: ImportFacts, raw: SetId, epoch: number): Importer {
    const importer = (this.#importer ??= new Importer(this.#sets, rib, facts));
    importer.open(rib, raw, epoch, facts);
    return importer;
  }
}

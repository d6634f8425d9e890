/**
 * Adj-RIB-Out of one peer and one family: what it was sent, and what it has yet to be sent. Pure to the
 * outside.
 *
 *   walk    through the whole table: a new session, a refresh, or a reader that fell too far behind
 *   cursor  in the log of changes, from where the walk began
 *
 * A prefix is looked at when its turn comes, and what is wanted then is compared with what was sent: a
 * prefix that changed twice meanwhile is sent once, one that is as it was not at all.
 */
import type {Family} from '../wire/family.js';
import {encodeRefresh} from '../wire/refresh.js';
import type {UpdatePacker} from '../wire/update-packer.js';
import {Batch, WITHDRAWN} from './batch.js';
import type {BlockId, Blocks} from './blocks.js';
import {Column} from './column.js';
import type {FamilyRib} from './family-rib.js';
import type {PrefixId} from './prefix-table.js';
import type {Stretch, StretchNotes} from './stretch.js';

/** What is to be sent for a prefix: block by path id; without ADD-PATH at most one, of path id 0. */
export type WantedPaths = ReadonlyMap<number, BlockId> | BlockId;
export const NO_PATHS: ReadonlyMap<number, BlockId> = new Map();

export interface PackRules {
  readonly wanted: (prefix: PrefixId) => WantedPaths;
  readonly inMpUnreach: boolean; // withdrawn there, also of IPv4
  readonly notes?: StretchNotes | undefined;
}

export interface OutTables {
  readonly rib: FamilyRib;
  readonly outs: Blocks;
}

const words = new Uint32Array(4);
const batch = new Batch(); // of one pack(), which is over before the next one begins
const FALLEN_BEHIND = 4; // times the table

export class PeerOut {
  readonly #tables: OutTables;
  readonly #sendsPathIds: boolean;
  readonly #sent = new Column();
  readonly #sentPaths = new Map<PrefixId, Map<number, BlockId>>(); // with ADD-PATH
  #count = 0;
  #walk = 1;
  #isRepeating = false; // what was sent is sent again
  #cursor: number;
  #owesEndOfRib = true;
  #brackets = false; // EoRR is due after the walk
  #messages: Uint8Array[] = []; // BoRR, before anything else

  constructor(tables: OutTables, sendsPathIds: boolean) {
    this.#tables = tables;
    this.#sendsPathIds = sendsPathIds;
    this.#cursor = tables.rib.log.end;
  }

  /** Prefixes, or paths with ADD-PATH, that the peer has. */
  get count(): number {
    return this.#count;
  }

  get cursor(): number {
    return this.#cursor;
  }

  sent(prefix: PrefixId): readonly {readonly pathId: number; readonly out: BlockId}[] {
    const out = this.#sent.get(prefix);
    if (!this.#sendsPathIds) return out === 0 ? [] : [{pathId: 0, out}];
    return [...(this.#sentPaths.get(prefix) ?? [])].map(([pathId, each]) => ({pathId, out: each}));
  }

  isCaughtUp(): boolean {
    return this.#walk === 0 && this.#cursor >= this.#tables.rib.log.end;
  }

  hasWork(holdsEndOfRib: boolean): boolean {
    if (!this.isCaughtUp() || this.#messages.length > 0 || this.#brackets) return true;
    return this.#owesEndOfRib && !holdsEndOfRib && this.#tables.rib.waiting === 0;
  }

  /** Everything anew, compared with what was sent: the export rules changed. */
  restart(): void {
    this.#walk = 1;
    this.#cursor = this.#tables.rib.log.end;
  }

  /**
   * Everything once more, whatever was sent. `brackets`: between BoRR and EoRR, which may not come before
   * End-of-RIB (RFC 7313 §4).
   */
  repeat(family: Family, brackets: boolean): void {
    this.restart();
    this.#isRepeating = true;
    if (!brackets || this.#owesEndOfRib) return;
    this.#messages = [encodeRefresh(family, 'begin')];
    this.#brackets = true;
  }

  /** What must go out before UPDATEs, and after the walk. */
  takeMessages(): readonly Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  /** EoRR, when all of a refresh is out. */
  takeRefreshEnd(family: Family): Uint8Array | undefined {
    if (!this.#brackets || this.#walk !== 0) return undefined;
    this.#brackets = false;
    return encodeRefresh(family, 'end');
  }

  takeEndOfRib(holds: boolean): boolean {
    const isDue =
      this.#owesEndOfRib && !holds && this.isCaughtUp() && this.#tables.rib.waiting === 0;
    if (isDue) this.#owesEndOfRib = false;
    return isDue;
  }

  /** It follows the log and nothing else is due: what it is told may be what another one was. */
  get isFollowing(): boolean {
    const owes = this.#owesEndOfRib || this.#brackets || this.#messages.length > 0;
    return this.#walk === 0 && !owes && !this.#sendsPathIds;
  }

  /** As if the stretch were packed. False: this peer is not where the other one was, and nothing happened. */
  repeatStretch({from, to, prefixes, wanted, serials, isSent}: Stretch): boolean {
    const {rib, outs} = this.#tables;
    if (from !== this.#cursor || to !== rib.log.end) return false;
    const sent = this.#sent;
    for (let at = 0; at < prefixes.length; at++) {
      const out = wanted[at] as BlockId;
      const differs = Number(sent.get(prefixes[at] as PrefixId) !== out);
      if (differs !== isSent[at] || (out !== 0 && outs.serial(out) !== serials[at])) return false;
    }
    for (let at = 0; at < prefixes.length; at++) {
      if (isSent[at] === 1) this.#take(prefixes[at] as PrefixId, wanted[at] as BlockId);
    }
    this.#cursor = to;
    rib.log.noteRead(to);
    return true;
  }

  /** The peer has that now. */
  #take(prefix: PrefixId, out: BlockId): void {
    const {rib, outs} = this.#tables;
    const old = this.#sent.get(prefix);
    this.#sent.set(prefix, out);
    if (out !== 0) outs.retain(out);
    if (old !== 0) outs.release(old);
    this.#count += Number(out !== 0) - Number(old !== 0);
    if (old === 0) rib.use(prefix);
    else if (out === 0) rib.leave(prefix);
  }

  /** At most `limit` prefixes into the packer, withdrawals first. `notes` are taken of what was told. */
  pack(packer: UpdatePacker, limit: number, {wanted, inMpUnreach, notes}: PackRules): void {
    const {rib, outs} = this.#tables;
    const {log} = rib;
    if (log.end - this.#cursor > FALLEN_BEHIND * (rib.table.count + 1024)) this.restart();
    for (let looked = 0; looked < limit; looked++) {
      const prefix = this.#next();
      if (prefix === 0) break;
      // the log may have it twice; the second time it is as it was sent
      if (rib.table.isThere(prefix)) this.#compare(prefix, wanted(prefix), notes);
    }
    log.noteRead(this.#cursor);

    const add = (prefix: PrefixId, pathId: number) =>
      packer.add(rib.table.words(prefix, words), rib.table.bits(prefix), pathId);
    if (batch.has(WITHDRAWN)) packer.withdraw(rib.family, inMpUnreach);
    batch.each(WITHDRAWN, add);
    for (const out of batch.blocks) {
      if (out === WITHDRAWN) continue;
      const block = {bytes: outs.page(out), at: outs.start(out), end: outs.end(out)};
      packer.announceAt(rib.family, block, outs.nextHop(out));
      batch.each(out, add);
      outs.release(out);
    }
    batch.each(WITHDRAWN, prefix => rib.leave(prefix));
    batch.clear();
  }

  /** The session is over: nothing is with the peer any more. */
  close(): void {
    const {rib, outs} = this.#tables;
    for (let prefix = 1; prefix < rib.table.limit; prefix++) {
      const held = this.sent(prefix);
      for (const {out} of held) {
        outs.release(out);
        rib.leave(prefix);
      }
    }
    this.#sent.clear();
    this.#sentPaths.clear();
    this.#count = 0;
  }

  #next(): PrefixId {
    const {rib} = this.#tables;
    while (this.#walk !== 0) {
      if (this.#walk >= rib.table.limit) {
        this.#walk = 0;
        this.#isRepeating = false;
        break;
      }
      const prefix = this.#walk++;
      if (rib.table.isThere(prefix)) return prefix;
    }
    if (this.#cursor < rib.log.base) this.#cursor = rib.log.base;
    return this.#cursor < rib.log.end ? rib.log.at(this.#cursor++) : 0;
  }

  #compare(prefix: PrefixId, wanted: WantedPaths, notes: StretchNotes | undefined): void {
    if (typeof wanted === 'number') {
      const old = this.#sent.get(prefix);
      notes?.note(prefix, wanted, wanted !== old);
      this.#put(prefix, 0, wanted, old);
      this.#sent.set(prefix, wanted);
      return;
    }
    const held = this.#sentPaths.get(prefix) ?? NO_PATHS;
    for (const [pathId, old] of held) {
      if (!wanted.has(pathId)) this.#put(prefix, pathId, WITHDRAWN, old);
    }
    for (const [pathId, out] of wanted) this.#put(prefix, pathId, out, held.get(pathId) ?? 0);
    if (wanted.size === 0) this.#sentPaths.delete(prefix);
    else this.#sentPaths.set(prefix, new Map(wanted));
  }

  #put(prefix: PrefixId, pathId: number, out: BlockId, old: BlockId): void {
    const {outs, rib} = this.#tables;
    const isSame = out === old;
    if (isSame && (out === WITHDRAWN || !this.#isRepeating)) return;
    if (out === WITHDRAWN) {
      outs.release(old); // the packer still needs the prefix: it leaves the table afterwards
      batch.add(WITHDRAWN, prefix, pathId);
      this.#count--;
      return;
    }
    if (!batch.has(out)) outs.retain(out); // until it is packed
    batch.add(out, prefix, pathId);
    if (isSame) return;
    outs.retain(out);
    if (old === 0) {
      rib.use(prefix);
      this.#count++;
    } else outs.release(old);
  }
}

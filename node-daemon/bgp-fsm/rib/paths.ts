/**
 * Adj-RIB-In of one family: a row for each path, in a list of its prefix and one of its peer. Pure to the
 * outside. A row has the attributes as they came (`raw`) and as import left them (`effective`, 0: not
 * eligible), so that a new policy needs no refresh.
 *
 * Rows of a peer have the epoch in which they were last heard; to mark all of them stale is to begin a new
 * epoch.
 */
import {Column, Ids, Records} from './column.js';
import type {BlockId} from './blocks.js';
import {HEAD, type PrefixId, type PrefixTable} from './prefix-table.js';
import type {PeerIx} from './types.js';

export type Row = number; // 0: none

/** The peer that our own paths are of. */
export const LOCAL: PeerIx = 0;

/** What a row begins with. */
export interface Given {
  readonly raw: BlockId;
  readonly effective: BlockId;
  readonly reason: number;
  readonly epoch: number;
}

const PREFIX = 0;
const PEER = 1;
const RAW = 2;
const EFFECTIVE = 3;
const NEXT_OF_PREFIX = 4;
const NEXT_OF_PEER = 5;
const PREVIOUS_OF_PEER = 6;
const STATE = 7; // epoch << 8 | reason

export class Paths {
  readonly #ids = new Ids();
  readonly #table: PrefixTable;
  readonly #rows = new Records(8);
  readonly #pathIds = new Column(); // without ADD-PATH it has no page
  readonly #peerHeads = new Column();
  readonly #peerCounts = new Column();
  readonly #acceptedCounts = new Column();

  constructor(table: PrefixTable) {
    this.#table = table;
  }

  first(prefix: PrefixId): Row {
    return this.#table.records.get(prefix, HEAD);
  }

  next(row: Row): Row {
    return this.#rows.get(row, NEXT_OF_PREFIX);
  }

  firstOfPeer(peer: PeerIx): Row {
    return this.#peerHeads.get(peer);
  }

  nextOfPeer(row: Row): Row {
    return this.#rows.get(row, NEXT_OF_PEER);
  }

  /** The row that is given may be removed before the next is taken. */
  *ofPeer(peer: PeerIx): Iterable<Row> {
    for (let row = this.firstOfPeer(peer); row !== 0;) {
      const next = this.nextOfPeer(row);
      yield row;
      row = next;
    }
  }

  prefix(row: Row): PrefixId {
    return this.#rows.get(row, PREFIX);
  }

  peer(row: Row): PeerIx {
    return this.#rows.get(row, PEER);
  }

  pathId(row: Row): number {
    return this.#pathIds.get(row);
  }

  raw(row: Row): BlockId {
    return this.#rows.get(row, RAW);
  }

  effective(row: Row): BlockId {
    return this.#rows.get(row, EFFECTIVE);
  }

  /** Why it is not eligible: a number of the owner's. */
  reason(row: Row): number {
    return this.#rows.get(row, STATE) & 0xff;
  }

  epoch(row: Row): number {
    return this.#rows.get(row, STATE) >>> 8;
  }

  setRaw(row: Row, raw: BlockId, epoch: number): void {
    this.#rows.set(row, RAW, raw);
    this.#rows.set(row, STATE, ((epoch << 8) | this.reason(row)) >>> 0);
  }

  setEffective(row: Row, effective: BlockId, reason: number): void {
    const change = Number(effective !== 0) - Number(this.effective(row) !== 0);
    if (change !== 0) {
      const peer = this.peer(row);
      this.#acceptedCounts.set(peer, this.#acceptedCounts.get(peer) + change);
    }
    this.#rows.set(row, EFFECTIVE, effective);
    if (this.reason(row) !== reason) {
      this.#rows.set(row, STATE, ((this.epoch(row) << 8) | reason) >>> 0);
    }
  }

  count(peer: PeerIx): number {
    return this.#peerCounts.get(peer);
  }

  accepted(peer: PeerIx): number {
    return this.#acceptedCounts.get(peer);
  }

  find(prefix: PrefixId, peer: PeerIx, pathId: number): Row {
    for (let row = this.first(prefix); row !== 0; row = this.next(row)) {
      if (this.peer(row) === peer && this.pathId(row) === pathId) return row;
    }
    return 0;
  }

  add(prefix: PrefixId, peer: PeerIx, pathId: number, given: Given): Row {
    const row = this.#ids.take();
    const head = this.firstOfPeer(peer);
    const page = this.#rows.page(row);
    const at = this.#rows.at(row);
    page[at + PREFIX] = prefix;
    page[at + PEER] = peer;
    page[at + RAW] = given.raw;
    page[at + EFFECTIVE] = given.effective;
    page[at + NEXT_OF_PREFIX] = this.first(prefix);
    page[at + NEXT_OF_PEER] = head;
    page[at + PREVIOUS_OF_PEER] = 0;
    page[at + STATE] = (given.epoch << 8) | given.reason;
    if (pathId !== this.pathId(row)) this.#pathIds.set(row, pathId);
    if (head !== 0) this.#rows.set(head, PREVIOUS_OF_PEER, row);
    this.#table.records.set(prefix, HEAD, row);
    this.#peerHeads.set(peer, row);
    this.#peerCounts.set(peer, this.count(peer) + 1);
    if (given.effective !== 0) this.#acceptedCounts.set(peer, this.accepted(peer) + 1);
    return row;
  }

  remove(row: Row): void {
    this.setEffective(row, 0, 0);
    this.#unlinkFromPrefix(row);
    const rows = this.#rows;
    const peer = this.peer(row);
    const [before, after] = [rows.get(row, PREVIOUS_OF_PEER), this.nextOfPeer(row)];
    if (before === 0) this.#peerHeads.set(peer, after);
    else rows.set(before, NEXT_OF_PEER, after);
    if (after !== 0) rows.set(after, PREVIOUS_OF_PEER, before);
    this.#peerCounts.set(peer, this.count(peer) - 1);
    this.#ids.give(row);
  }

  #unlinkFromPrefix(row: Row): void {
    const prefix = this.prefix(row);
    const after = this.next(row);
    if (this.first(prefix) === row) return this.#table.records.set(prefix, HEAD, after);
    let before = this.first(prefix);
    while (this.next(before) !== row) before = this.next(before);
    this.#rows.set(before, NEXT_OF_PREFIX, after);
  }
}

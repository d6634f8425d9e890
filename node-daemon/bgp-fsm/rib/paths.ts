/**
 * Adj-RIB-In of one family: a row for each path, in a list of its prefix and one of its peer. Pure to the
 * outside. A row has the attributes as they came (`raw`) and as import left them (`effective`, 0: not
 * eligible), so that a new policy needs no refresh.
 *
 * Rows of a peer have the epoch in which they were last heard; to mark all of them stale is to begin a new
 * epoch.
 */
import {Column, Ids} from './column.js';
import type {BlockId} from './blocks.js';
import type {PrefixId} from './prefix-table.js';
import type {PeerIx} from './types.js';

export type Row = number; // 0: none

export class Paths {
  readonly #ids = new Ids();
  readonly #heads = new Column(); // by prefix
  readonly #prefix = new Column();
  readonly #peer = new Column();
  readonly #pathId = new Column();
  readonly #raw = new Column();
  readonly #effective = new Column();
  readonly #reason = new Column();
  readonly #epoch = new Column();
  readonly #nextOfPrefix = new Column();
  readonly #nextOfPeer = new Column();
  readonly #previousOfPeer = new Column();
  readonly #peerHeads = new Column();
  readonly #peerCounts = new Column();
  readonly #acceptedCounts = new Column();

  first(prefix: PrefixId): Row {
    return this.#heads.get(prefix);
  }

  next(row: Row): Row {
    return this.#nextOfPrefix.get(row);
  }

  firstOfPeer(peer: PeerIx): Row {
    return this.#peerHeads.get(peer);
  }

  nextOfPeer(row: Row): Row {
    return this.#nextOfPeer.get(row);
  }

  prefix(row: Row): PrefixId {
    return this.#prefix.get(row);
  }

  peer(row: Row): PeerIx {
    return this.#peer.get(row);
  }

  pathId(row: Row): number {
    return this.#pathId.get(row);
  }

  raw(row: Row): BlockId {
    return this.#raw.get(row);
  }

  effective(row: Row): BlockId {
    return this.#effective.get(row);
  }

  /** Why it is not eligible: a number of the owner's. */
  reason(row: Row): number {
    return this.#reason.get(row);
  }

  epoch(row: Row): number {
    return this.#epoch.get(row);
  }

  setRaw(row: Row, raw: BlockId, epoch: number): void {
    this.#raw.set(row, raw);
    this.#epoch.set(row, epoch);
  }

  setEffective(row: Row, effective: BlockId, reason: number): void {
    const peer = this.peer(row);
    const change = Number(effective !== 0) - Number(this.effective(row) !== 0);
    if (change !== 0) this.#acceptedCounts.set(peer, this.#acceptedCounts.get(peer) + change);
    this.#effective.set(row, effective);
    this.#reason.set(row, reason);
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

  add(prefix: PrefixId, peer: PeerIx, pathId: number): Row {
    const row = this.#ids.take();
    this.#prefix.set(row, prefix);
    this.#peer.set(row, peer);
    this.#pathId.set(row, pathId);
    this.#raw.set(row, 0);
    this.#effective.set(row, 0);
    this.#nextOfPrefix.set(row, this.first(prefix));
    this.#heads.set(prefix, row);
    const head = this.firstOfPeer(peer);
    this.#nextOfPeer.set(row, head);
    this.#previousOfPeer.set(row, 0);
    if (head !== 0) this.#previousOfPeer.set(head, row);
    this.#peerHeads.set(peer, row);
    this.#peerCounts.set(peer, this.count(peer) + 1);
    return row;
  }

  remove(row: Row): void {
    this.setEffective(row, 0, 0);
    this.#unlinkFromPrefix(row);
    const peer = this.peer(row);
    const [before, after] = [this.#previousOfPeer.get(row), this.nextOfPeer(row)];
    if (before === 0) this.#peerHeads.set(peer, after);
    else this.#nextOfPeer.set(before, after);
    if (after !== 0) this.#previousOfPeer.set(after, before);
    this.#peerCounts.set(peer, this.count(peer) - 1);
    this.#ids.give(row);
  }

  #unlinkFromPrefix(row: Row): void {
    const prefix = this.prefix(row);
    const after = this.next(row);
    if (this.first(prefix) === row) return this.#heads.set(prefix, after);
    let before = this.first(prefix);
    while (this.next(before) !== row) before = this.next(before);
    this.#nextOfPrefix.set(before, after);
  }
}

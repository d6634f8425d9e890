import {StoreConflictError} from '../etcd/error.js';
import type {EtcdClient, KeyValue} from '../etcd/store.js';

/**
 * Binds everything that hangs on one etcd lease to another, so that the old one may go. Shell.
 *
 * The keys in `first` move in one transaction, others (endpoints, of which there may be hundreds)
 * follow in portions. A key that changes meanwhile makes its portion fail and be read again. The old
 * lease is revoked only when nothing hangs on it; else it runs out by itself.
 */
export interface MoveOptions {
  readonly store: EtcdClient;
  readonly from: string;
  readonly to: string;
  readonly first: readonly string[];
}

const PORTION = 100; // etcd takes 128 operations a transaction
const ROUNDS = 5;

/** @throws StoreError. Then part of the keys may have moved; moving again is harmless. */
export async function moveLease({store, from, to, first}: MoveOptions): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const keys = await store.leaseKeys(from);
    if (keys === undefined) return;
    if (keys.length === 0) return store.revokeLease(from);
    const early = keys.filter(key => first.includes(key));
    const late = keys.filter(key => !first.includes(key));
    let moved = await moveKeys(store, early, to);
    for (let at = 0; at < late.length; at += PORTION) {
      moved = (await moveKeys(store, late.slice(at, at + PORTION), to)) && moved;
    }
    if (round === ROUNDS - 1 && !moved) {
      throw new StoreConflictError(`etcd lease ${from}: its keys change faster than they move`);
    }
  }
}

async function moveKeys(store: EtcdClient, keys: readonly string[], to: string): Promise<boolean> {
  const read = await Promise.all(keys.map(key => store.get(key)));
  const entries = read.filter((entry): entry is KeyValue => entry !== undefined);
  if (entries.length === 0) return true;
  const {succeeded} = await store.transact(
    entries.map(({key, modRevision}) => ({key, modRevision})),
    entries.map(({key, value}) => ({kind: 'put', key, value, leaseId: to})),
  );
  return succeeded;
}

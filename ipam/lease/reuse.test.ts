import test, {type ExecutionContext} from 'ava';
import {eventually} from '../etcd/etcd-server.js';
import type {EtcdClient} from '../etcd/store.js';
import {blockMarksPrefix} from '../keys.js';
import {checkPool} from '../pool.js';
import type {LeaseKeeper, LeaseKeeperOptions} from './keeper.js';
import {dirFor, keeperFor, prefix, storeFor} from './scratch-keeper.js';

/* In which order blocks come back into use. A pool of four. */

const checked = checkPool('small', {cidr: '10.0.0.0/24'});
const pools = checked.kind === 'ok' ? [checked.pool] : [];

async function startHost(
  t: ExecutionContext,
  store: EtcdClient,
  name: string,
  options: Partial<LeaseKeeperOptions> = {},
): Promise<LeaseKeeper> {
  const node = {name, uid: `uid-${name}`};
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t), node, ...options});
  keeper.setPools(pools);
  await keeper.start();
  await eventually(() => keeper.current().state === 'held');
  return keeper;
}

/** Its lease is gone, and its claim with it. */
async function lose(store: EtcdClient, keeper: LeaseKeeper): Promise<void> {
  await keeper.stop();
  await store.revokeLease(keeper.current().leaseId!);
}

const blockOf = (keeper: LeaseKeeper) => keeper.current().ranges[0]!.cidr;

test('a host gets a block that was never used, else the one that was freed longest ago', async t => {
  const {store} = await storeFor(t);
  const blocks: string[] = [];
  for (let n = 0; n < 12; n++) {
    const host = await startHost(t, store, `h${n}`);
    blocks.push(blockOf(host));
    await lose(store, host);
  }
  const round = blocks.slice(0, 4);
  t.is(new Set(round).size, 4, blocks.join());
  t.deepEqual(blocks, [...round, ...round, ...round]);
});

test('what counts is when a block was last held, not when it was claimed', async t => {
  const {store} = await storeFor(t);
  const startMs = performance.now();
  let skippedMs = 0;
  const boottimeMs = () => startMs + 1e6 + skippedMs;
  const long = await startHost(t, store, 'long', {boottimeMs, ttlSeconds: 90_000});
  const others = [];
  for (const name of ['b', 'c', 'd']) others.push(await startHost(t, store, name));
  skippedMs = 9 * 3_600_000; // it renews its lease
  const marks = async () => (await store.list(blockMarksPrefix(prefix))).entries;
  const newest = async () => [...(await marks())].sort((a, b) => b.modRevision - a.modRevision)[0]!;
  long.recheck();
  await eventually(async () => (await newest()).value.includes('long'));
  for (const host of [long, ...others]) await lose(store, host);

  const next = [];
  for (const name of ['e', 'f', 'g', 'h']) next.push(await startHost(t, store, name));
  t.deepEqual(next.map(blockOf), [...others, long].map(blockOf));
});

test('a host comes back to the block it had, though others were never used', async t => {
  const {store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const first = await startHost(t, store, 'a', {stateDir});
  await lose(store, first);
  for (const bootId of ['boot-1', 'boot-2']) {
    const again = await startHost(t, store, 'a', {stateDir, bootId});
    t.is(blockOf(again), blockOf(first));
    await lose(store, again);
  }
});

test('a host that holds its block writes no mark at each look', async t => {
  const {store} = await storeFor(t);
  const host = await startHost(t, store, 'a');
  const before = await store.list(blockMarksPrefix(prefix));
  let looks = 0;
  const list = store.list.bind(store);
  store.list = key => (looks++, list(key));
  host.recheck();
  await eventually(() => looks > 0);
  await host.stop();
  t.deepEqual(await list(blockMarksPrefix(prefix)), before, 'the same revision of all etcd');
});

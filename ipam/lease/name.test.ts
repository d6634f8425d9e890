import test from 'ava';
import {eventually} from '../etcd/etcd-server.js';
import type {LeaseKeeper} from './keeper.js';
import {createClock, listen, startAs} from './name-scratch.js';
import {claimsIn, dirFor, keeperFor, prefix, storeFor} from './scratch-keeper.js';

/* Two machines with one node name; the holder answers. */

const key = `${prefix}/nodes/a`;

const isIn = (state: string, keeper: LeaseKeeper) =>
  eventually(() => keeper.current().state === state);

const node = (uid: string) => ({node: {name: 'a', uid}});

test('the second machine writes nothing, is fenced, and has the name when the first is gone', async t => {
  const {store} = await storeFor(t);
  const first = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startAs('m1', first);
  await listen(store, first);
  await isIn('held', first);
  const [record, claims] = [await store.get(key), await claimsIn(store)];

  const clock = createClock();
  const second = keeperFor(t, {store, stateDir: await dirFor(t), ...node('uid-b'), ...clock});
  await startAs('m2', second);
  await listen(store, second);
  await isIn('fenced', second);
  await eventually(() => second.current().reason === 'taken by m1');
  t.like(second.current(), {reason: 'taken by m1', ranges: [], isNamed: false});
  t.is(second.current().safeUntilBoottimeMs, 0);
  t.deepEqual(await store.get(key), record);
  t.deepEqual(await claimsIn(store), claims);
  t.true(first.current().isNamed);

  await first.stop();
  await store.revokeLease(first.current().leaseId!);
  second.recheck(); // as the watch has it done when the record goes
  await eventually(() => second.current().reason === 'taken by m1'); // who lives would write it again
  t.is(await store.get(key), undefined);
  clock.forward(10_000);
  second.recheck();
  await isIn('held', second);
  t.like(second.current(), {isNamed: true, reason: undefined});
  t.regex((await store.get(key))!.value, /^m2 10\.0\./);
});

test('of two that start at once exactly one has the name', async t => {
  const {store} = await storeFor(t);
  const machines = ['m1', 'm2', 'm3', 'm4'];
  const keepers = await Promise.all(
    machines.map(async uid => keeperFor(t, {store, stateDir: await dirFor(t), ...node(uid)})),
  );
  await Promise.all(keepers.map((keeper, at) => startAs(machines[at]!, keeper)));
  const states = () => keepers.map(keeper => keeper.current().state);
  await eventually(() => states().every(state => state === 'held' || state === 'fenced'));
  t.is(states().filter(state => state === 'held').length, 1);
  const winner = machines[states().indexOf('held')]!;
  t.true((await store.get(key))!.value.startsWith(winner));
  t.deepEqual([...new Set((await claimsIn(store)).map(({nodeUid}) => nodeUid))], [winner]);
});

test('what hangs on no lease is no living machine: it is replaced', async t => {
  const {store} = await storeFor(t);
  await store.put(key, 'm1 10.0.0.0/26');
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startAs('m2', keeper);
  await isIn('held', keeper);
  t.regex((await store.get(key))!.value, /^m2 /);
});

test('a node that finds its name taken while pods run keeps its claims, and hands out nothing', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startAs('m1', keeper);
  await isIn('held', keeper);
  const {ranges} = keeper.current();
  const leaseId = await store.grantLease(600);
  await store.revokeLease(keeper.current().leaseId!); // it was cut off for long, and meanwhile:
  await store.put(key, 'm2 10.0.9.0/26', {leaseId});
  keeper.recheck();
  await isIn('fenced', keeper);
  await eventually(async () => (await claimsIn(store)).length === 2);
  t.deepEqual(keeper.current().ranges, ranges);
  t.is((await store.get(key))?.value, 'm2 10.0.9.0/26');
});

test('a copied disk neither takes over the ranges of the original nor stays on its lease', async t => {
  const {store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const original = keeperFor(t, {store, stateDir});
  await startAs('m1', original);
  await isIn('held', original);
  const {leaseId} = original.current();
  const [record, claims] = [await store.get(key), await claimsIn(store)];

  const copy = keeperFor(t, {store, stateDir, bootId: 'boot-2'});
  await startAs('m2', copy);
  await isIn('fenced', copy);
  await eventually(() => copy.current().leaseId !== leaseId);
  await eventually(() => copy.current().leaseId !== undefined);
  copy.recheck();
  await isIn('fenced', copy);
  t.deepEqual(copy.current().ranges, []);
  t.deepEqual(await store.get(key), record);
  t.deepEqual(await claimsIn(store), claims);
});

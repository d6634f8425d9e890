import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {openEtcd} from '../etcd/client.js';
import {eventually, startProxy} from '../etcd/etcd-server.js';
import {leasesPrefix} from '../keys.js';
import type {LeaseKeeper} from './keeper.js';
import {createLeaseRecord, parseLeaseRecord} from './record.js';
import {claimsIn, dirFor, keeperFor, pools, prefix, startHeld, storeFor} from './scratch-keeper.js';

test('a node gets one block of each family and its record, all bound to one lease', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  const shown: string[] = [];
  keeper.onChange(({state}) => shown.push(state));
  await startHeld(keeper);
  const {ranges, leaseId} = keeper.current();
  t.deepEqual(
    ranges.map(({family}) => family),
    ['ipv4', 'ipv6'],
  );
  t.deepEqual(ranges[0]?.reserved, ['10.0.0.0/32']);
  const claims = await claimsIn(store);
  t.deepEqual(claims.map(({cidr}) => cidr).sort(), ranges.map(({cidr}) => cidr).sort());
  t.true(claims.every(claim => claim.leaseId === leaseId && claim.node === 'a'));
  t.like(await store.get(`${prefix}/nodes/a`), {
    ...{value: ranges.map(({cidr}) => cidr).join(), leaseId},
  });
  await eventually(() => shown.at(-1) === 'held');
});

test('a restarted daemon has its ranges back before it reaches etcd, and keeps its lease', async t => {
  const {server, store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const first = keeperFor(t, {store, stateDir});
  await startHeld(first);
  const before = first.current();
  await first.stop();
  await server.kill();
  const second = keeperFor(t, {store, stateDir});
  second.setPools(pools);
  await second.start();
  t.like(second.current(), {state: 'held', leaseId: before.leaseId, ranges: before.ranges});
  await server.restart();
  await eventually(() => second.current().safeUntilBoottimeMs > before.safeUntilBoottimeMs);
  t.is(second.current().leaseId, before.leaseId);
  t.is((await claimsIn(store)).length, 2);
});

test('after a reboot the ranges are safe only when etcd has confirmed them', async t => {
  const {server, store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const first = keeperFor(t, {store, stateDir});
  await startHeld(first);
  const {ranges} = first.current();
  await first.stop();
  await server.kill();
  const second = keeperFor(t, {
    store,
    stateDir,
    bootId: 'boot-2',
    boottimeMs: () => performance.now(),
  });
  second.setPools(pools);
  await second.start();
  t.like(second.current(), {state: 'unsafe', ranges: ranges.map(({cidr}) => ({cidr}))});
  await server.restart();
  await eventually(() => second.current().state === 'held');
  t.deepEqual(second.current().ranges, ranges);
});

test('a node that lost its state directory takes its blocks back from etcd', async t => {
  const {store} = await storeFor(t);
  const first = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startHeld(first);
  await first.stop();
  const second = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startHeld(second);
  const sorted = (keeper: LeaseKeeper) =>
    keeper
      .current()
      .ranges.map(({cidr}) => cidr)
      .sort();
  t.deepEqual(sorted(second), sorted(first));
  t.not(second.current().leaseId, first.current().leaseId);
  t.true((await claimsIn(store)).every(({leaseId}) => leaseId === second.current().leaseId));
});

test('a lost lease is granted anew and the same blocks are claimed again', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startHeld(keeper);
  const before = keeper.current();
  await store.revokeLease(before.leaseId!);
  t.is((await claimsIn(store)).length, 0);
  keeper.recheck();
  await eventually(() => keeper.current().leaseId !== before.leaseId);
  await eventually(() => keeper.current().state === 'held');
  t.deepEqual(keeper.current().ranges, before.ranges);
  t.is((await claimsIn(store)).length, 2);
  t.truthy(await store.get(`${prefix}/nodes/a`));
});

test('a block that another host took meanwhile fences the node until it is free again', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startHeld(keeper);
  const {ranges, leaseId} = keeper.current();
  const [stolen, kept] = ranges;
  const key = `${leasesPrefix(prefix)}${stolen!.cidr.replace('/', '-')}`;
  const theirs = {...{cidr: stolen!.cidr, pool: 'v4', node: 'b', nodeUid: 'uid-b', claimedAt: ''}};
  await store.revokeLease(leaseId!);
  await store.put(key, JSON.stringify(createLeaseRecord(theirs)));
  keeper.recheck();
  await eventually(() => keeper.current().state === 'fenced');
  t.like(keeper.current(), {safeUntilBoottimeMs: 0, ranges});
  t.regex(keeper.current().reason ?? '', /is held by b \(uid-b\)/);
  t.is((await store.get(`${prefix}/nodes/a`))?.value, kept!.cidr, 'peers are told the rest only');
  t.is(parseLeaseRecord((await store.get(key))!.value)?.spec.node, 'b');
  await store.delete(key);
  keeper.recheck();
  await eventually(() => keeper.current().state === 'held');
  t.deepEqual(keeper.current().ranges, ranges);
});

test('cut off from etcd the node becomes unsafe in time, and safe again when it is back', async t => {
  const {server} = await storeFor(t);
  const proxy = await startProxy(server.port);
  t.teardown(() => proxy.stop());
  const store = openEtcd({endpoints: [proxy.url], deadlineMs: 300});
  t.teardown(() => store.close());
  let skippedMs = 0;
  const boottimeMs = () => performance.now() + skippedMs;
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t), boottimeMs});
  await startHeld(keeper);
  const states: string[] = [];
  keeper.onChange(({state}) => states.push(state));
  await proxy.stop();
  skippedMs += 541_000;
  keeper.recheck();
  await eventually(() => states.includes('unsafe'));
  t.regex(keeper.current().reason ?? '', /about to run out/);
  const direct = openEtcd({endpoints: [server.url]});
  t.teardown(() => direct.close());
  t.is((await claimsIn(direct)).length, 2, 'etcd itself still knows the claims');
});

test('a new time to live moves blocks, record and everything else to a new lease', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: await dirFor(t)});
  await startHeld(keeper);
  const before = keeper.current();
  for (let n = 0; n < 150; n++) {
    await store.put(`${prefix}/endpoints/a/c${n}-eth0`, `${n}`, {leaseId: before.leaseId});
  }
  keeper.setTtl(1200, 100);
  await eventually(() => keeper.current().leaseId !== before.leaseId);
  await eventually(() => keeper.current().state === 'held');
  const after = keeper.current();
  t.deepEqual(after.ranges, before.ranges);
  t.is((await store.leaseKeys(after.leaseId!))?.length, 153);
  t.is(await store.leaseKeys(before.leaseId!), undefined, 'the old lease is gone');
  t.is(await store.keepAliveOnce(after.leaseId!), 1200);
});

test('when the state directory cannot be written the claim goes on and the error shows', async t => {
  const {store} = await storeFor(t);
  const keeper = keeperFor(t, {store, stateDir: '/dev/null/twill'});
  await startHeld(keeper);
  t.regex(keeper.current().reason ?? '', /ENOTDIR|EEXIST|ENOENT/);
});

test('lease.json holds lease, ranges and boot', async t => {
  const {store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const keeper = keeperFor(t, {store, stateDir});
  await startHeld(keeper);
  await keeper.stop();
  const saved = JSON.parse(await readFile(join(stateDir, 'lease.json'), 'utf8')) as object;
  t.like(saved, {version: 1, bootId: 'boot-1', nodeUid: 'uid-a'});
});

import test, {type ExecutionContext} from 'ava';
import {StoreUnavailableError} from '../etcd/error.js';
import {eventually} from '../etcd/etcd-server.js';
import type {EtcdClient} from '../etcd/store.js';
import type {LeaseKeeper, LeaseKeeperOptions} from './keeper.js';
import {createClock, listen, nameClaims, startAs} from './name-scratch.js';
import {claimsIn, dirFor, keeperFor, prefix, storeFor} from './scratch-keeper.js';

/* A machine that is replaced by another of its name. The clock is turned by hand. */

const key = `${prefix}/nodes/a`;
const asked = /taken by m1 \(it was asked whether it lives/;

async function machine(
  t: ExecutionContext,
  store: EtcdClient,
  uid: string,
  options: Partial<LeaseKeeperOptions> = {},
): Promise<LeaseKeeper> {
  const stateDir = await dirFor(t);
  return keeperFor(t, {store, stateDir, node: {name: 'a', uid}, ...options});
}

const isIn = (state: string, keeper: LeaseKeeper) =>
  eventually(() => keeper.current().state === state);

const isAsking = (keeper: LeaseKeeper) =>
  eventually(() => asked.test(keeper.current().reason ?? ''));

/** Transactions are done; the reply to one is lost. */
function losingReplies(store: EtcdClient) {
  let [isArmed, hasLost] = [false, false];
  const transact: EtcdClient['transact'] = async (...request) => {
    const result = await store.transact(...request);
    if (!isArmed) return result;
    [isArmed, hasLost] = [false, true];
    throw new StoreUnavailableError('the reply is lost');
  };
  const line: EtcdClient = {
    ...{get: key => store.get(key), list: each => store.list(each), transact},
    put: (...request) => store.put(...request),
    delete: each => store.delete(each),
    grantLease: ttl => store.grantLease(ttl),
    keepAliveOnce: id => store.keepAliveOnce(id),
    revokeLease: id => store.revokeLease(id),
    leaseKeys: id => store.leaseKeys(id),
    watch: (...request) => store.watch(...request),
    renew: () => store.renew(),
    close: () => store.close(),
  };
  return {store: line, loseNext: () => void (isArmed = true), hasLost: () => hasLost};
}

/** Its daemon is killed: record and claims stay, for as long as the lease lives. */
async function leftBehind(t: ExecutionContext, store: EtcdClient) {
  const first = await machine(t, store, 'uid-a');
  await startAs('m1', first);
  await isIn('held', first);
  await first.stop();
  return {first, record: (await store.get(key))!, claims: await claimsIn(store)};
}

test('a name whose holder does not answer is taken over after 30 s, and its ranges are not', async t => {
  const {store} = await storeFor(t);
  const {record, claims} = await leftBehind(t, store);
  const clock = createClock();
  const second = await machine(t, store, 'uid-b', clock);
  const taken: string[] = [];
  await startAs('m2', second, taken);
  await isAsking(second);
  t.deepEqual(await store.get(key), record);
  const {entries} = await store.list(nameClaims);
  t.like(JSON.parse(entries[0]!.value), {uid: 'uid-b', addresses: ['address of m2']});

  clock.forward(30_000);
  second.recheck();
  await isIn('held', second);
  t.like(second.current(), {isNamed: true, reason: undefined});
  t.regex((await store.get(key))!.value, /^m2 10\.0\./);
  t.deepEqual(taken, [record.value]);
  const kept = (await claimsIn(store)).filter(({nodeUid}) => nodeUid === 'uid-a');
  t.deepEqual(kept, claims);
  t.is((await claimsIn(store)).length, 4);
  await eventually(async () => (await store.list(nameClaims)).entries.length === 0);
});

test('a holder that answers has its name for ever, however often it is asked', async t => {
  const {store} = await storeFor(t);
  const first = await machine(t, store, 'uid-a');
  await startAs('m1', first);
  const questions = await listen(store, first);
  await isIn('held', first);
  const record = await store.get(key);
  const clock = createClock();
  const second = await machine(t, store, 'uid-b', clock);
  await startAs('m2', second);
  await listen(store, second);
  for (let round = 1; round <= 5; round++) {
    await eventually(() => questions() === round && second.current().reason === 'taken by m1');
    await eventually(async () => (await store.list(nameClaims)).entries.length === 0);
    clock.forward(30_000);
    second.recheck();
  }
  t.is(second.current().state, 'fenced');
  t.deepEqual(await store.get(key), record);
  t.is((await claimsIn(store)).length, 2);
});

test('what the holder writes to its record is an answer as well', async t => {
  const {store} = await storeFor(t);
  const {record} = await leftBehind(t, store);
  const clock = createClock();
  const second = await machine(t, store, 'uid-b', clock);
  await startAs('m2', second);
  await isAsking(second);
  await store.put(key, 'm1 10.0.0.0/26', {leaseId: record.leaseId});
  clock.forward(60_000);
  second.recheck();
  await eventually(() => second.current().reason === 'taken by m1');
  t.is((await store.get(key))?.value, 'm1 10.0.0.0/26');
});

test('of several that find the holder silent one has the name', async t => {
  const {store} = await storeFor(t);
  await leftBehind(t, store);
  const clock = createClock();
  const names = ['m2', 'm3', 'm4'];
  const keepers = await Promise.all(names.map(name => machine(t, store, name, clock)));
  const taken: string[] = [];
  for (const [at, keeper] of keepers.entries()) {
    await startAs(names[at]!, keeper, taken);
    await listen(store, keeper);
  }
  await Promise.all(keepers.map(isAsking));
  clock.forward(30_000);
  for (const keeper of keepers) keeper.recheck();
  const states = () => keepers.map(keeper => keeper.current().state);
  await eventually(() => states().includes('held'));
  const winner = names[states().indexOf('held')]!;
  const losers = keepers.filter((_, at) => names[at] !== winner);
  for (const loser of losers) loser.recheck();
  await eventually(() =>
    losers.every(loser => loser.current().reason?.startsWith(`taken by ${winner}`)),
  );
  t.is(states().filter(state => state === 'held').length, 1);
  t.is(taken.length, 1);
  t.true((await store.get(key))!.value.startsWith(winner));
});

test('a holder that comes back is fenced, keeps its ranges and cannot answer for what it lost', async t => {
  const {store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const first = keeperFor(t, {store, stateDir});
  await startAs('m1', first);
  await isIn('held', first); // it hears of nothing
  const {ranges, leaseId} = first.current();
  const clock = createClock();
  const second = await machine(t, store, 'uid-b', clock);
  await startAs('m2', second);
  await isAsking(second);
  const question = (await store.list(nameClaims)).entries[0]!;
  clock.forward(30_000);
  second.recheck();
  await isIn('held', second);
  await listen(store, second);

  t.false(await first.answer(question));
  first.recheck();
  await listen(store, first);
  await isIn('fenced', first);
  await eventually(() => first.current().reason === 'taken by m2');
  t.like(first.current(), {ranges, leaseId, isNamed: false});
  t.is((await claimsIn(store)).filter(claim => claim.leaseId === leaseId).length, 2);
  t.regex((await store.get(key))!.value, /^m2 /);
});

test('a copied disk that takes the name over leaves the ranges, after a restart too', async t => {
  const {store} = await storeFor(t);
  const stateDir = await dirFor(t);
  const original = keeperFor(t, {store, stateDir});
  await startAs('m1', original);
  await isIn('held', original);
  await original.stop();
  const claims = await claimsIn(store);

  const clock = createClock();
  const line = losingReplies(store);
  const copy = keeperFor(t, {store: line.store, stateDir, bootId: 'boot-2', ...clock});
  await startAs('m2', copy);
  await isAsking(copy);
  line.loseNext(); // nor does it take them when it does not know that it has the name
  clock.forward(30_000);
  copy.recheck();
  await isIn('held', copy);
  t.true(line.hasLost());
  const {ranges} = copy.current();
  const old = claims.map(({cidr}) => cidr);
  t.is(ranges.filter(({cidr}) => old.includes(cidr)).length, 0);
  await copy.stop();

  const again = keeperFor(t, {store, stateDir, bootId: 'boot-3', ...clock});
  await startAs('m2', again);
  await isIn('held', again);
  t.deepEqual(again.current().ranges, ranges);
  const kept = (await claimsIn(store)).filter(({cidr}) => old.includes(cidr));
  t.deepEqual(kept, claims);
});

import test, {type ExecutionContext} from 'ava';
import type {Compare, EtcdClient, Op} from '#ipam';
import {ManualClock} from './clock.js';
import type {StoredEndpoint} from './endpoint-plan.js';
import {EndpointWriter} from './endpoint-writer.js';

const prefix = '/twill/v1/endpoints/a/';

/** An etcd of one map that can be away. */
class FakeStore {
  readonly entries = new Map<string, StoredEndpoint>();
  readonly batches: number[] = []; // operations of each transaction
  lists = 0;
  open = 0; // clients that nobody closed
  renewed = 0;
  recordLease: string | undefined; // undefined: whatever a transaction expects
  /** Asked before each transaction and list. */
  isAway: () => boolean = () => false;

  client = (): EtcdClient => {
    this.open++;
    const client: Partial<EtcdClient> = {
      list: below => this.#list(below),
      transact: (compare: readonly Compare[], ops: readonly Op[]) => this.#transact(compare, ops),
      renew: () => void this.renewed++,
      close: () => void this.open--,
    };
    return client as EtcdClient;
  };

  async #list(below: string) {
    if (this.isAway()) throw new Error('away');
    this.lists++;
    const entries = [...this.entries]
      .filter(([key]) => key.startsWith(below))
      .map(([key, {value, leaseId}]) => ({key, value, leaseId, createRevision: 1, modRevision: 1}));
    return {revision: 1, entries};
  }

  async #transact(compare: readonly Compare[], ops: readonly Op[]) {
    if (this.isAway()) throw new Error('away');
    const isOurs = compare.some(each => 'leaseId' in each && each.leaseId === this.recordLease);
    if (this.recordLease !== undefined && !isOurs) return {succeeded: false, revision: 1, gets: []};
    this.batches.push(ops.length);
    for (const op of ops) {
      if (op.kind === 'delete') this.entries.delete(op.key);
      if (op.kind === 'put') {
        this.entries.set(op.key, {value: op.value, leaseId: op.leaseId ?? '0'});
      }
    }
    return {succeeded: true, revision: 1, gets: []};
  }
}

function setUp(t: ExecutionContext) {
  const store = new FakeStore();
  const clock = new ManualClock();
  const pods = new Map<string, string>();
  const outcomes: unknown[] = []; // errors, and undefined when they are over
  const node = {leaseId: '7' as string | undefined};
  const writer = new EndpointWriter({
    openClient: store.client,
    prefix,
    nodeKey: '/twill/v1/nodes/a',
    desired: () => pods,
    leaseId: () => node.leaseId,
    clock,
    relistMs: 300_000,
    retryMs: attempt => 1000 * 2 ** attempt,
    onOutcome: error => outcomes.push(error),
  });
  t.teardown(() => writer.stop());
  const add = (name: string, value = name) => {
    pods.set(prefix + name, value);
    writer.kick();
  };
  const shown = () =>
    [...store.entries.keys()]
      .filter(key => key.startsWith(prefix))
      .map(key => key.slice(prefix.length))
      .sort();
  return {store, clock, pods, outcomes, node, writer, add, shown};
}

test('etcd comes to show the pods there are, and only what differs is written', async t => {
  const {store, clock, pods, writer, shown} = setUp(t);
  for (const name of ['same', 'other', 'new']) pods.set(prefix + name, name);
  store.entries.set(`${prefix}same`, {value: 'same', leaseId: '7'});
  store.entries.set(`${prefix}other`, {value: 'old', leaseId: '7'});
  store.entries.set(`${prefix}gone`, {value: 'gone', leaseId: '7'});
  store.entries.set('/twill/v1/endpoints/b/x', {value: 'of another node', leaseId: '8'});
  writer.start();
  await clock.advance(0);
  t.deepEqual(shown(), ['new', 'other', 'same']);
  t.is(store.entries.size, 4, "another node's is not ours to delete");
  t.is(store.entries.get(`${prefix}other`)?.value, 'other');
  t.deepEqual(store.batches, [3]);
});

test('without a lease nothing is written; another lease takes all records over', async t => {
  const {store, clock, node, writer, add} = setUp(t);
  node.leaseId = undefined;
  writer.start();
  add('p1');
  await clock.advance(10_000);
  t.is(store.lists, 0);

  node.leaseId = '7';
  writer.kick();
  await clock.advance(200);
  t.is(store.entries.get(`${prefix}p1`)?.leaseId, '7');

  node.leaseId = '8';
  writer.kick();
  await clock.advance(200);
  t.is(store.entries.get(`${prefix}p1`)?.leaseId, '8');
});

test('records of another machine that has our name by now are left alone', async t => {
  const {store, clock, outcomes, writer, add, shown} = setUp(t);
  store.recordLease = '9';
  store.entries.set(`${prefix}theirs`, {value: 'theirs', leaseId: '9'});
  add('ours');
  writer.start();
  await clock.advance(0);
  t.like(outcomes[0], {code: 'STORE_CONFLICT'});
  t.deepEqual(shown(), ['theirs']);
  store.recordLease = '7'; // the control: it is ours
  await clock.advance(1000);
  t.deepEqual(shown(), ['ours']);
});

test('pods that come in a wave are written together, in transactions that etcd takes', async t => {
  const {store, clock, writer, add, shown} = setUp(t);
  writer.start();
  await clock.advance(0);
  for (let at = 0; at < 250; at++) {
    add(`p${at}`);
    if (at % 10 === 0) await clock.advance(3);
  }
  t.deepEqual(store.batches, [], 'still gathering');
  await clock.advance(100);
  t.is(shown().length, 250);
  t.deepEqual(store.batches, [100, 100, 50]);
  t.is(store.lists, 1);
});

test('an etcd that is away is tried again after growing waits, which kicks do not shorten', async t => {
  const {store, clock, outcomes, writer, add, shown} = setUp(t);
  writer.start();
  await clock.advance(200);
  store.isAway = () => true;
  add('p1');
  await clock.advance(100);
  t.is(outcomes.length, 1);
  for (let at = 0; at < 9; at++) {
    writer.kick();
    await clock.advance(100);
  }
  t.is(outcomes.length, 1, 'not yet');
  await clock.advance(100);
  t.is(outcomes.length, 2);
  await clock.advance(1999);
  t.is(outcomes.length, 2);
  store.isAway = () => false;
  await clock.advance(1);
  t.deepEqual(shown(), ['p1']);
  t.is(store.open, 1, 'those that failed are closed');
  t.is(outcomes.length, 3);
  t.is(outcomes[2], undefined, 'and it is told that it is over');
});

test('after an error nothing that was known counts: what changed meanwhile is put right', async t => {
  const {store, clock, writer, add, shown} = setUp(t);
  writer.start();
  for (let at = 0; at < 150; at++) add(`p${at}`);
  await clock.advance(200);
  store.entries.delete(`${prefix}p7`);
  let calls = 0;
  store.isAway = () => ++calls === 2; // the second of two transactions
  for (let at = 150; at < 300; at++) add(`p${at}`);
  await clock.advance(100);
  t.is(shown().length, 249, 'the first went through');
  await clock.advance(1000);
  t.is(shown().length, 300);
});

test('a record that somebody deletes is back when it is time to list, or when etcd was listed anew', async t => {
  const {store, clock, writer, add, shown} = setUp(t);
  writer.start();
  add('p1');
  await clock.advance(200);
  store.entries.clear();
  await clock.advance(299_000);
  writer.kick();
  t.deepEqual(shown(), [], 'not seen before');
  await clock.advance(301_000);
  t.deepEqual(shown(), ['p1']);
  store.entries.clear();
  writer.relist();
  await clock.advance(200);
  t.deepEqual(shown(), ['p1']);
});

test('once stopped it has closed its connection and writes no more', async t => {
  const {store, clock, writer, add, shown} = setUp(t);
  writer.start();
  add('p1');
  await clock.advance(200);
  writer.renew();
  t.is(store.renewed, 1);
  await writer.stop();
  add('p2');
  await clock.advance(600_000);
  t.deepEqual(shown(), ['p1']);
  t.is(store.open, 0);
  t.is(clock.pending, 0);
});

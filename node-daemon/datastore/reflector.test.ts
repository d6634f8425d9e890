import test from 'ava';
import type {EtcdClient, KeyValue, WatchHandlers} from '#ipam';
import {ManualClock} from './clock.js';
import {Reflector, type Change} from './reflector.js';

/** An etcd of plain maps. Every client it opened is remembered, with its watches. */
class FakeStore {
  readonly clients: FakeClient[] = [];
  entries = new Map<string, KeyValue>();
  revision = 0;
  /** What the next lists of a prefix answer with; absent: the truth. */
  listFailures: string[] = [];

  put(key: string, value: string): void {
    const modRevision = ++this.revision;
    const createRevision = this.entries.get(key)?.createRevision ?? modRevision;
    this.entries.set(key, {key, value, createRevision, modRevision, leaseId: '0'});
  }

  delete(key: string): void {
    this.revision++;
    this.entries.delete(key);
  }

  open = (): EtcdClient => {
    const client = new FakeClient(this);
    this.clients.push(client);
    return client as unknown as EtcdClient;
  };

  get last(): FakeClient {
    return this.clients.at(-1)!;
  }
}

class FakeClient {
  readonly watches: {prefix: string; fromRevision: number; handlers: WatchHandlers}[] = [];
  isClosed = false;
  readonly #store: FakeStore;

  constructor(store: FakeStore) {
    this.#store = store;
  }

  async list(prefix: string) {
    const failure = this.#store.listFailures.indexOf(prefix);
    if (failure >= 0) {
      this.#store.listFailures.splice(failure, 1);
      throw new Error(`list ${prefix} failed`);
    }
    const entries = [...this.#store.entries.values()].filter(({key}) => key.startsWith(prefix));
    return {revision: this.#store.revision, entries};
  }

  async watch(prefix: string, fromRevision: number, handlers: WatchHandlers) {
    this.watches.push({prefix, fromRevision, handlers});
    return {cancel: () => undefined};
  }

  close(): void {
    this.isClosed = true;
  }
}

function setUp(prefixes: readonly string[] = ['/n/']) {
  const store = new FakeStore();
  const clock = new ManualClock();
  const told: string[] = [];
  const doubts: unknown[] = [];
  const reflector = new Reflector({
    openClient: store.open,
    prefixes,
    clock,
    random: () => 1, // the longest wait
    backoff: {firstMs: 100, highestMs: 1000, healthyAfterMs: 5000},
    onChanges: (changes, isListed) =>
      told.push(...changes.map(describe), ...(isListed ? ['listed'] : [])),
    onDoubt: error => doubts.push(error),
  });
  return {store, clock, told, doubts, reflector};
}

function describe(change: Change): string {
  return change.kind === 'delete' ? `-${change.key}` : `+${change.entry.key}=${change.entry.value}`;
}

const entry = (key: string, value: string, modRevision: number): KeyValue => {
  return {key, value, createRevision: 1, modRevision, leaseId: '0'};
};

test('lists, tells all of it, and watches every prefix from the next revision', async t => {
  const {store, clock, told, reflector} = setUp(['/n/', '/r/']);
  store.put('/n/a', '1');
  store.put('/r/b', '2');
  store.put('/other', '3');
  reflector.start();
  await clock.advance(0);
  t.deepEqual(told, ['+/n/a=1', '+/r/b=2', 'listed']);
  t.deepEqual(
    store.last.watches.map(({prefix, fromRevision}) => [prefix, fromRevision]),
    [
      ['/n/', 4],
      ['/r/', 4],
    ],
  );
  t.like(reflector.status(), {synced: true, connected: true, entries: 2, lists: 1, revision: 3});
});

test('an empty store is told as listed', async t => {
  const {clock, told, reflector} = setUp();
  reflector.start();
  await clock.advance(0);
  t.deepEqual(told, ['listed']);
});

test('news that change nothing are not told', async t => {
  const {store, clock, told, reflector} = setUp();
  store.put('/n/a', '1');
  reflector.start();
  await clock.advance(0);
  told.length = 0;
  const {handlers} = store.last.watches[0]!;
  handlers.onEvents([{kind: 'put', entry: entry('/n/a', '1', 2)}]);
  handlers.onEvents([{kind: 'delete', key: '/n/unknown', modRevision: 3}]);
  t.deepEqual(told, []);
  handlers.onEvents([{kind: 'put', entry: entry('/n/a', '2', 4)}]);
  t.deepEqual(told, ['+/n/a=2']);
  t.is(reflector.status().revision, 4);
});

test('after an end the client is closed, and a new one lists; what was missed is told', async t => {
  const {store, clock, told, doubts, reflector} = setUp();
  store.put('/n/a', '1');
  store.put('/n/b', '1');
  reflector.start();
  await clock.advance(0);
  const first = store.last;
  store.delete('/n/a');
  store.put('/n/b', '2');
  store.put('/n/c', '1');
  told.length = 0;
  first.watches[0]!.handlers.onEnd(new Error('cut'));
  first.watches[0]!.handlers.onEnd(new Error('cut twice'));
  t.true(first.isClosed);
  t.is(doubts.length, 1);
  t.false(reflector.status().connected);
  await clock.advance(99);
  t.is(store.clients.length, 1, 'it waits');
  await clock.advance(1);
  t.is(store.clients.length, 2);
  t.deepEqual(told, ['-/n/a', '+/n/b=2', '+/n/c=1', 'listed']);

  told.length = 0;
  first.watches[0]!.handlers.onEvents([{kind: 'delete', key: '/n/b', modRevision: 9}]);
  t.deepEqual(told, [], 'a client that was dropped has no say');
});

test('a list that fails for one prefix deletes nothing in any', async t => {
  const {store, clock, told, reflector} = setUp(['/n/', '/r/']);
  store.put('/n/a', '1');
  store.put('/r/b', '1');
  reflector.start();
  await clock.advance(0);
  store.delete('/n/a');
  store.delete('/r/b');
  store.listFailures = ['/r/'];
  told.length = 0;
  store.last.watches[0]!.handlers.onEnd(new Error('cut'));
  await clock.advance(100);
  t.deepEqual(told, [], 'half a list is none');
  await clock.advance(200);
  t.deepEqual(told, ['-/n/a', '-/r/b', 'listed']);
});

test('waits double up to the highest, half of each is random, and a healthy watch resets them', async t => {
  const {store, clock, reflector} = setUp();
  store.listFailures = Array.from({length: 6}, () => '/n/');
  reflector.start();
  const openedAtMs: number[] = [];
  for (let ms = 0; ms < 4000; ms += 50) {
    await clock.advance(50);
    if (store.clients.length > openedAtMs.length + 1) openedAtMs.push(clock.nowMs());
  }
  const waits = openedAtMs.map((ms, index) => ms - (openedAtMs[index - 1] ?? 0));
  t.deepEqual(waits, [100, 200, 400, 800, 1000, 1000]);

  await clock.advance(5000);
  store.last.watches[0]!.handlers.onEnd(new Error('cut'));
  const {length} = store.clients;
  await clock.advance(100);
  t.is(store.clients.length, length + 1);
});

test('a watch that ends at once does not make it hurry', async t => {
  const {store, clock, reflector} = setUp();
  reflector.start();
  for (let round = 0; round < 4; round++) {
    await clock.advance(100 * 2 ** Math.max(0, round - 1));
    store.last.watches[0]?.handlers.onEnd(new Error('denied'));
  }
  const {length} = store.clients;
  await clock.advance(400);
  t.is(store.clients.length, length);
  await clock.advance(400);
  t.is(store.clients.length, length + 1);
});

test('a store that counts anew is compared by value: the same revision may mean another', async t => {
  const {store, clock, told, reflector} = setUp();
  store.put('/n/a', 'old');
  reflector.start();
  await clock.advance(0);
  store.entries.clear();
  store.revision = 0;
  store.put('/n/a', 'new');
  told.length = 0;
  store.last.watches[0]!.handlers.onEnd(new Error('wiped'));
  await clock.advance(100);
  t.deepEqual(told, ['+/n/a=new', 'listed']);
});

test('what a wiped store lacks is deleted only when it did not come back in time', async t => {
  const {store, clock, told, reflector} = setUp();
  for (const name of ['a', 'b', 'c']) store.put(`/n/${name}`, name);
  reflector.start();
  await clock.advance(0);
  store.entries.clear();
  store.revision = 0;
  store.put('/n/a', 'a');
  told.length = 0;
  store.last.watches[0]!.handlers.onEnd(new Error('wiped'));
  await clock.advance(100);
  t.deepEqual(told, ['listed'], 'b and c may still come');
  store.put('/n/b', 'b');
  store.last.watches[0]!.handlers.onEvents([{kind: 'put', entry: store.entries.get('/n/b')!}]);
  await clock.advance(29_000);
  t.false(told.includes('-/n/c'));
  await clock.advance(1000);
  t.true(told.includes('-/n/c'));
  t.false(told.includes('-/n/b'));
});

test('a list that comes back after stop is not told', async t => {
  const {store, clock, told, reflector} = setUp();
  store.put('/n/a', '1');
  reflector.start();
  reflector.stop();
  await clock.advance(0);
  t.deepEqual(told, []);
  t.is(store.last.watches.length, 0);
});

test('nothing is told after stop, and no timer is left', async t => {
  const {store, clock, told, reflector} = setUp();
  reflector.start();
  await clock.advance(0);
  told.length = 0;
  const {handlers} = store.last.watches[0]!;
  reflector.stop();
  handlers.onEvents([{kind: 'put', entry: entry('/n/a', '1', 1)}]);
  handlers.onEnd(new Error('late'));
  await clock.advance(10_000);
  t.deepEqual(told, []);
  t.is(clock.pending, 0);
  t.true(store.last.isClosed);
});

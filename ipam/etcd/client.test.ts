import test, {type ExecutionContext} from 'ava';
import {openEtcd, type EtcdOptions} from './client.js';
import {eventually, startEtcd, startEtcdCluster, startProxy} from './etcd-server.js';
import type {EtcdClient, WatchEvent} from './store.js';

/* Against a real etcd: each test has its own on random loopback ports. */

async function etcdFor(t: ExecutionContext, args?: readonly string[]) {
  const server = await startEtcd(args);
  t.teardown(() => server.stop());
  return server;
}

function openFor(t: ExecutionContext, options: EtcdOptions): EtcdClient {
  const client = openEtcd(options);
  t.teardown(() => client.close());
  return client;
}

/** A watch that remembers. */
async function record(client: EtcdClient, prefix: string, from: number) {
  const events: WatchEvent[] = [];
  const ends: (Error & {code?: string})[] = [];
  const watch = await client.watch(prefix, from, {
    onEvents: batch => void events.push(...batch),
    onEnd: error => void ends.push(error),
  });
  return {events, ends, watch};
}

test('keys are written, read, listed in order over several pages, and deleted', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url], pageSize: 7});
  t.is(await client.get('/a/none'), undefined);
  const revision = await client.put('/a/00', 'first');
  t.like(await client.get('/a/00'), {
    value: 'first',
    createRevision: revision,
    modRevision: revision,
    leaseId: '0',
  });
  for (let n = 1; n < 30; n++) await client.put(`/a/${String(n).padStart(2, '0')}`, `${n}`);
  await client.put('/b', 'a neighbour of the prefix');
  const {entries, revision: listed} = await client.list('/a/');
  t.is(entries.length, 30);
  t.is(listed, revision + 30);
  t.deepEqual(
    entries.map(({key}) => key),
    entries.map(({key}) => key).sort(),
  );
  t.is((await client.list('')).entries.length, 31);
  t.true(await client.delete('/a/00'));
  t.false(await client.delete('/a/00'));
});

test('a list is one revision even when writes happen between its pages', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url], pageSize: 5});
  for (let n = 10; n < 40; n++) await client.put(`/k/${n}`, 'old');
  let done = false;
  const writer = (async () => {
    while (!done) for (let n = 39; n >= 10 && !done; n--) await client.put(`/k/${n}`, 'new');
  })();
  for (let round = 0; round < 10; round++) {
    const {revision, entries} = await client.list('/k/');
    t.is(entries.length, 30);
    t.true(entries.every(entry => entry.modRevision <= revision));
  }
  done = true;
  await writer;
});

test('a transaction does one branch or the other, and answers its gets', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url]});
  const claim = (owner: string) =>
    client.transact(
      [{key: '/lease', createRevision: 0}],
      [{kind: 'put', key: '/lease', value: owner}],
      [
        {kind: 'get', key: '/other'},
        {kind: 'get', key: '/lease'},
      ],
    );
  t.like(await claim('a'), {succeeded: true, gets: []});
  const second = await claim('b');
  t.false(second.succeeded);
  t.is(second.gets[0], undefined);
  t.is(second.gets[1]?.value, 'a');
  const swap = [{key: '/lease', modRevision: second.gets[1]!.modRevision}];
  t.true((await client.transact(swap, [{kind: 'delete', key: '/lease'}])).succeeded);
  t.false((await client.transact(swap, [])).succeeded);
});

test('a lease keeps its keys while alive, takes them along, and says when it is gone', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url]});
  const lease = await client.grantLease(100);
  await client.put('/bound', 'x', {leaseId: lease});
  t.is((await client.get('/bound'))?.leaseId, lease);
  t.deepEqual(await client.leaseKeys(lease), ['/bound']);
  t.is(await client.keepAliveOnce(lease), 100);
  t.true((await client.transact([{key: '/bound', leaseId: lease}], [])).succeeded);
  await client.revokeLease(lease);
  await client.revokeLease(lease);
  t.is(await client.get('/bound'), undefined);
  t.is(await client.keepAliveOnce(lease), 0);
  t.is(await client.leaseKeys(lease), undefined);
  await t.throwsAsync(client.put('/bound', 'x', {leaseId: lease}), {
    code: 'LEASE_NOT_FOUND',
  } as never);
});

test('list and watch together see every change exactly once', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url]});
  const write = async () => {
    for (let n = 0; n < 1500; n += 10) {
      await Promise.all(Array.from({length: 10}, (_, k) => client.put(`/w/${n + k}`, `${n + k}`)));
    }
  };
  const writing = write();
  await eventually(async () => (await client.list('/w/')).entries.length > 200);
  const {revision, entries} = await client.list('/w/');
  const {events, ends, watch} = await record(client, '/w/', revision + 1);
  await writing;
  await client.put('/elsewhere', 'x');
  await client.delete('/w/0');
  await eventually(() => entries.length + events.length >= 1501);
  t.is(entries.length + events.length, 1501);
  t.like(events.at(-1), {kind: 'delete', key: '/w/0'});
  t.deepEqual(ends, []);
  watch.cancel();
  await client.put('/w/after', 'x');
  t.is(entries.length + events.length, 1501);
});

test('a watch from an old revision replays what happened since', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url]});
  const from = await client.put('/r/1', 'one');
  await client.put('/r/1', 'two');
  const {events} = await record(client, '/r/', from);
  await eventually(() => events.length === 2);
  t.deepEqual(
    events.map(event => event.kind === 'put' && event.entry.value),
    ['one', 'two'],
  );
});

test('killing etcd ends the watch once and at once; the same client works after the restart', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url], deadlineMs: 1000});
  await client.put('/k', 'kept');
  const {ends} = await record(client, '/', 1);
  const killed = Date.now();
  await server.kill();
  await eventually(() => ends.length > 0, 1000);
  t.log(`onEnd ${Date.now() - killed} ms after kill -9`);
  t.is(ends[0]?.code, 'STORE_UNAVAILABLE');
  const asked = Date.now();
  await t.throwsAsync(client.get('/k'), {code: 'STORE_UNAVAILABLE'} as never);
  t.true(Date.now() - asked < 1500);
  await server.restart();
  const up = Date.now();
  await eventually(async () => (await client.get('/k'))?.value === 'kept', 5000);
  t.log(`first answer ${Date.now() - up} ms after the restart`);
  const again = await record(client, '/', 1);
  await eventually(() => again.events.length === 1);
  t.is(ends.length, 1);
});

test('a watch whose revision is compacted ends with STORE_COMPACTED', async t => {
  const server = await etcdFor(t);
  const client = openFor(t, {endpoints: [server.url]});
  for (let n = 0; n < 10; n++) await client.put('/c', `${n}`);
  const revision = (await client.list('/c')).revision;
  await compact(server.url, revision);
  const {ends} = await record(client, '/c', 2).catch((error: Error & {code?: string}) => ({
    ends: [error],
  }));
  await eventually(() => ends.length === 1);
  t.is(ends[0]?.code, 'STORE_COMPACTED');
});

test('a connection that goes silent ends the watch within the keepalive bound', async t => {
  const server = await etcdFor(t, ['--grpc-keepalive-min-time', '500ms']);
  const proxy = await startProxy(server.port);
  t.teardown(() => proxy.stop());
  const client = openFor(t, {
    endpoints: [proxy.url],
    deadlineMs: 500,
    keepaliveTimeMs: 1000,
    keepaliveTimeoutMs: 500,
  });
  const {ends} = await record(client, '/', 1);
  proxy.freeze();
  const frozen = Date.now();
  await t.throwsAsync(client.put('/x', 'lost'), {code: 'STORE_UNAVAILABLE'} as never);
  t.true(Date.now() - frozen < 1000, 'the deadline holds');
  t.is(await client.get('/x'), undefined, 'the next call has a connection of its own');
  await eventually(() => ends.length > 0, 3000);
  t.log(`onEnd ${Date.now() - frozen} ms after the freeze`);
  t.true(Date.now() - frozen < 2500);
  t.is(ends.length, 1);
});

test('renew() ends calls on a silent connection now; the next call has a new one', async t => {
  const server = await etcdFor(t);
  const proxy = await startProxy(server.port);
  t.teardown(() => proxy.stop());
  const client = openFor(t, {endpoints: [proxy.url], deadlineMs: 20_000});
  await client.put('/x', 'first');
  proxy.freeze();
  const write = client.put('/x', 'lost');
  const read = client.get('/x');
  const startMs = Date.now();
  client.renew();
  for (const call of [write, read]) {
    await t.throwsAsync<Error>(call as Promise<unknown>, {code: 'STORE_UNAVAILABLE'} as never);
  }
  t.is((await client.get('/x'))?.value, 'first');
  t.true(Date.now() - startMs < 10_000, 'nobody waited for the deadline');
});

test('a cut connection ends the watch; close() is silent, final and leaves no loop', async t => {
  const server = await etcdFor(t);
  const proxy = await startProxy(server.port);
  t.teardown(() => proxy.stop());
  const client = openFor(t, {endpoints: [proxy.url]});
  const first = await record(client, '/', 1);
  proxy.cut();
  await eventually(() => first.ends.length === 1);
  const second = await record(client, '/', 1);
  client.close();
  client.close();
  await t.throwsAsync(client.get('/x'), {code: 'STORE_UNAVAILABLE'} as never);
  await t.throwsAsync(record(client, '/', 1), {code: 'STORE_UNAVAILABLE'} as never);
  t.is(second.ends.length, 0);
});

test('any one of three members may be killed and the client goes on with the others', async t => {
  const servers = await startEtcdCluster(3);
  t.teardown(() => Promise.all(servers.map(server => server.stop())));
  const client = openFor(t, {endpoints: servers.map(({url}) => url)});
  let survived = 0;
  for (const server of servers) {
    await client.put('/k', server.url);
    await server.kill();
    const began = Date.now();
    await eventually(async () => (await client.get('/k'))?.value === server.url, 60_000);
    await eventually(async () => (await client.put('/k', 'again')) > 0, 60_000);
    t.log(`without ${server.url}: served after ${Date.now() - began} ms`);
    await server.restart();
    survived++;
  }
  t.is(survived, 3);
});

test('a wrong endpoint is refused at once', t => {
  for (const url of ['', 'localhost:2379', 'ftp://a', 'http://']) {
    t.throws(() => openEtcd({endpoints: [url]}), {code: 'STORE_REJECTED'} as never, url);
  }
});

async function compact(url: string, revision: number): Promise<void> {
  await fetch(`${url}/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({revision: String(revision), physical: true}),
  });
}

/*
 * The reflector on a real etcd, behind a proxy that cuts connections: whatever happens on the way,
 * its picture ends up as what etcd holds. The control follows a watch without listing again, and
 * loses events.
 */
import test, {type ExecutionContext} from 'ava';
import {openEtcd, type EtcdClient} from '#ipam';
import {eventually, startEtcd, startProxy} from '../../ipam/etcd/etcd-server.js';
import {Reflector, type Change} from './reflector.js';

const prefix = '/twill/v1/nodes/';

test('the picture survives cuts at random moments, kill -9 and compaction', async t => {
  const {etcd, writer, proxy, reflector, picture} = await setUp(t);
  const control = followOnly(t, proxy.url);
  await control.ready;

  for (let round = 0; round < 12; round++) {
    const writing = writeSome(writer, round);
    await pause(Math.random() * 40);
    proxy.cut();
    await writing;
  }
  await settled(writer, picture);
  t.notDeepEqual(
    [...control.picture].sort(),
    await truth(writer),
    'the control has lost something',
  );

  await etcd.kill();
  await eventually(() => !reflector.status().connected);
  t.true(picture.size > 0, 'an etcd that is down takes nothing away');
  await etcd.restart();
  const startMs = performance.now();
  await writeSome(writer, 100);
  await settled(writer, picture);
  t.log(`resynced ${Math.round(performance.now() - startMs)} ms after etcd was back`);

  const before = reflector.status().lists;
  proxy.freeze(); // half open: nobody is told
  await writeSome(writer, 200);
  await compact(etcd.url, await revisionOf(writer));
  proxy.cut();
  await settled(writer, picture);
  t.true(reflector.status().lists > before);
});

test('an etcd that was wiped is followed, deletions and all', async t => {
  const {etcd, writer, reflector, picture, moveTo} = await setUp(t);
  await writeSome(writer, 1);
  await settled(writer, picture);

  const fresh = await startEtcd();
  t.teardown(() => fresh.stop());
  const freshWriter = openEtcd({endpoints: [fresh.url]});
  t.teardown(() => freshWriter.close());
  await freshWriter.put(`${prefix}only`, 'one');
  moveTo(fresh.url);
  await etcd.kill();
  await eventually(() => picture.size === 1 && picture.get(`${prefix}only`) === 'one');
  t.true(reflector.status().synced);
});

async function setUp(t: ExecutionContext) {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const proxy = await startProxy(etcd.port);
  t.teardown(() => proxy.stop());
  const writer = openEtcd({endpoints: [etcd.url]});
  t.teardown(() => writer.close());

  let url = proxy.url;
  const picture = new Map<string, string>();
  const reflector = new Reflector({
    openClient: () => openEtcd({endpoints: [url], deadlineMs: 1000}),
    prefixes: [prefix, '/twill/v1/resources/'],
    regressGraceMs: 500,
    onChanges: changes => changes.forEach(change => note(picture, change)),
  });
  reflector.start();
  t.teardown(() => reflector.stop());
  await eventually(() => reflector.status().synced);
  return {etcd, proxy, writer, reflector, picture, moveTo: (next: string) => (url = next)};
}

/** What not to do: when the watch ends, watch again from now. */
function followOnly(t: ExecutionContext, url: string) {
  const picture = new Map<string, string>();
  let stopped = false;
  const follow = async (): Promise<void> => {
    const client = openEtcd({endpoints: [url], deadlineMs: 1000});
    t.teardown(() => client.close());
    const again = () => {
      client.close();
      if (!stopped) setTimeout(() => void follow().catch(again), 20);
    };
    const {revision} = await client.list('/nothing/');
    await client.watch(prefix, revision + 1, {
      onEvents: events => events.forEach(event => note(picture, event)),
      onEnd: again,
    });
  };
  t.teardown(() => (stopped = true));
  return {picture, ready: follow()};
}

function note(picture: Map<string, string>, change: Change): void {
  if (change.kind === 'delete') picture.delete(change.key);
  else picture.set(change.entry.key, change.entry.value);
}

async function writeSome(writer: EtcdClient, round: number): Promise<void> {
  for (let index = 0; index < 30; index++) {
    const key = `${prefix}n${(round * 7 + index) % 40}`;
    if (index % 5 === 4) await writer.delete(key);
    else await writer.put(key, `${round}-${index}`);
  }
}

async function settled(writer: EtcdClient, picture: ReadonlyMap<string, string>): Promise<void> {
  const wanted = JSON.stringify(await truth(writer));
  await eventually(() => JSON.stringify([...picture].sort()) === wanted);
}

async function truth(writer: EtcdClient): Promise<[string, string][]> {
  const {entries} = await writer.list(prefix);
  return entries.map(({key, value}): [string, string] => [key, value]).sort();
}

async function revisionOf(writer: EtcdClient): Promise<number> {
  return (await writer.list('/nothing/')).revision;
}

/** By etcd's JSON gateway: the client has no use for it otherwise. */
async function compact(url: string, revision: number): Promise<void> {
  const body = JSON.stringify({revision: String(revision), physical: true});
  const reply = await fetch(`${url}/v3/kv/compaction`, {method: 'POST', body});
  if (!reply.ok) throw new Error(await reply.text());
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {openEtcd} from '../etcd/client.js';
import {eventually, startEtcd} from '../etcd/etcd-server.js';
import {leasesPrefix} from '../keys.js';
import {checkPool} from '../pool.js';
import {LeaseKeeper} from './keeper.js';
import {parseLeaseRecord} from './record.js';

/* A file of its own: it keeps etcd and the processor busy for seconds. */

const prefix = '/twill/v1';

test('1,000 hosts that claim at once get a block each, and each block has one owner', async t => {
  const server = await startEtcd();
  t.teardown(() => server.stop());
  const root = await mkdtemp(join(tmpdir(), 'twill-lease-'));
  t.teardown(() => rm(root, {recursive: true, force: true}));
  const stores = Array.from({length: 4}, () => {
    return openEtcd({endpoints: [server.url], deadlineMs: 30_000});
  });
  t.teardown(() => stores.forEach(store => store.close()));
  const checked = checkPool('tight', {cidr: '10.0.0.0/16'}); // 1024 blocks: collisions are certain
  if (checked.kind === 'faulty') throw new Error(JSON.stringify(checked.faults));
  const keepers = Array.from({length: 1000}, (_, n) => {
    const keeper = new LeaseKeeper({
      ...{store: stores[n % 4]!, stateDir: join(root, `${n}`), prefix, bootId: 'boot-1'},
      ...{node: {name: `n${n}`, uid: `uid-${n}`}, ttlSeconds: 600, marginSeconds: 60},
      boottimeMs: () => performance.now() + 1e6,
      now: () => '2026-01-01T00:00:00Z',
    });
    t.teardown(() => keeper.stop());
    keeper.attachRecord({key: `${prefix}/nodes/n${n}`, render: ranges => JSON.stringify(ranges)});
    keeper.setPools([checked.pool]);
    return keeper;
  });
  const began = performance.now();
  await Promise.all(keepers.map(keeper => keeper.start()));
  await eventually(() => keepers.every(keeper => keeper.current().state === 'held'), 60_000);
  t.log(`${Math.round(performance.now() - began)} ms`);
  const {entries} = await stores[0]!.list(leasesPrefix(prefix));
  const claims = entries.map(({value}) => parseLeaseRecord(value)!.spec);
  t.is(claims.length, 1000);
  t.is(new Set(claims.map(({cidr}) => cidr)).size, 1000);
  t.is(new Set(claims.map(({nodeUid}) => nodeUid)).size, 1000);
  const owner = new Map(claims.map(({cidr, nodeUid}) => [cidr, nodeUid]));
  for (const [n, keeper] of keepers.entries()) {
    t.is(owner.get(keeper.current().ranges[0]!.cidr), `uid-${n}`);
  }
  t.is((await stores[0]!.list(`${prefix}/nodes/`)).entries.length, 1000);
});

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

interface Host {
  readonly name: string;
  readonly keeper: LeaseKeeper;
}

test('1,000 hosts that claim at once get a block each, and so do those that replace 200', async t => {
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

  const startHosts = async (names: readonly string[]) => {
    const hosts = names.map((name, n) => {
      const keeper = new LeaseKeeper({
        ...{store: stores[n % 4]!, stateDir: join(root, name), prefix, bootId: 'boot-1'},
        ...{node: {name, uid: `uid-${name}`}, ttlSeconds: 600, marginSeconds: 60},
        boottimeMs: () => performance.now() + 1e6,
        now: () => '2026-01-01T00:00:00Z',
      });
      t.teardown(() => keeper.stop());
      const key = `${prefix}/nodes/${name}`;
      keeper.attachRecord({key, render: ranges => JSON.stringify(ranges)});
      keeper.setPools([checked.pool]);
      return {name, keeper};
    });
    const began = performance.now();
    await Promise.all(hosts.map(({keeper}) => keeper.start()));
    await eventually(() => hosts.every(({keeper}) => keeper.current().state === 'held'), 60_000);
    t.log(`${names.length}: ${Math.round(performance.now() - began)} ms`);
    return hosts;
  };
  const checkClaims = async (hosts: readonly Host[]) => {
    const {entries} = await stores[0]!.list(leasesPrefix(prefix));
    const claims = entries.map(({value}) => parseLeaseRecord(value)!.spec);
    t.is(claims.length, 1000);
    t.is(new Set(claims.map(({cidr}) => cidr)).size, 1000);
    t.is(new Set(claims.map(({nodeUid}) => nodeUid)).size, 1000);
    const owner = new Map(claims.map(({cidr, nodeUid}) => [cidr, nodeUid]));
    for (const {name, keeper} of hosts) {
      t.is(owner.get(keeper.current().ranges[0]!.cidr), `uid-${name}`);
    }
    t.is((await stores[0]!.list(`${prefix}/nodes/`)).entries.length, 1000);
  };

  const first = await startHosts(Array.from({length: 1000}, (_, n) => `n${n}`));
  await checkClaims(first);
  for (const {keeper} of first.slice(0, 200)) {
    await keeper.stop();
    await stores[0]!.revokeLease(keeper.current().leaseId!);
  }
  const others = await startHosts(Array.from({length: 200}, (_, n) => `m${n}`)); // 24 are untouched
  await checkClaims([...first.slice(200), ...others]);
});

/** A LeaseKeeper against a real etcd, for tests: each has its own server on random loopback ports. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {openEtcd} from '../etcd/client.js';
import {eventually, startEtcd} from '../etcd/etcd-server.js';
import type {EtcdClient} from '../etcd/store.js';
import {leasesPrefix} from '../keys.js';
import {checkPool, type Pool, type PoolSpec} from '../pool.js';
import {LeaseKeeper, type LeaseKeeperOptions} from './keeper.js';
import {parseLeaseRecord} from './record.js';

export const prefix = '/twill/v1';

function poolOf(name: string, spec: PoolSpec): Pool {
  const checked = checkPool(name, spec);
  if (checked.kind === 'faulty') throw new Error(JSON.stringify(checked.faults));
  return checked.pool;
}

export const pools = [
  poolOf('v4', {cidr: '10.0.0.0/16', reserved: ['10.0.0.0/32']}),
  poolOf('v6', {cidr: 'fd00::/48'}),
];

export async function storeFor(t: ExecutionContext) {
  const server = await startEtcd();
  t.teardown(() => server.stop());
  const store = openEtcd({endpoints: [server.url], deadlineMs: 10_000});
  t.teardown(() => store.close());
  return {server, store};
}

export async function dirFor(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'twill-lease-'));
  t.teardown(() => rm(dir, {recursive: true, force: true}));
  return dir;
}

export function keeperFor(
  t: ExecutionContext,
  options: Pick<LeaseKeeperOptions, 'store' | 'stateDir'> & Partial<LeaseKeeperOptions>,
): LeaseKeeper {
  const keeper = new LeaseKeeper({
    ...{prefix, node: {name: 'a', uid: 'uid-a'}, bootId: 'boot-1'},
    ...{ttlSeconds: 600, marginSeconds: 60},
    boottimeMs: () => performance.now() + 1e6,
    now: () => '2026-01-01T00:00:00Z',
    ...options,
  });
  t.teardown(() => keeper.stop());
  return keeper;
}

export async function startHeld(keeper: LeaseKeeper): Promise<void> {
  keeper.attachRecord({
    key: `${prefix}/nodes/a`,
    render: ranges => ranges.map(({cidr}) => cidr).join(),
  });
  keeper.setPools(pools);
  await keeper.start();
  await eventually(() => keeper.current().state === 'held');
}

export async function claimsIn(store: EtcdClient) {
  const {entries} = await store.list(leasesPrefix(prefix));
  return entries.map(({value, leaseId}) => ({...parseLeaseRecord(value)!.spec, leaseId}));
}

/*
 *    host a, named a        host b, named a too        host c
 *   +----------------+     +-------------------+     +---------+
 *   | p1 <-----------|-----|------ br0 --------|-----| p3      |
 *   | machine-id 1   |     | machine-id 2      |     |         |
 *   +----------------+     +-------------------+     +---------+
 *
 * Claim: of two machines with one node name the first keeps it while it lives, and the other says so; one
 * that is gone does not keep its successor from serving, though its lease lives for a day; a machine has its
 * own record again at once, whatever happened to it.
 */
import {addPod, endpointKey, endpointKeys, prefix, resources} from './cluster.js';
import {askDaemon} from './lab/api.js';
import {stateDir} from './lab/daemon.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {type Lab, type Scope, createLab, underlay} from './lab.js';
import {labTest} from './privileged.js';

const asA = {node: {name: 'a'}};
const leaseTtlMs = 10_000;

labTest(
  'a second machine of the same name waits until the first is gone, and says why',
  async t => {
    const lab = await createMachines(
      t,
      ['a', 'b', 'c'],
      `leaseTTL: ${leaseTtlMs / 1000}s, leaseRenewMargin: 3s, `,
    );
    const [a, b, c] = [lab.host('a'), lab.host('b'), lab.host('c')];
    await Promise.all([a.startDaemon(), c.startDaemon()]);
    const [p1, p3] = [await addPod(a, 'p1'), await addPod(c, 'p3')];
    const written = [endpointKey(a, p1), endpointKey(c, p3)].sort();
    await eventually(async () => (await endpointKeys(lab)).join() === written.join(), {
      withinMs: 5000,
      what: 'the records of both pods',
    });
    const stream = await Stream.open(p3, p1, p1.ipv4);
    const before = await contents(lab);

    await b.startDaemon(asA);
    const refused = await b.cni('ADD', await b.pod('p2'));
    t.is(refused.failure?.code, 11, refused.stdout);
    t.regex(`${refused.failure?.msg} ${refused.failure?.details}`, /node name a .*192\.0\.2\.1 /);
    const told = JSON.stringify(b.daemon.log());
    t.regex(
      told,
      /"level":"?(50|error)[^}]*the node name a is in use[^}]*192\.0\.2\.1[^}]*node\.name/,
    );
    t.regex(await askDaemon(b, '/v1/status'), /the node name a is in use by another machine/);
    await eventually(async () => isAnswered(await leaseOf(b)), {withinMs: 5000, what: 'an answer'});
    t.regex(JSON.stringify(a.daemon.log()), /192\.0\.2\.2[^}]*}[^}]*was refused it/);
    await stream.flows(500);
    t.deepEqual(await contents(lab), before, 'in etcd nothing is b’s');
    t.is((await stream.close()).lost, 0);

    await a.killDaemon();
    const startMs = performance.now();
    const isServed = async () => (await leaseOf(b)).state === 'held';
    await eventually(isServed, {
      withinMs: leaseTtlMs + 15_000, // a holder that lives would write its record again in ten
      everyMs: 100,
      what: 'b to have the name',
    });
    t.log(`b had the name ${Math.round(performance.now() - startMs)} ms after a was killed`);
    t.true(performance.now() - startMs > leaseTtlMs / 2, 'not before the lease of a could run out');
    const p4 = await addPod(b, 'p4');
    await p4.listen();
    for (const {ok, error} of await p3.echo(p4.addresses)) t.true(ok, error);
  },
);

labTest('a machine that was replaced does not keep its successor waiting', async t => {
  const lab = await createMachines(t, ['a', 'b', 'c', 'd']); // leases of a day
  const [a, b, c, d] = [lab.host('a'), lab.host('b'), lab.host('c'), lab.host('d')];
  await Promise.all([a.startDaemon(), c.startDaemon()]);
  const [p1, p2, p3] = [await addPod(a, 'p1'), await addPod(a, 'p2'), await addPod(c, 'p3')];
  const claims = await lab.etcd.list(`${prefix}/leases/`);
  await a.killDaemon();
  const before = await recordOf(lab);

  const startMs = performance.now();
  await Promise.all([b.startDaemon(asA), d.startDaemon({node: {name: 'c'}})]);
  t.regex((await leaseOf(b)).reason ?? '', /192\.0\.2\.1 .*was asked whether it lives/);
  t.deepEqual(await recordOf(lab), before);
  await eventually(async () => (await leaseOf(b)).state === 'held', {
    withinMs: 45_000,
    everyMs: 100,
    what: 'b to have the name',
  });
  const p4 = await addPod(b, 'p4');
  const tookMs = performance.now() - startMs;
  t.log(`b served an ADD ${Math.round(tookMs)} ms after its start`);
  t.true(tookMs < 45_000);
  t.true(tookMs > 30_000, 'a had its time to answer');
  await p4.listen();
  for (const {ok, error} of await p3.echo(p4.addresses)) t.true(ok, error);
  t.is((await leaseOf(d)).state, 'fenced', 'c lives');
  t.true(isAnswered(await leaseOf(d)));
  t.regex(
    JSON.stringify(b.daemon.log()),
    /"level":"?(40|warn)[^}]*192\.0\.2\.1[^}]*}[^}]*taken over/,
  );

  const kept = (await lab.etcd.list(`${prefix}/leases/`)).filter(({key}) =>
    claims.some(claim => claim.key === key),
  );
  t.deepEqual(kept, claims, 'the ranges of a are still its own');
  const taken = await recordOf(lab);
  t.regex(taken.value, /"address":"192\.0\.2\.2"/);
  const {spec} = JSON.parse(taken.value) as {spec: {ranges: readonly string[]}};
  t.deepEqual(await rangesOfPeer(c, 'a'), spec.ranges);
  const written = [endpointKey(c, p3), endpointKey(b, p4).replace('b/', 'a/')].sort();
  await eventually(async () => (await endpointKeys(lab)).join() === written.join(), {
    withinMs: 5000,
    what: 'records of pods of who has the name',
  });

  await a.startDaemon();
  await eventually(async () => isAnswered(await leaseOf(a)), {withinMs: 5000, what: 'an answer'});
  const returned = await leaseOf(a);
  t.is(returned.state, 'fenced');
  t.regex(returned.reason ?? '', /192\.0\.2\.2 /);
  t.deepEqual(await recordOf(lab), taken);
  await p2.listen();
  for (const {ok, error} of await p1.echo(p2.addresses)) t.true(ok, error);
});

labTest('a host that is given the name of another keeps its pods forwarding', async t => {
  const lab = await createMachines(t, ['a', 'b', 'c']);
  const [a, b, c] = [lab.host('a'), lab.host('b'), lab.host('c')];
  await Promise.all(lab.hosts.map(host => host.startDaemon()));
  const [p2, p3] = [await addPod(b, 'p2'), await addPod(c, 'p3')];
  const stream = await Stream.open(p3, p2, p2.ipv4);
  const first = await recordOf(lab);

  await b.killDaemon();
  await b.startDaemon(asA);
  t.is((await leaseOf(b)).state, 'fenced');
  await stream.flows(500);
  t.deepEqual(await recordOf(lab), first);

  await b.killDaemon();
  await b.startDaemon();
  t.is((await leaseOf(b)).state, 'held');
  await addPod(a, 'p1');
  await addPod(b, 'p4');
  await stream.flows(500);
  t.is((await stream.close()).lost, 0);
});

labTest('a machine has its name again at once, whatever it was that it lost', async t => {
  const lab = await createMachines(t, ['a']); // leases of a day: nothing runs out meanwhile
  const a = lab.host('a');
  await a.startDaemon();
  const losses: Readonly<Record<string, () => Promise<unknown>>> = {
    'nothing but its life': () => Promise.resolve(),
    'everything in memory': () => a.reboot(),
    'its state directory': () => a.run(['rm', '-rf', stateDir]),
    'its address': () => moveTo(a, 77),
    'state directory and address': () => moveTo(a, 78).then(() => a.run(['rm', '-rf', stateDir])),
  };
  for (const [lost, lose] of Object.entries(losses)) {
    const {modRevision} = await recordOf(lab);
    await a.killDaemon();
    await lose();
    await a.startDaemon();
    const {id, state} = await leaseOf(a);
    t.is(state, 'held', lost);
    const record = await recordOf(lab);
    t.is(Number(record.leaseId), Number(id), lost); // JSON of etcdctl rounds it
    if (lost.includes('state')) t.true(record.modRevision > modRevision, lost);
    await addPod(a, `p${a.daemons.length}`);
  }
});

/** Each host with a machine-id: they would all see that of the machine the lab runs on. */
async function createMachines(scope: Scope, hosts: readonly string[], network = ''): Promise<Lab> {
  const lab = await createLab(scope, {hosts});
  for (const [at, host] of lab.hosts.entries()) {
    await host.writeFile('/etc/machine-id', `${String(at).repeat(32)}\n`);
  }
  await lab.apply(resources().replace('spec: {backend', `spec: {${network}backend`));
  return lab;
}

/** What hosts have written, by key: value, revision and lease. */
async function contents(lab: Lab) {
  const folders = ['nodes', 'leases', 'endpoints'];
  return Promise.all(folders.map(folder => lab.etcd.list(`${prefix}/${folder}/`)));
}

async function recordOf(lab: Lab) {
  const record = (await lab.etcd.list(`${prefix}/nodes/`)).find(({key}) => key.endsWith('/a'));
  if (record === undefined) throw new Error('there is no record of a');
  return record;
}

async function leaseOf(host: Host) {
  const {lease} = JSON.parse(await askDaemon(host, '/v1/status')) as {
    lease: {id: string; state: string; reason?: string};
  };
  return lease;
}

async function rangesOfPeer(host: Host, name: string) {
  const {peers} = JSON.parse(await askDaemon(host, '/v1/status')) as {
    peers: readonly {name: string; ranges: readonly string[]}[];
  };
  return peers.find(peer => peer.name === name)?.ranges;
}

/** Whom it asked for the name lives. */
function isAnswered({state, reason = ''}: Awaited<ReturnType<typeof leaseOf>>): boolean {
  return state === 'fenced' && / is in use /.test(reason) && !/was asked/.test(reason);
}

async function moveTo(host: Host, end: number): Promise<void> {
  await host.ip('address flush dev eth0');
  await host.ip(`address add 192.0.2.${end}/24 dev eth0`);
  await host.ip(`address add 2001:db8::${end}/64 dev eth0 nodad`);
  await host.ip(`-4 route replace default via ${underlay.gateway}`);
  await host.ip(`-6 route replace default via ${underlay.gateway6}`);
}

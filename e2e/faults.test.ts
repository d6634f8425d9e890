/*
 *    host a                          host b
 *   +--------------------+          +------------------+
 *   | p1 --1,000 pps-----|-- br0 ---|---> p2           |
 *   | its disk is full   |          |                  |
 *   | its lease revoked  |          |                  |
 *   +--------------------+          +------------------+
 *
 * Claim: what goes wrong around the daemon costs no running pod a packet, hands no address out twice
 * and leaves nothing behind.
 */
import {readdirSync, readFileSync} from 'node:fs';

import {addPod, createCluster, endpointKeys, podsAreGone, podTraces, resources} from './cluster.js';
import {stateDir} from './lab/daemon.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {createLab} from './lab.js';
import {labTest} from './privileged.js';

labTest(
  'a full disk refuses pods by name and leaks nothing; with space they are served',
  async t => {
    const lab = await createLab(t, {hosts: ['a']});
    const a = lab.host('a');
    await a.run(['mkdir', '-p', stateDir]);
    await a.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'lab', stateDir]);
    await lab.apply(resources());
    await a.startDaemon();
    const p1 = await addPod(a, 'p1');
    const sound = await podTraces(a);

    const fill = `${stateDir}/fill`;
    await a.run(['sh', '-c', `cat /dev/zero >${fill}`], {mayFail: true});
    const p2 = await a.pod('p2');
    let refused = 0;
    for (let attempt = 0; attempt < 30; attempt++) {
      const {exitCode, failure, stdout} = await a.cni('ADD', p2); // the last page may take some more
      if (exitCode === 0) t.is((await a.cni('DEL', p2)).exitCode, 0);
      else {
        refused++;
        t.true([5, 11].includes(failure?.code ?? 0), stdout);
        t.regex(`${failure?.msg} ${failure?.details}`, /journal.*(ENOSPC|no space)/is, stdout);
      }
    }
    t.true(refused > 0, 'the control: the disk was full');
    await t.notThrowsAsync(
      eventually(async () => (await podTraces(a)).join() === sound.join(), {
        withinMs: 3000,
        what: 'only p1 on the host',
      }),
    );
    t.is((await a.cni('CHECK', p1)).exitCode, 0, 'a pod that runs is not touched');

    await a.run(['rm', fill]);
    t.is((await a.cni('ADD', p2)).exitCode, 0);
    for (const pod of [p1, p2]) t.is((await a.cni('DEL', pod)).exitCode, 0);
    await t.notThrowsAsync(podsAreGone(a));
    await a.killDaemon('SIGTERM');
    await a.run(['umount', stateDir]);
  },
);

labTest(
  'a lease that somebody revokes is claimed again, for the same range, without a lost packet',
  async t => {
    const lab = await createCluster(t);
    const [a, b] = [lab.host('a'), lab.host('b')];
    const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
    const ranges = await leasedRanges(a);
    const stream = await Stream.open(p1, p2, p2.ipv4);
    for (const host of [a, b]) {
      const {id} = await leaseOf(host);
      await lab.etcd.ctl(['lease', 'revoke', BigInt(id).toString(16)]);
      await eventually(
        async () => {
          const now = await leaseOf(host);
          return now.state === 'held' && now.id !== id;
        },
        {withinMs: 20_000, what: `a new lease for ${host.name}`},
      );
    }
    await stream.flows(200);
    t.deepEqual(await leasedRanges(a), ranges);
    t.is((await stream.close()).lost, 0);
    await eventually(async () => (await endpointKeys(lab)).length === 2, {
      withinMs: 10_000,
      what: 'the records of both pods, which went with the leases',
    });
    await addPod(a, 'p3');
  },
);

labTest('an etcd that hangs holds up neither pods nor packets', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const stream = await Stream.open(p1, p2, p2.ipv4);
  lab.etcd.pause();
  t.teardown(() => lab.etcd.resume()); // it could not be ended while it hangs
  const startMs = performance.now();
  const p3 = await addPod(a, 'p3');
  t.is((await a.cni('DEL', p3)).exitCode, 0);
  const p4 = await addPod(b, 'p4');
  t.true(performance.now() - startMs < 2000, 'nobody waited for etcd');
  await p4.listen();
  for (const {ok, error} of await p1.echo([p4.ipv4, p4.ipv6])) t.true(ok, error);
  await stream.flows(3000);
  lab.etcd.resume();
  await eventually(async () => (await endpointKeys(lab)).length === 3, {
    withinMs: 20_000,
    what: 'records that match',
  });
  t.is((await stream.close()).lost, 0);
});

labTest('ADD and DEL of one container at once, in any order, end with all or nothing', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  for (let round = 0; round < 15; round++) {
    const pod = await a.pod(`r${round}`);
    const verbs = (['ADD', 'DEL', 'ADD', 'DEL'] as const).slice(round % 2);
    const outcomes = await Promise.all(verbs.map(verb => a.cni(verb, pod)));
    for (const [at, {exitCode, failure, stdout}] of outcomes.entries()) {
      const isFair = exitCode === 0 || (verbs[at] === 'ADD' && (failure?.code ?? 0) > 0);
      t.true(isFair, `round ${round}, ${verbs[at]}: ${stdout}`);
    }
    if (round % 3 === 0) await a.removePod(pod); // the namespace is gone before the last DEL
    t.is((await a.cni('DEL', pod)).exitCode, 0);
    await t.notThrowsAsync(podsAreGone(a), `round ${round}`);
    if (round % 3 !== 0) await a.removePod(pod);
  }
  t.deepEqual(await usedAddresses(a), [0, 0]);
});

labTest('1,000 pods that came and went leave no descriptor and no memory behind', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  const pods = await a.createPods(Array.from({length: 20}, (_, n) => `c${n}`));
  const cycle = () =>
    Promise.all(
      pods.map(async pod => {
        await a.add(pod);
        t.is((await a.cni('DEL', pod)).exitCode, 0);
      }),
    );
  for (let warm = 0; warm < 10; warm++) await cycle();
  await podsAreGone(a);
  const before = footprint(a);
  for (let round = 0; round < 60; round++) await cycle();
  await podsAreGone(a);
  await eventually(() => footprint(a).descriptors <= before.descriptors, {
    withinMs: 5000,
    what: `${before.descriptors} descriptors, as before`,
  });
  const after = footprint(a);
  t.log(
    `descriptors ${before.descriptors} -> ${after.descriptors}, RSS ${before.rssMib} -> ${after.rssMib} MiB`,
  );
  // the heap of V8 breathes by as much and comes to rest there, also after 5,000
  t.true(after.rssMib - before.rssMib < 45);
  t.deepEqual(await usedAddresses(a), [0, 0]);
});

interface LeaseStatus {
  readonly state: string;
  readonly id: string; // decimal
  readonly ranges: readonly {readonly cidr: string}[];
}

async function leaseOf(host: Host): Promise<LeaseStatus> {
  const {stdout} = await host.twillctl(['node', 'status', '-o', 'json']);
  return (JSON.parse(stdout) as {lease: LeaseStatus}).lease;
}

async function leasedRanges(host: Host): Promise<readonly string[]> {
  return (await leaseOf(host)).ranges.map(({cidr}) => cidr);
}

async function usedAddresses(host: Host): Promise<readonly number[]> {
  const {stdout} = await host.twillctl(['ipam', 'show', '-o', 'json']);
  return (JSON.parse(stdout) as {blocks: {used: number}[]}).blocks.map(({used}) => used);
}

function footprint(host: Host): {descriptors: number; rssMib: number} {
  const proc = `/proc/${host.daemon.process.pid}`;
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, 'utf8')) ?? [];
  return {
    descriptors: readdirSync(`${proc}/fd`).length,
    rssMib: Math.round(Number(kib) / 1024),
  };
}

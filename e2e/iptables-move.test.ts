/*
 *    host a                                       outside (the fabric)
 *   +-----------------------------------+        +--------------------------------+
 *   | p1 -- each packet a new flow -----|- br0 --|-> counts, by who it is from:   |
 *   | p1 -> p2                          |        |   the host, or a pod's address |
 *   | iptables: nft | legacy            |        |                                |
 *   +-----------------------------------+        +--------------------------------+
 *
 * Claim: when the host's rules come in the other iptables backend, ours go there, and at no moment does a
 * packet leave with a pod's address.
 */
import {addPod, createCluster} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {type Lab, underlay} from './lab.js';
import {labTest} from './privileged.js';

type Backend = 'nft' | 'legacy';

/** 1,000 packets a second, each to another port: conntrack knows none of them. */
const newFlows = `const socket = require('dgram').createSocket('udp4');
  let sent = 0;
  setInterval(() => {
    const due = performance.now() - start;
    for (; sent < due; sent++) socket.send('x', 10000 + (sent % 50000), '${underlay.gateway}');
  }, 1);
  const start = performance.now();
  console.log('sending');`;

labTest(
  'our chains follow the host from one iptables backend to the other without a gap',
  async t => {
    const lab = await createCluster(t, {hosts: ['a'], config: {resyncInterval: '300ms'}});
    const a = lab.host('a');
    const [p1, p2] = [await addPod(a, 'p1'), await addPod(a, 'p2')];
    t.deepEqual(await backendsOf(a), ['nft'], 'nobody else is there');
    await countCallers(lab, a);
    await p1.start([process.execPath, '-e', newFlows]).line(line => line === 'sending', 5000);
    const stream = await Stream.open(p1, p2, p2.ipv4);

    for (const [from, to] of [
      ['nft', 'legacy'],
      ['legacy', 'nft'],
    ] as const) {
      const {translated} = await callers(lab);
      await a.run([`iptables-${to}`, '-N', 'KUBE-FORWARD']);
      await a.run([`iptables-${to}`, '-A', 'FORWARD', '-j', 'KUBE-FORWARD']);
      const startMs = performance.now();
      await eventually(async () => (await backendsOf(a)).join() === to, {
        withinMs: 10_000,
        what: `our chains in ${to} alone`,
      });
      t.log(`from ${from} to ${to} within ${Math.round(performance.now() - startMs)} ms`);
      await stream.flows(500);
      const after = await callers(lab);
      t.true(after.translated > translated + 500, 'packets left all the time');
      t.is(after.leaked, 0);

      // what the rules of others are for: ours accept where theirs refuse
      await a.run([`iptables-${to}`, '-P', 'FORWARD', 'DROP']);
      await stream.flows(500);
      await a.run([`iptables-${to}`, '-P', 'FORWARD', 'ACCEPT']);
      await a.run([`iptables-${to}`, '-F', 'FORWARD']); // ours too; they come back with the next pass
      await a.run([`iptables-${to}`, '-X', 'KUBE-FORWARD']);
    }

    t.is((await stream.close()).lost, 0);
    await a.killDaemon();
    await a.run(['iptables-nft', '-t', 'nat', '-F', 'TWILL-POSTROUTING']);
    await eventually(async () => (await callers(lab)).leaked > 0, {
      withinMs: 5000,
      what: 'the control: without our chain packets leave as they are',
    });
  },
  {programs: ['iptables-nft', 'iptables-legacy']},
);

/** Where our two chains are, both of them. */
async function backendsOf(host: Host): Promise<readonly Backend[]> {
  const found: Backend[] = [];
  for (const backend of ['nft', 'legacy'] as const) {
    const {stdout} = await host.run([`iptables-${backend}-save`]);
    if (/^:TWILL-POSTROUTING/m.test(stdout) || /^:TWILL-FORWARD/m.test(stdout)) found.push(backend);
  }
  return found;
}

async function countCallers({fabric}: Lab, host: Host): Promise<void> {
  for (const source of ['10.244.0.0/16', host.address]) {
    await fabric.run(['iptables-nft', '-A', 'INPUT', '-p', 'udp', '-s', source]);
  }
}

async function callers({fabric}: Lab): Promise<{leaked: number; translated: number}> {
  const {stdout} = await fabric.run(['iptables-nft', '-nvxL', 'INPUT']);
  const [leaked = NaN, translated = NaN] = stdout
    .split('\n')
    .slice(2)
    .map(line => Number(line.trim().split(/\s+/)[0]));
  return {leaked, translated};
}

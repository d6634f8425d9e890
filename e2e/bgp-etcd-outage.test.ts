/*
 *    host a (BGP)                       host b (BGP)
 *   +-----------------------+          +---------+
 *   | p1 --1,000 pps--------|-- br0 ---|---> p2  |        etcd: away all the time
 *   | twilld: kill -9 start |          +---------+
 *   +-----------------------+
 *
 * Claim: a daemon that starts while etcd is away takes its sessions up again as they were, before the others
 * forget its routes, and no packet is lost.
 * Control: a daemon whose memory of it was removed has no session.
 */
import {rm} from 'node:fs/promises';

import {addPod, createCluster} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {labTest} from './privileged.js';

const records = `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: bgp}
---
apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {gracefulRestart: {restartTime: 5s}, mesh: {holdTime: 9s}}
`;

labTest('etcd is away, a daemon is killed and starts: its sessions are back', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  await lab.apply(records);
  for (const host of [a, b]) await established(host);
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const streams = [await Stream.open(p1, p2, p2.ipv4), await Stream.open(p2, p1, p1.ipv6)];

  await lab.etcd.stop();
  await a.killDaemon('SIGKILL');
  await a.launchDaemon();
  await established(a);
  for (const stream of streams) await stream.flows(6000, {withinMs: 15_000}); // the restart time is over
  await established(b);
  for (const stream of streams) t.is((await stream.close()).lost, 0);

  await a.killDaemon('SIGKILL');
  await rm(a.namespace.path('/var/lib/twill/bgp-last-wish'));
  await a.launchDaemon();
  await t.throwsAsync(established(a, 4000), undefined, 'control');
  await lab.etcd.start();
  await established(a);
});

async function established(host: Host, withinMs = 30_000): Promise<void> {
  const isUp = async () => {
    const list = await peers(host);
    return list.length === 1 && list.every(({state}) => state === 'Established');
  };
  await eventually(isUp, {withinMs, everyMs: 100, what: `the session of ${host.name}`});
}

async function peers(host: Host): Promise<readonly {state: string; negotiated?: object}[]> {
  const {stdout} = await host.twillctl(['bgp', 'peers', '-o', 'json']);
  return (JSON.parse(stdout) as {peers: readonly {state: string}[]}).peers;
}

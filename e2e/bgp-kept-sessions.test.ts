/*
 *    host a (BGP)              host b (BGP)
 *   +------------+            +------------+
 *   | p1         |--- br0 ----| p2         |     nodeMesh: false, and no BGPPeer
 *   +------------+            +------------+
 *
 * Claim: nodes that the configuration cuts off keep their sessions, also over a restart of a daemon, whether
 * it is stopped or killed, and say so all the time.
 * Control: a daemon whose memory of it was removed has no session, and says that.
 */
import {rm} from 'node:fs/promises';

import {addPod, createCluster} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {labTest} from './privileged.js';

const meshed = `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: bgp}
`;

const cutOff = `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {nodeMesh: false}
`;

labTest('nodes that are cut off by a record keep their sessions over restarts', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  await lab.apply(meshed);
  for (const host of [a, b]) await established(host);
  await lab.apply(cutOff);
  for (const host of [a, b]) await says(host, /it keeps its sessions for now/);

  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  await p2.listen();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await a.killDaemon(signal);
    await a.startDaemon();
    for (const host of [a, b]) await established(host);
    await says(a, /it keeps its sessions for now/);
    for (const {ok, error} of await p1.echo(p2.addresses)) t.true(ok, error);
  }

  await a.killDaemon('SIGKILL');
  await rm(a.namespace.path('/var/lib/twill/bgp-last-wish'));
  await a.startDaemon();
  await says(a, /it has no way to other nodes/);
  await t.throwsAsync(sessions(a), {message: /no BGP speaker runs on this node/});
});

async function established(host: Host): Promise<void> {
  const isUp = async () => {
    const states = await sessions(host);
    return states.length === 1 && states[0] === 'Established';
  };
  await eventually(isUp, {withinMs: 30_000, everyMs: 100, what: `the session of ${host.name}`});
}

async function sessions(host: Host): Promise<readonly string[]> {
  const {stdout} = await host.twillctl(['bgp', 'peers', '-o', 'json']);
  const {peers} = JSON.parse(stdout) as {peers: readonly {state: string}[]};
  return peers.map(({state}) => state);
}

async function says(host: Host, what: RegExp): Promise<void> {
  const isSaid = async () => what.test((await host.twillctl(['node', 'status'])).stdout);
  await eventually(isSaid, {withinMs: 20_000, everyMs: 100, what: `${host.name}: ${what}`});
}

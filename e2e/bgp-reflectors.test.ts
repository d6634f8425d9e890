/*
 *    host a, host b: reflectors by label             host c                       host d
 *                                             +------------------+          +------------------+
 *     a ---- c      mesh: six sessions        | p1 --1,000 pps---|----------|---> p2           |
 *      \\  //                                  +------------------+          +------------------+
 *     b ---- d      reflectors: five, none between c and d
 *
 * Claim: a mesh becomes sessions with two reflectors and a mesh again, and no packet is lost on the way;
 * nor when a reflector is killed. Control: the session between c and d is really gone in between.
 */
import {addPod, resources} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {createLab} from './lab.js';
import {labTest} from './privileged.js';

const network = `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: bgp}
`;
const config = (spec: string) => `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: ${spec}
`;
const reflecting = config(
  `{routeReflector: {nodeSelector: {matchLabels: {reflector: 'yes'}}, clusterId: 10.0.0.255}}`,
);

labTest('from the mesh to reflectors and back, under traffic', async t => {
  const lab = await createLab(t, {hosts: ['a', 'b', 'c', 'd']});
  await lab.apply(resources());
  await lab.apply(network);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => lab.host(name)) as [Host, Host, Host, Host];
  const labelled = {node: {labels: {reflector: 'yes'}}};
  await Promise.all([
    ...[a, b].map(host => host.startDaemon(labelled)),
    ...[c, d].map(host => host.startDaemon()),
  ]);
  for (const host of lab.hosts) await hasSessions(host, 3);
  const [p1, p2] = [await addPod(c, 'p1'), await addPod(d, 'p2')];
  await p2.listen();
  for (const {ok, error} of await p1.echo(p2.addresses)) t.true(ok, error);
  const streams = await Promise.all(p2.addresses.map(address => Stream.open(p1, p2, address)));
  const flow = () => Promise.all(streams.map(stream => stream.flows(200)));

  await lab.apply(reflecting);
  await hasSessions(c, 2);
  await hasSessions(d, 2);
  await hasSessions(a, 3);
  await flow();

  await a.killDaemon('SIGKILL');
  await flow();
  await a.startDaemon(labelled);
  await hasSessions(a, 3);
  await flow();

  await lab.apply(config('{}'));
  for (const host of lab.hosts) await hasSessions(host, 3);
  await flow();
  for (const stream of streams) t.is((await stream.close()).lost, 0);
});

/** Exactly so many. */
async function hasSessions(host: Host, count: number): Promise<void> {
  const isSo = async () => {
    const {stdout} = await host.twillctl(['bgp', 'peers']);
    return (stdout.match(/Established/g) ?? []).length === count;
  };
  await eventually(isSo, {
    withinMs: 60_000,
    everyMs: 200,
    what: `${host.name} with ${count} sessions`,
  });
}

/*
 *    host a (BGP)                  host b (BGP)                 host c (BGP)
 *   +------------------+          +------------------+          +---------+
 *   | p1 --1,000 pps---|-- br0 ---|---> p2           |-- br0 ---| p3      |
 *   +------------------+          +------------------+          +---------+
 *
 * Claim: with backend bgp the nodes are a full mesh, pods reach each other over plain routes in both
 * families without an overlay device, a free address is told to be unreachable, and a daemon that is killed
 * costs no packet.
 */
import {addPod, createCluster} from './cluster.js';
import {eventually} from './lab/eventually.js';
import {askDaemon} from './lab/api.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {labTest} from './privileged.js';

const network = `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: bgp}
`;

labTest(
  'three nodes with backend bgp: pods across, no overlay device, kill -9 unnoticed',
  async t => {
    const lab = await createCluster(t, {hosts: ['a', 'b', 'c']});
    await lab.apply(network);
    const [a, b, c] = [lab.host('a'), lab.host('b'), lab.host('c')];
    const hosts = [a, b, c];
    for (const host of hosts) {
      await eventually(async () => (await learntRoutes(host)) === 4, {
        withinMs: 30_000,
        what: `${host.name} to have two routes of each family`,
      });
    }
    for (const host of hosts) t.deepEqual(await host.json('ip link show type vxlan'), []);

    const [p1, p2, p3] = [await addPod(a, 'p1'), await addPod(b, 'p2'), await addPod(c, 'p3')];
    for (const to of [p2, p3]) await to.listen();
    const addresses = [p2, p3].flatMap(({ipv4, ipv6}) => [ipv4, ipv6]);
    for (const {ok, error} of await p1.echo(addresses)) t.true(ok, error);
    t.regex((await a.twillctl(['bgp', 'peers'])).stdout, /Established/);
    const shown = (await a.twillctl(['node', 'status'])).stdout;
    t.regex(shown, /^BGP: .* 2 of 2 sessions established, 4 learnt routes$/m);
    const metrics = await askDaemon(a, '/metrics');
    t.regex(metrics, /^twill_bgp_peer_state\{peer="node\/b",.*\} 6$/m);
    t.regex(metrics, /^twill_bgp_routes\{family="ipv6",are="installed"\} 2$/m);
    const free = [p2.ipv4, p2.ipv6].map(neighbourOf);
    for (const {error} of await p1.echo(free)) t.regex(error ?? '', /E(HOST|NET)UNREACH/);
    t.is(await unreachable(b), 2);

    const stream = await Stream.open(p1, p2, p2.ipv4);
    for (const host of [a, b]) {
      await host.killDaemon('SIGKILL');
      await stream.flows(200);
      await host.startDaemon();
      await stream.flows(200);
    }
    t.is((await stream.close()).lost, 0);

    await lab.apply(network.replace('bgp', 'vxlan'));
    for (const host of hosts) {
      await eventually(async () => (await learntRoutes(host)) === 0, {
        withinMs: 20_000,
        what: `${host.name} without learnt routes`,
      });
    }
    for (const {ok, error} of await p1.echo(addresses)) t.true(ok, error);
    t.is(await unreachable(b), 0);
  },
);

/** Routes to nowhere, of both families. */
async function unreachable(host: Host): Promise<number> {
  const show = (family: string) =>
    host.json<{dst: string}>(`ip ${family} route show type unreachable proto 84`);
  return (await Promise.all(['-4', '-6'].map(show))).flat().length;
}

/** Another address of the same range, that no pod has. */
function neighbourOf(address: string): string {
  return address.replace(/[0-9a-f]+$/, last => {
    const radix = address.includes(':') ? 16 : 10;
    return (parseInt(last, radix) ^ 8).toString(radix);
  });
}

/** By BGP: of both families, not the pods' own. */
async function learntRoutes(host: Host): Promise<number> {
  const lists = await Promise.all(
    ['-4', '-6'].map(family =>
      host.json<{dst: string; dev?: string}>(`ip ${family} route show proto 84`),
    ),
  );
  return lists.flat().filter(({dst, dev}) => dst.includes('/') && dev === 'eth0').length;
}

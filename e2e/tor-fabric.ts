/**
 * A pure-L3 cluster in a rack each: hosts in subnets of their own, on two top-of-rack switches. Shell.
 *
 *                 tor1 (FRR, AS 65101)                  tor2 (FRR, AS 65102)
 *              /        |          \                /         |         \
 *   198.51.100.0/30  .4/30       .8/30      203.0.113.0/30   .4/30      .8/30
 *            |          |            \            /           |          |
 *   +--- host a ---+   +--- host b ---+   +--- host c ---+      each host has both links; BGP with both,
 *   | AS 65001     |   | AS 65002     |   | AS 65003     |      BFD 3 x 100 ms unless told, the others'
 *   +--------------+   +--------------+   +--------------+      ranges over both at once (ECMP)
 *
 * eth0 of the hosts is the network of their management: etcd is there, pods' packets are not.
 */
import {joinMachines, Machine, openMachine} from './bgp/lab.js';
import {Frr} from './bgp/lab/frr.js';
import {resources} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import type {Monitor} from './lab/monitor.js';
import type {Pod} from './lab/pod.js';
import {Stream} from './lab/traffic.js';
import {createLab, type Lab, type Scope} from './lab.js';

export interface Tor {
  readonly name: string;
  readonly machine: Machine;
  readonly router: Frr;
}

export interface TorFabric {
  readonly lab: Lab;
  readonly tors: readonly Tor[];
}

export interface BfdTimes {
  readonly intervalMs: number;
  readonly multiplier: number;
}

const LOOK_MS = 500;
const fastBfd: BfdTimes = {intervalMs: 100, multiplier: 3};
const places = [
  {name: 'tor1', asn: 65_101, subnet: '198.51.100', subnet6: '2001:db8:101'},
  {name: 'tor2', asn: 65_102, subnet: '203.0.113', subnet6: '2001:db8:102'},
] as const;
const names = ['a', 'b', 'c'] as const;

/** Resolves when every host reaches every other over both switches, and BFD is up. `bfd` undefined: there is none. */
export async function createTorFabric(
  scope: Scope,
  {bfd}: {readonly bfd: BfdTimes | undefined} = {bfd: fastBfd},
): Promise<TorFabric> {
  const lab = await createLab(scope, {hosts: names});
  const tors: Tor[] = [];
  for (const place of places) {
    const machine = await openMachine(lab.fabric, place.name);
    for (const [index, host] of lab.hosts.entries()) {
      await joinMachines(
        lab.fabric,
        {machine: new Machine(host.namespace), addresses: linkOf(place, index).host},
        {machine, addresses: linkOf(place, index).tor},
      );
    }
    const router = new Frr(machine, {
      ...{asn: place.asn, identifier: `${place.subnet}.2`, nextHops: {ipv4: '', ipv6: ''}},
      ...{kernel: true, multipath: 4},
      peers: lab.hosts.map((_, index) => ({
        address: bare(linkOf(place, index).host[0]),
        localAddress: bare(linkOf(place, index).tor[0]),
        asn: asnOf(index),
        ...(bfd && {bfd}),
      })),
    });
    await router.start();
    tors.push({name: place.name, machine, router});
  }
  await lab.apply(resources()); // and then what differs
  await lab.apply(records(bfd).join('---\n'));
  await Promise.all(
    lab.hosts.map((host, index) =>
      host.startDaemon({
        node: {labels: {rack: host.name, 'twill.io/bgp-asn': String(asnOf(index))}},
      }),
    ),
  );
  await reach(lab.hosts, tors.length);
  if (bfd) for (const host of lab.hosts) await hasBfd(host);
  return {lab, tors};
}

/** From now on nothing gets through the switch, and nobody is told: its links stay up. */
export async function silence({machine}: Tor): Promise<void> {
  const chains = ['INPUT', 'OUTPUT', 'FORWARD'];
  const drops = chains.map(chain => `-A ${chain} -j DROP`);
  const input = ['*filter', ...drops, 'COMMIT', ''].join('\n');
  await machine.run(['ip6tables-restore', '--noflush'], {input});
  await machine.run(['iptables-restore', '--noflush'], {input});
}

/** Ranges of other hosts, of both families, that go over the switch. */
export async function routesOver({name}: Tor, host: Host): Promise<number> {
  const device = `to-${name}`;
  const objects = await host.json<{id: number; dev?: string; group?: readonly {id: number}[]}>(
    'ip nexthop show proto 84',
  );
  const over = new Set(objects.filter(({dev}) => dev === device).map(({id}) => id));
  for (const {id, group} of objects) if (group?.some(each => over.has(each.id))) over.add(id);
  const lists = await Promise.all(
    ['-4', '-6'].map(family => host.json<{nhid?: number}>(`ip ${family} route show proto 84`)),
  );
  return lists.flat().filter(({nhid}) => nhid !== undefined && over.has(nhid)).length;
}

/**
 * Resolves when nothing goes over the switch any more: when the kernel of the host says that its next hops there
 * are gone. Programs that look again and again would take the processors that this end needs; they look
 * twice a second, as it may have been lost before `monitor` listened.
 */
export async function lostTor(tor: Tor, host: Host, monitor: Monitor): Promise<void> {
  const isOver = (line: string) =>
    / id \d+ via /.test(line) && line.includes(` dev to-${tor.name} `);
  let lookAt = performance.now() + LOOK_MS;
  const isOut = async () => {
    if (monitor.deletions().filter(isOver).length >= 2) return true; // one per family
    if (performance.now() < lookAt) return false;
    lookAt += LOOK_MS;
    return (await routesOver(tor, host)) === 0;
  };
  await eventually(isOut, {withinMs: 5000, everyMs: 1, what: `${host.name} without ${tor.name}`});
}

/** A stream from each pod to the next in both families: so many that both switches carry some. */
export async function openRing(pods: readonly Pod[]): Promise<readonly Stream[]> {
  return await Promise.all(
    pods.flatMap((from, n) => {
      const to = pods[(n + 1) % pods.length] ?? from;
      return to.addresses.map(address => Stream.open(from, to, address));
    }),
  );
}

async function reach(hosts: readonly Host[], switches: number): Promise<void> {
  for (const host of hosts) {
    const isSo = async () => {
      const counts = await Promise.all(
        places.slice(0, switches).map(({name}) => routesOver({name} as Tor, host)),
      );
      return counts.every(count => count === 2 * (hosts.length - 1));
    };
    await eventually(isSo, {
      withinMs: 40_000,
      everyMs: 100,
      what: `${host.name} with the ranges of all others over both switches`,
    });
  }
}

/** Until BFD is up, only the hold timer would miss a switch. */
async function hasBfd(host: Host): Promise<void> {
  const isUp = async () => {
    const {stdout} = await host.twillctl(['bgp', 'peers', '-o', 'json']);
    const {peers} = JSON.parse(stdout) as {peers: readonly {bfd?: {state: string}}[]};
    return peers.length === places.length && peers.every(({bfd}) => bfd?.state === 'Up');
  };
  await eventually(isUp, {withinMs: 20_000, everyMs: 100, what: `BFD of ${host.name}`});
}

type Place = (typeof places)[number];

/** A /30 and a /126 for each pair; the host has the first address. */
function linkOf({subnet, subnet6}: Place, index: number) {
  const at = (address: number) => [
    `${subnet}.${index * 4 + address}/30`,
    `${subnet6}::${(index * 4 + address).toString(16)}/126`,
  ];
  return {host: at(1), tor: at(2)};
}

function asnOf(index: number): number {
  return 65_001 + index;
}

function bare(prefix = ''): string {
  return prefix.replace(/\/.*/, '');
}

function records(bfd: BfdTimes | undefined): readonly string[] {
  const peers = places.flatMap(place =>
    names.map((rack, index) => {
      const address = bare(linkOf(place, index).tor[0]);
      return `apiVersion: twill.io/v1
kind: BGPPeer
metadata: {name: ${rack}-${place.name}}
spec:
  nodeSelector: {matchLabels: {rack: ${rack}}}
  address: ${address}
  asn: ${place.asn}
  connectRetry: 1s
${bfd ? `  bfd: {interval: ${bfd.intervalMs}ms, multiplier: ${bfd.multiplier}}\n` : ''}`;
    }),
  );
  return [
    `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: bgp}
`,
    `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {nodeMesh: false, multipath: {max: 2}}
`,
    ...peers,
  ];
}

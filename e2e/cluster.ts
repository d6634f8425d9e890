/** A lab with resources applied and a daemon ready on every host: where most tests start. Shell. */
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import type {Pod} from './lab/pod.js';
import {type Lab, type LabOptions, type Scope, createLab} from './lab.js';

export const prefix = '/twill/v1';

/** What `blocks` tests need differs only in the size of a host's range. */
export interface ClusterOptions extends LabOptions {
  readonly blockSize?: number; // IPv4; the IPv6 block holds as many addresses
  readonly families?: readonly ('ipv4' | 'ipv6')[];
}

export async function createCluster(scope: Scope, options: ClusterOptions = {}): Promise<Lab> {
  const lab = await createLab(scope, options);
  await lab.apply(resources(options));
  await Promise.all(lab.hosts.map(host => host.startDaemon()));
  return lab;
}

export function resources({
  blockSize = 26,
  families = ['ipv4', 'ipv6'],
}: ClusterOptions = {}): string {
  const pools = {
    ipv4: pool('pods', '10.244.0.0/16', blockSize),
    ipv6: pool('pods6', 'fd00:10:244::/112', blockSize + 96),
  };
  return [
    `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: vxlan, vxlan: {vni: 4096, port: 4789}}
`,
    ...families.map(family => pools[family]),
  ].join('---\n');
}

function pool(name: string, cidr: string, blockSize: number): string {
  return `apiVersion: twill.io/v1
kind: Pool
metadata: {name: ${name}}
spec: {cidr: '${cidr}', blockSize: ${blockSize}, natOutgoing: true}
`;
}

/**
 * Resolves when pods have nothing left on the host. A DEL answers when route and address are gone and
 * the interface is on its way out, so the last one may be seen for a moment (20 ms, see the kernel's
 * rcu_barrier).
 * @throws Error naming what stays.
 */
export async function podsAreGone(host: Host): Promise<void> {
  const gone = async () => {
    const traces = await podTraces(host);
    if (traces.length > 0) throw new Error(traces.join(', '));
    return true;
  };
  await eventually(gone, {withinMs: 1000, what: `${host.name} without pods`});
}

/** New pods with an ADD that must succeed, all at once. */
export async function addPods(host: Host, names: readonly string[]): Promise<readonly Pod[]> {
  const pods = await host.createPods(names);
  return Promise.all(pods.map(pod => host.add(pod)));
}

/** One new pod. */
export async function addPod(host: Host, name: string): Promise<Pod> {
  return host.add(await host.pod(name));
}

/** What pods have on a host: interfaces, and routes and neighbours on them. Empty when there are none. */
export async function podTraces(host: Host): Promise<readonly string[]> {
  const links = await host.json<{ifname: string}>('ip link show');
  const routes = await Promise.all(
    ['-4', '-6'].map(family => host.json<{dst: string; dev?: string}>(`ip ${family} route show`)),
  );
  const onPods = routes.flat().filter(({dev}) => dev?.startsWith('twl'));
  return [
    ...links.map(({ifname}) => ifname).filter(name => name.startsWith('twl')),
    ...onPods.map(({dst}) => dst),
  ];
}

/** Keys of endpoint records below the prefix: `<node>/<containerId>-<ifName>`. */
export async function endpointKeys(lab: Lab): Promise<readonly string[]> {
  const records = await lab.etcd.list(`${prefix}/endpoints/`);
  return records.map(({key}) => key.slice(`${prefix}/endpoints/`.length)).sort();
}

export function endpointKey(host: Host, pod: Pod): string {
  return `${host.name}/${pod.containerId}-${pod.ifName}`;
}

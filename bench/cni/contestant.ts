/**
 * The two plugins, each on a host of its own: what one does in the background must not cost the
 * other. Shell.
 *
 *   host a: twilld, its journal on a real disk        host b: no daemon, host-local's files on that disk
 */
import {join} from 'node:path';

import type {Host} from '../../e2e/lab/host.js';
import type {Pod} from '../../e2e/lab/pod.js';
import {type Lab, type Scope, createLab} from '../../e2e/lab.js';

export interface Contestant {
  readonly name: 'twill' | 'ptp';
  readonly host: Host;
  readonly binary: string;
  readonly config: Readonly<Record<string, unknown>>; // on a plugin's standard input
  readonly pods: readonly Pod[]; // namespaces with nothing in them
}

/** One IPv4 pool; a host's range has room for `/23` less its own addresses. */
export const resources = `apiVersion: twill.io/v1
kind: Network
metadata: {name: default}
spec: {backend: vxlan, vxlan: {vni: 4096, port: 4789}}
---
apiVersion: twill.io/v1
kind: Pool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, blockSize: 23, natOutgoing: true}
`;

export async function openLab(
  scope: Scope,
  hosts: readonly string[],
  stateDir: string,
): Promise<Lab> {
  const lab = await createLab(scope, {hosts, config: {stateDir: join(stateDir, 'twill')}});
  await lab.apply(resources);
  return lab;
}

export async function createTwill(host: Host, podCount: number): Promise<Contestant> {
  return {
    ...{name: 'twill', host, binary: '/opt/cni/bin/twill'},
    config: {cniVersion: '1.0.0', name: 'bench', type: 'twill', socket: '/run/twill/cni.sock'},
    pods: await createPods(host, podCount),
  };
}

/** As single-host clusters and kind use it. Without ipMasq: that would add an iptables process or two. */
export async function createPtp(
  host: Host,
  podCount: number,
  stateDir: string,
): Promise<Contestant> {
  const ipam = {
    type: 'host-local',
    ranges: [[{subnet: '10.245.0.0/23'}]],
    routes: [{dst: '0.0.0.0/0'}],
    dataDir: join(stateDir, 'host-local'),
  };
  return {
    ...{name: 'ptp', host, binary: '/opt/cni/bin/ptp'},
    config: {cniVersion: '1.0.0', name: 'bench', type: 'ptp', ipMasq: false, mtu: 1450, ipam},
    pods: await createPods(host, podCount),
  };
}

function createPods(host: Host, count: number): Promise<readonly Pod[]> {
  return host.createPods(Array.from({length: count}, (_, index) => `${host.name}${index + 1}`));
}

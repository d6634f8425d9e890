/**
 * Several hosts on one machine, with real etcd, for tests and the demo. Shell.
 *
 *   fabric (a PID, mount and network namespace of its own)
 *  +----------------------------------------------------------------+
 *  |   etcd :2379          br0  192.0.2.254/24  2001:db8::fe/64      |
 *  |                     /           |           \                  |
 *  |   +--- host a ----+   +--- host b ----+   +--- host c ----+     |
 *  |   | eth0 192.0.2.1|   | eth0 192.0.2.2|   | eth0 192.0.2.3|     |
 *  |   | own /run /var |   | twilld        |   | pods: named   |     |
 *  |   | /etc /opt     |   |               |   | namespaces    |     |
 *  |   +---------------+   +---------------+   +---------------+     |
 *  +----------------------------------------------------------------+
 *
 * Everything hangs on the fabric's PID 1, and that on a pipe to this process: see namespace.ts.
 */
import {randomBytes} from 'node:crypto';

import {type DaemonConfig} from './lab/daemon.js';
import {Etcd} from './lab/etcd.js';
import {Host, layers} from './lab/host.js';
import {Leftovers} from './lab/leftovers.js';
import {Namespace} from './lab/namespace.js';
import type {Output, RunOptions} from './lab/process.js';
import {programs} from './lab/programs.js';

/** An ava test, or anything else that undoes in reverse order at its end. */
export interface Scope {
  teardown(undo: () => Promise<void>): void;
  log?(...values: unknown[]): void;
  readonly passed?: boolean;
}

export interface LabOptions {
  readonly hosts?: readonly string[]; // short names; at most 250
  readonly etcdMembers?: 1 | 3;
  readonly config?: DaemonConfig; // for every daemon
}

export interface Lab {
  /** Unique on the machine; the name of what cannot live in a namespace (control groups). */
  readonly id: string;
  readonly fabric: Namespace;
  readonly etcd: Etcd;
  readonly hosts: readonly Host[];
  /** @throws Error when the lab has no such host. */
  host(name: string): Host;
  /** Without a host: what needs etcd only. */
  twillctl(args: readonly string[], options?: RunOptions): Promise<Output>;
  /** Resources as YAML or JSON text. */
  apply(resources: string): Promise<void>;
}

export const underlay = {gateway: '192.0.2.254', gateway6: '2001:db8::fe'} as const;

export async function createLab(scope: Scope, options: LabOptions = {}): Promise<Lab> {
  const {hosts: names = ['a', 'b'], etcdMembers = 1, config = {}} = options;
  const id = `twill-lab-${randomBytes(4).toString('hex')}`;
  const fabric = await openFabric(id);
  const hosts: Host[] = [];
  scope.teardown(async () => {
    if (scope.passed === false) tellWhatDaemonsSaid(scope, hosts);
    const leftovers = await Leftovers.of(id, [fabric, ...hosts.map(host => host.namespace)]);
    await fabric.close();
    await leftovers.assertNone();
  });

  const etcd = new Etcd(fabric, underlay.gateway, etcdMembers);
  const opening = names.map(async (name, index) =>
    Host.open({
      fabric,
      name,
      address: `192.0.2.${index + 1}/24`,
      address6: `2001:db8::${(index + 1).toString(16)}/64`,
      ...underlay,
      config: {
        node: {name},
        etcd: {endpoints: etcd.endpoints},
        kubernetes: 'off',
        ...config,
      },
    }),
  );
  const [opened] = await Promise.all([Promise.all(opening), etcd.start()]);
  hosts.push(...opened);
  return new RunningLab(id, fabric, etcd, hosts);
}

class RunningLab implements Lab {
  readonly id: string;
  readonly fabric: Namespace;
  readonly etcd: Etcd;
  readonly hosts: readonly Host[];

  constructor(id: string, fabric: Namespace, etcd: Etcd, hosts: readonly Host[]) {
    this.id = id;
    this.fabric = fabric;
    this.etcd = etcd;
    this.hosts = hosts;
  }

  host(name: string): Host {
    const host = this.hosts.find(candidate => candidate.name === name);
    if (!host) throw new Error(`no host ${name} in this lab`);
    return host;
  }

  twillctl(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    const argv = [process.execPath, programs.ctl, '--etcd', this.etcd.endpoints.join(), ...args];
    return this.fabric.run(argv, options);
  }

  async apply(resources: string): Promise<void> {
    await this.twillctl(['apply', '-f', '-'], {input: resources});
  }
}

async function openFabric(id: string): Promise<Namespace> {
  const {gateway, gateway6} = underlay;
  return Namespace.open({
    hostname: 'fabric',
    setup: `
      mount -t tmpfs -o mode=755 lab /run
      mkdir -p ${layers}
      ip link add br0 type bridge mcast_snooping 0
      ip address add ${gateway}/24 dev br0
      ip address add ${gateway6}/64 dev br0 nodad
      ip link set br0 up`,
    afterwards: `find /sys/fs/cgroup -depth -type d -path '*/${id}*' -exec rmdir {} + 2>/dev/null`,
  });
}

function tellWhatDaemonsSaid(scope: Scope, hosts: readonly Host[]): void {
  for (const host of hosts) {
    for (const daemon of host.daemons) {
      scope.log?.(`twilld on ${host.name}:\n${daemon.process.lines.slice(-60).join('\n')}`);
    }
  }
}

/**
 * Routers on one machine: network namespaces joined by veths, for real BGP speakers and ours. Shell.
 *
 *   fabric (a PID, mount and network namespace of its own)
 *  +------------------------------------------------------------+
 *  |  +--- machine us ------+           +--- machine bird ----+ |
 *  |  | to-bird 192.0.2.1/24|----veth---| to-us 192.0.2.2/24  | |
 *  |  | own /run, /var/tmp  |           | own /run, /var/tmp  | |
 *  |  +---------------------+           +---------------------+ |
 *  +------------------------------------------------------------+
 *
 * Sockets, pid files and configurations of a router are in its machine's /run, so its default paths
 * work and several tests run at once. All of it ends with the fabric: see ../lab/namespace.ts.
 */
import {randomBytes} from 'node:crypto';
import {mkdir, rename, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';

import {Leftovers} from '../lab/leftovers.js';
import {Namespace} from '../lab/namespace.js';
import type {LongProcess, Output, RunOptions} from '../lab/process.js';
import type {Scope} from '../lab.js';

export class Machine {
  readonly namespace: Namespace;
  readonly #processes: {readonly name: string; readonly process: LongProcess}[] = [];

  constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  get name(): string {
    return this.namespace.hostname;
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Output> {
    return this.namespace.run(argv, options);
  }

  /** Its lines are shown when the test fails. */
  start(argv: readonly string[], env: RunOptions['env'] = {}): LongProcess {
    const process = this.namespace.start(argv, {env});
    this.#processes.push({name: argv[0] ?? '', process});
    return process;
  }

  async ip(args: string): Promise<string> {
    return (await this.run(['ip', ...args.split(' ')])).stdout;
  }

  async json<T extends object = Record<string, unknown>>(args: string): Promise<readonly T[]> {
    const {stdout} = await this.run(['ip', '-j', '-d', ...args.split(' ')]);
    const list = JSON.parse(stdout.trim() || '[]') as T[];
    return list.filter(item => Object.keys(item).length > 0);
  }

  /** Complete or not at all. `path` is below /run. */
  async writeFile(path: string, text: string): Promise<void> {
    const target = this.namespace.path(path);
    await mkdir(dirname(target), {recursive: true});
    await writeFile(`${target}.tmp`, text);
    await rename(`${target}.tmp`, target);
  }

  lastWords(): string {
    return this.#processes
      .map(({name, process}) => {
        const lines = process.lines.filter(
          (line, n, {length}) => !isStatus(line) || n === length - 1,
        );
        return `${name} on ${this.name}:\n${lines.slice(-40).join('\n')}`;
      })
      .join('\n');
  }
}

/** What a test asked our speaker again and again. */
function isStatus(line: string): boolean {
  return line.startsWith('{"kind":"status"');
}

/** One end of a link. */
export interface End {
  readonly machine: Machine;
  readonly addresses: readonly string[]; // with prefix length; link-local ones come by themselves
}

export interface BgpLab {
  machine(name: string): Promise<Machine>;
  /** A veth; each end is called to-<the other machine>, and a number when there is one already. */
  link(a: End, b: End): Promise<void>;
}

export async function createBgpLab(scope: Scope): Promise<BgpLab> {
  const id = `twill-bgp-${randomBytes(4).toString('hex')}`;
  const fabric = await Namespace.open({hostname: 'fabric', setup: 'mount -t tmpfs lab /run'});
  const machines: Machine[] = [];
  scope.teardown(async () => {
    if (scope.passed === false) for (const each of machines) scope.log?.(each.lastWords());
    const namespaces = machines.map(({namespace}) => namespace);
    const leftovers = await Leftovers.of(id, [fabric, ...namespaces]);
    await fabric.close();
    await leftovers.assertNone();
  });
  let links = 0;

  return {
    async machine(name) {
      const machine = await openMachine(fabric, name);
      machines.push(machine);
      return machine;
    },
    link: (a, b) => joinMachines(fabric, a, b, links++ === 0 ? '' : String(links)),
  };
}

/** A router; it lives as long as the fabric. */
export async function openMachine(fabric: Namespace, name: string): Promise<Machine> {
  return new Machine(await Namespace.open({hostname: name, inside: fabric, setup: SETUP}));
}

/** A veth; each end is called to-<the other machine><suffix>. */
export async function joinMachines(fabric: Namespace, a: End, b: End, suffix = ''): Promise<void> {
  const ends = [
    {...a, device: `to-${b.machine.name}${suffix}`},
    {...b, device: `to-${a.machine.name}${suffix}`},
  ];
  const netns = (end: End) => `netns ${end.machine.namespace.pidInside()}`;
  const [near, far] = ends.map(end => `name ${end.device} ${netns(end)}`);
  await fabric.run(`ip link add ${near} type veth peer ${far}`.split(' '));
  for (const {machine, device, addresses} of ends) {
    const adds = addresses.map(each => `address add ${each} dev ${device}`);
    const input = [...adds, `link set ${device} up`].join('\n');
    await machine.run(['ip', '-batch', '-'], {input});
  }
}

/** Routers forward; addresses are usable at once, without duplicate address detection. */
const SETUP = `
  mount -t tmpfs -o mode=755 lab /run
  mount -t tmpfs lab /var/tmp
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
  for each in all default; do
    echo 0 >/proc/sys/net/ipv6/conf/$each/accept_dad
    echo 0 >/proc/sys/net/ipv4/conf/$each/rp_filter
  done`;

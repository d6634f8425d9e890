/** Where it was measured. Shell. */
import {cpus, loadavg, release, totalmem} from 'node:os';

import {run} from '../e2e/lab/process.js';
import {measureSync} from './state-dir.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
  readonly etcd: string;
  readonly plugins: string; // Debian's containernetworking-plugins
  readonly iproute: string;
  readonly stateFileSystem: string;
  readonly syncMs: number; // of a small append to it, median
  readonly loadAtStart: number; // of one minute; what others do is measured too
}

export async function describeMachine(stateDir: string): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: await firstLine(['sh', '-c', '. /etc/os-release; echo "$PRETTY_NAME"']),
    node: process.version,
    etcd: (await firstLine(['etcd', '--version'])).replace(/^.*: */, ''),
    plugins: await packageVersion('containernetworking-plugins'),
    iproute: await packageVersion('iproute2'),
    stateFileSystem: await firstLine(['stat', '-f', '-c', '%T', stateDir]),
    syncMs: await measureSync(stateDir),
    loadAtStart: loadavg()[0] ?? NaN,
  };
}

export function formatMachine(machine: Machine): string {
  const {cpu, cores, memoryGib, system, kernel, node, etcd, plugins, iproute} = machine;
  const facts: readonly (readonly [string, string])[] = [
    ['MACHINE', `${cores} x ${cpu}, ${memoryGib} GiB, load ${machine.loadAtStart.toFixed(1)}`],
    ['SYSTEM', `${system}, Linux ${kernel}, Node ${node}`],
    ['PEERS', `containernetworking-plugins ${plugins}, iproute2 ${iproute}, etcd ${etcd}`],
    [
      'STATE',
      `on ${machine.stateFileSystem}, a synced append takes ${machine.syncMs.toFixed(2)} ms`,
    ],
  ];
  return facts.map(([name, text]) => `${name.padEnd(10)}${text}`).join('\n');
}

async function packageVersion(name: string): Promise<string> {
  return firstLine(['dpkg-query', '-W', '-f', '${Version}\n', name]);
}

async function firstLine(argv: readonly string[]): Promise<string> {
  const {stdout, code} = await run(argv, {mayFail: true});
  return code === 0 ? (stdout.split('\n')[0] ?? '') : 'unknown';
}

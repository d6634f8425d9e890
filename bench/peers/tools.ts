/**
 * The same entries without a daemon: by `bridge -batch` and `ip -batch`, and by peers/floor.cc. On a
 * VXLAN device of their own, made anew each time; making it is not timed. Shell.
 */
import {writeFile} from 'node:fs/promises';

import type {Host} from '../../e2e/lab/host.js';
import {type Commands} from './fleet.js';
import {verifyPeers} from './kernel.js';

export const toolDevice = 'bench0';

/** Milliseconds of both processes, one after the other; the shell's own clock, no way into the host. */
export async function runBatches(
  host: Host,
  {bridge, ip}: Commands,
  count: number,
): Promise<number> {
  await writeFile(host.namespace.path('/run/bridge.batch'), bridge);
  await writeFile(host.namespace.path('/run/ip.batch'), ip);
  const script = `date +%s%N
    bridge -batch /run/bridge.batch && ip -batch /run/ip.batch || exit
    date +%s%N`;
  return onDevice(host, count, async () => {
    const {stdout} = await host.run(['sh', '-c', script], {timeoutMs: 300_000});
    const [from = 0n, to = 0n] = stdout.trim().split('\n').map(BigInt);
    return Number(to - from) / 1e6;
  });
}

export function runFloor(host: Host, program: string, count: number): Promise<number> {
  return onDevice(host, count, async () => {
    const {stdout} = await host.run([program, toolDevice, String(count)]);
    return Number(stdout);
  });
}

async function onDevice(host: Host, count: number, work: () => Promise<number>): Promise<number> {
  await host.ip(
    `link add ${toolDevice} type vxlan id 4097 dstport 4790 local ${host.address} nolearning`,
  );
  await host.ip(`link set ${toolDevice} up`);
  const elapsedMs = await work();
  await verifyPeers(host, toolDevice, count);
  await host.ip(`link del ${toolDevice}`);
  return elapsedMs;
}

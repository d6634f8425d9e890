/** How long twilld needs until a fleet of peers is in the kernel. Shell. */
import type {Host} from '../../e2e/lab/host.js';
import {fromRoot} from '../../e2e/lab/programs.js';
import type {Lab} from '../../e2e/lab.js';
import {readCpu, readStatus} from '../daemon-status.js';
import {now} from './clock.js';
import {fleetPrefix} from './fleet.js';
import {countRoutes, verifyPeers, waitForRoutes} from './kernel.js';

const device = 'twill.4096';
const putter = fromRoot('dist/bench/peers/put.js');

interface Puts {
  readonly firstAtMs: number; // on the clock of clock.ts
  readonly lastAtMs: number;
}

export interface Join {
  readonly fromFirstMs: number; // first record sent to etcd -> last route in the kernel
  readonly fromLastMs: number; // last record acknowledged by etcd -> last route in the kernel
  readonly putMs: number; // what etcd and the writer took of that
  readonly userMs: number; // CPU time of the daemon meanwhile
  readonly kernelMs: number;
}

/** Records come while the daemon runs. */
export async function measureJoin(lab: Lab, host: Host, count: number): Promise<Join> {
  const before = await countRoutes(host);
  const cpuBefore = await readCpu(host);
  const inKernel = async () => {
    await waitForRoutes(host, routes => routes >= before + count);
    return now();
  };
  const [{firstAtMs, lastAtMs}, allAtMs] = await putFleet(lab, count, inKernel);
  const cpu = await readCpu(host);
  await verifyPeers(host, device, count);
  return {
    fromFirstMs: allAtMs - firstAtMs,
    fromLastMs: allAtMs - lastAtMs,
    putMs: lastAtMs - firstAtMs,
    userMs: cpu.userMs - cpuBefore.userMs,
    kernelMs: cpu.kernelMs - cpuBefore.kernelMs,
  };
}

export interface Start {
  readonly readyMs: number; // process started -> ready line
  readonly passMs: number; // of that: the kernel dumped, compared and written, as the daemon says
}

/** Records are there when the daemon starts, and nothing of them is in the kernel. */
export async function measureStart(host: Host, count: number): Promise<Start> {
  await host.killDaemon('SIGTERM');
  await host.ip(`link del ${device}`); // routes, nexthops, neighbours and fdb go with it
  const startedAt = performance.now();
  await host.startDaemon();
  const readyMs = performance.now() - startedAt;
  const {reconcile} = await readStatus(host);
  const routes = reconcile.tables.find(({name}) => name === 'routes');
  await verifyPeers(host, device, count);
  return {readyMs, passMs: routes?.lastRunMs ?? NaN};
}

/** Puts all records, and does `meanwhile` from the moment the first one is sent. */
export async function putFleet<T>(
  lab: Lab,
  count: number,
  meanwhile: () => Promise<T>,
): Promise<readonly [Puts, T]> {
  const [endpoint = ''] = lab.etcd.endpoints;
  const program = lab.fabric.start([process.execPath, putter, endpoint, String(count)]);
  await program.line(line => line === 'ready', 20_000);
  program.write('go\n');
  const [line, result] = await Promise.all([
    program.line(text => text.startsWith('{'), 120_000),
    meanwhile(),
  ]);
  return [JSON.parse(line) as Puts, result];
}

export async function removeFleet(lab: Lab, host: Host, count: number): Promise<void> {
  const before = await countRoutes(host);
  await lab.etcd.ctl(['del', '--prefix', fleetPrefix]);
  await waitForRoutes(host, routes => routes <= before - count);
}

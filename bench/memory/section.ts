/**
 * Resident memory of the daemon: with nothing to do, with pods, with peers. Shell.
 *
 * Read for as long as a periodic resync is sure to be among it: that reads everything the kernel
 * holds. Peers come both ways, by a watch and by the list at start.
 */
import type {Host} from '../../e2e/lab/host.js';
import {runBatch, verifyAdded} from '../cni/batch.js';
import {type Contestant, createTwill, openLab} from '../cni/contestant.js';
import {type Memory, readMemory} from '../daemon-status.js';
import {countRoutes, waitForRoutes} from '../peers/kernel.js';
import {putFleet} from '../peers/twill.js';
import type {SectionContext, SectionReport} from '../section.js';
import {median} from '../statistics.js';
import {formatTable, judge} from '../table.js';

const podCount = 250;
const peerCount = 10_000;

interface Settled extends Memory {
  readonly largestMib: number; // while it was looked at
}

interface Reading extends Settled {
  readonly state: string;
  readonly goalMib: number;
}

export async function measureMemory(context: SectionContext): Promise<SectionReport> {
  const {scope, stateDir, settleSeconds, progress} = context;
  progress('a host, etcd, a daemon');
  const lab = await openLab(scope, ['a'], stateDir);
  const host = lab.host('a');
  const readings: Reading[] = [];
  const read = async (state: string, goalMib: number) => {
    progress(`${state}: settling for ${settleSeconds} s`);
    readings.push({state, goalMib, ...(await settledMemory(host, settleSeconds))});
  };

  await host.startDaemon();
  await read('empty', 120);
  const twill = await createTwill(host, podCount);
  await runVerb(context, twill, 'ADD');
  await verifyAdded(twill, twill.pods);
  await read(`${podCount} pods`, 130);
  await restart(host);
  await read(`${podCount} pods that were there at its start`, 130);
  await runVerb(context, twill, 'DEL');

  await restart(host);
  const wanted = (await countRoutes(host)) + peerCount;
  await putFleet(lab, peerCount, () => waitForRoutes(host, routes => routes >= wanted));
  await read('10,000 peers that came while it ran', 200);
  await restart(host);
  await read('10,000 peers that were there at its start', 200);
  return toReport(readings, settleSeconds);
}

async function runVerb({tool}: SectionContext, twill: Contestant, verb: 'ADD' | 'DEL') {
  await runBatch(twill, {verb, pods: twill.pods, parallel: 8, spawn: tool('spawn')});
}

async function restart(host: Host): Promise<void> {
  await host.killDaemon('SIGTERM');
  await host.startDaemon();
}

/** Once a second; the first ten are for it to come to rest, the others hold a whole resync. */
async function settledMemory(host: Host, settleSeconds: number): Promise<Settled> {
  const seen: Memory[] = [];
  for (let second = 1; second <= settleSeconds; second++) {
    await pause(1000);
    if (second > Math.min(10, settleSeconds - 1)) seen.push(await readMemory(host));
  }
  const sizes = seen.map(({rssMib}) => rssMib);
  const largestMib = Math.max(...sizes);
  const peakMib = Math.max(largestMib, ...seen.map(memory => memory.peakMib)); // the kernel's lags behind
  return {rssMib: median(sizes), largestMib, peakMib};
}

function toReport(readings: readonly Reading[], settleSeconds: number): SectionReport {
  const rows = readings.map(({state, rssMib, largestMib, peakMib, goalMib}) => [
    ...[state, rssMib, largestMib, peakMib],
    judge(rssMib, '<=', goalMib),
  ]);
  return {
    title: 'MEMORY: resident size of twilld',
    table: formatTable(['STATE', 'RSS MIB', 'LARGEST', 'PEAK', 'GOAL'], rows),
    notes: [
      `RSS: median of what was read once a second, from 10 to ${settleSeconds} s after the last change. The daemon`,
      'looks at everything every 30 s. LARGEST: in that time; PEAK: since the process started.',
    ],
    data: {readings},
  };
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

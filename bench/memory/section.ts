/**
 * Resident memory of the daemon: with nothing to do, with pods, with peers. Shell.
 *
 * Read after a wait that has a periodic resync in it: a resync reads everything the kernel holds. For
 * each state a daemon of its own; peers both ways, by a watch and by the list at start.
 */
import type {Host} from '../../e2e/lab/host.js';
import {runBatch, verifyAdded} from '../cni/batch.js';
import {type Contestant, createTwill, openLab} from '../cni/contestant.js';
import {type Memory, readMemory} from '../daemon-status.js';
import {countRoutes, waitForRoutes} from '../peers/kernel.js';
import {putFleet} from '../peers/twill.js';
import type {SectionContext, SectionReport} from '../section.js';
import {formatTable, judge} from '../table.js';

const podCount = 250;
const peerCount = 10_000;
const betweenReadsMs = 500;
const reads = 5;

interface Reading extends Memory {
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

/** The median of the last moments; the peak is of the whole life of the process. */
async function settledMemory(host: Host, settleSeconds: number): Promise<Memory> {
  await pause(1000 * settleSeconds);
  const seen: Memory[] = [];
  for (let i = 0; i < reads; i++) {
    seen.push(await readMemory(host));
    await pause(betweenReadsMs);
  }
  const sorted = seen.sort((a, b) => a.rssMib - b.rssMib);
  return sorted[reads >> 1] ?? {rssMib: NaN, peakMib: NaN};
}

function toReport(readings: readonly Reading[], settleSeconds: number): SectionReport {
  const rows = readings.map(({state, rssMib, peakMib, goalMib}) => [
    ...[state, rssMib, peakMib],
    judge(rssMib, '<=', goalMib),
  ]);
  return {
    title: 'MEMORY: resident size of twilld',
    table: formatTable(['STATE', 'RSS MIB', 'PEAK MIB', 'GOAL'], rows),
    notes: [
      `Read ${settleSeconds} s after the last change; the daemon looks at everything every 30 s.`,
    ],
    data: {readings},
  };
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

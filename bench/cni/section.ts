/**
 * Whole-process ADD and DEL: twill against Debian's ptp + host-local. Shell.
 *
 * Both are measured in every round, and which of them comes first alternates, so that what else
 * the machine does hits both. Namespaces of pods exist beforehand and are used again. One round
 * goes before: a daemon has usually been running for longer than its just-in-time compiler needs.
 */
import {runBatch, verifyAdded} from './batch.js';
import {type Contestant, createPtp, createTwill, openLab} from './contestant.js';
import {type Load, type Sample, loads} from './load.js';
import {toReport} from './report.js';
import type {SectionContext, SectionReport} from '../section.js';

export async function measureCni(context: SectionContext): Promise<SectionReport> {
  const {scope, stateDir, rounds, progress} = context;
  progress('two hosts, etcd, a daemon, pods');
  const lab = await openLab(scope, ['a', 'b'], stateDir);
  await lab.host('a').startDaemon();
  const podCount = Math.max(...loads.map(load => load.pods));
  const twill = await createTwill(lab.host('a'), podCount);
  const ptp = await createPtp(lab.host('b'), podCount, stateDir);

  progress('a round that does not count');
  await measureRound(context, [ptp, twill]);

  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    const order = round % 2 === 0 ? [twill, ptp] : [ptp, twill];
    samples.push(...(await measureRound(context, order)));
  }
  return toReport(samples, rounds);
}

async function measureRound(
  context: SectionContext,
  contestants: readonly Contestant[],
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const load of loads) {
    for (const contestant of contestants) {
      samples.push(...(await measureLoad(context, contestant, load)));
    }
  }
  return samples;
}

/** VERSION shows what starting the process costs; then ADD of all, a look, DEL of all. */
async function measureLoad(
  {tool}: SectionContext,
  contestant: Contestant,
  {parallel, pods: count}: Load,
): Promise<readonly Sample[]> {
  const pods = contestant.pods.slice(0, count);
  const samples: Sample[] = [];
  for (const verb of ['VERSION', 'ADD', 'DEL'] as const) {
    const batch = await runBatch(contestant, {verb, pods, parallel, spawn: tool('spawn')});
    if (verb === 'ADD') await verifyAdded(contestant, pods);
    samples.push({plugin: contestant.name, verb, parallel, pods: count, ...batch});
  }
  return samples;
}

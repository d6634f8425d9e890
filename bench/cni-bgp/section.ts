/**
 * ADD while a neighbour announces 1,000,000 prefixes, and without, on the same host. Shell.
 *
 *   generator 203.0.113.2 ---veth--- 203.0.113.1 host a: twilld with its speaker, pods
 *
 * The generator is killed after each round, so that the next one begins with an empty table.
 */
import {fileURLToPath} from 'node:url';

import {joinMachines, Machine, openMachine} from '../../e2e/bgp/lab.js';
import {eventually} from '../../e2e/lab/eventually.js';
import type {Host} from '../../e2e/lab/host.js';
import {type Batch, runBatch} from '../cni/batch.js';
import {type Contestant, createTwill, openLab} from '../cni/contestant.js';
import type {SectionContext, SectionReport} from '../section.js';
import {countKernelRoutes} from '../bgp/processes.js';
import {toReport} from './report.js';

/** What becomes of the prefixes. */
export const cases = ['none', 'rejected', 'selected', 'into the kernel', 'out of it'] as const;
export type Case = (typeof cases)[number];

export interface Sample extends Batch {
  readonly table: Case;
  readonly loadMs: number | undefined; // until the speaker had taken the last prefix
}

const prefixes = 1_000_000;
const pods = 128;
const ends = {host: '203.0.113.1', generator: '203.0.113.2'};

export async function measureCniBesideBgp(context: SectionContext): Promise<SectionReport> {
  const {scope, stateDir, rounds, progress} = context;
  const lab = await openLab(scope, ['a'], stateDir);
  const host = lab.host('a');
  const generator = await openMachine(lab.fabric, 'generator');
  await joinMachines(
    lab.fabric,
    {machine: new Machine(host.namespace), addresses: [`${ends.host}/24`]},
    {machine: generator, addresses: [`${ends.generator}/24`]},
  );
  await lab.apply(peerOf('rejected'));
  await host.startDaemon();
  const twill = await createTwill(host, pods);
  progress('a round that does not count');
  await addAndDelete(context, twill);

  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}: none`);
    samples.push({table: 'none', loadMs: undefined, ...(await addAndDelete(context, twill))});
    for (const table of ['rejected', 'selected', 'into the kernel'] as const) {
      progress(`round ${round + 1} of ${rounds}: ${table}`);
      await lab.apply(peerOf(table));
      samples.push(...(await measure(context, twill, generator, table)));
    }
  }
  return toReport(samples, {rounds, pods, prefixes});
}

async function measure(
  context: SectionContext,
  twill: Contestant,
  generator: Machine,
  table: Case,
): Promise<readonly Sample[]> {
  const program = fileURLToPath(new URL('../bgp/generator.js', import.meta.url));
  const giving = generator.start([
    ...[process.execPath, program, ends.generator, ends.host],
    ...['65001', String(prefixes), '4'],
  ]);
  await giving.line(line => line === 'ready', 60_000);
  const startedAt = performance.now();
  giving.write('go\n');
  const taken = received(twill.host, prefixes).then(() => performance.now() - startedAt);
  const batch = await addAndDelete(context, twill);
  const sample = {table, ...batch, loadMs: await taken};
  const isInKernel = table === 'into the kernel';
  if (isInKernel) await inKernel(twill.host, count => count >= prefixes);
  await giving.kill('SIGKILL');
  const out = isInKernel ? await addAndDelete(context, twill) : undefined;
  await received(twill.host, 0);
  await inKernel(twill.host, count => count < 1000);
  return out === undefined ? [sample] : [sample, {table: 'out of it', ...out, loadMs: undefined}];
}

async function addAndDelete({tool}: SectionContext, twill: Contestant): Promise<Batch> {
  const options = {pods: twill.pods, parallel: 1, spawn: tool('spawn')};
  const batch = await runBatch(twill, {...options, verb: 'ADD'});
  await runBatch(twill, {...options, verb: 'DEL'});
  return batch;
}

function peerOf(table: Case): string {
  const rule = table === 'rejected' ? '' : '\n  import: [{action: accept}]';
  return `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {asn: 65000, installRoutes: ${table === 'into the kernel'}}
---
apiVersion: twill.io/v1
kind: BGPPeer
metadata: {name: generator}
spec:
  address: ${ends.generator}
  asn: 65001
  passive: true
  gracefulRestart: false
  families: [ipv4]${rule}
`;
}

/** Resolves when the speaker has that many prefixes of the generator. */
async function received(host: Host, count: number): Promise<void> {
  const argv = ['busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:9478/v1/bgp/peers'];
  const isSo = async () => {
    const {peers} = JSON.parse((await host.run(argv)).stdout) as PeersAnswer;
    return peers[0]?.prefixes.ipv4.received === count;
  };
  const what = `${count} prefixes from the generator`;
  await eventually(isSo, {withinMs: 300_000, everyMs: 100, what});
}

async function inKernel(host: Host, isEnough: (routes: number) => boolean): Promise<void> {
  const isSo = () => isEnough(countKernelRoutes(host));
  await eventually(isSo, {withinMs: 300_000, everyMs: 100, what: 'routes in the kernel'});
}

interface PeersAnswer {
  readonly peers: readonly {readonly prefixes: {readonly ipv4: {readonly received: number}}}[];
}

/**
 * One speaker and many peers: idle, as route reflector, as a mesh, and while prefixes come and go. Shell.
 *
 *   crowd 198.18.0.0/15 ---veth--- 192.0.2.1 speaker 203.0.113.1 ---veth--- 203.0.113.2 generator
 *
 * Each case has namespaces and a speaker of its own. The crowd's addresses are a local route, not thousands
 * of entries on a link.
 */
import {fileURLToPath} from 'node:url';

import {createBgpLab, type Machine} from '../../e2e/bgp/lab.js';
import {Speaker} from '../../e2e/bgp/lab/speaker.js';
import {eventually} from '../../e2e/lab/eventually.js';
import type {LongProcess} from '../../e2e/lab/process.js';
import {countKernelRoutes, usageOf} from '../bgp/processes.js';
import {now} from '../peers/clock.js';
import {ProgramScope} from '../../e2e/lab/program.js';
import type {SectionContext, SectionReport} from '../section.js';
import type {CrowdOptions, CrowdReport} from './crowd.js';
import {toReport, type Figures} from './report.js';

const speakerAsn = 65_000;
const crowdRange = '198.18.0.0/15';
const remote = '192.0.2.1';
const generator = {local: '203.0.113.2', remote: '203.0.113.1', asn: 65_001};
const table = 1_000_000;
const withinMs = 300_000;

export async function measureBgpScale(context: SectionContext): Promise<SectionReport> {
  const {rounds, progress} = context;
  const figures: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    const of = <T>(name: string, measure: (scene: Scene) => Promise<T>) => {
      progress(`round ${round + 1} of ${rounds}: ${name}`);
      return inScene(measure);
    };
    figures.push({
      stall: await of('20 sessions beside a table', measureStall),
      idle: await of('5,000 idle sessions', measureIdle),
      reflector: await of('1,400 clients', measureReflector),
      mesh: await of('a mesh of 1,000', measureMesh),
      churn: await of('churn to 100 peers', measureChurn),
    });
  }
  return toReport(figures);
}

interface Scene {
  readonly speaker: Machine;
  readonly crowd: Machine;
  readonly generator: Machine;
}

async function inScene<T>(measure: (scene: Scene) => Promise<T>): Promise<T> {
  const scope = new ProgramScope();
  try {
    const lab = await createBgpLab(scope);
    const [speaker, crowd, giving] = await Promise.all(
      ['speaker', 'crowd', 'generator'].map(each => lab.machine(each)),
    );
    if (!speaker || !crowd || !giving) throw new Error('just made');
    await lab.link(
      {machine: speaker, addresses: [`${remote}/24`]},
      {machine: crowd, addresses: ['192.0.2.2/24']},
    );
    await lab.link(
      {machine: speaker, addresses: [`${generator.remote}/24`]},
      {machine: giving, addresses: [`${generator.local}/24`]},
    );
    await speaker.ip(`route add ${crowdRange} via 192.0.2.2`);
    await crowd.ip(`route add local ${crowdRange} dev lo`);
    return await measure({speaker, crowd, generator: giving});
  } finally {
    await scope.close();
  }
}

/** P5: what a full table costs the others, whose hold time is 3 s. */
async function measureStall({speaker, crowd, generator: machine}: Scene) {
  await start(speaker, {}, [generator.local]);
  const peers = await gather(crowd, {count: 20, asn: 65_002, holdSeconds: 3, prefixes: 0});
  const program = fileURLToPath(new URL('../bgp/generator.js', import.meta.url));
  const {local, remote: to, asn} = generator;
  const argv = [local, to, asn, table, 4].map(String);
  const giving = machine.start([process.execPath, program, ...argv]);
  await giving.line(line => line === 'ready', 60_000);
  giving.write('go\n');
  const isThere = async () => (await report(peers)).fewest >= table;
  await eventually(isThere, {withinMs, everyMs: 200, what: 'the table at everybody'});
  return {longestSilenceMs: (await report(peers)).longestSilenceMs};
}

/** P6: what a session costs that has nothing to say. */
async function measureIdle({speaker, crowd}: Scene) {
  await start(speaker, {export: []});
  const before = usageOf(speaker);
  const count = 5000;
  await gather(crowd, {count, asn: 65_002, holdSeconds: 90, prefixes: 0});
  const after = usageOf(speaker);
  const seconds = 60; // the time is what is measured: two keepalives of each, the first of which do not count
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  const settled = usageOf(speaker);
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  const later = usageOf(speaker);
  return {
    octetsPerSession: (after.residentOctets - before.residentOctets) / count,
    cpuShare: (later.cpuMs - settled.cpuMs) / (seconds * 1000),
  };
}

/** P7: everybody's prefixes to everybody. */
async function measureReflector({speaker, crowd}: Scene) {
  await start(speaker, {policy: {reflectorClient: true}});
  const [count, prefixes] = [1400, 4];
  const startedAt = now();
  const peers = await gather(crowd, {count, asn: speakerAsn, holdSeconds: 90, prefixes});
  const isThere = async () => (await report(peers)).fewest >= (count - 1) * prefixes;
  await eventually(isThere, {withinMs, everyMs: 200, what: 'all prefixes at every client'});
  const seconds = (now() - startedAt) / 1000;
  const usage = usageOf(speaker);
  await new Promise(resolve => setTimeout(resolve, 10_000)); // idle
  const later = usageOf(speaker);
  return {
    seconds,
    peakOctets: usage.peakOctets,
    cpuShare: (later.cpuMs - usage.cpuMs) / 10_000,
  };
}

/** P8: from the start of the speaker until the kernel has a route to each of the others. */
async function measureMesh({speaker, crowd}: Scene) {
  const count = 1000;
  const before = countKernelRoutes(speaker);
  const gathered = gather(crowd, {count, asn: speakerAsn, holdSeconds: 90, prefixes: 1});
  const startedAt = now();
  await start(speaker, {}, [], {kernel: true});
  const isThere = () => countKernelRoutes(speaker) >= before + count;
  await eventually(isThere, {withinMs, everyMs: 10, what: 'a route to each'});
  const seconds = (now() - startedAt) / 1000;
  await gathered;
  return {seconds};
}

/** P9: 1,000 prefixes of one peer come and go, to the kernel and to 99 others. */
async function measureChurn({speaker, crowd}: Scene) {
  await start(speaker, {}, [], {kernel: true});
  const peers = await gather(crowd, {count: 100, asn: 65_002, holdSeconds: 90, prefixes: 0});
  const [warmUp, turns] = [20, 40]; // a daemon of minutes, not of seconds
  const idle = countKernelRoutes(speaker);
  const times: number[] = [];
  let before = usageOf(speaker);
  for (let turn = 0; turn < turns + warmUp; turn++) {
    if (turn === warmUp) before = usageOf(speaker);
    const isOn = turn % 2 === 0;
    const from = peers.lines.length;
    const startedAt = now();
    peers.write(`churn 1000 ${isOn ? 1 : 0}\n`);
    const line = await peers.line(text => text.includes('doneAtMs'), 60_000, from);
    if (turn >= warmUp) times.push((JSON.parse(line) as {doneAtMs: number}).doneAtMs - startedAt);
    const routes = idle + (isOn ? 1000 : 0);
    const isThere = () => countKernelRoutes(speaker) === routes;
    await eventually(isThere, {withinMs: 60_000, everyMs: 2, what: `${routes} routes`});
  }
  return {times, cpuMs: (usageOf(speaker).cpuMs - before.cpuMs) / turns};
}

/** Everybody from the crowd's range may dial; `single`: neighbours beside them, whose table is passed on. */
async function start(
  machine: Machine,
  peer: object,
  single: readonly string[] = [],
  {kernel = false} = {},
): Promise<void> {
  const ranges = [
    {
      cidr: crowdRange,
      maxPeers: 10_000,
      ttl: 255,
      holdTimeSeconds: 240,
      families: ['ipv4'],
      ...peer,
    },
  ];
  const speaker = new Speaker(
    machine,
    {
      ...{asn: speakerAsn, identifier: remote, nextHops: {ipv4: remote, ipv6: '::'}, kernel},
      peers: single.map(address => ({
        ...{address, localAddress: generator.remote, asn: generator.asn, passive: true},
        ...{families: ['ipv4'], holdSeconds: 240},
      })),
    },
    {thread: 'own', printRoutes: false, ranges},
  );
  await speaker.start();
}

/** Resolves when all of them are established. */
async function gather(
  machine: Machine,
  options: Omit<CrowdOptions, 'remote' | 'first'>,
): Promise<LongProcess> {
  const program = fileURLToPath(new URL('crowd.js', import.meta.url));
  const all: CrowdOptions = {remote, first: '198.18.0.1', ...options};
  const crowd = machine.start([process.execPath, program, JSON.stringify(all)]);
  await crowd.line(line => line === 'up', withinMs);
  return crowd;
}

async function report(crowd: LongProcess): Promise<CrowdReport> {
  const from = crowd.lines.length;
  crowd.write('report\n');
  const line = await crowd.line(text => text.includes('longestSilenceMs'), 60_000, from);
  return JSON.parse(line) as CrowdReport;
}

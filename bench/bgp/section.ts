/**
 * BGP: a table from one peer to another, through each speaker in turn, and into the kernel. Shell.
 *
 *   generator 192.0.2.2 ---veth--- 192.0.2.1 speaker 198.51.100.1 ---veth--- 198.51.100.2 sink
 *    AS 65001                       AS 65000                                  AS 65002
 */
import {fileURLToPath} from 'node:url';

import {established, type Router, type RouterPeer} from '../../e2e/bgp/lab/router.js';
import {createBgpLab, type Machine} from '../../e2e/bgp/lab.js';
import type {LongProcess} from '../../e2e/lab/process.js';
import {now} from '../peers/clock.js';
import {ProgramScope} from '../../e2e/lab/program.js';
import type {SectionContext, SectionReport} from '../section.js';
import {
  contestantNames,
  createContestant,
  kernelWriters,
  type ContestantName,
} from './contestants.js';
import {countKernelRoutes, usageOf} from './processes.js';
import {toReport} from './report.js';

export interface Load {
  readonly name: string;
  readonly prefixes: number;
  readonly perSet: number;
  readonly intoKernel: boolean;
  /** Measured is a second time: the peer has gone, all its routes have, and it comes back. */
  readonly again?: boolean;
  readonly mostTimesBird?: number; // the goal for the time
}

export const loads: readonly Load[] = [
  {name: '1 M, 4 per set', prefixes: 1_000_000, perSet: 4, intoKernel: false, mostTimesBird: 1},
  {name: '1 M, one set', prefixes: 1_000_000, perSet: 1_000_000, intoKernel: false},
  {
    name: '100 k into the kernel',
    prefixes: 100_000,
    perSet: 4,
    intoKernel: true,
    mostTimesBird: 0.5,
  },
  {
    ...{name: 'the same, again', prefixes: 100_000, perSet: 4, intoKernel: true, again: true},
    mostTimesBird: 0.5,
  },
];

/** One run of one speaker. */
export interface Run {
  readonly load: string;
  readonly speaker: ContestantName;
  readonly seconds: number; // first octet written -> last prefix at the sink, or in the kernel
  readonly grownOctets: number; // peak RSS - RSS before
  readonly peakOctets: number;
  readonly cpuMs: number; // of the speaker, all threads and processes
  readonly updates: number; // that the sink got
}

const speakerAsn = 65_000;
const peers = {
  generator: {asn: 65_001, local: '192.0.2.2', remote: '192.0.2.1'},
  sink: {asn: 65_002, local: '198.51.100.2', remote: '198.51.100.1'},
} as const;
type Side = keyof typeof peers;

const slow: ReadonlySet<ContestantName> = new Set(['gobgp']); // minutes: once is enough to see that
const withinMs = 600_000;
const LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;

export async function measureBgp({rounds, progress}: SectionContext): Promise<SectionReport> {
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const load of loads) {
      for (const speaker of load.intoKernel ? kernelWriters : contestantNames) {
        if (round > 0 && slow.has(speaker)) continue;
        progress(`round ${round + 1} of ${rounds}: ${load.name}: ${speaker}`);
        runs.push(await measure(speaker, load));
      }
    }
  }
  return toReport(runs);
}

export async function measure(name: ContestantName, load: Load): Promise<Run> {
  const scope = new ProgramScope();
  try {
    return await measureIn(scope, name, load);
  } finally {
    await scope.close();
  }
}

async function measureIn(scope: ProgramScope, name: ContestantName, load: Load): Promise<Run> {
  const lab = await createBgpLab(scope);
  const [speaker, generator, sink] = await Promise.all(
    ['speaker', 'generator', 'sink'].map(each => lab.machine(each)),
  );
  if (!speaker || !generator || !sink) throw new Error('unreachable');
  for (const [side, machine] of [
    ['generator', generator],
    ['sink', sink],
  ] as const) {
    const {local, remote} = peers[side];
    await lab.link(
      {machine: speaker, addresses: [`${remote}/24`]},
      {machine, addresses: [`${local}/24`]},
    );
  }
  const router = createContestant(name, speaker, {
    ...{asn: speakerAsn, identifier: '192.0.2.1', ...(load.intoKernel && {kernel: true})},
    nextHops: {ipv4: '192.0.2.1', ipv6: '::'},
    peers: [toPeer('generator'), toPeer('sink')],
  });
  await router.start();
  const taking = startPeer(sink, 'sink', [load.prefixes]);
  const give = () => startPeer(generator, 'generator', [load.prefixes, load.perSet]);
  let giving = give();
  await areReady(router, taking, giving);
  if (load.again === true) {
    const empty = countKernelRoutes(speaker);
    giving.write('go\n');
    await kernelHas(speaker, empty + load.prefixes);
    await answer(taking, 'doneAtMs');
    await giving.kill();
    await kernelHas(speaker, empty);
    giving = give();
    await areReady(router, taking, giving);
  }

  const before = usageOf(speaker);
  const routesBefore = countKernelRoutes(speaker);
  giving.write('go\n');
  const inKernelAtMs = load.intoKernel
    ? await kernelHas(speaker, routesBefore + load.prefixes)
    : undefined;
  const {doneAtMs, updates} = await answer<{doneAtMs: number; updates: number}>(taking, 'doneAtMs');
  const {firstAtMs} = await answer<{firstAtMs: number}>(giving, 'firstAtMs');
  const after = usageOf(speaker);
  return {
    ...{load: load.name, speaker: name, updates},
    seconds: ((inKernelAtMs ?? doneAtMs) - firstAtMs) / 1000,
    grownOctets: after.peakOctets - before.residentOctets,
    peakOctets: after.peakOctets,
    cpuMs: after.cpuMs - before.cpuMs,
  };
}

function toPeer(side: Side): RouterPeer {
  const {asn, local, remote} = peers[side];
  return {
    ...{address: local, localAddress: remote, asn, passive: true},
    ...{families: ['ipv4'], holdSeconds: 240, keepsReceived: false},
  };
}

function startPeer(machine: Machine, side: Side, numbers: readonly number[]): LongProcess {
  const {asn, local, remote} = peers[side];
  const program = fileURLToPath(new URL(`${side}.js`, import.meta.url));
  return machine.start([
    process.execPath,
    program,
    local,
    remote,
    ...[asn, ...numbers].map(String),
  ]);
}

async function areReady(router: Router, ...programs: readonly LongProcess[]): Promise<void> {
  for (const each of programs) await each.line(line => line === 'ready', 60_000);
  for (const {local} of Object.values(peers)) await established(router, local);
}

async function answer<T>(program: LongProcess, key: string): Promise<T> {
  const line = await program.line(text => text.startsWith('{') && text.includes(key), withinMs);
  return JSON.parse(line) as T;
}

/**
 * When it had them. A look makes the kernel walk its whole table, on a processor that the speaker could have used:
 * the next look is half way to where the pace between the last two will end, 5 to 100 ms from now.
 */
async function kernelHas(machine: Machine, routes: number): Promise<number> {
  const untilMs = now() + withinMs;
  let last = {atMs: now(), have: countKernelRoutes(machine)};
  for (let waitMs = LOOK_MS; last.have !== routes;) {
    await new Promise(resolve => setTimeout(resolve, waitMs));
    const look = {atMs: now(), have: countKernelRoutes(machine)};
    if (look.atMs > untilMs) throw new Error(`${look.have} of ${routes} routes in the kernel`);
    const perMs = Math.abs(look.have - last.have) / (look.atMs - last.atMs);
    const leftMs = perMs === 0 ? 0 : Math.abs(routes - look.have) / perMs;
    waitMs = Math.min(Math.max(leftMs / 2, LOOK_MS), LONGEST_LOOK_MS);
    last = look;
  }
  return now();
}

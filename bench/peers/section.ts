/**
 * Peers: records in etcd -> routes in the kernel, against tools that write the same entries. Shell.
 *
 *   host a: twilld         host b: `bridge -batch` and `ip -batch`, and raw netlink
 */
import type {Host} from '../../e2e/lab/host.js';
import type {Lab} from '../../e2e/lab.js';
import {openLab} from '../cni/contestant.js';
import type {SectionContext, SectionReport} from '../section.js';
import {fleet, toGatewayCommands, toNexthopCommands} from './fleet.js';
import {toReport} from './report.js';
import {runBatches, runFloor, toolDevice} from './tools.js';
import {type Join, type Start, measureJoin, measureStart, removeFleet} from './twill.js';

const counts = [1000, 10_000] as const;

/** One round with one number of peers; milliseconds. */
export interface Round {
  readonly count: number;
  readonly join: Join;
  readonly start: Start;
  readonly gatewayBatchMs: number;
  readonly nexthopBatchMs: number;
  readonly floorMs: number;
}

export async function measurePeers(context: SectionContext): Promise<SectionReport> {
  const {scope, stateDir, rounds, progress} = context;
  progress('two hosts, etcd, a daemon');
  const lab = await openLab(scope, ['a', 'b'], stateDir);
  await lab.host('a').startDaemon();
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      progress(`round ${round + 1} of ${rounds}: ${count} peers`);
      results.push(await measureRound(context, lab, count));
    }
  }
  return toReport(results, rounds);
}

async function measureRound({tool}: SectionContext, lab: Lab, count: number): Promise<Round> {
  const a = lab.host('a');
  const join = await measureJoin(lab, a, count);
  const start = await measureStart(a, count);
  await removeFleet(lab, a, count);
  return {count, join, start, ...(await measureTools(lab.host('b'), tool('floor'), count))};
}

async function measureTools(host: Host, floor: string, count: number) {
  const hosts = fleet(count);
  return {
    gatewayBatchMs: await runBatches(host, toGatewayCommands(hosts, toolDevice), count),
    nexthopBatchMs: await runBatches(host, toNexthopCommands(hosts, toolDevice), count),
    floorMs: await runFloor(host, floor, count),
  };
}

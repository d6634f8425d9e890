/** What must be true of the cluster once it has settled. Shell. */
import {prefix} from '../cluster.js';
import {foreignLines} from './decoys.js';
import {routerProblems, routerTable} from './router-check.js';
import {difference, type NodeView, viewOf} from './view.js';
import {dependsOnHistory, expectedPeers, nodeNames, type NodeName} from './wish.js';
import type {World} from './world.js';

export interface Look {
  readonly views: ReadonlyMap<NodeName, NodeView>;
  readonly problems: readonly string[];
}

/** Everything that does not come true by itself any more is in `problems`. */
export async function look(world: World): Promise<Look> {
  const dead = world.deadDaemons();
  if (dead.length > 0) throw new Error(`died by itself: daemon on ${dead.join(', ')}`);
  const entries = await Promise.all(
    nodeNames.map(async name => [name, await viewOf(world.host(name))] as const),
  );
  const views = new Map(entries);
  const [ranges, table] = await Promise.all([rangesOf(world), routerTable(world)]);
  const problems = [
    ...entries.flatMap(([name, view]) => [
      ...nodeProblems(world, name, view),
      ...routerProblems(world.wish, name, view, {ranges: ranges.get(name) ?? [], table}),
      ...decoyProblems(world, name, view),
    ]),
  ];
  return {views, problems};
}

const rules = [
  '-A TWILL-POSTROUTING -s 10.244.0.0/16 -j MASQUERADE --random-fully',
  '-A TWILL-FORWARD -d 10.244.0.0/16 -j ACCEPT',
  '-A TWILL-FORWARD -d fd00:10:244::/112 -j ACCEPT',
];

/** Told of what the campaign wishes for. */
const isAskedFor = /installRoutes is false/;

function nodeProblems({wish, pods}: World, name: NodeName, view: NodeView): readonly string[] {
  const problems: string[] = [];
  if (!view.isReady) problems.push('not ready');
  if (view.isRestarting) problems.push('restarting');
  const expected = expectedPeers(name, wish);
  if (!dependsOnHistory(wish)) {
    const [wanted, there] = [expected, view.peers].map(list => list.map(peer => peer.name).sort());
    if (String(wanted) !== String(there)) problems.push(`peers ${there}, expected ${wanted}`);
    problems.push(...view.problems.filter(each => !isAskedFor.test(each)));
  }
  for (const peer of expected) {
    const state = view.peers.find(each => each.name === peer.name)?.state ?? 'missing';
    if (peer.isUp === (state === 'Established') || dependsOnHistory(wish)) continue;
    problems.push(`${peer.name} is ${state}, expected ${peer.isUp ? '' : 'not '}Established`);
  }
  for (const rule of rules) {
    if (!view.kernel.includes(rule)) problems.push(`no rule ${rule}`); // only the resync finds that
  }
  for (const {name: peer, stale} of view.peers) {
    if (stale.length > 0) problems.push(`stale routes of ${peer}`);
  }
  for (const pod of pods.filter(each => each.host.hostname === name)) {
    for (const address of pod.addresses) {
      const route = new RegExp(`^${address.replaceAll('.', '\\.')} dev twl.* proto 84`);
      if (!view.kernel.some(line => route.test(line))) problems.push(`no route to ${pod.name}`);
    }
  }
  for (const line of view.kernel) {
    if (/proto 84/.test(line) && /\bvethtwi/.test(line))
      problems.push(`by what is not ours: ${line}`);
  }
  return problems.map(problem => `${name}: ${problem}`);
}

async function rangesOf({lab}: World): Promise<ReadonlyMap<string, readonly string[]>> {
  const leases = await lab.etcd.list(`${prefix}/leases/`);
  const ranges = new Map<string, string[]>();
  for (const {value} of leases) {
    const {spec} = JSON.parse(value) as {spec: {cidr: string; node: string}};
    ranges.set(spec.node, [...(ranges.get(spec.node) ?? []), spec.cidr]);
  }
  return ranges;
}

function decoyProblems(world: World, name: NodeName, {kernel}: NodeView): readonly string[] {
  const changes = difference(world.foreign.get(name) ?? [], foreignLines(kernel));
  return changes.map(change => `${name}: not ours: ${change}`);
}

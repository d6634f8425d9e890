/** Waiting until nothing moves any more and everything is as it should be. Shell. */
import {eventually} from '../lab/eventually.js';
import {look} from './checks.js';
import {trafficProblems} from './traffic-check.js';
import {difference, type NodeView} from './view.js';
import {nodeNames, type NodeName} from './wish.js';
import type {World} from './world.js';

const withinMs = 150_000;

/**
 * Two looks one after another that say the same, both without a problem, and pods that reach each other.
 * @throws Error that names what is not so at the deadline.
 */
export async function settle(world: World): Promise<ReadonlyMap<NodeName, NodeView>> {
  let last: ReadonlyMap<NodeName, NodeView> = new Map();
  const isSettled = async () => {
    const {views, problems} = await look(world);
    const moves = nodeNames.flatMap(name => changesOf(last.get(name), views.get(name), name));
    last = problems.length === 0 ? views : new Map(); // what was asked at once was not answered at once
    const all = [...problems, ...moves];
    if (all.length === 0) all.push(...(await trafficProblems(world)));
    if (all.length > 0) throw new Error(`\n${all.slice(0, 40).join('\n')}\n(${all.length} in all)`);
    return views;
  };
  return eventually(isSettled, {withinMs, everyMs: 1500, what: 'a settled cluster'});
}

function changesOf(
  before: NodeView | undefined,
  after: NodeView | undefined,
  name: NodeName,
): readonly string[] {
  if (before === undefined || after === undefined) return ['first look without a problem'];
  const changes = [
    ...difference(before.said, after.said),
    ...difference(before.kernel, after.kernel),
  ];
  return changes.map(change => `${name} moves: ${change}`);
}

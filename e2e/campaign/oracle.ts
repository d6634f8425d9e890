/**
 * A daemon that starts anew with the same records must find nothing to do: its kernel, and what it says, are what
 * they were before it was killed. Shell.
 */
import {rm} from 'node:fs/promises';

import {settle} from './settle.js';
import {difference, type NodeView} from './view.js';
import {edgeNames, type NodeName, type Wish} from './wish.js';
import type {World} from './world.js';

/** By -9 or TERM, with what it left; or by -9 and without that. */
export const oracles = ['SIGKILL', 'SIGTERM', 'from nothing'] as const;
export type Oracle = (typeof oracles)[number];

/** @throws Error with the differences. */
export async function compareWithFresh(
  world: World,
  node: NodeName,
  before: NodeView | undefined,
  how: Oracle,
): Promise<void> {
  const host = world.host(node);
  if (before === undefined) throw new Error('unreachable: every node has a view');
  const monitor = await host.monitor();
  await world.stopDaemon(node, how === 'SIGTERM' ? how : 'SIGKILL');
  if (how === 'from nothing') {
    await host.ip('nexthop flush proto 84'); // and with them all routes that were learnt
    for (const file of ['bgp-last-wish', 'bgp-has-run', 'bgp-facts.json']) {
      await rm(host.namespace.path(`/var/lib/twill/${file}`), {force: true});
    }
  }
  await world.startDaemon(node);
  const after = (await settle(world)).get(node);
  await monitor.close();
  const isUnnoticed = how !== 'from nothing' && isGraceful(world.wish);
  const steady = isUnnoticed ? (line: string) => line : withoutIds;
  const changed = [
    ...difference(before.said, after?.said ?? []),
    ...difference(before.kernel.map(steady), (after?.kernel ?? []).map(steady)),
  ];
  if (changed.length > 0) {
    throw new Error(`${node} after a start (${how}) is not as before:\n${changed.join('\n')}`);
  }
  if (isUnnoticed) {
    const events = monitor.lines().filter(line => ours.test(line) && !passing.test(line));
    if (events.length > 0) {
      const words = events.slice(0, 20).join('\n');
      throw new Error(`a start of ${node} changed its kernel ${events.length} times:\n${words}`);
    }
  }
}

/** A neighbour without graceful restart is not waited for. */
function isGraceful({gracefulRestart, edges}: Wish): boolean {
  const all = edgeNames.map(name => edges[name]?.gracefulRestart ?? true);
  return gracefulRestart.enabled && all.every(Boolean);
}

/** Not the news of neighbours that the kernel learns itself, nor of links that merely go on. */
const ours = /proto 84|twill\.|PERMANENT/;
const passing = /NOARP/;

function withoutIds(line: string): string {
  return line.replace(/\bnhid \d+ /, '').replace(/^id \d+ (?=.*proto 84)/, 'id ');
}

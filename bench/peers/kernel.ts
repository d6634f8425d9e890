/** How many routes and entries the kernel of a host has, cheaply or completely. Shell. */
import {readFile} from 'node:fs/promises';

import {eventually} from '../../e2e/lab/eventually.js';
import type {Host} from '../../e2e/lab/host.js';

/** IPv4 routes of the main table: the kernel's own count, so asking costs next to nothing. */
export async function countRoutes(host: Host): Promise<number> {
  const text = await readFile(`/proc/${host.namespace.pid}/net/fib_triestat`, 'utf8');
  return Number(/Prefixes:\s+(\d+)/.exec(text)?.[1]);
}

/** Routes are written last, of what a peer needs. */
export async function waitForRoutes(host: Host, wanted: (count: number) => boolean): Promise<void> {
  const reached = async () => wanted(await countRoutes(host));
  await eventually(reached, {withinMs: 120_000, everyMs: 2, what: 'the routes of all peers'});
}

/** @throws Error unless there are exactly so many routes, neighbours and fdb entries on the device. */
export async function verifyPeers(host: Host, device: string, count: number): Promise<void> {
  const views = [
    `ip -4 route show proto 84 dev ${device}`,
    `ip neigh show dev ${device} nud permanent`,
    `bridge fdb show dev ${device}`,
  ];
  for (const view of views) {
    const lines = (await host.run(view.split(' '))).stdout.split('\n').filter(Boolean);
    if (lines.length !== count) throw new Error(`${lines.length} lines, not ${count}: ${view}`);
  }
}

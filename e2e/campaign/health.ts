/** Logs, memory and descriptors of the daemons. Shell. */
import {readdirSync, readFileSync} from 'node:fs';

import type {Daemon} from '../lab/daemon.js';
import {nodeNames} from './wish.js';
import type {World} from './world.js';

const mostDescriptors = 120;
const mostKiB = 400 * 1024;

/** @throws Error when one holds more than it ever should. */
export function checkSizes(world: World): string {
  const sizes = nodeNames.map(name => {
    const {pid} = world.host(name).daemon.process;
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    if (descriptors > mostDescriptors) throw new Error(`${name} has ${descriptors} descriptors`);
    if (kib > mostKiB) throw new Error(`${name} has ${kib} KiB`);
    return `${name} ${Math.round(kib / 1024)} MiB ${descriptors} fds`;
  });
  return sizes.join(', ');
}

/** How often each kind of line was logged that an operator would look at. */
export function complaints(world: World): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const daemon of nodeNames.flatMap(name => world.host(name).daemons)) {
    for (const kind of complaintsOf(daemon)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function complaintsOf(daemon: Daemon): readonly string[] {
  return daemon.log().flatMap(record => {
    const {level, msg, text, err, problem, reason, received} = record;
    if (level === 'info' || level === 'debug') return [];
    const details = err ?? problem ?? reason ?? received ?? '';
    const words = `${String(level ?? 'text')}: ${String(msg ?? text)} ${JSON.stringify(details)}`;
    return [words.replace(/0x[0-9a-f]+|\d+/g, 'N').slice(0, 220)];
  });
}

/** Memory and CPU of the processes of a machine, from its /proc. Shell. */
import {readFileSync, readdirSync} from 'node:fs';

import type {Machine} from '../../e2e/bgp/lab.js';

export interface Usage {
  readonly residentOctets: number; // now
  readonly peakOctets: number; // the largest each process ever had
  readonly cpuMs: number; // user and system
}

const TICKS_PER_SECOND = 100; // USER_HZ
const notMeasured = new Set(['sh', 'cat', 'nsenter', 'setpriv', 'unshare']);

/** Of all that runs in the machine but its PID 1 and shells. */
export function usageOf({namespace}: Machine): Usage {
  const proc = namespace.path('/proc');
  const usage = {residentOctets: 0, peakOctets: 0, cpuMs: 0};
  for (const pid of readdirSync(proc).filter(name => /^\d+$/.test(name))) {
    const status = read(`${proc}/${pid}/status`);
    if (notMeasured.has(field(status, 'Name'))) continue;
    usage.residentOctets += parseInt(field(status, 'VmRSS') || '0') * 1024;
    usage.peakOctets += parseInt(field(status, 'VmHWM') || '0') * 1024;
    const [user = 0, system = 0] = read(`${proc}/${pid}/stat`)
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 13)
      .map(Number);
    usage.cpuMs += ((user + system) * 1000) / TICKS_PER_SECOND;
  }
  return usage;
}

/**
 * IPv4 routes of the machine's main table. As long as nobody has added a rule, main and local table are one
 * trie, which the file shows twice.
 */
export function countKernelRoutes({namespace}: Pick<Machine, 'namespace'>): number {
  const text = read(`/proc/${namespace.pid}/net/fib_triestat`);
  return Number(/^Main:\n(?:\t.*\n)*?\tPrefixes:\s+(\d+)/m.exec(text)?.[1] ?? 0);
}

/** Empty when the process has gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
}

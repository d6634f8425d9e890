/** What the kernel of one host announces about its own objects, as `ip monitor` prints it. Shell. */
import {readFileSync} from 'node:fs';

import {eventually} from './eventually.js';
import type {Namespace} from './namespace.js';
import type {LongProcess} from './process.js';

/** Interfaces, addresses, routes, neighbours and nexthops by `ip`, forwarding entries by `bridge`. */
const watchers = [
  ['ip', '-o', 'monitor', 'link', 'address', 'route', 'neigh', 'nexthop'],
  ['bridge', '-o', 'monitor', 'fdb'],
] as const;

export class Monitor {
  readonly #processes: readonly LongProcess[];

  private constructor(processes: readonly LongProcess[]) {
    this.#processes = processes;
  }

  /**
   * Resolves when the kernel has both sockets in its multicast groups: nothing later is missed.
   * `isStamped`: each line of `ip` begins with its time in brackets.
   */
  static async open(host: Namespace, {isStamped = false} = {}): Promise<Monitor> {
    const processes = watchers.map(([program, ...args]) =>
      host.start([program, ...(isStamped && program === 'ip' ? ['-ts'] : []), ...args]),
    );
    const what = 'a listening monitor';
    for (const process of processes) {
      await eventually(() => listensToNetlink(process.pid), {withinMs: 5000, everyMs: 5, what});
    }
    return new Monitor(processes);
  }

  lines(): readonly string[] {
    return this.#processes.flatMap(process => process.lines);
  }

  deletions(): readonly string[] {
    return this.lines().filter(line => /^(\[[^\]]+\])?\s*Deleted /.test(line));
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map(process => process.kill('SIGKILL')));
  }
}

/** `/proc/PID/net/netlink`: socket, protocol, port id (the pid, inside its namespace), groups in hex. */
function listensToNetlink(pid: number): boolean {
  const inner = /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const sockets = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').split('\n').slice(1);
  return sockets.some(socket => {
    const [, , port, groups = '0'] = socket.trim().split(/\s+/);
    return port === inner && parseInt(groups, 16) !== 0;
  });
}

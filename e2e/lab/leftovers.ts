/**
 * Says what of a closed lab still exists. It looks for the lab's own things, so labs may overlap. Shell.
 *
 * The kernel gives the number of a namespace that is gone to the next one: only processes that are
 * older than the lab's end can be left from it, and mounts are looked at before.
 */
import {readFile, readdir, readlink, stat} from 'node:fs/promises';
import {join} from 'node:path';

import {eventually} from './eventually.js';
import type {Namespace} from './namespace.js';
import {run} from './process.js';

export class Leftovers {
  readonly #labId: string;
  readonly #namespaces: ReadonlySet<string>; // 'net:[4026532000]'
  readonly #mounts: readonly string[];

  private constructor(labId: string, namespaces: ReadonlySet<string>, mounts: readonly string[]) {
    this.#labId = labId;
    this.#namespaces = namespaces;
    this.#mounts = mounts;
  }

  /** Takes down what there is, while it still exists: machines, and the pods' named namespaces. */
  static async of(labId: string, machines: readonly Namespace[]): Promise<Leftovers> {
    const links = machines.flatMap(({pid}) =>
      ['net', 'mnt', 'pid'].map(kind => `/proc/${pid}/ns/${kind}`),
    );
    const own = await Promise.all(links.map(link => readlink(link).catch(() => '')));
    const pods = await Promise.all(
      machines.map(machine => namedNamespaces(machine.path('/run/netns'))),
    );
    const namespaces = new Set([...own, ...pods.flat()].filter(Boolean));
    return new Leftovers(labId, namespaces, await mountsOf(namespaces));
  }

  /** For a lab that was closed just now. @throws Error naming what outlived it. */
  async assertNone(): Promise<void> {
    const endTicks = await nowTicks();
    let found: readonly string[] = [];
    const gone = async () => (found = await this.#find(endTicks)).length === 0;
    await eventually(gone, {withinMs: 5000}).catch(() => {
      throw new Error(`left behind by ${this.#labId}: ${found.join(', ')}`);
    });
  }

  async #find(endTicks: number): Promise<readonly string[]> {
    const processes = await this.#processes(endTicks);
    return [...processes, ...this.#mounts, ...(await this.#controlGroups())];
  }

  async #processes(endTicks: number): Promise<readonly string[]> {
    const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    const isOurs = async (pid: string) => {
      const links = ['net', 'mnt', 'pid'].map(kind => `/proc/${pid}/ns/${kind}`);
      const own = await Promise.all(links.map(link => readlink(link).catch(() => '')));
      return own.some(link => this.#namespaces.has(link)) && (await startTicks(pid)) < endTicks;
    };
    const flags = await Promise.all(pids.map(isOurs));
    return pids.filter((_, index) => flags[index]).map(pid => `process ${pid}`);
  }

  async #controlGroups(): Promise<readonly string[]> {
    const argv = ['find', '/sys/fs/cgroup', '-type', 'd', '-path', `*/${this.#labId}*`];
    const {stdout} = await run(argv, {mayFail: true}); // none at all, or some that just go
    return stdout.split('\n').filter(Boolean);
  }
}

async function namedNamespaces(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => []);
  return Promise.all(names.map(async name => `net:[${(await stat(join(dir, name))).ino}]`));
}

/** In our own mount namespace: a bind mount keeps a network namespace alive without any process. */
async function mountsOf(namespaces: ReadonlySet<string>): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const ours = lines.filter(line => namespaces.has(line.split(' ')[3] ?? ''));
  return ours.map(line => `mount ${line}`);
}

/** Clock ticks (1/100 s) since boot: /proc/uptime, and field 22 of /proc/PID/stat after the name. */
async function nowTicks(): Promise<number> {
  return Math.floor(parseFloat(await readFile('/proc/uptime', 'utf8')) * 100);
}

async function startTicks(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[19] ?? Infinity);
}

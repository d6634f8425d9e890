/** Says what of a closed lab still exists. It looks for the lab's own things, so labs may overlap. Shell. */
import {readFile, readdir, readlink, stat} from 'node:fs/promises';
import {join} from 'node:path';

import {eventually} from './eventually.js';
import type {Namespace} from './namespace.js';
import {run} from './process.js';

export class Leftovers {
  readonly #labId: string;
  readonly #namespaces: ReadonlySet<string>; // 'net:[4026532000]'

  private constructor(labId: string, namespaces: ReadonlySet<string>) {
    this.#labId = labId;
    this.#namespaces = namespaces;
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
    return new Leftovers(labId, new Set([...own, ...pods.flat()].filter(Boolean)));
  }

  /** @throws Error naming a process, mount or control group that outlived the lab. */
  async assertNone(): Promise<void> {
    let found: readonly string[] = [];
    const gone = async () => (found = await this.#find()).length === 0;
    await eventually(gone, {withinMs: 5000}).catch(() => {
      throw new Error(`left behind by ${this.#labId}: ${found.join(', ')}`);
    });
  }

  async #find(): Promise<readonly string[]> {
    return [
      ...(await this.#processes()),
      ...(await this.#mounts()),
      ...(await this.#controlGroups()),
    ];
  }

  async #processes(): Promise<readonly string[]> {
    const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    const inside = async (pid: string) => {
      const kinds = ['net', 'mnt', 'pid'].map(kind =>
        readlink(`/proc/${pid}/ns/${kind}`).catch(() => ''),
      );
      return (await Promise.all(kinds)).some(link => this.#namespaces.has(link));
    };
    const flags = await Promise.all(pids.map(inside));
    return pids.filter((_, index) => flags[index]).map(pid => `process ${pid}`);
  }

  /** A bind mount keeps a network namespace alive without any process. */
  async #mounts(): Promise<readonly string[]> {
    const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
    return lines
      .filter(line => this.#namespaces.has(line.split(' ')[3] ?? ''))
      .map(line => `mount ${line}`);
  }

  async #controlGroups(): Promise<readonly string[]> {
    const {stdout} = await run([
      'find',
      '/sys/fs/cgroup',
      '-type',
      'd',
      '-path',
      `*/${this.#labId}*`,
    ]);
    return stdout.split('\n').filter(Boolean);
  }
}

async function namedNamespaces(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => []);
  return Promise.all(names.map(async name => `net:[${(await stat(join(dir, name))).ino}]`));
}

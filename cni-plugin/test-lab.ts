/**
 * Namespaces for tests on the real kernel, under random names. Not part of the program. As root.
 *
 *    netns host                        netns pod
 *   +--------------------+            +--------------------+
 *   | twl<hash>          |----veth----| eth0               |
 *   +--------------------+            +--------------------+
 */
import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {open, type FileHandle} from 'node:fs/promises';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {namespaceOf, openNetlink, writeSysctl} from '#native-addon';
import {systemClock} from './kernel.js';
import type {Kernel} from './port.js';
import {closeNode, openNode, type TestNode, type TestNodeOptions} from './test-node.js';

const run = promisify(execFile);
export const rooted = process.getuid?.() === 0 ? test : test.skip;

export interface Lab {
  readonly kernel: Kernel;
  readonly node: TestNode;
  ip(where: string, command: string): Promise<string>;
  pod(): Promise<{name: string; fd: number}>;
  reopen(): Promise<TestNode>;
}

/** `options` go to the node; its kernel is the lab's unless they say how to change it. */
export async function createLab(
  t: ExecutionContext,
  options: Partial<TestNodeOptions> = {},
  change: (kernel: Kernel) => Kernel = kernel => kernel,
): Promise<Lab> {
  const id = randomBytes(3).toString('hex');
  const add = async (name: string) => {
    await run('ip', ['netns', 'add', name]);
    t.teardown(() => run('ip', ['netns', 'del', name]));
    return name;
  };
  const host = await add(`th${id}`);
  await run('ip', ['-n', host, 'link', 'set', 'lo', 'up']);
  const kernel = await openKernelIn(t, `/run/netns/${host}`);
  const node = await openNode({clock: systemClock, ...options, kernel: change(kernel)});
  t.teardown(() => closeNode(node));
  let pods = 0;
  return {
    kernel,
    node,
    ip: async (where, command) => {
      const {stdout} = await run('ip', [
        '-n',
        where === 'host' ? host : where,
        ...command.split(' '),
      ]);
      return stdout;
    },
    pod: async () => {
      const name = await add(`tp${id}${pods++}`);
      const file: FileHandle = await open(`/run/netns/${name}`);
      t.teardown(() => file.close());
      return {name, fd: file.fd};
    },
    reopen: async () => {
      await node.book.close();
      const again = await openNode({kernel, clock: systemClock, dir: node.dir});
      t.teardown(() => closeNode(again));
      return again;
    },
  };
}

async function openKernelIn(t: ExecutionContext, path: string): Promise<Kernel> {
  const host = await openNetlink({namespace: {path}});
  const deletions = await openNetlink({namespace: {path}});
  t.teardown(() => {
    host.close();
    deletions.close();
  });
  return {
    host,
    deletions,
    hostNamespace: namespaceOf({path}),
    identify: fd => namespaceOf({fd}),
    openPod: fd => openNetlink({namespace: {fd}}),
    enableIpv6: async (fd, ifName) => {
      for (const name of ['lo', ifName]) {
        await writeSysctl({fd}, `net/ipv6/conf/${name}/disable_ipv6`, '0');
      }
    },
  };
}

/**
 * What the tests of this folder stand on: real network namespaces (as root only; elsewhere those
 * tests are skipped), folders, descriptors. All of it goes when the test ends.
 */
import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {readdirSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';

import test, {type ExecutionContext} from 'ava';

const run = promisify(execFile);

/** `test`, or for anyone but root a test that is skipped. */
export const privileged = Object.assign(process.getuid?.() === 0 ? test : test.skip, {
  serial: process.getuid?.() === 0 ? test.serial : test.serial.skip,
});

export interface TestNamespace {
  readonly path: string;
  ip(command: string): Promise<string>;
}

export async function createNamespace(t: ExecutionContext): Promise<TestNamespace> {
  const name = `twill-unit-${randomBytes(5).toString('hex')}`;
  await run('ip', ['netns', 'add', name]);
  t.teardown(() => run('ip', ['netns', 'del', name]));
  return {
    path: `/run/netns/${name}`,
    async ip(command) {
      const {stdout} = await run('ip', ['-n', name, ...command.split(' ')]);
      return stdout.trim();
    },
  };
}

export async function createFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

/** How many descriptors this process holds, the one for looking included. */
export function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

export async function eventually(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

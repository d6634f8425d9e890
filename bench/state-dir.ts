/**
 * A directory on a real disk for what a daemon must not lose. Shell.
 *
 * The lab's own /var is memory, where an fsync costs nothing; this one is shared by all hosts of the
 * lab. It is removed at the end of the section, and by a process that waits for ours to end, however
 * that happens.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, open, rm} from 'node:fs/promises';
import {join} from 'node:path';

import type {ProgramScope} from '../e2e/lab/program.js';
import {median} from './statistics.js';

const removeAtTheEnd =
  'trap "" INT TERM HUP; cat >/dev/null; rm -rf "$1" || { sleep 1; rm -rf "$1"; }';

export async function createStateDir(scope: ProgramScope, parent: string): Promise<string> {
  const dir = await mkdtemp(join(parent, 'state-'));
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const remover = spawn('sh', ['-c', removeAtTheEnd, 'sh', dir], {
    stdio: [...stdio],
    detached: true,
  });
  scope.teardown(async () => {
    await rm(dir, {recursive: true, force: true});
    remover.stdin?.end();
  });
  return dir;
}

/** What one small append costs there until it is safe, in milliseconds. */
export async function measureSync(dir: string): Promise<number> {
  const file = await open(join(dir, 'sync'), 'a');
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const startedAt = performance.now();
    await file.write('x'.repeat(200));
    await file.datasync();
    times.push(performance.now() - startedAt);
  }
  await file.close();
  await rm(join(dir, 'sync'));
  return median(times);
}

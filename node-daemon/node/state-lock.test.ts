import {mkdtemp, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {lockState} from './state-lock.js';

test('a state directory has one daemon, by whatever path, until it lets go', async t => {
  const root = await mkdtemp(join(tmpdir(), 'twill-lock-'));
  t.teardown(() => rm(root, {recursive: true, force: true}));
  const dir = join(root, 'state');
  const first = await lockState(dir);
  await symlink(dir, join(root, 'alias'));
  for (const path of [dir, join(root, 'alias')]) {
    await t.throwsAsync(lockState(path), {code: 'STATE_LOCKED'} as never);
  }
  const other = await lockState(join(root, 'other'));
  first.close();
  const again = await lockState(dir);
  again.close();
  other.close();
});

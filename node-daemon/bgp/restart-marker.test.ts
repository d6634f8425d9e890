import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import test from 'ava';

import {forgetRun, markRun} from './restart-marker.js';

test('the first start is none again, until the run is forgotten', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  const stateDir = join(folder, 'not', 'there', 'yet');
  t.deepEqual(await markRun(stateDir), {restarted: false});
  t.deepEqual(await markRun(stateDir), {restarted: true});
  await forgetRun(stateDir);
  await forgetRun(stateDir);
  t.deepEqual(await markRun(stateDir), {restarted: false});
});

test('a state directory that cannot be had is an error, not a restart', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  const file = join(folder, 'file');
  await writeFile(file, '');
  await t.throwsAsync(markRun(file), {code: 'EEXIST'});
});

import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import test from 'ava';

import {OwnFacts} from './own-facts.js';

test('what was said is said again after a start, until something else is known', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  const stateDir = join(folder, 'not', 'there', 'yet');
  const first = new OwnFacts(stateDir);
  await first.load();
  t.is(first.current, undefined);
  let changes = 0;
  first.onChange = () => changes++;
  await first.set({reflector: true, reflectors: ['b']});
  await first.set({reflectors: ['b'], reflector: true});
  t.is(changes, 1, 'the same is no news');

  const second = new OwnFacts(stateDir);
  await second.load();
  t.deepEqual(second.current, {reflector: true, reflectors: ['b']});
  await second.set(undefined);
  const third = new OwnFacts(stateDir);
  await third.load();
  t.is(third.current, undefined);
});

test('a file that makes no sense says nothing', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  for (const text of ['', '{', '[]', '{"reflector": "yes"}']) {
    await writeFile(join(folder, 'bgp-facts.json'), text);
    const facts = new OwnFacts(folder);
    await facts.load();
    t.is(facts.current, undefined, text);
  }
});

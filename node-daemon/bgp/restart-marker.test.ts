import {mkdir, mkdtemp, rm, rmdir, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import test, {type ExecutionContext} from 'ava';

import {ManualClock} from '../datastore/clock.js';
import {RestartMarker} from './restart-marker.js';

const none = {ipv4: 0, ipv6: 0};

async function stateDirOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return join(folder, 'not', 'there', 'yet');
}

test('the first start is none again, until the run is forgotten', async t => {
  const stateDir = await stateDirOf(t);
  const begin = () => new RestartMarker(stateDir, 'boot').begin(none);
  t.deepEqual(await begin(), {restarted: false, preserved: [], absent: []});
  t.like(await begin(), {restarted: true});
  await new RestartMarker(stateDir, 'boot').forget();
  await new RestartMarker(stateDir, 'boot').forget();
  t.deepEqual(await begin(), {restarted: false, preserved: [], absent: []});
});

test('what a node forwards without having learnt a route is preserved', async t => {
  const stateDir = await stateDirOf(t);
  await new RestartMarker(stateDir, 'boot').begin(none);
  const past = await new RestartMarker(stateDir, 'boot').begin(none);
  t.deepEqual(past, {restarted: true, preserved: ['ipv4', 'ipv6'], absent: []});
});

test('a family whose routes are gone is not preserved, the other is', async t => {
  const stateDir = await stateDirOf(t);
  const first = new RestartMarker(stateDir, 'boot');
  await first.begin(none);
  await Promise.all([first.note(['ipv4']), first.note(['ipv4', 'ipv6'])]);
  const past = await new RestartMarker(stateDir, 'boot').begin({ipv4: 0, ipv6: 3});
  t.deepEqual(past, {restarted: true, preserved: ['ipv6'], absent: []});
  const next = await new RestartMarker(stateDir, 'boot').begin({ipv4: 0, ipv6: 3});
  t.deepEqual(next.preserved, ['ipv4', 'ipv6'], 'ipv4 had nothing any more');
});

test('a reboot preserves nothing, whatever is in the kernel', async t => {
  const stateDir = await stateDirOf(t);
  await new RestartMarker(stateDir, 'boot 1').begin(none);
  const past = await new RestartMarker(stateDir, 'boot 2').begin({ipv4: 1, ipv6: 1});
  t.deepEqual(past, {restarted: true, preserved: [], absent: []});
});

test('a marker that cannot be understood says that we ran, and no more', async t => {
  const stateDir = await stateDirOf(t);
  await new RestartMarker(stateDir, 'boot').begin(none);
  for (const text of ['', 'not json', '{}']) {
    await writeFile(join(stateDir, 'bgp-has-run'), text);
    const past = await new RestartMarker(stateDir, 'boot').begin(none);
    t.deepEqual(past, {restarted: true, preserved: [], absent: []}, JSON.stringify(text));
  }
});

test('a state directory that cannot be had is an error, not a restart', async t => {
  const stateDir = await stateDirOf(t);
  await new RestartMarker(stateDir, 'boot').begin(none);
  const file = join(stateDir, 'file');
  await writeFile(file, '');
  await t.throwsAsync(new RestartMarker(file, 'boot').begin(none), {code: 'EEXIST'});
});

test('what the kernel holds is noted in any order with the start, and hides nothing of before', async t => {
  const stateDir = await stateDirOf(t);
  const first = new RestartMarker(stateDir, 'boot');
  const [past] = await Promise.all([
    first.begin({ipv4: 2, ipv6: 2}),
    first.note(['ipv4']),
    first.note(['ipv4', 'ipv6']),
  ]);
  t.deepEqual(past, {restarted: false, preserved: [], absent: []});
  for (let n = 0; n < 20; n++) {
    const next = new RestartMarker(stateDir, 'boot');
    const early = next.note(['ipv6']); // its first look at the kernel, before anybody asked
    const [found] = await Promise.all([
      next.begin({ipv4: 0, ipv6: 2}),
      next.note(['ipv4', 'ipv6']),
      early,
    ]);
    t.deepEqual(found, {restarted: true, preserved: ['ipv6'], absent: []});
  }
});

test('peers that were away are remembered until the next boot, whatever else is noted', async t => {
  const stateDir = await stateDirOf(t);
  const first = new RestartMarker(stateDir, 'boot');
  await first.begin(none);
  await Promise.all([first.noteAbsent(['tor-a']), first.note(['ipv4'])]);
  const second = await new RestartMarker(stateDir, 'boot').begin({ipv4: 1, ipv6: 0});
  t.deepEqual(second.absent, ['tor-a']);
  const third = new RestartMarker(stateDir, 'boot');
  t.deepEqual((await third.begin({ipv4: 1, ipv6: 0})).absent, ['tor-a'], 'nobody said otherwise');
  await third.noteAbsent([]);
  t.deepEqual((await new RestartMarker(stateDir, 'boot').begin(none)).absent, []);
  await third.noteAbsent(['tor-b']);
  t.deepEqual((await new RestartMarker(stateDir, 'boot 2').begin(none)).absent, []);
});

test('a marker with names alone, of an older version, is read as it is', async t => {
  const stateDir = await stateDirOf(t);
  await new RestartMarker(stateDir, 'boot').begin(none);
  const old = {bootId: 'boot', holding: ['ipv4'], absent: ['tor-a', 'node/b']};
  await writeFile(join(stateDir, 'bgp-has-run'), JSON.stringify(old));
  const past = await new RestartMarker(stateDir, 'boot').begin({ipv4: 1, ipv6: 0});
  t.deepEqual(past, {restarted: true, preserved: ['ipv4', 'ipv6'], absent: ['tor-a', 'node/b']});
});

test('a write that fails is made up for; the last note counts', async t => {
  const stateDir = await stateDirOf(t);
  const clock = new ManualClock();
  const marker = new RestartMarker(stateDir, 'boot', clock);
  await marker.begin(none);
  await marker.noteAbsent(['tor']);
  await mkdir(join(stateDir, 'bgp-has-run.tmp')); // in the way of the next write
  await t.throwsAsync(marker.noteAbsent([]), {code: 'EISDIR'});
  await clock.advance(1000); // fails again
  await marker.flush();
  await rmdir(join(stateDir, 'bgp-has-run.tmp'));
  await clock.advance(1000);
  await marker.flush();
  t.deepEqual((await new RestartMarker(stateDir, 'boot').begin(none)).absent, []);
  t.is(clock.pending, 0);

  for (let n = 0; n < 1000; n++) void marker.noteAbsent([`peer-${n}`]);
  await marker.flush(); // of what was noted, not of a thousand writes
  t.deepEqual((await new RestartMarker(stateDir, 'boot').begin(none)).absent, ['peer-999']);
});

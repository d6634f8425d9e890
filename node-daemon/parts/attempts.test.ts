import test from 'ava';

import {ManualClock} from '../datastore/clock.js';
import {Attempts} from './attempts.js';

function setUp() {
  const clock = new ManualClock();
  const tried: string[] = [];
  const errors: unknown[] = [];
  const broken = new Set<string>();
  const attempts = new Attempts<string>({
    async fulfil(wish) {
      tried.push(wish);
      if (broken.has(wish)) throw new Error(`no ${wish}`);
    },
    ...{clock, againMs: 5000, onError: error => errors.push(error)},
  });
  return {clock, tried, errors, broken, attempts};
}

test('what fails is tried again until it works, and says so meanwhile', async t => {
  const {clock, tried, errors, broken, attempts} = setUp();
  broken.add('a');
  attempts.wish('a');
  await clock.advance(12_000);
  t.deepEqual(tried, ['a', 'a', 'a']);
  t.is(attempts.failure, 'no a');
  t.is(errors.length, 3);
  broken.clear();
  await clock.advance(60_000);
  t.deepEqual(tried, ['a', 'a', 'a', 'a']);
  t.is(attempts.failure, undefined);
  t.is(clock.pending, 0);
});

test('a new wish takes the place of one that fails, and of one that waits', async t => {
  const {clock, tried, broken, attempts} = setUp();
  broken.add('a');
  attempts.wish('a');
  await clock.advance(1000);
  attempts.wish('b');
  attempts.wish('c');
  await clock.advance(60_000);
  t.deepEqual(tried, ['a', 'c']);
  t.is(attempts.failure, undefined);
});

test('once stopped, nothing is tried', async t => {
  const {clock, tried, broken, attempts} = setUp();
  broken.add('a');
  attempts.wish('a');
  await clock.advance(1000);
  attempts.wish('b');
  await attempts.stop();
  await clock.advance(60_000);
  t.deepEqual(tried, ['a']);
});

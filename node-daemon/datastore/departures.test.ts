import test from 'ava';
import {ManualClock} from './clock.js';
import {Departures} from './departures.js';
import type {StoreEvent} from './store-event.js';

function setUp() {
  const clock = new ManualClock();
  const gone: StoreEvent[] = [];
  const departures = new Departures({
    clock,
    graceMs: 3000,
    concerns: key => key.startsWith('/nodes/'),
    onGone: events => gone.push(...events),
  });
  return {clock, gone, departures};
}

const left = (key: string): StoreEvent => ({kind: 'delete', key});
const problem = (key: string): StoreEvent => ({kind: 'problem', key, problems: ['broken']});

test('a node that left is told of when the grace is over, everything else at once', async t => {
  const {clock, gone, departures} = setUp();
  const others: StoreEvent[] = [left('/resources/pool/a'), problem('/nodes/b'), {kind: 'synced'}];
  t.deepEqual(departures.pass([left('/nodes/a'), ...others]), others);
  await clock.advance(2999);
  t.deepEqual(gone, []);
  await clock.advance(1);
  t.deepEqual(gone, [left('/nodes/a')]);
});

test('one that is back in time never left, and may leave again', async t => {
  const {clock, gone, departures} = setUp();
  departures.pass([left('/nodes/a')]);
  await clock.advance(1000);
  t.deepEqual(departures.pass([problem('/nodes/a')]), [problem('/nodes/a')]);
  await clock.advance(10_000);
  t.deepEqual(gone, []);
  departures.pass([left('/nodes/a')]);
  departures.pass([left('/nodes/a')]); // a list says it once more
  await clock.advance(3000);
  t.deepEqual(gone, [left('/nodes/a')]);
});

test('both in one batch: the last one counts', async t => {
  const {clock, gone, departures} = setUp();
  const back = problem('/nodes/a');
  t.deepEqual(departures.pass([left('/nodes/a'), back]), [back]);
  t.deepEqual(departures.pass([back, left('/nodes/a')]), [back]);
  await clock.advance(3000);
  t.deepEqual(gone, [left('/nodes/a')]);
});

test('nothing is told after stop()', async t => {
  const {clock, gone, departures} = setUp();
  departures.pass([left('/nodes/a')]);
  departures.stop();
  await clock.advance(10_000);
  t.deepEqual(gone, []);
  t.is(clock.pending, 0);
});

import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {AttachmentLock} from './lock.js';
import {endOf, runSteps, together, type Step} from './steps.js';

const unexpected = (error: unknown) => {
  throw error;
};
const never = () => new AbortController().signal;

function recorder(failing = new Set<string>()) {
  const log: string[] = [];
  const act = async (what: string) => {
    log.push(what);
    await Promise.resolve();
    if (failing.has(what)) throw new Error(what);
  };
  const step = (name: string): Step => ({
    name,
    run: () => act(name),
    undo: () => act(`undo ${name}`),
  });
  return {log, step};
}

test('steps run in order and nothing is undone', async t => {
  const {log, step} = recorder();
  const run = runSteps([step('a'), step('b')], never());
  await run.done;
  t.deepEqual(await run.settled, {undone: false});
  t.deepEqual(log, ['a', 'b']);
});

test('a failure undoes backwards, the failed step included, before it is thrown', async t => {
  const {log, step} = recorder(new Set(['b']));
  const run = runSteps([step('a'), step('b'), step('c')], never());
  await t.throwsAsync(endOf(run, never(), unexpected), {message: 'b'});
  t.deepEqual(log, ['a', 'b', 'undo b', 'undo a']);
});

test('an undo that fails ends the undoing and is told', async t => {
  const {log, step} = recorder(new Set(['b', 'undo b']));
  const told: unknown[] = [];
  const run = runSteps([step('a'), step('b')], never());
  await t.throwsAsync(
    endOf(run, never(), error => told.push(error)),
    {message: 'b'},
  );
  const report = await run.settled;
  t.is(report.failure?.step, 'b');
  t.is(told.length, 1);
  t.deepEqual(log, ['a', 'b', 'undo b']);
});

test('the signal is answered at once, and undoing waits for the step under way', async t => {
  const {log, step} = recorder();
  const abort = new AbortController();
  let finish = () => {};
  const hung: Step = {
    ...step('hung'),
    run: () =>
      new Promise(resolve => {
        finish = resolve;
      }),
  };
  const run = runSteps([step('a'), hung], abort.signal);
  const end = endOf(run, abort.signal, unexpected);
  await delay(1);
  abort.abort(new Error('too late'));
  await t.throwsAsync(end, {message: 'too late'});
  t.deepEqual(log, ['a']);
  finish();
  await run.settled;
  t.deepEqual(log, ['a', 'undo hung', 'undo a']);
});

test('steps together: all end before the first failure counts, and all are undone', async t => {
  const {log, step} = recorder(new Set(['a']));
  const slow: Step = {
    ...step('slow'),
    run: async () => {
      await delay(5);
      log.push('slow');
    },
  };
  const run = runSteps([together([step('a'), slow]), step('z')], never());
  await t.throwsAsync(endOf(run, never(), unexpected), {message: 'a'});
  t.deepEqual(log, ['a', 'slow', 'undo slow', 'undo a']);
});

test('turns are taken in the order of arrival, and nothing is held afterwards', async t => {
  const lock = new AttachmentLock();
  const log: number[] = [];
  await Promise.all(
    [1, 2, 3].map(async n => {
      const end = await lock.acquire('k', never());
      await delay(1);
      log.push(n);
      end();
    }),
  );
  t.deepEqual(log, [1, 2, 3]);
  t.false(lock.isHeld('k'));
});

test('who gives up waiting lets the next one keep its place', async t => {
  const lock = new AttachmentLock();
  const first = await lock.acquire('k', never());
  const abort = new AbortController();
  const second = lock.acquire('k', abort.signal);
  let entered = false;
  const third = lock.acquire('k', never()).then(end => {
    entered = true;
    return end;
  });
  abort.abort(new Error('gave up'));
  await t.throwsAsync(second, {message: 'gave up'});
  await delay(1);
  t.false(entered);
  first();
  (await third)();
  await delay(1);
  t.false(lock.isHeld('k'));
});

import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import test from 'ava';

import {RightOfWay} from './right-of-way.js';

const NEVER_MS = 60_000;

test('free as long as nobody is under way', t => {
  const way = new RightOfWay();
  t.is(way.passed(NEVER_MS), undefined);
  way.enter();
  t.not(way.passed(1), undefined);
  way.leave();
  t.is(way.passed(NEVER_MS), undefined);
});

test('the last one who leaves wakes who waits, the others do not', async t => {
  const way = new RightOfWay();
  way.enter();
  way.enter();
  let hasPassed = false;
  const passed = way.passed(NEVER_MS)?.then(() => (hasPassed = true));
  way.leave();
  await new Promise(resolve => setImmediate(resolve));
  t.false(hasPassed);
  way.leave();
  await passed;
  t.true(hasPassed);
});

test('not longer than was said', async t => {
  const way = new RightOfWay();
  way.enter();
  t.is(await way.passed(5), 'timed-out');
});

test('another thread waits for this one', async t => {
  const way = new RightOfWay();
  way.enter();
  const other = new Worker(
    `const {workerData, parentPort} = require('node:worker_threads');
     import(workerData.module).then(async ({RightOfWay}) => {
       const passed = new RightOfWay(workerData.cells).passed(${NEVER_MS});
       parentPort.postMessage('waits');
       parentPort.postMessage(await passed);
     });
     setInterval(() => {}, 1000);`,
    {
      eval: true,
      workerData: {module: new URL('./right-of-way.js', import.meta.url).href, cells: way.cells},
    },
  );
  t.deepEqual(await once(other, 'message'), ['waits']);
  way.leave();
  t.deepEqual(await once(other, 'message'), ['ok']);
  await other.terminate();
});

/** On paper, a window of 50 ms at a time; the last one in a process that was started with a nice of its own. */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

import test from 'ava';

import {ThreadPriority} from './thread-priority.js';

class PaperThread {
  readonly nices: number[] = [];
  readonly windows: (() => void)[] = [];
  used = 0;
  readonly priority = new ThreadPriority({
    setNice: nice => void this.nices.push(nice),
    utilization: () => this.used,
    after: (_delayMs, callback) => void this.windows.push(callback),
  });

  /** Ends the window that runs. */
  pass(used: number): void {
    this.used = used;
    this.windows.shift()?.();
  }
}

test('a thread yields while it has much to do, and is equal again afterwards', t => {
  const thread = new PaperThread();
  thread.priority.noteWork();
  thread.pass(0.9);
  t.deepEqual(thread.nices, [5]);
  thread.pass(1);
  t.deepEqual(thread.nices, [5]);
  thread.pass(0.1);
  t.deepEqual(thread.nices, [5, 0]);
  t.is(thread.windows.length, 0); // nothing wakes it
});

test('little work changes nothing', t => {
  const thread = new PaperThread();
  thread.priority.noteWork();
  thread.pass(0.1);
  t.deepEqual(thread.nices, []);
  thread.priority.noteWork();
  thread.pass(0.6);
  t.deepEqual(thread.nices, [5]);
});

test('one window runs at a time', t => {
  const thread = new PaperThread();
  for (let at = 0; at < 10; at++) thread.priority.noteWork();
  t.is(thread.windows.length, 1);
  thread.pass(0.1);
  t.is(thread.windows.length, 0);
});

test('who yields at once can be equal at once', t => {
  const thread = new PaperThread();
  thread.priority.yieldToVerbs();
  thread.priority.beEqual();
  thread.priority.noteWork();
  thread.pass(0.1);
  t.deepEqual(thread.nices, [5, 0]);
});

test('who yields at once does so until a window had little', t => {
  const thread = new PaperThread();
  thread.priority.yieldToVerbs();
  t.deepEqual(thread.nices, [5]);
  thread.priority.noteWork();
  thread.pass(0.1);
  t.deepEqual(thread.nices, [5, 0]);
});

test('nice is counted from what the daemon was started with', async t => {
  const code = `
    import {getPriority} from 'node:os';
    import {priorityOfThisThread} from ${JSON.stringify(new URL('thread-priority.js', import.meta.url).href)};
    const {yieldToVerbs} = priorityOfThisThread();
    const before = getPriority();
    yieldToVerbs();
    console.log(getPriority() - before);
  `;
  const yielded = async (nice: number) => {
    const argv = ['-n', String(nice), process.execPath, '--input-type=module', '-e', code];
    return (await promisify(execFile)('nice', argv, {timeout: 10_000})).stdout.trim();
  };
  t.is(await yielded(3), '5');
  t.is(await yielded(19), '0', 'there is no more');
});

import test from 'ava';
import {Daemon} from './daemon.js';
import type {Part} from './parts/part.js';

/** A part that writes down what becomes of it, and starts and stops a moment later. */
function part(name: string, seen: string[]): Part {
  return {
    async start() {
      seen.push(`start ${name}`);
      await Promise.resolve();
      seen.push(`started ${name}`);
    },
    async stop() {
      seen.push(`stop ${name}`);
      await Promise.resolve();
      seen.push(`stopped ${name}`);
    },
  };
}

test('parts start one after the other, stop together, the last first, and then what they share ends', async t => {
  const seen: string[] = [];
  const daemon = new Daemon([part('a', seen), {}, part('b', seen)], () =>
    Promise.resolve(void seen.push('closed')),
  );
  await daemon.start();
  t.deepEqual(seen.splice(0), ['start a', 'started a', 'start b', 'started b']);
  await daemon.stop();
  t.deepEqual(seen, ['stop b', 'stop a', 'stopped b', 'stopped a', 'closed']);
});

test('a part that cannot stop keeps no other from it, and is told of', async t => {
  const seen: string[] = [];
  const broken: Part = {stop: () => Promise.reject(new Error('stuck'))};
  const thrower: Part = {
    stop() {
      throw new Error('broken');
    },
  };
  const daemon = new Daemon([part('a', seen), broken, thrower], () =>
    Promise.resolve(void seen.push('closed')),
  );
  await t.throwsAsync(daemon.stop(), {message: 'broken'});
  t.deepEqual(seen, ['stop a', 'stopped a', 'closed']);
});

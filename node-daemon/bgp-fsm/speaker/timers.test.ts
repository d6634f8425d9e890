import test from 'ava';
import {PaperClock} from './paper-world.js';
import {Timers} from './timers.js';

function timersWithLog() {
  const clock = new PaperClock();
  const timers = new Timers<'a' | 'b'>(clock);
  const log: string[] = [];
  const note = (word: string) => () => log.push(`${word} at ${clock.nowMs()}`);
  return {clock, timers, log, note};
}

test('a timer that is started again fires once, at its new time, sooner or later', t => {
  const {clock, timers, log, note} = timersWithLog();
  timers.start('a', 100, note('a'));
  clock.run(90);
  timers.start('a', 100, note('later'));
  clock.run(50);
  timers.start('a', 10, note('sooner'));
  clock.run(1000);
  t.deepEqual(log, ['sooner at 150']);
});

test('a timer that is put off again and again is one timer', t => {
  const {clock, timers, log, note} = timersWithLog();
  for (let at = 0; at < 100; at++) {
    timers.start('a', 90, note('a'));
    clock.run(30);
  }
  t.deepEqual(log, []);
  clock.run(61);
  t.deepEqual(log, [`a at ${99 * 30 + 90}`]);
});

test('a stopped timer does not fire, and stops no other', t => {
  const {clock, timers, log, note} = timersWithLog();
  timers.start('a', 10, note('a'));
  timers.start('b', 10, note('b'));
  timers.stop('a');
  clock.run(10);
  timers.start('a', 10, note('a'));
  timers.start('b', 10, note('b'));
  timers.stopAll();
  clock.run(100);
  t.deepEqual(log, ['b at 10']);
});

test('what has come in by its time goes first, and may take it back', t => {
  const {clock, timers, log, note} = timersWithLog();
  clock.after(10, () => clock.soon(() => timers.startAfterInput('a', 5, note('again'))));
  timers.startAfterInput('a', 10, note('a'));
  timers.startAfterInput('b', 10, note('b'));
  clock.run(100);
  t.deepEqual(log, ['b at 10', 'again at 15']);
});

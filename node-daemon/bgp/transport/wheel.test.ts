import test from 'ava';
import fc from 'fast-check';
import {TimerWheel, type Alarm} from './wheel.js';

/** A wheel over a clock that is moved by hand. */
function wheelAt(startMs = 0) {
  const state = {nowMs: startMs, alarmMs: Infinity, rings: 0, ring: () => {}};
  const alarm: Alarm = {
    set(delayMs, ring) {
      state.alarmMs = state.nowMs + delayMs;
      state.ring = ring;
    },
    clear: () => (state.alarmMs = Infinity),
  };
  const wheel = new TimerWheel(() => state.nowMs, alarm);
  const run = (untilMs: number) => {
    while (state.alarmMs <= untilMs) {
      state.nowMs = Math.max(state.nowMs, state.alarmMs);
      state.alarmMs = Infinity;
      state.rings++;
      state.ring();
    }
    state.nowMs = Math.max(state.nowMs, untilMs);
  };
  return {wheel, state, run};
}

test('every timer fires once, in time and never early, unless it was cancelled', t => {
  const timers = fc.array(
    fc.record({atMs: fc.nat(3000), delayMs: fc.nat(100_000), cancelMs: fc.option(fc.nat(100_000))}),
    {minLength: 1, maxLength: 60},
  );
  fc.assert(
    fc.property(timers, drawn => {
      const {wheel, state, run} = wheelAt(0.25);
      const steps = drawn.flatMap((timer, index) => [
        {atMs: timer.atMs, index, isCancel: false},
        ...(timer.cancelMs === null
          ? []
          : [{atMs: timer.atMs + timer.cancelMs, index, isCancel: true}]),
      ]);
      const running = new Map<number, {cancel(): void}>();
      const fired = new Map<number, number>();
      for (const {atMs, index, isCancel} of steps.sort((a, b) => a.atMs - b.atMs)) {
        run(atMs);
        if (isCancel) running.get(index)?.cancel();
        else
          running.set(
            index,
            wheel.after(drawn[index]!.delayMs, () => {
              if (fired.has(index)) throw new Error('fired twice');
              fired.set(index, state.nowMs);
            }),
          );
      }
      run(200_000);
      return drawn.every(({atMs, delayMs, cancelMs}, index) => {
        const dueMs = atMs + delayMs;
        const at = fired.get(index);
        if (at === undefined) return cancelMs !== null && cancelMs <= delayMs + 17;
        return at >= dueMs && at <= dueMs + 17;
      });
    }),
  );
  t.pass();
});

test('timers that may be late fire together, never early, and not later than they may', t => {
  const {wheel, state, run} = wheelAt(0.25);
  const lateMs: number[] = [];
  for (let at = 0; at < 1000; at++) {
    const dueMs = 0.25 + 20_000 + at;
    wheel.after(20_000 + at, () => lateMs.push(state.nowMs - dueMs), 300);
  }
  run(30_000);
  t.is(lateMs.length, 1000);
  t.true(Math.min(...lateMs) >= 0 && Math.max(...lateMs) <= 300, String(Math.max(...lateMs)));
  t.true(state.rings <= 5, `${state.rings} rings for a second of timers`);
  wheel.after(1000, () => lateMs.push(state.nowMs - 31_000));
  run(40_000);
  t.true((lateMs.at(-1) ?? Infinity) <= 17, 'others are as they were');
});

test('a callback may start and cancel timers, its neighbours of the same tick as well', t => {
  const {wheel, run} = wheelAt();
  const seen: string[] = [];
  wheel.after(10, () => {
    seen.push('first');
    second.cancel();
    wheel.after(0, () => seen.push('third'));
  });
  const second = wheel.after(10, () => seen.push('second'));
  run(100);
  second.cancel();
  t.deepEqual(seen, ['first', 'third']);
});

test('long timers wake the loop together, and restarting one leaves nothing behind', t => {
  const {wheel, state, run} = wheelAt();
  for (let at = 0; at < 1000; at++) wheel.after(60_000 + at / 10, () => {});
  run(70_000);
  t.true(state.rings <= 8, `${state.rings} rings for 100 ms of timers`);

  const other = wheel.after(95_000, () => {});
  let hold = wheel.after(90_000, () => t.fail());
  for (let at = 0; at < 10_000; at++) {
    hold.cancel();
    hold = wheel.after(90_000, () => {});
  }
  t.is(wheel.size, 2);
  hold.cancel();
  t.not(state.alarmMs, Infinity);
  other.cancel();
  other.cancel();
  t.is(wheel.size, 0);
  t.is(state.alarmMs, Infinity); // nothing keeps the loop alive
});

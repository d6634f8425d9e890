/** The clock of a speaker in a real event loop. Shell. */
import type {Clock} from '#bgp-fsm';
import {TimerWheel} from './wheel.js';

/** `onTurn`: something is to be done soon. */
export function createClock(onTurn: () => void = () => undefined): Clock {
  const nowMs = () => performance.now();
  let timer: NodeJS.Timeout | undefined;
  const wheel = new TimerWheel(nowMs, {
    set(delayMs, ring) {
      clearTimeout(timer);
      timer = setTimeout(ring, Math.ceil(delayMs));
    },
    clear: () => clearTimeout(timer),
  });
  return {
    nowMs,
    after: (delayMs, callback, slackMs) => wheel.after(delayMs, callback, slackMs),
    soon(callback) {
      onTurn();
      setImmediate(callback); // after the poll phase: what had come in was delivered
    },
  };
}

/** The clock of a speaker in a real event loop. Shell. */
import type {Clock} from '#bgp-fsm';

export const eventLoopClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return {cancel: () => clearTimeout(timer)};
  },
  soon(callback) {
    setImmediate(callback); // after the poll phase: what had come in was delivered
  },
};

/**
 * A thread of BGP among the daemon's others. Shell. CNI verbs come first while there is much to do, a table that
 * arrives: five more nice than they then. While there is little, all are equal: a nicer thread that wakes on a
 * busy machine waits for its turn ten to fifty milliseconds, and that is how late BFD would find a dead neighbour.
 */
import {readlinkSync} from 'node:fs';
import {constants, getPriority, setPriority} from 'node:os';
import {performance} from 'node:perf_hooks';

/** More nice than the daemon, whatever that was started with. */
const YIELDING = 5;
const EQUAL = 0;
const WINDOW_MS = 50;
const MUCH = 0.3; // of the window; waking for BFD and KEEPALIVEs is far less, a table more

/** What it needs of the thread that it is for. */
export interface ThreadPorts {
  /** So much more than it began with. */
  setNice(more: number): void;
  /** Share of the time that was no waiting, since it was asked last. */
  utilization(): number;
  after(delayMs: number, callback: () => void): void;
}

/** A window at a time, and none while nothing happens: who sleeps is not woken for it. */
export class ThreadPriority {
  readonly #ports: ThreadPorts;
  #isWatching = false;
  #isYielding = false;

  constructor(ports: ThreadPorts) {
    this.#ports = ports;
  }

  /** At once, until a window had little. Threads that start meanwhile (of sockets, in C++) yield for good. */
  readonly yieldToVerbs = (): void => {
    this.#ports.setNice(YIELDING);
    this.#isYielding = true;
  };

  /** At once. */
  readonly beEqual = (): void => {
    this.#ports.setNice(EQUAL);
    this.#isYielding = false;
  };

  /** To be told of what may be the beginning of much. */
  readonly noteWork = (): void => {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#ports.utilization();
    this.#watch();
  };

  #watch(): void {
    this.#ports.after(WINDOW_MS, () => {
      const isMuch = this.#ports.utilization() >= MUCH;
      if (isMuch !== this.#isYielding) this.#ports.setNice(isMuch ? YIELDING : EQUAL);
      this.#isYielding = isMuch;
      this.#isWatching = isMuch;
      if (isMuch) this.#watch();
    });
  }
}

/** Of the thread that calls. */
export function priorityOfThisThread(): ThreadPriority {
  let before = performance.eventLoopUtilization();
  const own = getPriority(); // of 0: on Linux the thread that asks
  return new ThreadPriority({
    setNice: more => setNiceOfThisThread(Math.min(own + more, constants.priority.PRIORITY_LOW)),
    utilization() {
      const now = performance.eventLoopUtilization();
      const {utilization} = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    after: (delayMs, callback) => void setTimeout(callback, delayMs).unref(),
  });
}

/**
 * setpriority(2): on Linux nice is a thread's own. Without CAP_SYS_NICE there is no way back from yielding, and
 * where there is no /proc all stay equal.
 */
function setNiceOfThisThread(nice: number): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(thread)) setPriority(thread, nice);
  } catch {
    return;
  }
}

/**
 * Timers for thousands of sessions on one alarm. Starting and cancelling cost the same whatever there is:
 * a hold timer is restarted with every slice of messages, and hardly ever fires.
 *
 * Timers that are due at the same tick share a list; a heap knows the ticks. Delays of half a second
 * and more are rounded up to ticks of 16 ms, so that sessions wake the loop together; shorter ones
 * (BFD) to 1 ms. A timer that may be late is rounded up to a larger tick: of 5,000 sessions a hundred send their
 * KEEPALIVEs in one turn, with warm caches, for two thirds of the processor. A timer never fires early.
 */
import type {RunningTimer} from '#bgp-fsm';

/** What wakes the wheel; setting it replaces what was set. */
export interface Alarm {
  set(delayMs: number, ring: () => void): void;
  clear(): void;
}

const COARSE_FROM_MS = 500;
const COARSE_MS = 16;

/** Of a ring: the list's own node is the first and the last. A node is the timer as well. */
class Node implements RunningTimer {
  previous: Node = this;
  next: Node = this;
  readonly callback: () => void;
  readonly #onCancel: () => void; // of the wheel, for all of them

  constructor(callback: () => void, onCancel: () => void) {
    this.callback = callback;
    this.#onCancel = onCancel;
  }

  get isAlone(): boolean {
    return this.next === this;
  }

  insertBefore(node: Node): void {
    this.previous = node.previous;
    this.next = node;
    node.previous.next = this;
    node.previous = this;
  }

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this.next = this;
  }

  /** Again, and after it fired, is harmless. */
  cancel(): void {
    if (this.isAlone) return;
    this.unlink();
    this.#onCancel();
  }
}

export class TimerWheel {
  readonly #nowMs: () => number;
  readonly #alarm: Alarm;
  readonly #lists = new Map<number, Node>(); // by tick in milliseconds
  readonly #ticks: number[] = []; // binary heap, the earliest first
  #alarmMs = Infinity;
  #running = 0;

  constructor(nowMs: () => number, alarm: Alarm) {
    this.#nowMs = nowMs;
    this.#alarm = alarm;
  }

  /** `slackMs`: it may fire so much later than others of its length. */
  after(delayMs: number, callback: () => void, slackMs = 0): RunningTimer {
    const dueMs = this.#nowMs() + Math.max(0, delayMs);
    const grain = Math.max(delayMs >= COARSE_FROM_MS ? COARSE_MS : 1, powerOfTwoIn(slackMs));
    const tick = Math.ceil(dueMs / grain) * grain;
    const node = new Node(callback, this.#forget);
    node.insertBefore(this.#listAt(tick));
    this.#running++;
    if (tick < this.#alarmMs) this.#arm(tick);
    return node;
  }

  /** Ticks with timers, or with none any more. */
  get size(): number {
    return this.#ticks.length;
  }

  /** One was cancelled. With the last one the alarm goes, too: the event loop may end. */
  readonly #forget = (): void => {
    this.#running--;
    if (this.#running > 0) return;
    this.#lists.clear();
    this.#ticks.length = 0;
    this.#alarmMs = Infinity;
    this.#alarm.clear();
  };

  readonly #ring = (): void => {
    this.#alarmMs = Infinity;
    const nowMs = this.#nowMs();
    for (let tick = this.#ticks[0]; tick !== undefined && tick <= nowMs; tick = this.#ticks[0]) {
      popHeap(this.#ticks);
      const list = this.#lists.get(tick);
      this.#lists.delete(tick);
      while (list !== undefined && !list.isAlone) {
        const {next} = list;
        next.unlink();
        this.#running--;
        next.callback();
      }
    }
    const next = this.#ticks[0];
    if (next !== undefined && next < this.#alarmMs) this.#arm(next);
    else if (next === undefined) this.#alarm.clear();
  };

  #arm(tick: number): void {
    this.#alarmMs = tick;
    this.#alarm.set(Math.max(0, tick - this.#nowMs()), this.#ring);
  }

  #listAt(tick: number): Node {
    const known = this.#lists.get(tick);
    if (known !== undefined) return known;
    const list = new Node(
      () => {},
      () => {},
    );
    this.#lists.set(tick, list);
    pushHeap(this.#ticks, tick);
    return list;
  }
}

/** The largest that is not more; ticks of different grains fall on the same moments. 0 below 1. */
function powerOfTwoIn(value: number): number {
  return value < 1 ? 0 : 2 ** Math.floor(Math.log2(value));
}

function pushHeap(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if ((heap[parent] ?? 0) <= value) break;
    heap[at] = heap[parent] ?? 0;
    at = parent;
  }
  heap[at] = value;
}

/** Removes the smallest. */
function popHeap(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = at * 2 + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const child = (heap[right] ?? Infinity) < (heap[left] ?? 0) ? right : left;
    if ((heap[child] ?? Infinity) >= last) break;
    heap[at] = heap[child] ?? 0;
    at = child;
  }
  heap[at] = last;
}

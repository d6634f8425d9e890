/**
 * Who has the kernel's network lock to himself, as far as it is ours to say: a thread that has much to write lets
 * CNI verbs pass, which are few and short. A number that both threads see; no message waits behind others. Shell.
 */

/** While pods come without end a table goes on all the same: 256 routes in this time at the least. */
const MOST_WAIT_MS = 10;

/** For both ends; the one hands `cells` to the other. */
export class RightOfWay {
  readonly cells: SharedArrayBuffer;
  readonly #underWay: Int32Array;

  constructor(cells = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.cells = cells;
    this.#underWay = new Int32Array(cells);
  }

  /** Until `leave`. */
  enter(): void {
    Atomics.add(this.#underWay, 0, 1);
  }

  leave(): void {
    if (Atomics.sub(this.#underWay, 0, 1) === 1) Atomics.notify(this.#underWay, 0);
  }

  /** Resolves when all have passed, and after so long at the latest. Undefined: it is free. */
  passed(mostMs = MOST_WAIT_MS): Promise<unknown> | undefined {
    const underWay = Atomics.load(this.#underWay, 0);
    if (underWay === 0) return undefined;
    const wait = Atomics.waitAsync(this.#underWay, 0, underWay, mostMs);
    return wait.async ? wait.value : undefined;
  }
}

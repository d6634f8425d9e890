/**
 * Who dials and is nobody's neighbour: a switch whose record was deleted does so every second, for as long as
 * nobody tells it. Each gets one line in ten minutes. Pure.
 */
const QUIET_MS = 600_000;
const MOST = 1000; // a flood of addresses costs lines, not memory

export class Strangers {
  readonly #toldMs = new Map<string, number>(); // the longest ago first

  /** True: worth a line. */
  isNews(address: string, nowMs: number): boolean {
    const toldMs = this.#toldMs.get(address);
    if (toldMs !== undefined && nowMs - toldMs < QUIET_MS) return false;
    this.#toldMs.delete(address);
    this.#toldMs.set(address, nowMs);
    const [oldest] = this.#toldMs.keys();
    if (this.#toldMs.size > MOST && oldest !== undefined) this.#toldMs.delete(oldest);
    return true;
  }
}

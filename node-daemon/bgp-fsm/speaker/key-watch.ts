/**
 * Why nobody dials: a segment with another MD5 key than ours (RFC 2385) is dropped by the kernel, and neither
 * end hears of it. The kernel counts them, for the whole host and not by sender. So the counts are looked at
 * while somebody waits to be dialled, and all who wait are told: any of them may be meant.
 */
import type {KeyDrops, RunningTimer, SpeakerPorts} from './ports.js';

export interface Waiting {
  /** So many more than LOOK_MS ago. */
  keyDropped(drops: KeyDrops): void;
}

const LOOK_MS = 5000;
const SLACK_MS = 1000;

export class KeyWatch {
  readonly #ports: SpeakerPorts;
  readonly #waiting: () => readonly Waiting[];
  #before: KeyDrops | undefined;
  #timer: RunningTimer | undefined;

  constructor(ports: SpeakerPorts, waiting: () => readonly Waiting[]) {
    this.#ports = ports;
    this.#waiting = waiting;
  }

  /** Somebody waits; it goes on by itself for as long as anybody does. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#before = this.#ports.transport.keyDrops();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#ports.clock.after(LOOK_MS, () => this.#look(), SLACK_MS);
  }

  #look(): void {
    this.#timer = undefined;
    const waiting = this.#waiting();
    if (waiting.length === 0) return;
    const now = this.#ports.transport.keyDrops();
    const drops = now && this.#before && riseOf(this.#before, now);
    this.#before = now;
    if (drops !== undefined) for (const each of waiting) each.keyDropped(drops);
    this.#arm();
  }
}

/** Undefined: none. */
function riseOf(before: KeyDrops, now: KeyDrops): KeyDrops | undefined {
  const wrong = now.wrong - before.wrong;
  const missing = now.missing - before.missing;
  const unexpected = now.unexpected - before.unexpected;
  return wrong + missing + unexpected === 0 ? undefined : {wrong, missing, unexpected};
}

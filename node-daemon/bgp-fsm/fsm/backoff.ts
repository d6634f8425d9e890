/**
 * How long to wait before the next attempt (RFC 4271 §8.1.1 DampPeerOscillations leaves it to us), and
 * the jitter of §10. Pure: the random number is the caller's.
 *
 * Each failure doubles the wait from `minMs` to `maxMs`; a session that stayed established for a
 * while is calm, and the count starts again (fsm.ts, `calm`). Without it a peer that answers every
 * OPEN with a Cease is dialled in a busy loop (MetalLB #780, #1114).
 */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** `failures`: 1 after the first. Jittered, so that the peers of a rebooted router spread out. */
export function backoffMs(failures: number, {minMs, maxMs}: Backoff, random: () => number): number {
  const doublings = Math.min(Math.max(failures - 1, 0), 30); // beyond, 2^n is no longer a delay
  return jitterMs(Math.min(minMs * 2 ** doublings, maxMs), random);
}

/** RFC 4271 §10: the value times a uniform number from 0.75 to 1. */
export function jitterMs(valueMs: number, random: () => number): number {
  return Math.round(valueMs * (0.75 + 0.25 * random()));
}

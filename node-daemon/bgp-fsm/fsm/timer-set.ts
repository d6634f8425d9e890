/**
 * Sets of timers, each of the 128 that there are made once and shared: a session gets a new one with
 * every KEEPALIVE, and thousands of sessions would feed nothing but the garbage collector. Pure.
 */
import type {Timer} from './types.js';

const BITS: Readonly<Record<Timer, number>> = {
  connectRetry: 1,
  hold: 2,
  keepalive: 4,
  delayOpen: 8,
  idleHold: 16,
  sendHold: 32,
  calm: 64,
};

const TIMERS = Object.keys(BITS) as Timer[];

const SETS: readonly ReadonlySet<Timer>[] = Array.from(
  {length: 2 ** TIMERS.length},
  (_, mask) => new Set(TIMERS.filter(timer => (mask & BITS[timer]) !== 0)),
);

const MASKS: ReadonlyMap<ReadonlySet<Timer>, number> = new Map(
  SETS.map((set, mask) => [set, mask]),
);

export const NO_TIMERS: ReadonlySet<Timer> = setOf(0);

export function withTimer(set: ReadonlySet<Timer>, timer: Timer): ReadonlySet<Timer> {
  return setOf(maskOf(set) | BITS[timer]);
}

export function withoutTimer(set: ReadonlySet<Timer>, timer: Timer): ReadonlySet<Timer> {
  return setOf(maskOf(set) & ~BITS[timer]);
}

function setOf(mask: number): ReadonlySet<Timer> {
  return SETS[mask] as ReadonlySet<Timer>;
}

/** A set that somebody else made has the mask of its members. */
function maskOf(set: ReadonlySet<Timer>): number {
  const known = MASKS.get(set);
  if (known !== undefined) return known;
  let mask = 0;
  for (const timer of set) mask |= BITS[timer];
  return mask;
}

import type {Range} from '../range.js';
import type {Conflict} from './claim.js';

/**
 * The life of a node's etcd lease. Pure: events in, state and next step out; time is a number.
 *
 *            granted                     settled
 *   (none) ----------> lease, unsettled ---------> settled ----+
 *      ^                     ^                        |  ^      | alive: deadline moves on
 *      |        lost         |  recheck, pools, alive |  +------+
 *      +---------------------+------------------------+
 *
 * Settled means: etcd was seen to say that our blocks and our record are ours under this lease.
 * Only then, and only until `safeUntilMs` (the lease's deadline minus a margin), may addresses be
 * handed out. The deadline counts from before a request was sent, on a clock that also runs while
 * the machine sleeps (CLOCK_BOOTTIME): etcd's own is never earlier.
 */
export interface LeaseState {
  readonly lease?: HeldLease | undefined;
  readonly ranges: readonly Range[];
  /** The ranges are of a boot before and no pod uses them: one that is taken is no loss. */
  readonly inherited: boolean;
  readonly conflicts: readonly Conflict[];
  readonly exhausted: readonly string[];
  /** The record under the node's name was seen to be ours, bound to this lease. */
  readonly isNamed: boolean;
  readonly nameTaken?: string | undefined; // in words: by whom, and what to do
  /** Of the last other machine that was seen to have the name: what hangs on it is never ours. */
  readonly strangerLeaseId?: string | undefined;
  readonly safeUntilMs: number; // 0: not safe
  readonly settleAtMs: number; // when to compare with etcd again; 0: now
  readonly renewAtMs: number; // 0: now
  readonly ttlSeconds: number; // wanted
  readonly marginSeconds: number;
  readonly failures: number; // in a row
  readonly retryAtMs: number;
  readonly error?: string | undefined; // the last failure, until something succeeds
}

export interface HeldLease {
  readonly id: string;
  readonly ttlSeconds: number;
  readonly expiresAtMs: number;
}

export type LeaseEvent =
  | {readonly kind: 'granted'; readonly id: string; readonly ttlSeconds: number; askedAtMs: number}
  | {readonly kind: 'alive'; readonly ttlSeconds: number; readonly askedAtMs: number}
  | {readonly kind: 'lost'}
  | {
      readonly kind: 'settled';
      readonly ranges: readonly Range[];
      readonly conflicts: readonly Conflict[];
      readonly exhausted: readonly string[];
      readonly nameTaken?: string | undefined;
      readonly strangerLeaseId?: string | undefined;
      readonly lookAgainAtMs?: number | undefined; // when the name is taken
      readonly atMs: number;
    }
  | {readonly kind: 'failed'; readonly error: string; readonly atMs: number; jitter: number}
  | {readonly kind: 'changed'} // pools, record, or a hint that etcd changed: settle again
  | {readonly kind: 'ttl'; readonly ttlSeconds: number; readonly marginSeconds: number};

export type LeaseStep =
  | {readonly kind: 'grant'; readonly ttlSeconds: number}
  | {readonly kind: 'keep-alive'; readonly leaseId: string}
  | {readonly kind: 'settle'; readonly leaseId: string}
  | {readonly kind: 'move'; readonly leaseId: string; readonly ttlSeconds: number}
  | {readonly kind: 'wait'; readonly untilMs: number};

export interface LeaseView {
  readonly ranges: readonly Range[];
  readonly leaseId?: string | undefined;
  readonly safeUntilBoottimeMs: number; // 0 when not safe
  readonly state: 'none' | 'held' | 'unsafe' | 'fenced';
  readonly reason?: string | undefined;
  /** Only then is what lies below the node's name in etcd ours to write. */
  readonly isNamed?: boolean | undefined;
}

/** A fenced node, or one that found its name taken or its pool full, looks again this often. */
const LOOK_AGAIN_MS = 30_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 30_000;

export function initialState(ttlSeconds: number, marginSeconds: number): LeaseState {
  return {
    ranges: [],
    inherited: false,
    conflicts: [],
    exhausted: [],
    isNamed: false,
    ...{safeUntilMs: 0, settleAtMs: 0, renewAtMs: 0, failures: 0, retryAtMs: 0},
    ttlSeconds,
    marginSeconds,
  };
}

/**
 * A node that starts again. Within the same boot the saved deadline still counts, so addresses can
 * be handed out before etcd is reached. After a reboot CLOCK_BOOTTIME began anew: etcd has to say.
 */
export function restoredState(
  fresh: LeaseState,
  saved: Pick<LeaseState, 'lease' | 'ranges' | 'inherited' | 'safeUntilMs' | 'strangerLeaseId'>,
  sameBoot: boolean,
): LeaseState {
  const {lease, ranges, inherited, strangerLeaseId} = saved;
  const known = {...fresh, ranges, strangerLeaseId};
  if (!sameBoot) return {...known, inherited: true, lease: lease && {...lease, expiresAtMs: 0}};
  return {...known, inherited, lease, safeUntilMs: lease ? saved.safeUntilMs : 0};
}

export function transition(state: LeaseState, event: LeaseEvent): LeaseState {
  switch (event.kind) {
    case 'granted': {
      const {id, ttlSeconds, askedAtMs} = event;
      const lease = {id, ttlSeconds, expiresAtMs: askedAtMs + ttlSeconds * 1000};
      const renewAtMs = askedAtMs + (ttlSeconds * 1000) / 3;
      // A lease that took over from a longer one must not be trusted for the longer one's time.
      const safeUntilMs = Math.min(state.safeUntilMs, safeUntil(state, lease));
      return succeeded({...state, lease, renewAtMs, safeUntilMs, settleAtMs: 0});
    }
    case 'alive': {
      if (state.lease === undefined) return state;
      const lifeMs = event.ttlSeconds * 1000;
      const lease = {...state.lease, expiresAtMs: event.askedAtMs + lifeMs};
      const renewAtMs = event.askedAtMs + Math.min(lifeMs, lease.ttlSeconds * 1000) / 3;
      const safeUntilMs = state.safeUntilMs === 0 ? 0 : safeUntil(state, lease);
      return succeeded({...state, lease, renewAtMs, safeUntilMs, settleAtMs: 0});
    }
    case 'lost':
      return withoutLease(state);
    case 'settled':
      return state.lease === undefined ? state : settled(state, state.lease, event);
    case 'failed': {
      const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(state.failures, 20));
      const delayMs = ceiling * (0.5 + event.jitter / 2);
      return {
        ...state,
        failures: state.failures + 1,
        retryAtMs: event.atMs + delayMs,
        error: event.error,
      };
    }
    case 'changed':
      return {...state, settleAtMs: 0};
    case 'ttl': {
      const wanted = {...state, ttlSeconds: event.ttlSeconds, marginSeconds: event.marginSeconds};
      if (state.lease === undefined || state.safeUntilMs === 0) return wanted;
      return {...wanted, safeUntilMs: safeUntil(wanted, state.lease)};
    }
  }
}

function settled(
  state: LeaseState,
  lease: HeldLease,
  event: Extract<LeaseEvent, {kind: 'settled'}>,
): LeaseState {
  const {ranges, conflicts, exhausted, nameTaken, atMs} = event;
  const {lookAgainAtMs = atMs + LOOK_AGAIN_MS} = event;
  const isFenced = conflicts.length > 0 || nameTaken !== undefined;
  const next = succeeded({
    ...{...state, ranges, conflicts, exhausted, nameTaken},
    ...{isNamed: nameTaken === undefined, inherited: false},
    strangerLeaseId: event.strangerLeaseId ?? state.strangerLeaseId,
    safeUntilMs: isFenced ? 0 : safeUntil(state, lease),
    settleAtMs: isFenced || exhausted.length > 0 ? lookAgainAtMs : Infinity,
  });
  // The state directory of a copied disk names the lease of the machine it was copied from.
  return nameTaken !== undefined && state.inherited ? withoutLease(next) : next;
}

function withoutLease(state: LeaseState): LeaseState {
  const none = {lease: undefined, isNamed: false, safeUntilMs: 0, settleAtMs: 0, renewAtMs: 0};
  return {...state, ...none};
}

export function nextStep(state: LeaseState, nowMs: number): LeaseStep {
  if (nowMs < state.retryAtMs)
    return {kind: 'wait', untilMs: wakeUp(state, nowMs, state.retryAtMs)};
  if (state.lease === undefined) return {kind: 'grant', ttlSeconds: state.ttlSeconds};
  const leaseId = state.lease.id;
  if (nowMs >= state.renewAtMs) return {kind: 'keep-alive', leaseId};
  if (nowMs >= state.settleAtMs) return {kind: 'settle', leaseId};
  if (state.lease.ttlSeconds !== state.ttlSeconds) {
    return {kind: 'move', leaseId, ttlSeconds: state.ttlSeconds};
  }
  const next = Math.min(state.renewAtMs, state.settleAtMs);
  return {kind: 'wait', untilMs: wakeUp(state, nowMs, next)};
}

export function viewOf(state: LeaseState, nowMs: number): LeaseView {
  const view = {
    ranges: state.ranges,
    leaseId: state.lease?.id,
    safeUntilBoottimeMs: state.safeUntilMs,
    isNamed: state.isNamed,
  };
  if (state.nameTaken !== undefined) return {...view, state: 'fenced', reason: state.nameTaken};
  if (state.ranges.length === 0) return {...view, state: 'none', reason: reasonForNone(state)};
  if (state.conflicts.length > 0) {
    const conflicts = state.conflicts.map(({cidr, holder}) => `${cidr} is held by ${holder}`);
    return {...view, state: 'fenced', reason: conflicts.join(', ')};
  }
  if (nowMs >= state.safeUntilMs) return {...view, state: 'unsafe', reason: reasonForUnsafe(state)};
  if (state.exhausted.length === 0) return {...view, state: 'held'};
  return {...view, state: 'held', reason: noFreeBlock(state)};
}

function reasonForNone(state: LeaseState): string {
  if (state.exhausted.length > 0) return noFreeBlock(state);
  return state.error ?? (state.settleAtMs === 0 ? 'starting' : 'no pool is enabled for this node');
}

function reasonForUnsafe(state: LeaseState): string {
  const what =
    state.lease === undefined
      ? 'the lease is lost'
      : state.safeUntilMs === 0
        ? 'the lease is not confirmed'
        : 'the lease is about to run out';
  return state.error === undefined ? what : `${what}: ${state.error}`;
}

function noFreeBlock({exhausted}: LeaseState): string {
  return `no free block in pool ${exhausted.join(', ')}`;
}

/** A margin as long as the lease would leave nothing; half of the lease always remains. */
function safeUntil(state: LeaseState, lease: HeldLease): number {
  const margin = Math.min(state.marginSeconds, lease.ttlSeconds / 2);
  return lease.expiresAtMs - margin * 1000;
}

function succeeded(state: LeaseState): LeaseState {
  return {...state, failures: 0, retryAtMs: 0, error: undefined};
}

/** The moment 'held' turns into 'unsafe' is news too. */
function wakeUp(state: LeaseState, nowMs: number, atMs: number): number {
  return state.safeUntilMs > nowMs ? Math.min(state.safeUntilMs, atMs) : atMs;
}

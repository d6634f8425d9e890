import test from 'ava';
import fc from 'fast-check';
import {
  initialState,
  nextStep,
  restoredState,
  transition,
  viewOf,
  type LeaseEvent,
  type LeaseState,
} from './state.js';

/* A clock that is a number: t0 = 1,000,000 ms, lease of 90 s, margin of 30 s. */

const T0 = 1_000_000;
const range = {cidr: '10.0.0.0/26', family: 'ipv4', pool: 'p'} as const;
const granted: LeaseEvent = {kind: 'granted', id: '7', ttlSeconds: 90, askedAtMs: T0};
const settled: LeaseEvent = {
  ...{kind: 'settled', ranges: [range], conflicts: [], exhausted: [], atMs: T0},
};
const fenced: LeaseEvent = {...settled, conflicts: [{cidr: range.cidr, holder: 'b (2)'}]};

function after(...events: readonly LeaseEvent[]): LeaseState {
  return events.reduce(transition, initialState(90, 30));
}

test('a node grants, settles, and sleeps until a third of the lease is over', t => {
  t.deepEqual(nextStep(after(), T0), {kind: 'grant', ttlSeconds: 90});
  t.deepEqual(nextStep(after(granted), T0), {kind: 'settle', leaseId: '7'});
  t.like(viewOf(after(granted), T0), {state: 'none', ranges: []});
  const held = after(granted, settled);
  t.deepEqual(nextStep(held, T0), {kind: 'wait', untilMs: T0 + 30_000});
  t.deepEqual(nextStep(held, T0 + 30_000), {kind: 'keep-alive', leaseId: '7'});
  t.like(viewOf(held, T0), {state: 'held', safeUntilBoottimeMs: T0 + 60_000});
});

test('a keep-alive moves the deadline from before it was sent, and etcd is compared again', t => {
  const state = after(granted, settled, {kind: 'alive', ttlSeconds: 90, askedAtMs: T0 + 30_000});
  t.like(viewOf(state, T0 + 31_000), {state: 'held', safeUntilBoottimeMs: T0 + 90_000});
  t.deepEqual(nextStep(state, T0 + 31_000), {kind: 'settle', leaseId: '7'});
});

test('etcd unreachable: tried again ever later, unsafe at the deadline minus the margin', t => {
  let state = after(granted, settled);
  let nowMs = T0 + 30_000;
  const delays: number[] = [];
  for (let n = 0; n < 12; n++) {
    state = transition(state, {kind: 'failed', error: 'etcd is gone', atMs: nowMs, jitter: 1});
    delays.push(state.retryAtMs - nowMs);
    nowMs = state.retryAtMs;
  }
  t.deepEqual(delays.slice(0, 4), [250, 500, 1000, 2000]);
  t.is(Math.max(...delays), 30_000);
  t.like(viewOf(state, T0 + 59_999), {state: 'held'});
  t.like(viewOf(state, T0 + 60_000), {state: 'unsafe'});
  t.regex(viewOf(state, T0 + 60_000).reason ?? '', /run out: etcd is gone/);
  const back = [{kind: 'alive', ttlSeconds: 90, askedAtMs: nowMs} as const, settled];
  t.like(viewOf(back.reduce(transition, state), nowMs), {state: 'held'});
});

test('while it waits for a retry it wakes at the moment it becomes unsafe', t => {
  const failed: LeaseEvent = {kind: 'failed', error: 'x', atMs: T0 + 59_900, jitter: 1};
  const state = after(granted, settled, failed);
  t.deepEqual(nextStep(state, T0 + 59_900), {kind: 'wait', untilMs: T0 + 60_000});
  t.deepEqual(nextStep(state, T0 + 60_000), {kind: 'wait', untilMs: T0 + 60_150});
});

test('a lost lease is unsafe at once and is granted and settled anew', t => {
  const lost = after(granted, settled, {kind: 'lost'});
  t.like(viewOf(lost, T0), {state: 'unsafe', reason: 'the lease is lost', ranges: [range]});
  t.is(nextStep(lost, T0).kind, 'grant');
  const regranted = transition(lost, {...granted, id: '8'});
  t.like(viewOf(regranted, T0), {state: 'unsafe'});
  t.like(viewOf(transition(regranted, settled), T0), {state: 'held', leaseId: '8'});
});

test('a range that somebody else has fences the node, which looks again after 30 s', t => {
  const state = after(granted, fenced);
  t.like(viewOf(state, T0), {
    ...{state: 'fenced', safeUntilBoottimeMs: 0},
    reason: '10.0.0.0/26 is held by b (2)',
  });
  t.deepEqual(nextStep(state, T0), {kind: 'wait', untilMs: T0 + 30_000});
  const kept = transition(state, {kind: 'alive', ttlSeconds: 90, askedAtMs: T0 + 30_000});
  t.is(viewOf(kept, T0 + 30_000).state, 'fenced');
  t.is(viewOf(transition(kept, settled), T0 + 30_000).state, 'held');
});

test('a name that another machine has fences a node without ranges too, which looks again', t => {
  const taken = {...settled, ranges: [], nameTaken: 'a is taken'} as LeaseEvent;
  const state = after(granted, taken);
  t.like(viewOf(state, T0), {state: 'fenced', reason: 'a is taken', isNamed: false, leaseId: '7'});
  t.deepEqual(nextStep(state, T0), {kind: 'wait', untilMs: T0 + 30_000});
  const had = transition(state, settled);
  t.like(viewOf(had, T0), {state: 'held', isNamed: true, reason: undefined});
  t.false(viewOf(transition(had, {kind: 'lost'}), T0).isNamed, 'the record went with the lease');
});

test('within one boot the saved deadline counts before etcd is reached; after another it does not', t => {
  const lease = {id: '7', ttlSeconds: 90, expiresAtMs: T0 + 90_000};
  const saved = {lease, ranges: [range], inherited: false, safeUntilMs: T0 + 60_000};
  const same = restoredState(initialState(90, 30), saved, true);
  t.is(viewOf(same, T0).state, 'held');
  t.is(viewOf(same, T0 + 60_000).state, 'unsafe');
  t.deepEqual(nextStep(same, T0), {kind: 'keep-alive', leaseId: '7'}, 'and once at start at once');
  const other = restoredState(initialState(90, 30), saved, false);
  t.is(viewOf(other, T0).state, 'unsafe');
  t.true(other.inherited);
  t.true(restoredState(initialState(90, 30), other, true).inherited, 'until it is settled');
  t.false(transition(other, settled).inherited);
  const alive = transition(other, {kind: 'alive', ttlSeconds: 90, askedAtMs: T0});
  t.is(viewOf(alive, T0).state, 'unsafe', 'the lease lives, the blocks are not confirmed');
  t.is(viewOf(transition(alive, settled), T0).state, 'held');
});

test('a new time to live makes a move, and a shorter lease shortens the trust at once', t => {
  const state = after(granted, settled, {kind: 'ttl', ttlSeconds: 30, marginSeconds: 10});
  t.deepEqual(nextStep(state, T0), {kind: 'move', leaseId: '7', ttlSeconds: 30});
  const moved = transition(state, {kind: 'granted', id: '8', ttlSeconds: 30, askedAtMs: T0});
  t.like(viewOf(moved, T0), {state: 'held', leaseId: '8', safeUntilBoottimeMs: T0 + 20_000});
  t.is(nextStep(moved, T0).kind, 'settle');
});

test('a margin as long as the lease leaves half of the lease', t => {
  const state = [granted, settled].reduce(transition, initialState(90, 3600));
  t.is(viewOf(state, T0).safeUntilBoottimeMs, T0 + 45_000);
});

test('no history ever hands out trust beyond the lease, nor without a settled one', t => {
  const event = fc.constantFrom<((nowMs: number) => LeaseEvent)[]>(
    nowMs => ({kind: 'granted', id: '7', ttlSeconds: 90, askedAtMs: nowMs}),
    nowMs => ({kind: 'alive', ttlSeconds: 90, askedAtMs: nowMs}),
    () => ({kind: 'lost'}),
    nowMs => ({...settled, atMs: nowMs}) as LeaseEvent,
    nowMs => ({...fenced, atMs: nowMs}) as LeaseEvent,
    nowMs => ({kind: 'failed', error: 'x', atMs: nowMs, jitter: 0.5}),
    () => ({kind: 'changed'}),
    () => ({kind: 'ttl', ttlSeconds: 30, marginSeconds: 100}),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(60_000))), history => {
      let state = initialState(90, 30);
      let nowMs = T0;
      for (const [make, passedMs] of history) {
        nowMs += passedMs;
        const made = make(nowMs);
        state = transition(state, made);
        const {state: shown, safeUntilBoottimeMs} = viewOf(state, nowMs);
        if (shown === 'held') t.true(safeUntilBoottimeMs > nowMs && state.lease !== undefined);
        if (state.lease) t.true(safeUntilBoottimeMs < state.lease.expiresAtMs);
        if (made.kind === 'lost' || state.conflicts.length > 0) t.not(shown, 'held');
        const step = nextStep(state, nowMs);
        if (step.kind === 'wait') t.true(step.untilMs > nowMs, 'a wait always waits');
      }
    }),
  );
});

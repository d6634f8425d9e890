import test from 'ava';
import {judgeLiveness, type LivenessView} from './liveness.js';

const busy: LivenessView = {
  cni: 'served',
  lastPassAtMs: 995_000,
  startedAtMs: 1000,
  nowMs: 1_000_000,
  resyncMs: 30_000,
};

test('a daemon that serves pods and comes round is alive', t => {
  t.deepEqual(judgeLiveness(busy), {ok: true, reasons: []});
  t.true(judgeLiveness({...busy, lastPassAtMs: 881_000}).ok, 'late, but not stuck');
});

test('a loop that no longer comes round is not', t => {
  const {ok, reasons} = judgeLiveness({...busy, lastPassAtMs: 879_000});
  t.false(ok);
  t.deepEqual(reasons, ['the kernel was last looked at 121 s ago, expected every 30 s']);
});

test('a CNI socket that nobody serves is no life, once there was time to open it', t => {
  const starting = {...busy, cni: 'starting', lastPassAtMs: undefined, nowMs: 20_000} as const;
  t.true(judgeLiveness(starting).ok);
  const reasons = ['the CNI socket is not served'];
  t.deepEqual(judgeLiveness({...starting, nowMs: 40_000}).reasons, reasons);
  t.deepEqual(judgeLiveness({...starting, cni: 'gone'}).reasons, reasons, 'no grace for a loss');
});

test('a first pass that never ends is no life', t => {
  t.false(judgeLiveness({...busy, lastPassAtMs: undefined, nowMs: 122_000}).ok);
});

import test, {type ExecutionContext} from 'ava';
import {ManualClock} from '../datastore/clock.js';
import {FakeKernel} from '../kernel/fake-kernel.js';
import {createNodeCore} from '../reconcile/loop.js';
import {judgeLiveness, type LivenessView} from './liveness.js';

const busy: LivenessView = {
  cni: 'served',
  lastPassAtMs: 995_000,
  startedAtMs: 1000,
  nowMs: 1_000_000,
  resyncMs: 30_000,
  deaths: [],
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

test('a thread that died of an error is no life: only a restart brings it back', t => {
  const {ok, reasons} = judgeLiveness({...busy, deaths: ['the speaker died: out of memory']});
  t.false(ok);
  t.deepEqual(reasons, ['the speaker died: out of memory']);
});

/** A core over a paper kernel, on a turned clock, as /healthz sees it. */
async function startCore(t: ExecutionContext) {
  const kernel = new FakeKernel();
  const clock = new ManualClock();
  const core = createNodeCore({self: {name: 'n0', uid: 'u'}, kernel, clock, resyncMs: 30_000});
  const life = () => {
    const {lastPassAtMs} = core.health();
    const nowMs = clock.nowMs();
    return judgeLiveness({...busy, lastPassAtMs, startedAtMs: 0, nowMs});
  };
  await core.start();
  t.teardown(() => core.stop());
  return {kernel, clock, life};
}

test('a core with nothing to do, and one whose kernel refuses, are alive for hours', async t => {
  const {kernel, clock, life} = await startCore(t);
  for (let minute = 0; minute < 120; minute++) {
    if (minute === 60) kernel.dumpError = new Error('no');
    await clock.advance(60_000);
    t.true(life().ok, `${minute}`);
  }
});

test('a core that waits for a kernel that never answers is not, until it is answered', async t => {
  const {kernel, clock, life} = await startCore(t);
  await clock.advance(60_000);
  let answer: () => void = () => undefined;
  const {dumpLinks} = kernel;
  kernel.dumpLinks = async () => {
    await new Promise<void>(resolve => (answer = resolve));
    return dumpLinks();
  };
  await clock.advance(120_000);
  t.true(life().ok, 'it may be slow');
  await clock.advance(31_000);
  t.false(life().ok);
  kernel.dumpLinks = dumpLinks;
  answer();
  await clock.advance(0);
  t.true(life().ok);
});

/** The restarting speaker: our own restart, until the last peer has told us all it knows. */
import test from 'ava';
import type {Family} from '../wire/family.js';
import {
  advanceRestart,
  beginRestart,
  isOver,
  type Restart,
  restartCapability,
  type RestartEvent,
  type RestartStart,
  type RestartStep,
} from './graceful-restart.js';
import {agreed, gracefulRestart, ourOpen, theirOpen} from './paper-peer.js';
import type {Negotiated} from './types.js';

const both: readonly Family[] = ['ipv4', 'ipv6'];
const offer = {families: both, notification: true, restartTimeSeconds: 120};

function start(peers: readonly string[], more: Partial<RestartStart> = {}): RestartStep {
  return beginRestart({
    restarted: true,
    preserved: both,
    families: both,
    peers: peers.map(peer => ({peer, families: both, isDown: false})),
    deferralMs: 10_000,
    ...more,
  });
}

/** Words of all steps together. */
function run(step: RestartStep, events: readonly RestartEvent[]): readonly [Restart, string[]] {
  let {restart} = step;
  const words = [];
  for (const event of events) {
    const next = advanceRestart(restart, event);
    restart = next.restart;
    words.push(
      ...next.actions.map(each => ('family' in each ? `${each.kind} ${each.family}` : each.kind)),
    );
  }
  return [restart, words];
}

const graceful = agreed(ourOpen([gracefulRestart()]), theirOpen([gracefulRestart()]));
const restarting = agreed(
  ourOpen([gracefulRestart()]),
  theirOpen([gracefulRestart({restarting: true})]),
);
const plain = agreed(ourOpen([gracefulRestart()]), theirOpen());

const up = (peer: string, negotiated: Negotiated = graceful): RestartEvent => ({
  kind: 'peerEstablished',
  peer,
  negotiated,
});
const done = (peer: string, family: Family): RestartEvent => ({kind: 'endOfRib', peer, family});

const finished = [
  'sweep ipv4',
  'sendEndOfRib ipv4',
  'sweep ipv6',
  'sendEndOfRib ipv6',
  'restartOver',
];

test('sweep and End-of-RIB wait for the last peer, family by family', t => {
  const [restart, words] = run(start(['a', 'b']), [
    up('a'),
    done('a', 'ipv4'),
    done('a', 'ipv6'),
    up('b'),
    done('b', 'ipv6'),
  ]);
  t.deepEqual(words, ['sweep ipv6', 'sendEndOfRib ipv6']);
  t.false(isOver(restart));
  const [, rest] = run({restart, actions: []}, [done('b', 'ipv4')]);
  t.deepEqual(rest, ['sweep ipv4', 'sendEndOfRib ipv4', 'restartOver', 'stopDeferral']);
});

test('R stays set towards every peer until the restart is over for all', t => {
  const step = start(['a', 'b']);
  const first = [up('a'), done('a', 'ipv4'), done('a', 'ipv6')];
  const [midway] = run(step, first);
  t.true(restartCapability(midway, offer).restarting);
  const [over] = run(step, [...first, up('b'), done('b', 'ipv4'), done('b', 'ipv6')]);
  t.false(restartCapability(over, offer).restarting);
});

test('F is what was found in the kernel, per family, and set once the restart is over', t => {
  const step = start(['a'], {preserved: ['ipv6']});
  const f = (restart: Restart) =>
    restartCapability(restart, offer).families.map(each => each.forwarding);
  t.deepEqual(f(step.restart), [false, true]);
  const [over] = run(step, [{kind: 'deferralExpired'}]);
  t.deepEqual(f(over), [true, true]);
});

test('a first start says neither R nor F', t => {
  const {restart} = start(['a'], {restarted: false, preserved: []});
  const capability = restartCapability(restart, offer);
  t.false(capability.restarting);
  t.true(capability.families.every(each => !each.forwarding));
});

test('the capability names the families of the session only', t => {
  const {restart} = start(['a']);
  const {families} = restartCapability(restart, {...offer, families: ['ipv6']});
  t.deepEqual(families, [{afi: 2, safi: 1, forwarding: true}]);
});

test('for one without graceful restart our End-of-RIB does not wait; after a restart the sweep does', t => {
  const [, first] = run(start(['plain'], {restarted: false, preserved: []}), [up('plain', plain)]);
  t.deepEqual(first, [...finished, 'stopDeferral']);
  const [restart, words] = run(start(['plain']), [up('plain', plain)]);
  t.deepEqual(words, ['sendEndOfRib ipv4', 'sendEndOfRib ipv6']);
  const rest = (events: readonly RestartEvent[]) => run({restart, actions: []}, events)[1];
  const swept = ['sweep ipv4', 'sweep ipv6', 'restartOver'];
  t.deepEqual(rest([{kind: 'deferralExpired'}]), swept);
  const both = [done('plain', 'ipv4'), done('plain', 'ipv6')];
  t.deepEqual(rest(both), [...swept, 'stopDeferral'], 'it may say when it is done all the same');
});

test('one that restarts itself is waited for with the sweep, not with our End-of-RIB', t => {
  const [midway, words] = run(start(['restarting']), [up('restarting', restarting)]);
  t.deepEqual(words, ['sendEndOfRib ipv4', 'sendEndOfRib ipv6']);
  t.true(restartCapability(midway, offer).restarting);
  const [, rest] = run({restart: midway, actions: []}, [
    done('restarting', 'ipv4'),
    done('restarting', 'ipv6'),
  ]);
  t.deepEqual(rest, ['sweep ipv4', 'sweep ipv6', 'restartOver', 'stopDeferral']);
});

test('a peer known to be down is not waited for, at the start or later', t => {
  const down = {peer: 'b', families: both, isDown: true};
  const [, words] = run(start([], {peers: [{...down, peer: 'a', isDown: false}, down]}), [
    up('a'),
    done('a', 'ipv4'),
    done('a', 'ipv6'),
  ]);
  t.deepEqual(words, [...finished.slice(0, 2), ...finished.slice(2), 'stopDeferral']);

  const [, later] = run(start(['a']), [{kind: 'peerGone', peer: 'a'}]);
  t.deepEqual(later, [...finished, 'stopDeferral']);
});

test('with nobody to wait for the restart is over at once, and no timer starts', t => {
  const words = start([]).actions.map(each => each.kind);
  t.deepEqual(words, ['sweep', 'sendEndOfRib', 'sweep', 'sendEndOfRib', 'restartOver']);
});

test('the deferral bounds the wait for a peer that never comes', t => {
  const step = start(['a', 'b']);
  t.deepEqual(step.actions, [{kind: 'startDeferral', delayMs: 10_000}]);
  const [, words] = run(step, [up('a'), {kind: 'deferralExpired'}]);
  t.deepEqual(words, finished);
});

test('a family that the session does not have is not waited for', t => {
  const ipv4Only: Negotiated = {...graceful, families: ['ipv4']};
  const [, words] = run(start(['a']), [up('a', ipv4Only)]);
  t.deepEqual(words, ['sweep ipv6', 'sendEndOfRib ipv6']);
});

test('each family is swept once, whatever comes after', t => {
  const [, words] = run(start(['a']), [
    {kind: 'deferralExpired'},
    up('a'),
    done('a', 'ipv4'),
    up('stranger'),
    done('stranger', 'ipv6'),
    {kind: 'peerGone', peer: 'a'},
    {kind: 'deferralExpired'},
  ]);
  t.deepEqual(words, finished);
});

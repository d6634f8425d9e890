import test from 'ava';
import type {PeerConfig} from './config.js';
import {Couple, LEFT, RIGHT} from './paper-couple.js';

const bfd = {intervalMs: 100, multiplier: 3, multihop: false};
const both: Partial<PeerConfig> = {bfd};

function established(more: Partial<PeerConfig> = {}): Couple {
  const couple = new Couple({left: {...both, ...more}, right: {...both, ...more}});
  couple.clock.run(20_000);
  return couple;
}

/** Sets C in its packets (RFC 5880 §4.1). */
function sayIndependent({network}: Couple, speaker: string): void {
  const send = network.sendBfd.bind(network);
  network.sendBfd = (from, to, bytes) => {
    const said = bytes.slice();
    if (from === speaker) said[1] = (said[1] ?? 0) | 0x08;
    send(from, to, said);
  };
}

/** Milliseconds until left is no longer established; undefined: it still is after a minute. */
function lossMs({clock, left}: Couple): number | undefined {
  for (let at = 0; at < 6_000; at++) {
    if (left.peer(RIGHT).state !== 'Established') return at * 10;
    clock.run(10);
  }
  return undefined;
}

test('a path that fails ends the session within the detection time, routes and all', t => {
  const couple = established();
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Up');
  couple.network.cut(LEFT, RIGHT);
  const ms = lossMs(couple) ?? Infinity;
  t.true(ms <= 310, `${ms} ms`);
  t.is(couple.left.rib.routes.length, 2);
  t.regex(couple.left.peer(RIGHT).lastDown?.words ?? '', /BFD down/);
});

test('control: without BFD the hold time is what it takes', t => {
  const couple = established({bfd: undefined});
  couple.network.cut(LEFT, RIGHT);
  const ms = lossMs(couple) ?? Infinity;
  t.true(ms > 50_000, `${ms} ms`);
});

test('a peer whose BFD dies with its daemon is restarting, and keeps its routes', t => {
  const couple = established();
  couple.right.kill();
  couple.clock.run(5_000);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Down');
  t.deepEqual(couple.left.rib.routes.length, 4);
  couple.startRight(both, {restarted: true, preserved: ['ipv4', 'ipv6']});
  couple.clock.run(60_000);
  t.deepEqual(couple.states, ['Established', 'Established']);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Up');
  t.is(couple.left.rib.routes.length, 4);
});

test('a peer whose BFD is independent of its daemon and dies as well is gone, routes and all', t => {
  const couple = established();
  sayIndependent(couple, RIGHT);
  couple.clock.run(1_000);
  couple.right.kill();
  couple.clock.run(5_000);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Down');
  t.is(couple.left.rib.routes.length, 2, 'at once, and not with the next thing that happens');
});

test('an administrator who ends BFD, or the speaker for a restart, ends no session', t => {
  const couple = established();
  couple.configureRight({});
  t.is(lossMs(couple), undefined);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Down');
  t.is(couple.right.peer(LEFT).bfd, undefined);
  couple.configureRight(both);
  couple.clock.run(5_000);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Up');

  couple.right.speaker.leave({kind: 'restart'});
  couple.right.isDead = true;
  couple.clock.run(5_000);
  t.is(couple.left.rib.routes.length, 4);
});

test('intervals are changed without a failure, and the new ones count', t => {
  const couple = established();
  const slower = {bfd: {...bfd, intervalMs: 1000}};
  couple.configureLeft(slower);
  couple.configureRight(slower);
  couple.clock.run(30_000);
  t.deepEqual(couple.sessions, [1, 1]);
  couple.network.bfdIsLost = true;
  const ms = lossMs(couple) ?? Infinity;
  t.true(ms > 2_000 && ms <= 3_010, `${ms} ms`);
});

test('with BFD up again the session comes back', t => {
  const couple = established();
  couple.network.bfdIsLost = true;
  couple.clock.run(2_000);
  couple.network.bfdIsLost = false;
  couple.clock.run(60_000);
  t.deepEqual(couple.states, ['Established', 'Established']);
  t.is(couple.left.peer(RIGHT).bfd?.state, 'Up');
});

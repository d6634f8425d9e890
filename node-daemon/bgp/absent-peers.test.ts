import test from 'ava';
import type {State} from '#bgp-fsm';
import {ManualClock} from '../datastore/clock.js';
import {AbsentPeers} from './absent-peers.js';

interface Seen {
  readonly state: State;
  readonly stale: readonly 'ipv4'[];
}

interface Paper {
  readonly before?: readonly string[];
  readonly isOver?: boolean;
  readonly ranges?: readonly string[];
}

function paper({before = [], isOver = true, ranges = []}: Paper = {}) {
  const clock = new ManualClock();
  const peers = new Map<string, Seen>();
  const told: (readonly string[])[] = [];
  const world = {clock, peers, told, isOver, looks: 0, idOf: at};
  const absent = new AbsentPeers({
    ...{clock, before},
    onChange: names => told.push(names),
    async absence() {
      world.looks++;
      const isUp = ({state}: Seen) => state === 'Established';
      const present = [...peers].filter(([, peer]) => isUp(peer) || peer.stale.length > 0);
      const names = present.flatMap(([name]) => [name, ...name.split('/', 1)]);
      return {
        isOver: world.isOver,
        away: [...peers.keys(), ...ranges].filter(name => !names.includes(name)).map(world.idOf),
        isAnyKept: present.some(([, peer]) => !isUp(peer)),
      };
    },
  });
  return Object.assign(world, {absent});
}

/** Where all of them are, unless a test moves them. */
function at(name: string): string {
  return `${name}@10.0.0.1`;
}

test('a peer that was seen away twice is absent, until it agrees to a session', async t => {
  const {clock, peers, told, absent} = paper();
  peers.set('a', {state: 'Active', stale: []}).set('b', {state: 'Established', stale: []});
  await clock.advance(5000);
  t.deepEqual(told, []);
  await clock.advance(5000);
  t.deepEqual(told, [[at('a')]]);
  absent.hear('a', 'OpenSent');
  t.is(told.length, 1);
  absent.hear('a', 'OpenConfirm');
  t.deepEqual(told, [[at('a')], []]);
});

test('a peer whose routes are kept is not absent, however long it is away', async t => {
  const {clock, peers, told} = paper();
  peers.set('a', {state: 'Connect', stale: ['ipv4']});
  await clock.advance(300_000);
  t.deepEqual(told, []);
  peers.set('a', {state: 'Connect', stale: []}); // its time is over
  await clock.advance(10_000);
  t.deepEqual(told, [[at('a')]]);
});

test('nobody becomes absent, or present, before our own restart is over', async t => {
  const world = paper({before: [at('a')], isOver: false});
  world.peers.set('a', {state: 'Active', stale: []}).set('b', {state: 'Active', stale: []});
  await world.clock.advance(60_000);
  t.deepEqual(world.told, []);
  world.isOver = true;
  await world.clock.advance(10_000);
  t.deepEqual(world.told, [[at('a'), at('b')]]);
});

test('a peer that is back between two looks is not absent, nor one that is no peer any more', async t => {
  const {clock, peers, told} = paper({before: [at('gone')]});
  peers.set('a', {state: 'Idle', stale: []});
  await clock.advance(5000);
  t.deepEqual(told, [[]], 'gone is no peer');
  peers.set('a', {state: 'Established', stale: []});
  await clock.advance(5000);
  peers.set('a', {state: 'Idle', stale: []});
  await clock.advance(5000);
  t.deepEqual(told, [[]]);
});

test('a range is absent when all who dialled from it are', async t => {
  const {clock, peers, told, absent} = paper({ranges: ['racks', 'empty']});
  peers.set('racks/10.0.0.1', {state: 'Idle', stale: []});
  peers.set('racks/10.0.0.2', {state: 'Established', stale: []});
  await clock.advance(10_000);
  t.deepEqual(told.at(-1), [at('racks/10.0.0.1'), at('empty')]);
  peers.set('racks/10.0.0.2', {state: 'Idle', stale: ['ipv4']});
  absent.hear('racks/10.0.0.2', 'Idle');
  await clock.advance(60_000);
  t.deepEqual(told.at(-1), [at('racks/10.0.0.1'), at('empty')], 'its routes are kept');
  peers.set('racks/10.0.0.2', {state: 'Idle', stale: []});
  await clock.advance(10_000);
  t.deepEqual(told.at(-1), [at('racks/10.0.0.1'), at('racks/10.0.0.2'), at('racks'), at('empty')]);
  absent.hear('racks/10.0.0.3', 'OpenConfirm');
  t.deepEqual(told.at(-1), [at('racks/10.0.0.1'), at('racks/10.0.0.2'), at('empty')]);
});

test('a peer that was up for long and goes is absent by and by; what is absent is not asked for', async t => {
  const world = paper();
  const {clock, peers, told, absent} = world;
  peers.set('a', {state: 'Established', stale: []});
  await clock.advance(3_600_000);
  peers.set('a', {state: 'Idle', stale: []});
  absent.hear('a', 'Idle');
  await clock.advance(10_000);
  t.deepEqual(told, [[at('a')]]);
  const {looks} = world;
  for (const state of ['Connect', 'Active', 'OpenSent', 'Idle'] as const) absent.hear('a', state);
  await clock.advance(60_000);
  t.is(world.looks, looks);
});

test('a peer that was up between two looks was not away', async t => {
  const {clock, peers, told, absent} = paper();
  peers.set('a', {state: 'Idle', stale: []});
  await clock.advance(5000);
  absent.hear('a', 'Established');
  absent.hear('a', 'Idle');
  await clock.advance(5000);
  t.deepEqual(told, []);
  await clock.advance(5000);
  t.deepEqual(told, [[at('a')]]);
});

test('sessions that stand are not looked at again', async t => {
  const world = paper();
  world.peers.set('a', {state: 'Established', stale: []});
  await world.clock.advance(3_600_000);
  t.is(world.looks, 1);
  world.absent.hear('a', 'Idle');
  world.absent.close();
  await world.clock.advance(10_000);
  t.is(world.looks, 1);
});

test('a name that is at another address is another neighbour, in a run and after it', async t => {
  const world = paper();
  const {clock, peers, told} = world;
  peers.set('a', {state: 'Idle', stale: []});
  await clock.advance(10_000);
  t.deepEqual(told, [[at('a')]], 'control');
  world.idOf = name => `${name}@10.0.0.2`;
  world.absent.hear('b', 'Idle'); // somebody else: a look
  await clock.advance(5000);
  t.deepEqual(told.at(-1), [], 'the one before is no peer any more');
  await clock.advance(5000);
  t.deepEqual(told.at(-1), ['a@10.0.0.2']);

  const next = paper({before: ['a@10.0.0.2', 'b']}); // b: of a marker that had names alone
  next.peers.set('a', {state: 'Idle', stale: []}).set('b', {state: 'Idle', stale: []});
  await next.clock.advance(5000);
  t.deepEqual(next.told, [[]], 'of neither it is known');
  await next.clock.advance(5000);
  t.deepEqual(next.told.at(-1), [at('a'), at('b')]);
});

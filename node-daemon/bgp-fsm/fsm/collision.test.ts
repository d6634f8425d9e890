import test from 'ava';
import fc from 'fast-check';
import {type Collision, resolveCollision, survivor} from './collision.js';
import {backoffMs, jitterMs} from './backoff.js';
import {STATES} from './types.js';

const low = {identifier: 0x0a000001, asn: 65001};
const high = {identifier: 0xc0a80001, asn: 65002}; // above 2^31: compared unsigned

const collision = (more: Partial<Collision>): Collision => ({
  local: low,
  peer: high,
  arriving: 'incoming',
  arrivingIsNewer: true,
  other: {state: 'OpenConfirm', gracefulRestart: false},
  ...more,
});

test('the connection that the higher identifier dialled lives', t => {
  t.is(survivor(low, high), 'incoming');
  t.is(survivor(high, low), 'outgoing');
});

test('equal identifiers are decided by the higher AS number', t => {
  const twin = {...low, asn: 65002};
  t.is(survivor(low, twin), 'incoming');
  t.is(survivor(twin, low), 'outgoing');
});

test('both ends keep the same one of two connections', t => {
  const speaker = fc.record({
    identifier: fc.integer({min: 1, max: 0xffff_ffff}),
    asn: fc.integer({min: 1, max: 0xffff_ffff}),
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(speaker, speaker, (a, b) => {
        fc.pre(a.identifier !== b.identifier || a.asn !== b.asn);
        return survivor(a, b) !== survivor(b, a); // outgoing of one is incoming of the other
      }),
    ),
  );
});

test('in OpenConfirm the loser is the arriving or the other connection', t => {
  t.deepEqual(resolveCollision(collision({})), {kind: 'dropOther', silent: false});
  t.deepEqual(resolveCollision(collision({arriving: 'outgoing'})), {kind: 'dropArriving'});
  const dominant = {local: high, peer: low};
  t.deepEqual(resolveCollision(collision(dominant)), {kind: 'dropArriving'});
  t.deepEqual(resolveCollision(collision({...dominant, arriving: 'outgoing'})), {
    kind: 'dropOther',
    silent: false,
  });
});

test('a mere attempt gives way, an OpenSent is waited for', t => {
  const kinds = STATES.slice(0, 4).map(state => {
    const verdict = resolveCollision(collision({other: {state, gracefulRestart: false}}));
    return verdict.kind === 'dropOther' ? verdict.silent : verdict.kind;
  });
  t.deepEqual(kinds, [true, true, true, 'keepBoth']);
});

test('an established session yields only to a newer connection of a peer with graceful restart', t => {
  const established = (gracefulRestart: boolean, more: Partial<Collision> = {}) =>
    resolveCollision(collision({other: {state: 'Established', gracefulRestart}, ...more}));
  t.deepEqual(established(true), {kind: 'dropOther', silent: true});
  t.deepEqual(established(false), {kind: 'dropArriving'});
  t.deepEqual(established(true, {arriving: 'outgoing'}), {kind: 'dropArriving'});
  t.deepEqual(established(true, {arrivingIsNewer: false}), {kind: 'dropArriving'});
});

test('jitter is between three quarters and all of the value', t => {
  t.is(
    jitterMs(1_000, () => 0),
    750,
  );
  t.is(
    jitterMs(1_000, () => 0.999999),
    1_000,
  );
});

test('the backoff doubles up to its bound and survives any number of failures', t => {
  const wait = (failures: number) => backoffMs(failures, {minMs: 5_000, maxMs: 30_000}, () => 1);
  t.deepEqual([0, 1, 2, 3, 4, 1e9].map(wait), [5_000, 5_000, 10_000, 20_000, 30_000, 30_000]);
});

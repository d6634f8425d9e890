import test from 'ava';
import type {KeyValue} from '../etcd/store.js';
import {leaseKey} from '../keys.js';
import {checkPool, type Pool, type PoolSpec} from '../pool.js';
import {planClaims, wantedPools, type ClaimInput} from './claim.js';
import {createLeaseRecord, parseLeaseRecord} from './record.js';

const prefix = '/twill/v1';
const node = {name: 'a', uid: 'uid-a'};

function poolOf(name: string, spec: PoolSpec): Pool {
  const checked = checkPool(name, spec);
  if (checked.kind === 'faulty') throw new Error(JSON.stringify(checked.faults));
  return checked.pool;
}

function entryOf(cidr: string, owner: {name: string; uid: string}, leaseId: string): KeyValue {
  const spec = {cidr, pool: 'v4', node: owner.name, nodeUid: owner.uid, claimedAt: ''};
  const value = JSON.stringify(createLeaseRecord(spec));
  return {key: leaseKey(prefix, cidr), value, createRevision: 5, modRevision: 6, leaseId};
}

function plan(input: Partial<ClaimInput>) {
  const defaults = {prefix, node, leaseId: '7', ranges: [], inherited: false, entries: []};
  return planClaims({...defaults, claimedAt: 'now', pools: undefined, ...input});
}

const v4 = poolOf('v4', {cidr: '10.0.0.0/24'});
const v6 = poolOf('v6', {cidr: 'fd00::/112'});
const held = {cidr: '10.0.0.0/26', family: 'ipv4', pool: 'v4'} as const;

test('a new node claims one free block of each family under its lease', t => {
  const {compare, success, ranges} = plan({pools: [v6, v4]});
  t.deepEqual(
    ranges.map(({pool, family}) => [pool, family]),
    [
      ['v4', 'ipv4'],
      ['v6', 'ipv6'],
    ],
  );
  t.deepEqual(
    compare,
    ranges.map(({cidr}) => ({key: leaseKey(prefix, cidr), createRevision: 0})),
  );
  t.true(success.every(op => op.kind === 'put' && op.leaseId === '7'));
});

test('without pools nothing is claimed, but what was held is claimed again when free', t => {
  t.like(plan({}), {success: [], ranges: []});
  const again = plan({ranges: [held]});
  t.deepEqual(again.compare, [{key: '/twill/v1/leases/10.0.0.0-26', createRevision: 0}]);
  t.deepEqual(again.ranges, [held]);
});

test('what is in order needs no write; what hangs on an old lease is bound to the new one', t => {
  t.like(plan({ranges: [held], entries: [entryOf(held.cidr, node, '7')]}), {success: []});
  const moved = plan({ranges: [held], entries: [entryOf(held.cidr, node, '3')]});
  t.deepEqual(moved.compare, [{key: leaseKey(prefix, held.cidr), modRevision: 6}]);
});

test('a block that etcd knows as ours and we forgot is taken back instead of a new one', t => {
  const found = plan({pools: [v4], entries: [entryOf('10.0.0.64/26', node, '3')]});
  t.deepEqual(
    found.ranges.map(({cidr}) => cidr),
    ['10.0.0.64/26'],
  );
});

test("somebody else's record under our block is a conflict, and no other block is claimed", t => {
  for (const other of [
    {name: 'b', uid: 'uid-b'},
    {name: 'b', uid: 'uid-a'},
    {name: 'a', uid: 'uid-b'},
  ]) {
    const fenced = plan({
      ...{ranges: [held], pools: [v4], entries: [entryOf(held.cidr, other, '9')]},
    });
    t.deepEqual(fenced.conflicts, [{cidr: held.cidr, holder: `${other.name} (${other.uid})`}]);
    t.deepEqual(fenced.success, []);
    t.deepEqual(fenced.ranges, [held]);
  }
});

test('after a reboot a block that somebody else took is let go and another one claimed', t => {
  const entries = [entryOf(held.cidr, {name: 'b', uid: 'uid-b'}, '9')];
  const anew = plan({ranges: [held], inherited: true, pools: [v4], entries});
  t.deepEqual(anew.conflicts, []);
  t.is(anew.ranges.length, 1);
  t.not(anew.ranges[0]?.cidr, held.cidr);
  t.is(plan({ranges: [held], inherited: true, pools: [v4]}).ranges[0]?.cidr, held.cidr, 'if free');
});

test('under a name that another machine has, only what pods of this boot use is claimed again', t => {
  const theirs = [entryOf('10.0.0.64/26', node, '9')]; // a copied disk: name and uid alike
  const taken = {isNameTaken: true, pools: [v4, v6], entries: theirs};
  t.like(plan(taken), {success: [], ranges: [], exhausted: []});
  t.like(plan({...taken, ranges: [held], inherited: true}), {success: [], ranges: []});
  t.deepEqual(plan({...taken, ranges: [held]}).compare, [
    {key: leaseKey(prefix, held.cidr), createRevision: 0},
  ]);
});

test('an unreadable record under our block is a conflict; elsewhere it only occupies its block', t => {
  const bad = {...entryOf(held.cidr, node, '7'), value: '{"kind":'};
  t.is(plan({ranges: [held], entries: [bad]}).conflicts[0]?.holder, 'an unreadable record');
  const entries = ['0', '64', '128'].map(end => {
    return {...bad, key: leaseKey(prefix, `10.0.0.${end}/26`)};
  });
  t.is(plan({pools: [v4], entries}).ranges[0]?.cidr, '10.0.0.192/26');
});

test('a full pool is named and does not keep the other family from its block', t => {
  const entries = ['0', '64', '128', '192'].map(end =>
    entryOf(`10.0.0.${end}/26`, {name: 'b', uid: 'b'}, '9'),
  );
  const full = plan({pools: [v4, v6], entries});
  t.deepEqual(full.exhausted, ['v4']);
  t.deepEqual(
    full.ranges.map(({pool}) => pool),
    ['v6'],
  );
});

test('the first enabled pool by name serves a family; a disabled one keeps what was claimed', t => {
  const b = poolOf('b', {cidr: '10.1.0.0/16'});
  const off = poolOf('a', {cidr: '10.2.0.0/16', disabled: true});
  t.deepEqual(
    wantedPools([v4, b, off], []).map(({name}) => name),
    ['b', 'v4'],
  );
  const kept = plan({
    ...{ranges: [{...held, pool: 'a'}], pools: [off, b], entries: [entryOf(held.cidr, node, '7')]},
  });
  t.is(kept.ranges.length, 1);
  t.deepEqual(kept.success, []);
});

test('a Lease record survives print and parse; what is none is undefined', t => {
  const spec = {cidr: 'fd00::/122', pool: 'v6', node: 'a', nodeUid: 'u', claimedAt: 'then'};
  const record = createLeaseRecord(spec);
  t.is(record.metadata.name, 'fd00::-122');
  t.deepEqual(parseLeaseRecord(JSON.stringify(record)), record);
  for (const text of ['', 'null', '[]', '{}', '{"kind":"Lease"}', '{"kind":"Lease","spec":{}}']) {
    t.is(parseLeaseRecord(text), undefined, text);
  }
});

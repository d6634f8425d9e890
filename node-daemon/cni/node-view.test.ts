import test from 'ava';
import type {LeaseView, Range} from '#ipam';
import {poolSettings} from '../datastore/records/pool.js';
import {createState, type State, type Underlay} from '../state/state.js';
import {podMtu, toNodeState, type NodeFacts} from './node-view.js';

const range: Range = {family: 'ipv4', cidr: '10.0.0.0/26', pool: 'a', reserved: []};
const held: LeaseView = {ranges: [range], leaseId: '7', safeUntilBoottimeMs: 1, state: 'held'};
const none: LeaseView = {ranges: [], safeUntilBoottimeMs: 0, state: 'none'};
const underlay: Underlay = {
  ifindex: 2,
  name: 'eth0',
  mtu: 1500,
  addresses: {ipv4: {address: Uint8Array.of(192, 0, 2, 1), bits: 24}},
};
const base = createState({name: 'n', uid: 'uid-n'});
const known: State = {...base, synced: true, underlay};
const ready: NodeFacts = {
  state: known,
  lease: held,
  isReady: true,
  poolFamilies: ['ipv4'],
  underlayReason: undefined,
};

const rows: readonly [string, Partial<NodeFacts>, object][] = [
  ['all is well', {}, {ready: true, canServe: true, ranges: 'held', families: ['ipv4']}],
  [
    'restarted, etcd away: pods are served by the ranges that are safe',
    {isReady: false, state: {...base, underlay}},
    {ready: false, canServe: true, ranges: 'held', reason: 'etcd was not read yet'},
  ],
  [
    'the same without an underlay',
    {isReady: false, state: base, underlayReason: 'no underlay: no default route'},
    {canServe: false, reason: 'no underlay: no default route'},
  ],
  [
    'the first reconcile',
    {isReady: false, lease: none, state: {...known, synced: true}},
    {ready: false, canServe: false, ranges: 'none'},
  ],
  [
    'no pool',
    {lease: none, poolFamilies: []},
    {ranges: 'none', families: [], reason: 'there is no Pool: apply one with twillctl apply'},
  ],
  [
    'an unsafe lease has its own reason',
    {lease: {...held, state: 'unsafe', reason: 'etcd is silent'}},
    {ranges: 'unsafe', canServe: true, reason: 'etcd is silent'},
  ],
  ['a fenced one is unsafe', {lease: {...held, state: 'fenced'}}, {ranges: 'unsafe'}],
  ['held, but nothing in it', {lease: {...held, ranges: []}}, {ranges: 'none'}],
  [
    'a family with a pool and no range is asked of all the same: both or none',
    {poolFamilies: ['ipv4', 'ipv6']},
    {families: ['ipv4', 'ipv6']},
  ],
  [
    'a range outlives its pool',
    {poolFamilies: ['ipv6'], lease: held},
    {families: ['ipv6', 'ipv4']},
  ],
];

for (const [title, change, expected] of rows) {
  test(`what the verbs see: ${title}`, t => {
    t.like(toNodeState({...ready, ...change}), expected);
  });
}

test('a reason is there only when something is wrong', t => {
  t.false('reason' in toNodeState(ready));
});

test('a pool that gives no range is told apart from no pool', t => {
  const pool = poolSettings({
    apiVersion: 'twill.io/v1',
    kind: 'Pool',
    metadata: {name: 'a'},
    spec: {cidr: '10.0.0.0/16'},
  });
  const state = {...known, pools: new Map([['a', pool]])};
  t.regex(toNodeState({...ready, lease: none, state}).reason ?? '', /none has a free block/);
});

test('the MTU of pods is the smallest legal one until the underlay is known', t => {
  t.is(podMtu(base), 1280);
  t.is(podMtu(known), 1450);
  const {address} = {address: new Uint8Array(16)};
  t.is(podMtu({...known, underlay: {...underlay, addresses: {ipv6: {address, bits: 64}}}}), 1430);
});

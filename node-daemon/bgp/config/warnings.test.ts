import test from 'ava';
import {deriveBgp} from './derive.js';
import type {BgpMemory} from './input.js';
import {paperInput, type Paper} from './paper-cluster.js';

const r1 = {matchLabels: {rack: 'r1'}};
const r9 = {matchLabels: {rack: 'r9'}};
const b = {name: 'b', address: '192.0.2.2', labels: {rack: 'r1'}};

function problems(paper: Paper): readonly string[] {
  const wish = deriveBgp(paperInput({backend: 'vxlan', ...paper}));
  return wish?.problems.map(({key, message}) => `${key} ${message}`) ?? ['no wish'];
}

test('a BGPPeer that selects no node at all is told, by nodes that have no session either', t => {
  const told = ['bgppeer/lost spec.nodeSelector: selects no node, so nobody has this neighbour'];
  const peers = {lost: {nodeSelector: r9}, other: {nodeSelector: r1, address: '192.0.2.253'}};
  t.deepEqual(problems({nodes: [b], peers}), told);
  t.deepEqual(problems({nodes: [b], peers, labels: {rack: 'r1'}}), told);
  t.deepEqual(problems({nodes: [b], peers, labels: {rack: 'r9'}}), [], 'this node has it');
  t.deepEqual(problems({nodes: [{...b, labels: {rack: 'r9'}}], peers: {lost: peers.lost}}), []);
});

test('a selector is told once its last node has gone, or has other labels, and no more when one is back', t => {
  const paper = {backend: 'vxlan', peers: {tor: {nodeSelector: r1}}} as const;
  const elsewhere = {...b, name: 'c', labels: {}};
  const steps = [
    {nodes: [b, elsewhere], problems: 0},
    {nodes: [b, elsewhere], problems: 0},
    {nodes: [elsewhere], problems: 1},
    {nodes: [{...b, labels: {}}], problems: 1},
    {
      nodes: [
        {...b, labels: {}},
        {...elsewhere, labels: {rack: 'r1'}},
      ],
      problems: 0,
    },
    {nodes: [b], problems: 0},
  ];
  let memory: BgpMemory | undefined;
  for (const {nodes, problems: count} of steps) {
    const wish = deriveBgp(paperInput({...paper, nodes, memory}));
    memory = wish?.memory;
    t.is(wish?.problems.length, count);
  }
});

test('reflectors that nobody is are told', t => {
  const reflectedBy = (nodeSelector: object) => ({routeReflector: {nodeSelector}});
  t.deepEqual(problems({nodes: [b], config: reflectedBy(r9)}), [
    'bgpconfig/default spec.routeReflector.nodeSelector: selects no node, so the mesh stays',
  ]);
  t.deepEqual(problems({nodes: [b], config: reflectedBy(r1)}), []);
  t.deepEqual(problems({nodes: [b], config: reflectedBy(r9), labels: {rack: 'r9'}}), []);
});

test('a node that is to leave and that nobody knows is told, until it joins', t => {
  const config = {gracefulShutdown: ['a', 'b', 'worker-7']};
  const told =
    'bgpconfig/default spec.gracefulShutdown: there is no node worker-7; if it joins, it counts';
  t.deepEqual(problems({nodes: [b], config}), [told]);
  t.deepEqual(problems({nodes: [b, {...b, name: 'worker-7'}], config}), []);
});

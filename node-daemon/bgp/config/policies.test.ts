import test from 'ava';
import {parseCidr, type Policy} from '#bgp-fsm';
import {deriveBgp} from './derive.js';
import {host, paperInput, type Paper} from './paper-cluster.js';

/** The import and export policies of the first peer. */
function policies(paper: Paper): {readonly importPolicy: Policy; readonly exportPolicy: Policy} {
  const policy = deriveBgp(paperInput(paper))?.config?.peers[0]?.policy;
  if (policy?.importPolicy === undefined || policy.exportPolicy === undefined) throw new Error();
  return {importPolicy: policy.importPolicy, exportPolicy: policy.exportPolicy};
}

function lets(policy: Policy, text: string, from: 'local' | 'learnt' | 'reflected' = 'learnt') {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(text);
  const {address, bits} = cidr;
  const words = new Uint32Array(4);
  const view = new DataView(address.buffer);
  for (let i = 0; i < address.length / 4; i++) words[i] = view.getUint32(i * 4);
  const source = {isLocal: from === 'local', isReflected: from === 'reflected'};
  const family = address.length === 4 ? 'ipv4' : 'ipv6';
  return policy.choose({family, words, bits, attributes: {}, ...source}) >= 0;
}

function judge(t: {is(a: unknown, b: unknown, why?: string): void}, policy: Policy) {
  return {
    takes: (...texts: readonly string[]) =>
      texts.forEach(each => t.is(lets(policy, each), true, each)),
    refuses: (...texts: readonly string[]) =>
      texts.forEach(each => t.is(lets(policy, each), false, each)),
  };
}

const b = {name: 'b', address: '198.51.100.2', ranges: ['10.244.2.0/26']};

test('without import, what is inside pools and service ranges comes in, but for our own ranges', t => {
  const pools = ['10.244.0.0/16', 'fd00::/64'];
  const config = {serviceRanges: ['10.96.0.0/12']};
  const {importPolicy} = policies({nodes: [b], pools, config});
  const {takes, refuses} = judge(t, importPolicy);
  takes('10.244.2.0/26', '10.244.2.9/32', 'fd00::40/122', '10.96.1.1/32', '10.244.0.0/16');
  refuses('10.244.1.0/26', '10.244.1.7/32', '10.0.0.0/8', '0.0.0.0/0', '::/0', '198.51.100.2/32');
});

test('where pods do not travel by BGP, other nodes’ ranges are the overlay’s', t => {
  for (const [backend, isTaken] of [
    ['vxlan', false],
    ['direct', false],
    ['bgp', true],
  ] as const) {
    const config = {nodeMesh: false};
    const {importPolicy} = policies({backend, config, nodes: [b], peers: {tor: {}}});
    t.is(lets(importPolicy, '10.244.2.0/26'), isTaken, backend);
    t.is(lets(importPolicy, '10.244.2.1/32'), isTaken, backend);
    t.true(lets(importPolicy, '10.244.77.0/26'), 'nobody leases it: somebody else has it');
  }
});

test('an import of one’s own lets in what it says, but never what would cut the node off', t => {
  const rules = [
    {match: {prefixes: [{cidr: '0.0.0.0/0'}]}, set: {localPref: 50}, action: 'accept'},
    {match: {prefixes: [{cidr: '172.16.0.0/12', le: 32}]}, action: 'reject'},
    {action: 'accept'},
  ];
  const peers = {tor: {import: rules}};
  const etcd = [host('203.0.113.5')];
  const {importPolicy} = policies({nodes: [b], peers, etcd});
  const {takes, refuses} = judge(t, importPolicy);
  takes('0.0.0.0/0', '10.0.0.0/8', '198.51.100.0/24', '203.0.113.0/24', '192.0.0.0/16');
  refuses('172.16.5.0/24', '::/0');
  refuses('10.244.1.0/26', '10.244.1.7/32'); // our own range
  refuses('198.51.100.2/32', '203.0.113.5/32', '192.0.2.1/32'); // a node, etcd, this node
  refuses('192.0.2.0/24', '192.0.2.128/25'); // what our link reaches
});

test('a host inside a pool is hidden by no route', t => {
  const inside = {name: 'b', address: '10.244.200.2', ranges: []};
  const {importPolicy} = policies({nodes: [inside]});
  const {takes, refuses} = judge(t, importPolicy);
  takes('10.244.0.0/16', '10.244.2.0/26', '10.244.200.3/32', '10.244.0.0/17');
  refuses('10.244.200.2/32', '10.244.200.0/24', '10.244.128.0/17');
});

test('without export, what is ours goes out, and what is reflected', t => {
  const {exportPolicy} = policies({nodes: [b]});
  t.true(lets(exportPolicy, '10.244.1.0/26', 'local'));
  t.true(lets(exportPolicy, '10.244.2.0/26', 'reflected'));
  t.false(lets(exportPolicy, '10.244.2.0/26', 'learnt'));
});

test('an export of one’s own passes on what it accepts', t => {
  const rules = [
    {match: {source: 'local'}, set: {addCommunities: ['64512:9']}, action: 'accept'},
    {match: {prefixes: [{cidr: '10.244.0.0/16', ge: 26}]}, action: 'accept'},
  ];
  const {exportPolicy} = policies({peers: {tor: {export: rules}}});
  t.true(lets(exportPolicy, '10.0.0.0/8', 'local'));
  t.true(lets(exportPolicy, '10.244.2.0/26'));
  t.false(lets(exportPolicy, '10.244.2.0/25'));
  t.deepEqual(exportPolicy.apply(0, {}).attributes.communities, [0xfc000009]);
});

test('peers with equal filters share one policy, and a new node changes only what it has to', t => {
  const rules = [{action: 'accept'}];
  const paper: Paper = {peers: {one: {import: rules}, two: {address: '192.0.2.9', import: rules}}};
  const first = deriveBgp(paperInput(paper));
  const [one, two] = first?.config?.peers ?? [];
  t.is(one?.policy.importPolicy, two?.policy.importPolicy);

  const joined = deriveBgp(paperInput({...paper, nodes: [b], memory: first?.memory}));
  const [again, , mesh] = joined?.config?.peers ?? [];
  t.not(again?.policy.importPolicy, one?.policy.importPolicy, 'a node more that is never hidden');
  t.is(again?.policy.exportPolicy, one?.policy.exportPolicy);
  t.is(mesh?.name, 'node/b');

  const nodes = [b, {name: 'c', address: '198.51.100.3', ranges: ['10.244.3.0/26']}];
  const more = deriveBgp(paperInput({...paper, nodes, memory: joined?.memory}));
  t.is(more?.config?.peers[2]?.policy.importPolicy, mesh?.policy.importPolicy);
});

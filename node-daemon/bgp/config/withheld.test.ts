import test from 'ava';
import {deriveBgp} from './derive.js';
import {paperInput, type Paper} from './paper-cluster.js';

const b = {name: 'b', address: '192.0.2.2'};
const c = {name: 'c', address: '198.51.100.3'};
const passwordFrom = {file: '/etc/one'};

/** Names: withheld, of the speaker's peers, kept. */
function outcome(paper: Paper) {
  const wish = deriveBgp(paperInput(paper));
  const peers = wish?.config?.peers.map(({name}) => name);
  return {withheld: wish?.withheld, peers, kept: wish?.kept, memory: wish?.memory};
}

test('a BGPPeer that is no neighbour yet is withheld, and made when what it lacks is there', t => {
  const peers = {
    ...{double: {}, first: {}, self: {address: '192.0.2.1', asn: 64512}},
    ...{key: {address: '192.0.2.253', passwordFrom}, keys: {address: '10.9.0.0/24', passwordFrom}},
    ...{link: {interface: 'eth1', asn: 'external'}, racks: {address: '10.8.0.0/24'}},
  };
  const paper = {backend: 'vxlan', peers} as const;
  t.like(outcome(paper), {withheld: ['first', 'key', 'keys', 'link'], peers: ['double']});
  const passwords = {'/etc/one': {kind: 'ok', password: 'orange'}} as const;
  const later = outcome({...paper, passwords, linkNeighbours: {eth1: 'fe80::9'}});
  t.like(later, {withheld: ['first'], peers: ['double', 'key', 'link']});
});

test('without the password of the mesh its nodes are withheld, but for one that a BGPPeer names', t => {
  const paper = {
    nodes: [b, c],
    config: {mesh: {passwordFrom}},
    peers: {special: {address: '192.0.2.2', asn: 64512}},
  };
  t.like(outcome(paper), {withheld: ['node/c'], peers: ['special']});
  const passwords = {'/etc/one': {kind: 'ok', password: 'orange'}} as const;
  t.like(outcome({...paper, passwords}), {withheld: [], peers: ['special', 'node/c']});
  t.like(outcome({nodes: [{name: 'six', address6: '2001:db8::2'}]}), {withheld: ['node/six']});
});

test('a BGPPeer that is withheld still stands for the session with the node that it names', t => {
  const nodes = [b, c, {name: 'six', address6: '2001:db8::6'}];
  const underlay = {ipv4: '192.0.2.1/24', ipv6: '2001:db8::1/64'};
  const peers = {
    special: {address: '192.0.2.2', asn: 64512, passwordFrom},
    special6: {address: '2001:DB8:0::6', asn: 64512, passwordFrom},
  };
  t.like(outcome({nodes, underlay, peers}), {
    withheld: ['special', 'special6'],
    peers: ['node/c'], // none with b and six without the password that was asked for
  });
});

test('a node that the configuration cuts off keeps its sessions; they are not withheld', t => {
  const {memory, kept} = outcome({nodes: [b]});
  t.deepEqual(kept, []);
  const off = outcome({nodes: [b], config: {nodeMesh: false}, memory});
  t.like(off, {kept: ['b'], withheld: [], peers: ['node/b']});
});

test('what is kept is no more than the nodes that are still there', t => {
  const {memory} = outcome({nodes: [b]});
  const wish = deriveBgp(paperInput({nodes: [c], config: {nodeMesh: false}, memory}));
  t.is(wish?.config, undefined);
  t.regex(wish?.problems[0]?.message ?? '', /it has no way to other nodes/);
});

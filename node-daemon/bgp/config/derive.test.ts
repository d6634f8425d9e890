import test from 'ava';
import {formatAddress, type PeerConfig} from '#bgp-fsm';
import {deriveBgp} from './derive.js';
import type {BgpWish} from './input.js';
import {host, paperInput, type Paper, type PaperNode} from './paper-cluster.js';

function wish(paper: Paper): BgpWish {
  const derived = deriveBgp(paperInput(paper));
  if (derived === undefined) throw new Error('no underlay');
  return derived;
}

function peers(paper: Paper): readonly PeerConfig[] {
  return wish(paper).config?.peers ?? [];
}

function only(paper: Paper): PeerConfig {
  const [peer, ...others] = peers(paper);
  if (peer === undefined || others.length > 0) throw new Error(`${others.length + 1} peers`);
  return peer;
}

const b: PaperNode = {name: 'b', address: '192.0.2.2', ranges: ['10.244.2.0/26']};
const c: PaperNode = {name: 'c', address: '198.51.100.3', ranges: ['10.244.3.0/26']};

test('backend bgp is a full mesh of what etcd says of the nodes', t => {
  const {config, problems, installRoutes, facts} = wish({nodes: [b, c]});
  t.deepEqual(problems, []);
  t.true(installRoutes);
  t.deepEqual(facts, {});
  t.like(config, {asn: 64512, identifier: 0xc0000201, clusterId: 0xc0000201, ranges: []});
  t.deepEqual(config?.listen, {port: 179, addresses: []});
  t.deepEqual(config?.gracefulRestart, {
    ...{restartTimeSeconds: 120, staleTimeSeconds: 360, longLivedSeconds: 0, deferralMs: 10_000},
  });
  t.deepEqual(
    config?.peers.map(({name, address, asns}) => [name, address, asns]),
    [
      ['node/b', '192.0.2.2', [64512]],
      ['node/c', '198.51.100.3', [64512]],
    ],
  );
  t.like(config?.peers[0], {sourceAddress: '192.0.2.1', port: 179, ttl: 255, families: ['ipv4']});
});

test('backend vxlan has no mesh, and no speaker without a BGPPeer', t => {
  for (const backend of ['vxlan', 'direct'] as const) {
    t.is(wish({backend, nodes: [b]}).config, undefined, backend);
    t.deepEqual(wish({backend, nodes: [b]}).routes, []);
    const fabric = wish({backend, nodes: [b], peers: {tor: {}}});
    t.deepEqual(
      fabric.config?.peers.map(({name}) => name),
      ['tor'],
    );
    t.is(fabric.routes?.length, 1);
    const asked = peers({backend, nodes: [b], config: {nodeMesh: true}});
    t.deepEqual(
      asked.map(({name}) => name),
      ['node/b'],
    );
  }
  t.is(wish({nodes: [b], config: {nodeMesh: false}}).config, undefined);
});

test('without an address of the underlay there is nothing new to wish', t => {
  t.is(deriveBgp(paperInput({underlay: {}, nodes: [b]}))?.config?.peers.length ?? 0, 0);
  const input = paperInput({nodes: [b]});
  t.is(deriveBgp({...input, state: {...input.state, underlay: undefined}}), undefined);
});

test('a session between nodes runs over IPv4 where both have it, and carries what both can', t => {
  const six = {name: 'b', address6: '2001:db8::2'};
  const dual = {...b, ...six};
  const both = {ipv4: '192.0.2.1/24', ipv6: '2001:db8::1/64'};
  const shape = (underlay: Paper['underlay'], node: PaperNode) => {
    const {address, sourceAddress, families, extendedNextHop} = only({
      nodes: [node],
      ...(underlay && {underlay}),
    });
    return [address, sourceAddress, families, extendedNextHop];
  };
  const all = ['ipv4', 'ipv6'];
  t.deepEqual(shape(both, dual), ['192.0.2.2', '192.0.2.1', all, false]);
  t.deepEqual(shape(both, b), ['192.0.2.2', '192.0.2.1', ['ipv4'], false]);
  t.deepEqual(shape(both, six), ['2001:db8::2', '2001:db8::1', all, true]);
  t.deepEqual(shape({ipv6: '2001:db8::1/64'}, dual), ['2001:db8::2', '2001:db8::1', all, true]);
  const apart = wish({nodes: [six]});
  t.deepEqual(apart.config?.peers, []);
  t.deepEqual(apart.problems, [{key: 'node/b', message: 'no address family in common for BGP'}]);
});

test('every node has the AS number of its label, of the first entry that matches, or the usual one', t => {
  const config = {
    asn: 65000,
    nodeAsns: [
      {nodeSelector: {matchLabels: {rack: 'r1'}}, asn: 65001},
      {nodeSelector: {matchExpressions: [{key: 'rack', operator: 'Exists'}]}, asn: 65002},
    ],
  };
  const asns = (labels: PaperNode['labels'] = {}) => {
    const theirs = only({config, nodes: [{...b, labels}]});
    const ours = wish({config, labels}).config?.asn;
    t.deepEqual(theirs.asns, [ours]);
    return ours;
  };
  t.is(asns(), 65000);
  t.is(asns({rack: 'r1'}), 65001);
  t.is(asns({rack: 'r2'}), 65002);
  t.is(asns({rack: 'r1', 'twill.io/bgp-asn': '4200000000'}), 4200000000);
  const expected = 'expected an AS number from 1 to 4294967294, not 23456 or 65535';
  for (const label of ['0', '23456', '65535', '4294967295']) {
    const labels = {'twill.io/bgp-asn': label};
    const broken = wish({config, nodes: [{...b, labels}]});
    t.deepEqual(broken.config?.peers[0]?.asns, [65000]);
    const message = `label twill.io/bgp-asn: ${expected}, got ${label}`;
    t.deepEqual(broken.problems, [{key: 'node/b', message}]);
    const own = wish({config, labels});
    t.is(own.config?.asn, 65000);
    t.deepEqual(own.problems, [{key: 'node/a', message}]);
  }
});

test('the identifier is the IPv4 address, a label, or a hash that stays', t => {
  const identifier = (paper: Paper) => wish(paper).config?.identifier;
  t.is(identifier({}), 0xc0000201);
  t.is(identifier({labels: {'twill.io/bgp-identifier': '1.2.3.4'}}), 0x01020304);
  const six = {underlay: {ipv6: '2001:db8::1/64'}};
  t.is(identifier(six), identifier(six));
  t.not(identifier(six), 0);
  const labels = {'twill.io/bgp-identifier': '192.0.2.1'};
  t.regex(wish({nodes: [{...b, labels}]}).problems[0]?.message ?? '', /its BGP identifier is this/);
});

test('reflectors have the cluster id; a client of theirs with it would refuse what they reflect', t => {
  const routeReflector = {
    nodeSelector: {matchLabels: {reflector: 'yes'}},
    clusterId: '9.9.9.9',
  };
  const labels = {reflector: 'yes'};
  const id = (paper: Paper) => wish({config: {routeReflector}, ...paper}).config?.clusterId;
  t.is(id({labels, nodes: [b]}), 0x09090909);
  t.is(id({nodes: [{...b, labels}]}), 0xc0000201);
});

test('own ranges are announced, and pods that lie in none of them', t => {
  const {routes} = wish({
    pools: ['10.244.0.0/16', 'fd00::/64'],
    ranges: ['10.244.1.0/26', 'fd00::40/122'],
    pods: ['10.244.1.5', '10.244.9.7/32', '10.244.9.7', 'fd00::99', '172.16.0.1'],
    config: {communities: ['64512:7', '64512:1:2', 'no-export']},
  });
  t.deepEqual(
    routes?.map(({family, address, bits}) => `${family} ${formatAddress(address)}/${bits}`),
    ['ipv4 10.244.1.0/26', 'ipv6 fd00::40/122', 'ipv4 10.244.9.7/32', 'ipv6 fd00::99/128'],
  );
  t.deepEqual(routes?.[0]?.attributes, {
    ...{origin: 0, asPath: [], communities: [0xfc000007, 0xffffff01]},
    largeCommunities: [{global: 64512, local1: 1, local2: 2}],
  });
  const input = paperInput({});
  for (const unknown of [{ranges: undefined}, {pods: undefined}]) {
    const early = deriveBgp({...input, state: {...input.state, ...unknown}});
    t.is(early?.routes, undefined, 'what was announced before stays');
    t.truthy(early?.config);
  }
});

test('a BGPPeer is for the nodes that its selector takes in', t => {
  const nodeSelector = {matchLabels: {rack: 'r1'}};
  const paper: Paper = {config: {nodeMesh: false}, peers: {tor: {nodeSelector}}};
  t.is(wish({...paper, labels: {rack: 'r2'}}).config, undefined);
  t.is(only({...paper, labels: {rack: 'r1'}}).name, 'tor');
});

test('a BGPPeer that says little gets what is usual', t => {
  const {policy, ...peer} = only({peers: {tor: {}}});
  t.deepEqual(peer, {
    ...{name: 'tor', address: '192.0.2.254', interface: undefined, port: 179, asns: [64999]},
    ...{localAsn: 64512, sourceAddress: undefined, passive: false, shutdown: undefined},
    ...{
      holdTimeSeconds: 90,
      keepaliveSeconds: undefined,
      sendHoldSeconds: undefined,
      otherAsn: undefined,
    },
    ...{connectRetryMs: 5000},
    ...{password: undefined, ttl: 1, ttlSecurityHops: undefined, bfd: undefined},
    ...{families: ['ipv4', 'ipv6'], extendedNextHop: false, extendedMessages: false},
    ...{addPath: {ipv4: 'none', ipv6: 'none'}, role: undefined, strictRole: false},
    ...{gracefulRestart: true, prefixLimitRestartSeconds: undefined},
  });
  const {importPolicy, exportPolicy, ...rest} = policy;
  t.truthy(importPolicy);
  t.truthy(exportPolicy);
  t.deepEqual(rest, {
    ...{localAs: undefined, reflectorClient: false, nextHop: 'auto', allowAsIn: 0},
    ...{enforceFirstAs: true, asOverride: false, removePrivateAs: false, role: undefined},
    ...{maxPrefixes: undefined, addPathMax: 8, linkBandwidth: undefined},
    ...{gracefulShutdown: false, defaultLocalPref: 100},
    ...{maxAsPath: undefined, maxCommunities: undefined, nextHopsOnLink: true},
  });
});

test('a BGPPeer is told to the speaker in all that it says', t => {
  const spec = {
    ...{address: '2001:db8::9', asn: 'external', port: 1179, passive: true},
    ...{sourceAddress: '2001:db8::1', shutdown: 'new fibre', holdTime: '30s', keepalive: '3s'},
    ...{sendHoldTime: '1m'},
    ...{
      connectRetry: '1s',
      multihop: 3,
      ttlSecurity: true,
      bfd: {interval: '100ms', multiplier: 5},
    },
    ...{families: ['ipv6'], extendedNextHop: true, extendedMessages: true, addPath: 'both'},
    ...{addPathMax: 4, role: 'customer', strictRole: true, gracefulRestart: false},
    ...{localAs: {asn: 65009, prependReal: true}, allowAsIn: 2, asOverride: true},
    ...{removePrivateAs: true, enforceFirstAs: false, nextHop: 'self-force'},
    ...{maxAsPath: 30, maxCommunities: 50},
    ...{reflectorClient: true, linkBandwidthMbps: 10_000, gracefulShutdown: true},
    ...{maxPrefixes: 1000, maxPrefixesWarnPercent: 90, maxPrefixesRestart: '5m'},
  };
  const {policy, ...peer} = only({peers: {tor: spec}});
  t.like(peer, {
    ...{address: '2001:db8::9', asns: 'external', port: 1179, passive: true, localAsn: 65009},
    ...{sourceAddress: '2001:db8::1', shutdown: 'new fibre', holdTimeSeconds: 30},
    ...{
      sendHoldSeconds: 60,
      keepaliveSeconds: 3,
      connectRetryMs: 1000,
      ttl: 255,
      ttlSecurityHops: 3,
    },
    ...{bfd: {intervalMs: 100, multiplier: 5, multihop: true}, families: ['ipv6']},
    ...{extendedNextHop: true, extendedMessages: true, addPath: {ipv4: 'both', ipv6: 'both'}},
    ...{role: 'customer', strictRole: true, gracefulRestart: false, prefixLimitRestartSeconds: 300},
  });
  t.like(policy, {
    ...{localAs: {asn: 65009, prependReal: true}, allowAsIn: 2, asOverride: true},
    ...{removePrivateAs: true, enforceFirstAs: false, nextHop: 'self-force', role: 'customer'},
    ...{reflectorClient: true, linkBandwidth: 1_250_000_000, gracefulShutdown: true},
    ...{addPathMax: 4, maxPrefixes: {max: 1000, warnPercent: 90}},
    ...{maxAsPath: 30, maxCommunities: 50},
  });
});

test('hops and BFD follow from where the peer is', t => {
  const hops = (spec: object) => {
    const {ttl, ttlSecurityHops, bfd} = only({peers: {tor: {bfd: {}, ...spec}}});
    return [ttl, ttlSecurityHops, bfd?.multihop];
  };
  const far = '203.0.113.1';
  t.deepEqual(hops({}), [1, undefined, false]);
  t.deepEqual(hops({address: far}), [1, undefined, false]);
  t.deepEqual(hops({address: far, multihop: 4}), [4, undefined, true]);
  t.deepEqual(hops({ttlSecurity: true}), [255, 1, false]);
  t.deepEqual(hops({asn: 64512}), [255, undefined, false]);
  t.deepEqual(hops({asn: 'internal', address: far}), [255, undefined, true]);
  const isBound = (spec: object) => only({peers: {tor: spec}}).policy.nextHopsOnLink;
  t.deepEqual([isBound({ttlSecurity: true}), isBound({multihop: 2})], [true, false]);
  t.deepEqual([isBound({ttlSecurity: true, multihop: 2}), isBound({asn: 64512})], [false, false]);
  t.is(only({peers: {tor: {bfd: {enabled: false}}}}).bfd, undefined);
  const mesh = peers({nodes: [b, c], config: {mesh: {bfd: {}, holdTime: '9s'}}});
  t.deepEqual(
    mesh.map(({bfd}) => bfd?.multihop),
    [false, true],
  );
  t.deepEqual(
    mesh.map(({holdTimeSeconds}) => holdTimeSeconds),
    [9, 9],
  );
});

test('a prefix for an address is a range of neighbours that dial', t => {
  const {config} = wish({peers: {racks: {address: '198.51.100.0/24', maxPeers: 7}}});
  t.deepEqual(config?.peers, []);
  t.like(config?.ranges[0], {name: 'racks', cidr: '198.51.100.0/24', maxPeers: 7, passive: true});
});

test('a link without an address waits for the neighbour that is heard there', t => {
  const specs = {up: {interface: 'eth1', asn: 'external'}};
  const silent = wish({peers: specs});
  t.deepEqual(silent.links, ['eth1']);
  t.deepEqual(silent.config?.peers, []);
  t.deepEqual(silent.problems, [
    {key: 'bgppeer/up', message: 'spec.interface: nobody was heard on eth1 yet'},
  ]);
  const heard = only({peers: specs, linkNeighbours: {eth1: 'fe80::9'}});
  t.like(heard, {address: 'fe80::9', interface: 'eth1', extendedNextHop: true, ttl: 1});
});

test('a record for all nodes that names this one is no session with itself', t => {
  t.deepEqual(wish({peers: {self: {address: '192.0.2.1', asn: 64512}}}).config?.peers, []);
  t.deepEqual(wish({peers: {self: {address: '192.0.2.1', asn: 64512}}}).problems, []);
});

test('a BGPPeer that names a node stands for the session with it', t => {
  const found = peers({nodes: [b, c], peers: {special: {address: '192.0.2.2', asn: 64512}}});
  t.deepEqual(
    found.map(({name}) => name),
    ['special', 'node/c'],
  );
});

test('two records for one place: the first name gets it, and the other one is told', t => {
  const {config, problems} = wish({peers: {one: {}, two: {}, three: {sourceAddress: '192.0.2.1'}}});
  t.deepEqual(
    config?.peers.map(({name}) => name),
    ['one', 'three'],
  );
  t.deepEqual(problems, [
    {key: 'bgppeer/two', message: 'spec.address: BGPPeer one has 192.0.2.254 already'},
  ]);
});

test('a session whose password is not there is not made, and the others are', t => {
  const specs = {
    one: {passwordFrom: {file: '/etc/one'}},
    two: {address: '192.0.2.253', passwordFrom: {secret: {name: 's', key: 'k'}}},
    three: {address: '192.0.2.252', passwordFrom: {file: '/etc/three'}},
    four: {address: '192.0.2.251'},
    five: {
      address: '192.0.2.250',
      passwordFrom: {secret: {namespace: 'net', name: 's', key: 'k'}},
    },
  };
  const {config, problems, passwordFiles} = wish({
    peers: specs,
    passwords: {
      '/etc/one': {kind: 'unreadable', problem: 'no such file'},
      '/etc/three': {kind: 'ok', password: 'orange', problem: 'it is empty'},
      '/etc/twill/secrets/net/s/k': {kind: 'ok', password: 'green'},
    },
  });
  t.deepEqual(passwordFiles, [
    ...['/etc/twill/secrets/net/s/k', '/etc/one', '/etc/three'],
    '/etc/twill/secrets/s/k',
  ]);
  t.deepEqual(
    config?.peers.map(({name, password}) => [name, password]),
    [
      ['five', 'green'],
      ['four', undefined],
      ['three', 'orange'],
    ],
  );
  t.deepEqual(problems, [
    {key: 'bgppeer/one', message: 'spec.passwordFrom.file: /etc/one: no such file'},
    {
      key: 'bgppeer/three',
      message: 'spec.passwordFrom.file: /etc/three: it is empty, the password before is still used',
    },
    {
      key: 'bgppeer/two',
      message: 'spec.passwordFrom.secret: /etc/twill/secrets/s/k: not read yet',
    },
  ]);
});

test('the mesh waits for its password', t => {
  const config = {mesh: {passwordFrom: {file: '/etc/mesh'}}};
  const waiting = wish({nodes: [b], config});
  t.deepEqual(waiting.config?.peers, []);
  t.deepEqual(waiting.passwordFiles, ['/etc/mesh']);
  t.deepEqual(waiting.problems, [
    {key: 'bgpconfig/default', message: 'spec.mesh.passwordFrom.file: /etc/mesh: not read yet'},
  ]);
  const passwords = {'/etc/mesh': {kind: 'ok', password: 'blue'}} as const;
  t.is(only({nodes: [b], config, passwords}).password, 'blue');
});

test('a node that leaves says so on every route', t => {
  const leaving = (gracefulShutdown: readonly string[]) =>
    peers({nodes: [b], peers: {tor: {}}, config: {gracefulShutdown}}).map(
      ({policy}) => policy.gracefulShutdown,
    );
  t.deepEqual(leaving(['b', 'a']), [true, true]);
  t.deepEqual(leaving(['b']), [false, false]);
});

test('what an import rule cannot do is told, and the rest of it holds', t => {
  const rules = [{set: {nextHopSelf: true, med: 7}, action: 'accept'}];
  const {problems, config} = wish({peers: {tor: {import: rules}}});
  t.deepEqual(problems, [
    {
      key: 'bgppeer/tor',
      message: 'spec.import[0].set.nextHopSelf: has no effect, next hops are set on export',
    },
  ]);
  const policy = config?.peers[0]?.policy.importPolicy;
  t.is(policy?.apply(1, {}).attributes.med, 7, 'rule 0 is the guard');
});

test('reflectors are chosen by label, with their clients', t => {
  const rr = {matchLabels: {role: 'rr'}};
  const config = {routeReflector: {nodeSelector: rr}};
  const reflector = {...b, labels: {role: 'rr'}};
  const client = wish({config, nodes: [reflector, c]});
  t.deepEqual(
    client.config?.peers.map(({name, policy}) => [name, policy.reflectorClient]),
    [['node/b', false]],
  );
  const own = wish({config, nodes: [reflector, c], labels: {role: 'rr'}});
  t.deepEqual(
    own.config?.peers.map(({name, policy}) => [name, policy.reflectorClient]),
    [
      ['node/b', false],
      ['node/c', true],
    ],
  );
  t.deepEqual(own.facts, {reflector: true});
});

test('a thousand nodes are derived at once, and their policies are compiled once', t => {
  const nodes = Array.from({length: 1000}, (_, i) => ({
    ...{name: `n${i}`, address: `10.1.${i >> 8}.${i & 255}`},
    ranges: [`10.244.${i >> 2}.${(i & 3) * 64}/26`],
  }));
  const input = paperInput({nodes, ranges: ['10.255.0.0/26'], etcd: [host('192.0.2.9')]});
  const first = deriveBgp(input);
  const startedMs = performance.now();
  const second = deriveBgp({...input, memory: first?.memory});
  const tookMs = performance.now() - startedMs;
  t.log(`${tookMs.toFixed(1)} ms`);
  t.is(second?.config?.peers.length, 1000);
  const policies = new Set(
    [first, second].flatMap(each => each?.config?.peers.map(({policy}) => policy.importPolicy)),
  );
  t.is(policies.size, 1);
});

test('a node that the configuration cuts off keeps its sessions, and says so', t => {
  const meshed = wish({nodes: [b]});
  const input = paperInput({nodes: [b], config: {nodeMesh: false}});
  const kept = deriveBgp({...input, memory: meshed.memory});
  t.deepEqual(
    kept?.config?.peers.map(({name}) => name),
    ['node/b'],
  );
  t.regex(kept?.problems[0]?.message ?? '', /no BGPPeer selects this node: it keeps its sessions/);
  const again = deriveBgp({...input, memory: kept?.memory});
  t.is(again?.config?.peers.length, 1, 'also the next time');
  const fresh = wish({nodes: [b], config: {nodeMesh: false}});
  t.is(fresh.config, undefined);
  t.regex(fresh.problems[0]?.message ?? '', /it has no way to other nodes$/);
  t.deepEqual(wish({backend: 'vxlan', nodes: [b], config: {nodeMesh: false}}).problems, []);
  const blind = wish({nodes: [b], config: {installRoutes: false}});
  t.regex(blind.problems[0]?.message ?? '', /^spec.installRoutes is false/);
});

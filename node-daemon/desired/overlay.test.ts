import test from 'ava';
import {formatAddress} from '#ipam';
import type {Network} from '../datastore/records/network.js';
import {parseNode, type Node} from '../datastore/records/node.js';
import type {StoreEvent} from '../datastore/store-event.js';
import {networkEvent, nodeEvent, nodeKey, rangesOf, vtepMac} from '../reconcile/paper-fleet.js';
import {createState, type State, type Underlay} from '../state/state.js';
import {createChanges, transition} from '../state/transition.js';
import {deriveContext, deriveOwn, derivePeer, type PeerPlan} from './overlay.js';

const addresses = {
  ipv4: {address: Uint8Array.of(192, 0, 2, 1), bits: 24},
  ipv6: {
    address: Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    bits: 64,
  },
};
const dual: Underlay = {ifindex: 2, name: 'eth0', mtu: 1500, addresses};

interface Scene {
  readonly network?: Network['spec'];
  readonly underlay?: Underlay;
  readonly events?: readonly StoreEvent[];
}

function stateOf({network, underlay = dual, events = [nodeEvent(1)]}: Scene): State {
  const state = createState({name: 'n0', uid: 'uid-0'});
  const changes = createChanges();
  transition(state, {kind: 'underlay', underlay}, changes);
  transition(state, {kind: 'ranges', ranges: rangesOf(0)}, changes);
  const all = [...(network ? [networkEvent(network)] : []), ...events, {kind: 'synced'} as const];
  transition(state, {kind: 'store', events: all}, changes);
  return state;
}

function planOf(scene: Scene, name = 'n1'): PeerPlan {
  const state = stateOf(scene);
  const {context} = deriveContext(state);
  const peer = state.nodes.get(name);
  if (context === undefined || peer === undefined) throw new Error(`no ${name}`);
  return derivePeer(context, peer);
}

function keys({tables}: PeerPlan) {
  return Object.fromEntries(
    Object.entries(tables).map(([table, entries]) => [table, entries?.map(({key}) => key)]),
  );
}

/** Node 1 with another spec. */
function odd(spec: (spec: Node['spec']) => object, createRevision = 101): StoreEvent {
  const event = nodeEvent(1);
  if (event.kind !== 'put' || event.record.kind !== 'Node') throw new Error('no node');
  const parsed = parseNode({...event.record, spec: spec(event.record.spec)});
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.problems));
  return {...event, record: parsed.value, createRevision};
}

test('a peer of one family needs exactly one of each', t => {
  const single = odd(({address, ranges, vxlan}) => ({
    address,
    ranges: ranges.slice(0, 1),
    vxlan: {mac: vxlan?.mac, address: vxlan?.address},
  }));
  const plan = planOf({events: [single]});
  t.deepEqual(keys(plan), {
    nexthops: ['10.244.0.64 dev twill.4096'],
    neighbours: ['10.244.0.64 dev twill.4096'],
    fdb: [`${vtepMac(1)} dev twill.4096`],
    routes: ['10.244.0.64/26'],
  });
  t.deepEqual(plan.problems, []);
});

test('one of two families needs one fdb entry, and two of the rest', t => {
  const plan = planOf({});
  t.is(plan.tables.fdb?.length, 1);
  t.deepEqual(
    plan.tables.routes?.map(({key}) => key),
    ['10.244.0.64/26', 'fd00:244::40/122'],
  );
  t.is(plan.tables.nexthops?.length, 2);
  t.is(plan.tables.neighbours?.length, 2);
});

test('several ranges of one family share the nexthop', t => {
  const plan = planOf({
    events: [odd(spec => ({...spec, ranges: [...spec.ranges, '10.250.0.0/26']}))],
  });
  t.is(plan.tables.nexthops?.length, 2);
  t.is(plan.tables.routes?.length, 3);
});

test('the device: name, MTU and local address follow network and underlay', t => {
  const device = (scene: Scene) => deriveContext(stateOf(scene)).context?.device;
  t.like(device({}), {name: 'twill.4096', port: 4789, mtu: 1450, underlay: 2});
  t.is(formatAddress(device({})!.local), '192.0.2.1');
  t.like(device({network: {vxlan: {vni: 7, port: 8472}}}), {name: 'twill.7', vni: 7, port: 8472});
  const v6 = {...dual, addresses: {ipv6: addresses.ipv6}};
  t.like(device({underlay: v6}), {mtu: 1430});
  t.is(formatAddress(device({underlay: v6})!.local), '2001:db8::1');
  t.is(device({network: {mtu: 1400}})?.mtu, 1400);
  t.is(device({network: {backend: 'direct'}}), undefined);
  t.is(device({network: {backend: 'bgp'}}), undefined);
});

test('an MTU that does not fit is cut, and said', t => {
  const {context, problems} = deriveContext(stateOf({network: {mtu: 9000}}));
  t.is(context?.device?.mtu, 1450);
  t.regex(problems.join(), /spec\.mtu: 9000 does not fit into 1500 of eth0, 1450 is used/);
});

test('nothing is derived before etcd was read or the underlay is known', t => {
  const state = createState({name: 'n0', uid: 'uid-0'});
  t.is(deriveContext(state).context, undefined);
  transition(state, {kind: 'store', events: [{kind: 'synced'}]}, createChanges());
  t.is(deriveContext(state).context, undefined);
  transition(state, {kind: 'underlay', underlay: dual}, createChanges());
  t.not(deriveContext(state).context, undefined);
});

test('the device carries the first address of our first range in each family', t => {
  const state = stateOf({});
  const {context} = deriveContext(state);
  const own = deriveOwn(state, context ?? {backend: 'vxlan', device: undefined});
  const wanted = ['10.244.0.0/32 dev twill.4096', 'fd00:244::/128 dev twill.4096'];
  t.deepEqual(
    own.addresses?.map(({key}) => key),
    wanted,
  );
});

test('what is free in our ranges leads nowhere where they are announced, and only there', t => {
  const routes = (network: object) => {
    const state = stateOf({network});
    const {context} = deriveContext(state);
    return deriveOwn(state, context ?? {backend: 'vxlan', device: undefined}).routes;
  };
  t.deepEqual(
    routes({backend: 'bgp'})?.map(({key, via}) => `${key} ${via.kind}`),
    ['10.244.0.0/26 unreachable', 'fd00:244::/122 unreachable'],
  );
  t.is(routes({}), undefined);
  t.is(routes({backend: 'direct'}), undefined);
});

test('over IPv6 the frames go to the IPv6 address of the host', t => {
  const plan = planOf({underlay: {...dual, addresses: {ipv6: addresses.ipv6}}});
  t.is(formatAddress(plan.tables.fdb![0]!.destination), '2001:db8::2');
});

test('with direct routing hosts of the subnet need no device, others still do', t => {
  const network = {vxlan: {directRouting: true}};
  const near = planOf({network});
  t.deepEqual(keys(near), {
    nexthops: ['192.0.2.2 dev eth0', '2001:db8::2 dev eth0'],
    routes: ['10.244.0.64/26', 'fd00:244::40/122'],
  });
  const far = odd(spec => ({...spec, address: '198.51.100.7', address6: '2001:db8:1::7'}));
  t.is(planOf({network, events: [far]}).tables.fdb?.length, 1);
  const half = odd(spec => ({...spec, address6: '2001:db8:1::7'}));
  const plan = planOf({network, events: [half]});
  t.deepEqual(
    plan.tables.nexthops?.map(({key}) => key),
    ['192.0.2.2 dev eth0', 'fd00:244::40 dev twill.4096'],
  );
  t.is(plan.tables.fdb?.length, 1);
  t.is(plan.tables.neighbours?.length, 1);
});

test('IPv4 ranges may lie behind an IPv6 gateway, and both families then share it', t => {
  const network = {backend: 'direct'} as const;
  const plan = planOf({network, underlay: {...dual, addresses: {ipv6: addresses.ipv6}}});
  t.deepEqual(keys(plan), {
    nexthops: ['2001:db8::2 dev eth0'],
    routes: ['10.244.0.64/26', 'fd00:244::40/122'],
  });
});

test('backend direct says which families of a host are out of reach', t => {
  const far = odd(spec => ({...spec, address: '198.51.100.7'}));
  const underlay = {...dual, addresses: {ipv4: addresses.ipv4}};
  const plan = planOf({network: {backend: 'direct'}, underlay, events: [far]});
  t.deepEqual(plan.tables.routes, []);
  t.is(plan.problems.length, 2);
  t.regex(plan.problems[0]!, /not in the underlay subnet .*IPv4/);
});

test('backend bgp leaves other hosts to BGP', t => {
  t.deepEqual(planOf({network: {backend: 'bgp'}}), {tables: {}, problems: []});
});

const faults: readonly (readonly [string, (spec: Node['spec']) => object, RegExp, number])[] = [
  ['no underlay address of our family', ({address: _, ...spec}) => spec, /^address: expected/, 0],
  [
    'our own underlay address',
    spec => ({...spec, address: '192.0.2.1'}),
    /the one of this node/,
    0,
  ],
  ['no vxlan', ({vxlan: _, ...spec}) => spec, /vxlan\.mac: expected/, 0],
  [
    'a multicast MAC',
    spec => ({...spec, vxlan: {...spec.vxlan, mac: '01:00:5e:00:00:01'}}),
    /unicast/,
    0,
  ],
  [
    'a zero MAC',
    spec => ({...spec, vxlan: {...spec.vxlan, mac: '00:00:00:00:00:00'}}),
    /unicast/,
    0,
  ],
  [
    'our MAC',
    spec => ({...spec, vxlan: {...spec.vxlan, mac: vtepMac(0)}}),
    /the one of this node/,
    0,
  ],
  [
    'no IPv6 gateway',
    spec => ({...spec, vxlan: {...spec.vxlan, address6: undefined}}),
    /vxlan\.address6/,
    1,
  ],
  [
    'a gateway elsewhere',
    spec => ({...spec, vxlan: {...spec.vxlan, address: '10.9.9.9'}}),
    /in the node's ranges/,
    1,
  ],
  [
    'our range',
    spec => ({...spec, ranges: ['10.244.0.0/26', spec.ranges[1]]}),
    /overlaps one of this node/,
    1,
  ],
  [
    'a range around ours',
    spec => ({...spec, ranges: ['10.244.0.0/16', spec.ranges[1]]}),
    /overlaps/,
    1,
  ],
];
for (const [title, spoil, message, routes] of faults) {
  test(`a record with ${title} is a problem, and what is sound in it is used`, t => {
    const plan = planOf({events: [odd(spec => JSON.parse(JSON.stringify(spoil(spec))) as object)]});
    t.regex(plan.problems.join('; '), message);
    t.is(plan.tables.routes?.length, routes);
    if (routes === 0) t.deepEqual(plan.tables.fdb ?? [], []);
  });
}

test('of two hosts that claim one range the older has it; the other keeps what is its own', t => {
  const thief = odd(spec => ({...spec, ranges: ['10.244.0.128/26', ...spec.ranges]}), 500);
  const scene = {events: [thief, nodeEvent(2)]};
  const younger = planOf(scene, 'n1');
  t.regex(younger.problems.join(), /range 10\.244\.0\.128\/26 overlaps one of node n2/);
  t.is(younger.tables.routes?.length, 2);
  t.deepEqual(planOf(scene, 'n2').problems, []);
});

test('when the older claim goes, the younger one is derived anew', t => {
  const state = stateOf({
    events: [odd(spec => ({...spec, ranges: ['10.244.0.128/26']}), 500), nodeEvent(2)],
  });
  const changes = createChanges();
  transition(state, {kind: 'store', events: [{kind: 'delete', key: nodeKey(2)}]}, changes);
  t.deepEqual([...changes.nodes].sort(), ['n1', 'n2']);
  t.false(changes.context);
});

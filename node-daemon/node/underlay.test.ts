import test from 'ava';
import {
  type Address,
  type Link,
  type NetlinkSocket,
  type Route,
  decodeRoute,
  openNetlink,
} from '#native-addon';
import {familyOf, formatAddress, parseAddress, parseInterface} from '#ipam';
import {parseUnderlayAddress} from '../config/underlay.js';
import {createScratch, kernelTest} from '../kernel/scratch-namespace.js';
import {detectUnderlay} from './detect-underlay.js';
import {type UnderlaySettings, type UnderlayView, chooseUnderlay, hasMoved} from './underlay.js';

const permanent = 0x80;
const temporary = 0x01; // secondary in IPv4
const tentative = 0x40;
const deprecated = 0x20;

function link(index: number, name: string, change: Partial<Link> = {}): Link {
  return {index, name, mtu: 1500, up: true, running: true, flags: 0x1, group: 0, ...change};
}

function address(index: number, text: string, flags = permanent, scope = 0): Address {
  const {address: octets, bits, family} = parseInterface(text)!;
  return {family, index, address: octets, bits, scope, flags};
}

function route(oif: number, priority: number, change: Partial<Route> = {}): Route {
  const destination = {address: new Uint8Array(4), bits: 0};
  const base = {family: 'ipv4', table: 254, protocol: 3, scope: 0, type: 1} as const;
  return {...base, destination, oif, priority, ...change};
}

const route6 = (oif: number): Route =>
  route(oif, 1024, {family: 'ipv6', destination: {address: new Uint8Array(16), bits: 0}});

const host: UnderlayView = {
  links: [
    link(1, 'lo', {flags: 0x9}),
    link(2, 'eth0'),
    link(3, 'eth1', {mtu: 9000}),
    link(4, 'docker0', {kind: 'bridge'}),
    link(5, 'twl0123456789a', {kind: 'veth'}),
    link(6, 'eth2', {up: false, running: false}),
  ],
  addresses: [
    address(1, '127.0.0.1/8', permanent, 254),
    address(1, '203.0.113.9/32'),
    address(2, '192.0.2.7/24', permanent | temporary),
    address(2, '192.0.2.1/24'),
    address(3, '198.51.100.1/25'),
    address(4, '172.17.0.1/16'),
    address(6, '192.0.2.99/24'),
    address(2, 'fe80::1/64', permanent, 253),
    address(2, '2001:db8::dead/64', temporary),
    address(2, '2001:db8::beef/64', 0),
    address(2, '2001:db8::2/64'),
    address(2, '2001:db8::1/64', permanent | tentative),
    address(3, '2001:db8:1::1/64'),
  ],
  routes: [route(3, 200), route(2, 100), route6(3)],
  reach: {},
};

function settings(ipv4: string, ipv6 = 'none'): UnderlaySettings {
  return {ipv4: parseUnderlayAddress(ipv4, 'ipv4')!, ipv6: parseUnderlayAddress(ipv6, 'ipv6')!};
}

/** `eth0 1500 192.0.2.1/24 2001:db8::2/64`, or the reason. */
function show(view: UnderlayView, wanted: UnderlaySettings): string {
  const choice = chooseUnderlay(view, wanted);
  if (choice.kind === 'none') return choice.reason;
  const {name, mtu, addresses} = choice.underlay;
  const texts = [addresses.ipv4, addresses.ipv6].flatMap(at =>
    at ? [`${formatAddress(at.address)}/${at.bits}`] : [],
  );
  return [name, mtu, ...texts].join(' ');
}

const without = (...names: readonly string[]): UnderlayView => ({
  ...host,
  links: host.links.filter(({name}) => !names.includes(name)),
});
const noDefault: UnderlayView = {...host, routes: []};
const reach = (oif: number, source: string, type = 1): UnderlayView => ({
  ...host,
  reach: {[familyOf(parseAddress(source)!)]: route(oif, 0, {source: parseAddress(source)!, type})},
});
const tunnel: UnderlayView = {
  ...host,
  routes: [
    {
      ...route(0, 0, {source: parseAddress('203.0.113.9')!}),
      multipath: [3, 2].map(oif => ({oif, weight: 1})),
    },
  ],
};

const table: readonly (readonly [string, UnderlayView, UnderlaySettings, string])[] = [
  ['auto follows the lowest metric', host, settings('auto'), 'eth0 1500 192.0.2.1/24'],
  [
    'auto takes both families from one interface',
    host,
    settings('auto', 'auto'),
    'eth0 1500 192.0.2.1/24 2001:db8::2/64',
  ],
  [
    'IPv6 alone follows its own default route',
    host,
    settings('none', 'auto'),
    'eth1 9000 2001:db8:1::1/64',
  ],
  [
    'a default route whose interface is gone is no route',
    without('eth0'),
    settings('auto'),
    'eth1 9000 198.51.100.1/25',
  ],
  [
    'a default route says its own source, also of another interface',
    tunnel,
    settings('auto'),
    'eth1 9000 203.0.113.9/32',
  ],
  [
    'without a default route the first interface that is meant for it',
    noDefault,
    settings('auto'),
    'eth0 1500 192.0.2.1/24',
  ],
  [
    'pods and bridges of containers are never meant',
    {...without('eth0', 'eth1'), routes: []},
    settings('auto'),
    'IPv4: no default route, and no interface that is up, but for those of pods, has a global address',
  ],
  [
    'our own routes lead nowhere',
    {...noDefault, routes: [route(4, 0, {protocol: 84})]},
    settings('auto'),
    'eth0 1500 192.0.2.1/24',
  ],
  [
    'other tables and blackholes lead nowhere',
    {...noDefault, routes: [route(4, 0, {table: 100}), route(4, 0, {type: 6})]},
    settings('auto'),
    'eth0 1500 192.0.2.1/24',
  ],
  [
    'a fixed address is found on any interface',
    host,
    settings('192.0.2.99'),
    'eth2 1500 192.0.2.99/24',
  ],
  ['a fixed address may be secondary', host, settings('192.0.2.7'), 'eth0 1500 192.0.2.7/24'],
  [
    'a fixed address that nobody has',
    host,
    settings('192.0.2.8'),
    'IPv4: no interface has the address 192.0.2.8',
  ],
  [
    'a fixed address under duplicate detection is not there yet',
    host,
    settings('auto', '2001:db8::1'),
    'IPv6: no interface has the address 2001:db8::1',
  ],
  [
    'interface= matches the whole name',
    host,
    settings('interface=eth.', 'interface=eth1'),
    'eth0 1500 192.0.2.1/24 2001:db8:1::1/64',
  ],
  [
    'interface= that nothing matches',
    host,
    settings('interface=ens.*'),
    'IPv4: no interface matches ^(?:ens.*)$',
  ],
  [
    'interface= that is down',
    host,
    settings('interface=eth2'),
    'IPv4: none that is up with a global address (eth2) matches ^(?:eth2)$',
  ],
  [
    'interface= may name what auto avoids',
    host,
    settings('interface=docker0'),
    'docker0 1500 172.17.0.1/16',
  ],
  [
    'cidr= finds an address inside',
    host,
    settings('cidr=198.51.100.0/24'),
    'eth1 9000 198.51.100.1/25',
  ],
  [
    'cidr= that nobody is in',
    host,
    settings('cidr=10.0.0.0/8'),
    'IPv4: no interface that is up has an address in 10.0.0.0/8',
  ],
  [
    'can-reach= takes the source of the route',
    reach(3, '198.51.100.1'),
    settings('can-reach=10.1.1.1'),
    'eth1 9000 198.51.100.1/25',
  ],
  [
    'can-reach= an address of this host',
    reach(1, '192.0.2.1', 2),
    settings('can-reach=192.0.2.1'),
    'eth0 1500 192.0.2.1/24',
  ],
  [
    'can-reach= without a route',
    host,
    settings('can-reach=10.1.1.1'),
    'IPv4: no route to 10.1.1.1',
  ],
  ['none for both', host, settings('none'), 'both families are switched off'],
  [
    'the smaller MTU counts where the families part',
    host,
    settings('cidr=198.51.100.0/24', '2001:db8::2'),
    'eth1 1500 198.51.100.1/25 2001:db8::2/64',
  ],
];

for (const [title, view, wanted, expected] of table) {
  test(title, t => t.is(show(view, wanted), expected));
}

test('a deprecated address is not chosen by itself, and auto says what is missing', t => {
  const view = {
    ...host,
    addresses: [address(2, '192.0.2.1/24', permanent | deprecated), address(3, '2001:db8:1::1/64')],
  };
  const choice = chooseUnderlay({...view, routes: [route(2, 0)]}, settings('auto', 'auto'));
  t.is(
    choice.kind === 'found' && choice.missing.join(),
    'IPv4: eth0 of the default route has no global address',
  );
});

/*
 *   netns: eth0 192.0.2.1/24, 2001:db8::1/64, default via 192.0.2.254
 *          eth1 198.51.100.1/24, on the way to 10.0.0.0/8
 */
kernelTest('a real kernel answers every setting', [], async t => {
  const scratch = await createScratch(t);
  for (const [name, peer] of [
    ['eth0', 'p0'],
    ['eth1', 'p1'],
  ] as const) {
    await scratch.ip(`link add ${name} type veth peer name ${peer}`);
    await scratch.ip(`link set ${peer} up`);
    await scratch.ip(`link set ${name} up`);
  }
  await scratch.ip('address add 192.0.2.1/24 dev eth0');
  await scratch.ip('address add 192.0.2.2/24 dev eth0');
  await scratch.ip('address add 2001:db8::1/64 dev eth0 nodad');
  await scratch.ip('address add 198.51.100.1/24 dev eth1');
  await scratch.ip('route add default via 192.0.2.254');
  await scratch.ip('route add 10.0.0.0/8 via 198.51.100.254');
  const socket = await openNetlink({namespace: {path: scratch.path}});
  t.teardown(() => socket.close());

  for (const [wanted, expected] of [
    [settings('auto', 'auto'), 'eth0 192.0.2.1 2001:db8::1'],
    [settings('interface=eth1'), 'eth1 198.51.100.1'],
    [settings('can-reach=10.1.1.1'), 'eth1 198.51.100.1'],
    [settings('can-reach=192.0.2.2'), 'eth0 192.0.2.2'],
    [settings('none', 'can-reach=2001:db8::99'), 'eth0 2001:db8::1'],
    [settings('cidr=198.51.100.0/24', 'cidr=2001:db8::/32'), 'eth1 198.51.100.1 2001:db8::1'],
    [settings('none', 'can-reach=2001:db9::99'), 'IPv6: no route to 2001:db9::99'],
  ] as const) {
    const choice = await detectUnderlay(socket, wanted);
    if (choice.kind === 'none') {
      t.is(choice.reason, expected);
      continue;
    }
    const {name, addresses} = choice.underlay;
    const texts = [addresses.ipv4, addresses.ipv6].flatMap(at =>
      at ? [formatAddress(at.address)] : [],
    );
    t.is([name, ...texts].join(' '), expected);
  }
});

kernelTest('of a million routes that BGP has learnt none is looked at', [], async t => {
  const scratch = await createScratch(t);
  await scratch.ip('link add eth0 type veth peer name p0');
  for (const name of ['p0', 'eth0']) await scratch.ip(`link set ${name} up`);
  await scratch.ip('address add 192.0.2.1/24 dev eth0');
  await scratch.ip('route add default via 192.0.2.254');
  for (const to of ['default', '10.0.0.0/8', '10.1.0.0/16']) {
    await scratch.ip(`route add ${to} via 192.0.2.253 proto 84 metric 2084`);
  }
  const socket = await openNetlink({namespace: {path: scratch.path}});
  t.teardown(() => socket.close());
  const seen: (number | undefined)[] = [];
  const asked: Pick<NetlinkSocket, 'dump' | 'get'> = {
    get: request => socket.get(request),
    async dump(request, options) {
      const messages = await socket.dump(request, options);
      if (request.op.includes('route')) {
        seen.push(...messages.map(({payload}) => decodeRoute(payload).priority));
      }
      return messages;
    },
  };
  const choice = await detectUnderlay(asked, settings('auto'));
  t.is(choice.kind, 'found');
  t.true(seen.length > 0);
  t.false(seen.includes(2084));
});

test('a node has moved when an address came or went, not when an MTU did', t => {
  const choose = (view: UnderlayView, wanted = settings('auto', 'auto')) =>
    chooseUnderlay(view, wanted);
  const before = choose(host);
  const links = host.links.map(each => ({...each, mtu: 1400}));
  t.false(hasMoved(undefined, before), 'the first choice is no move');
  t.false(hasMoved(before, choose({...host, links})));
  t.true(hasMoved(before, choose(host, settings('auto'))), 'a family went');
  t.true(hasMoved(before, choose(host, settings('192.0.2.7', 'auto'))), 'another address');
  t.true(hasMoved(before, {kind: 'none', reason: 'no address'}));
  t.true(hasMoved({kind: 'none', reason: 'no address'}, before), 'what was tried meanwhile failed');
});

import test from 'ava';
import {parseAddress, parseCidr} from '#bgp-fsm';
import {
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  type Route,
} from '#native-addon';
import {NextHopTracker} from './tracker.js';
import {Underlay} from './underlay.js';

const address = (text: string) => parseAddress(text)!;

function route(prefix: string, rest: Partial<Route> = {}): Route {
  const destination = parseCidr(prefix)!;
  const family = destination.address.length === 4 ? 'ipv4' : 'ipv6';
  const base = {family, table: RT_TABLE_MAIN, protocol: 2, scope: 0, type: RTN_UNICAST} as const;
  return {...base, destination, ...rest};
}

function underlay(...routes: readonly Route[]): Underlay {
  const result = new Underlay();
  for (const link of [1, 2]) result.setLink(link, true);
  for (const each of routes) result.setRoute(each, false);
  return result;
}

function shown(path: ReturnType<Underlay['resolve']>): string | undefined {
  return path && `${path.gateway.join('.')} dev ${path.ifindex} metric ${path.metric}`;
}

test('the longest prefix wins, then the least metric', t => {
  const under = underlay(
    route('0.0.0.0/0', {oif: 1, gateway: address('10.0.0.1')}),
    route('192.0.2.0/24', {oif: 1}),
    route('192.0.2.128/25', {oif: 2, gateway: address('10.0.0.2'), priority: 20}),
    route('192.0.2.128/25', {oif: 2, gateway: address('10.0.0.3'), priority: 10}),
  );
  const resolve = (text: string) => shown(under.resolve(address(text), 0));
  t.is(resolve('192.0.2.5'), '192.0.2.5 dev 1 metric 0');
  t.is(resolve('192.0.2.200'), '10.0.0.3 dev 2 metric 11');
  t.is(resolve('203.0.113.1'), '10.0.0.1 dev 1 metric 1');
  t.is(resolve('2001:db8::1'), undefined);
});

test('a route that turns packets away makes a next hop unreachable, and does not fall through', t => {
  const under = underlay(
    route('0.0.0.0/0', {oif: 1, gateway: address('10.0.0.1')}),
    route('192.0.2.0/24', {type: RTN_BLACKHOLE}),
  );
  t.is(under.resolve(address('192.0.2.5'), 0), undefined);
});

test('without carrier the next way is taken, of the same prefix only', t => {
  const two = [
    {oif: 1, weight: 1, gateway: address('10.0.0.1')},
    {oif: 2, weight: 1, gateway: address('10.0.0.2')},
  ];
  const under = underlay(
    route('10.9.0.0/16', {multipath: two}),
    route('10.8.0.0/16', {oif: 1}),
    route('0.0.0.0/0', {oif: 2, gateway: address('10.0.0.2')}),
  );
  t.is(under.resolve(address('10.9.0.1'), 0)?.ifindex, 1);
  under.setLink(1, false);
  t.is(under.resolve(address('10.9.0.1'), 0)?.ifindex, 2);
  t.is(under.resolve(address('10.8.0.1'), 0), undefined);
});

test('routes by nexthop objects of others are followed, groups too', t => {
  const under = underlay(
    route('10.9.0.0/16', {nexthopId: 9}),
    route('10.8.0.0/16', {nexthopId: 8}),
  );
  t.is(under.resolve(address('10.9.0.1'), 0), undefined);
  under.setNexthop({id: 8, protocol: 11, oif: 2, gateway: address('10.0.0.2')});
  under.setNexthop({
    id: 9,
    protocol: 11,
    group: [
      {id: 7, weight: 1},
      {id: 8, weight: 1},
    ],
  });
  t.is(shown(under.resolve(address('10.9.0.1'), 0)), '10.0.0.2 dev 2 metric 1');
  t.is(shown(under.resolve(address('10.8.0.1'), 0)), '10.0.0.2 dev 2 metric 1');
});

test('a link that goes down takes its IPv4 routes along, unheard', t => {
  const under = underlay(
    route('192.0.2.0/24', {oif: 1}),
    route('0.0.0.0/0', {oif: 2, gateway: address('10.0.0.2')}),
  );
  under.setLink(1, false);
  under.dropRoutesOf(1);
  t.is(under.resolve(address('192.0.2.5'), 0)?.ifindex, 2);
});

test('a link-local next hop needs its link and nothing else', t => {
  const under = underlay();
  t.is(under.resolve(address('fe80::1'), 2)?.ifindex, 2);
  under.setLink(2, false);
  t.is(under.resolve(address('fe80::1'), 2), undefined);
});

test('one that was on a link is not looked for behind the default route', t => {
  const direct = {address: address('192.0.2.5'), ifindex: 0};
  const far = {address: address('203.0.113.5'), ifindex: 0};
  const under = underlay(
    route('192.0.2.0/24', {oif: 1}),
    route('0.0.0.0/0', {oif: 2, gateway: address('10.0.0.2')}),
  );
  const tracker = new NextHopTracker(under);
  tracker.track(direct);
  tracker.track(far);
  t.deepEqual(
    tracker.takeChanges().map(({metric}) => metric),
    [0, 1],
  );
  t.deepEqual(tracker.takeChanges(), [], 'said once');
  under.setLink(1, false);
  under.dropRoutesOf(1);
  t.deepEqual(tracker.takeChanges(), [{...direct, metric: undefined}]);
  under.setLink(1, true);
  under.setRoute(route('192.0.2.0/24', {oif: 1}), true);
  t.deepEqual(tracker.takeChanges(), [{...direct, metric: 0}]);
});

test('a way is of no concern to next hops outside its prefix', t => {
  const tracker = new NextHopTracker(underlay());
  tracker.track({address: address('192.0.2.77'), ifindex: 0});
  const concerns = (text: string) => {
    const {address, bits} = parseCidr(text)!;
    return tracker.concerns(address, bits);
  };
  t.true(concerns('192.0.2.64/27'));
  t.true(concerns('0.0.0.0/0'));
  t.false(concerns('192.0.2.0/26'));
  t.false(concerns('::/0'));
});

test('an address of our own is no next hop, and one beside it is', t => {
  const local = {table: RT_TABLE_LOCAL, type: RTN_LOCAL, oif: 1};
  const under = underlay(
    route('192.0.2.0/24', {oif: 1}),
    route('192.0.2.1/32', local),
    route('2001:db8::/64', {oif: 1, priority: 256}),
    route('2001:db8::1/128', local),
  );
  for (const [own, other] of [
    ['192.0.2.1', '192.0.2.2'],
    ['2001:db8::1', '2001:db8::2'],
  ] as const) {
    t.is(under.resolve(address(own), 0), undefined);
    t.not(under.resolve(address(other), 0), undefined);
  }
  under.dropRoute(route('192.0.2.1/32', local));
  t.is(shown(under.resolve(address('192.0.2.1'), 0)), '192.0.2.1 dev 1 metric 0', 'it moved away');
});

test("a subnet's broadcast address is no next hop, and one beside it is", t => {
  const under = underlay(
    route('192.0.2.0/24', {oif: 1}),
    route('192.0.2.255/32', {table: RT_TABLE_LOCAL, type: RTN_BROADCAST, oif: 1}),
  );
  t.is(under.resolve(address('192.0.2.255'), 0), undefined);
  t.is(shown(under.resolve(address('192.0.2.254'), 0)), '192.0.2.254 dev 1 metric 0');
});

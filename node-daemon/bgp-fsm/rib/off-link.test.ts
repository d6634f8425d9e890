/** Next hops that a neighbour one hop away must not name (RFC 4271 §6.3). */
import test from 'ava';

import {formatAddress} from '../wire/address.js';
import {
  feed,
  octets,
  options,
  pathBy,
  plain,
  sessionOf,
  updateOf,
  type PaperUpdate,
} from './paper-rib.js';
import {Rib} from './rib.js';
import type {PeerPolicy, RibSession} from './types.js';

const PEER = '192.0.2.9';
const BESIDE = '192.0.2.10'; // on the same link
const FAR = '198.51.100.1'; // behind a router
const OFF_LINK = 'the next hop is not on a link of this node';
const onLink: PeerPolicy = {...plain, nextHopsOnLink: true};

function setUp(policy = onLink, change: Partial<RibSession> & {readonly asn?: number} = {}) {
  const {asn = 65001, ...rest} = change;
  const rib = new Rib(options);
  const ix = rib.addPeer(octets(PEER), policy);
  const session = {...sessionOf({asn, identifier: 11}), ...rest};
  rib.sessionUp(ix, session);
  const metrics = {[PEER]: 3, [BESIDE]: 0, [FAR]: 2, '2001:db8:f::1': 2};
  rib.setNextHops(
    Object.entries(metrics).map(([hop, metric]) => ({address: octets(hop), ifindex: 0, metric})),
  );
  const send = (cidr: string, nextHop: string) => {
    const update: PaperUpdate = {cidrs: [cidr], attributes: pathBy([65001]), nextHop};
    feed(rib, ix, updateOf(update, session));
  };
  send('10.1.0.0/24', PEER);
  send('10.2.0.0/24', BESIDE);
  send('10.3.0.0/24', FAR);
  return {rib, ix, session, send};
}

function reasons(rib: Rib, family: 'ipv4' | 'ipv6' = 'ipv4'): readonly (string | undefined)[] {
  while (rib.work(10));
  return rib.show({table: 'received', family, limit: 10}).map(each => each.notEligible);
}

test('of a neighbour one hop away a next hop on no link is not used, and told once a session', t => {
  const {rib, ix, session, send} = setUp();
  t.deepEqual(reasons(rib), [undefined, undefined, OFF_LINK]);
  t.is(rib.takeSelected(10).length, 2);
  send('10.4.0.0/24', FAR);
  while (rib.work(10));
  const told = () => rib.takeOffLink().map(({peer, nextHop}) => [peer, formatAddress(nextHop)]);
  t.deepEqual(told(), [[ix, FAR]]);
  send('10.5.0.0/24', FAR);
  while (rib.work(10));
  t.deepEqual(told(), []);
  rib.sessionDown(ix);
  rib.sessionUp(ix, session);
  send('10.3.0.0/24', FAR);
  send('10.6.0.0/24', FAR);
  while (rib.work(10));
  t.deepEqual(told(), [[ix, FAR]]);
});

test('a next hop comes onto a link and leaves it', t => {
  const {rib} = setUp();
  const move = (metric: number) => rib.setNextHops([{address: octets(FAR), ifindex: 0, metric}]);
  t.is(reasons(rib)[2], OFF_LINK);
  move(0);
  t.is(reasons(rib)[2], undefined);
  move(1);
  t.is(reasons(rib)[2], OFF_LINK);
});

test('behind routers, inside the AS and where it is not asked for, any next hop that is reached is one', t => {
  t.is(reasons(setUp(onLink, {isDirect: false}).rib)[2], undefined);
  t.is(reasons(setUp(onLink, {asn: options.asn}).rib)[2], undefined);
  t.is(reasons(setUp(plain).rib)[2], undefined);
});

test('what a policy or an own address changes about it counts for routes that are there', t => {
  const {rib, ix, session} = setUp();
  t.is(reasons(rib)[2], OFF_LINK);
  rib.setPolicy(ix, plain);
  t.is(reasons(rib)[2], undefined);
  rib.setPolicy(ix, onLink);
  t.is(reasons(rib)[2], OFF_LINK);
  rib.setPath(ix, {...session, isDirect: false});
  t.is(reasons(rib)[2], undefined);
});

test('link-local next hops are on their link, IPv6 ones behind a router are not', t => {
  const {rib, send} = setUp(onLink, {ifindex: 3});
  send('2001:db8:1::/48', 'fe80::9');
  send('2001:db8:2::/48', '2001:db8:f::1');
  t.deepEqual(reasons(rib, 'ipv6'), [undefined, OFF_LINK]);
});

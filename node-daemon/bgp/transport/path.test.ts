import test from 'ava';

import {formatAddress, parseAddress, parseCidr} from '#bgp-fsm';
import {pathBetween, type HostAddress} from './path.js';

function own(ifindex: number, cidr: string): HostAddress {
  const [text = ''] = cidr.split('/');
  return {ifindex, address: parseAddress(text)!, subnet: parseCidr(cidr)!};
}

const host = [
  own(1, '127.0.0.1/8'),
  own(1, '10.255.0.1/32'),
  own(1, 'fd00::ff/128'),
  own(2, '10.0.0.1/24'),
  own(2, 'fd00::1/64'),
  own(2, 'fe80::1/64'),
  own(3, 'fe80::2/64'),
  own(4, '10.4.0.1/24'),
  own(4, 'fe80::4/64'),
];

function path(local: string, remote: string, scopeId = 0) {
  const {ifindex, isDirect, nextHops} = pathBetween(
    parseAddress(local)!,
    parseAddress(remote)!,
    scopeId,
    host,
  );
  const text = (address: Uint8Array | undefined) => address && formatAddress(address);
  const {ipv4, ipv6, linkLocal} = nextHops;
  return {ifindex, isDirect, ipv4: text(ipv4), ipv6: text(ipv6), linkLocal: text(linkLocal)};
}

test('next hops are the addresses of the link that the session runs over', t => {
  t.deepEqual(path('10.0.0.1', '10.0.0.2'), {
    ifindex: 0,
    isDirect: true,
    ipv4: '10.0.0.1',
    ipv6: 'fd00::1',
    linkLocal: 'fe80::1',
  });
  t.deepEqual(path('fd00::1', 'fd00::2'), path('10.0.0.1', '10.0.0.2'));
});

test('a peer behind a router gets no link-local next hop', t => {
  t.like(path('10.0.0.1', '10.9.0.2'), {isDirect: false, linkLocal: undefined, ipv6: 'fd00::1'});
});

test('a link without a global address has no link-local next hop for a session over IPv4', t => {
  t.like(path('10.4.0.1', '10.4.0.2'), {isDirect: true, ipv6: undefined, linkLocal: undefined});
});

test('a loopback address has no subnet with anybody', t => {
  t.like(path('10.255.0.1', '10.255.0.2'), {isDirect: false, ipv4: '10.255.0.1', ipv6: 'fd00::ff'});
  t.is(path('fd00::ff', 'fd00::fe').ipv4, '10.255.0.1'); // not 127.0.0.1
});

test('a link-local session has its link, and the next hops that the link has', t => {
  t.deepEqual(path('fe80::2', 'fe80::9', 3), {
    ifindex: 3,
    isDirect: true,
    ipv4: undefined,
    ipv6: undefined,
    linkLocal: 'fe80::2',
  });
});

test('an end of ours that the host does not have (any more) says nothing of others', t => {
  t.deepEqual(path('10.7.0.1', '10.7.0.2'), {
    ...{ifindex: 0, isDirect: false, ipv4: '10.7.0.1', ipv6: undefined, linkLocal: undefined},
  });
});

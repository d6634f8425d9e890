import test from 'ava';
import type {Capability} from '../wire/capabilities.js';
import {AFI_SAFI} from '../wire/family.js';
import {negotiate, type Open, type PeerRules} from './negotiate.js';
import {
  agreed,
  anyPeer,
  bothFamilies,
  gracefulRestart,
  OURS,
  ourOpen,
  THEIRS,
  theirOpen,
} from './paper-peer.js';

/** `2/2`, with the data in hex when there is any; `agreed`. */
function verdict(rules: Partial<PeerRules>, sent: Open, received: Open): string {
  const outcome = negotiate({...anyPeer, ...rules}, sent, received);
  if (outcome.kind === 'agreed') return outcome.kind;
  const {code, subcode, data} = outcome.notification;
  return [`${code}/${subcode}`, ...(data.length ? [Buffer.from(data).toString('hex')] : [])].join(
    ' ',
  );
}

const only = (family: 'ipv4' | 'ipv6'): readonly Capability[] => [
  {kind: 'multiprotocol', ...AFI_SAFI[family]},
];
const role = (number: number): Capability => ({kind: 'role', role: number});
const internal = {asn: OURS};
const mp = {ipv4: '010400010001', ipv6: '010400020001'};

const verdicts: readonly (readonly [string, string, Partial<PeerRules>, Open, Open])[] = [
  ['agreed', 'a listed AS', {asns: [1, THEIRS]}, ourOpen(), theirOpen()],
  ['2/2', 'an AS that is not listed', {asns: [1, OURS]}, ourOpen(), theirOpen()],
  ['agreed', 'any other AS', {asns: 'external'}, ourOpen(), theirOpen()],
  ['2/2', 'our AS where another is wanted', {asns: 'external'}, ourOpen(), theirOpen([], internal)],
  ['agreed', 'our AS', {asns: 'internal'}, ourOpen(), theirOpen([], internal)],
  ['2/2', 'another AS where ours is wanted', {asns: 'internal'}, ourOpen(), theirOpen()],
  ['2/2', 'AS 0 (RFC 7607)', {}, ourOpen(), theirOpen([], {asn: 0})],
  ['2/3', 'identifier 0', {}, ourOpen(), theirOpen([], {identifier: 0})],
  [
    '2/3',
    'our identifier in our AS',
    {},
    ourOpen(),
    {...theirOpen([], internal), identifier: 0x0a000001},
  ],
  [
    'agreed',
    'our identifier in another AS (RFC 6286)',
    {},
    ourOpen(),
    theirOpen([], {identifier: 0x0a000001}),
  ],
  ['2/6', 'hold time 1', {}, ourOpen(), theirOpen([], {holdTimeSeconds: 1})],
  ['2/6', 'hold time 2', {}, ourOpen(), theirOpen([], {holdTimeSeconds: 2})],
  ['agreed', 'hold time 3', {}, ourOpen(), theirOpen([], {holdTimeSeconds: 3})],
  ['agreed', 'hold time 0', {}, ourOpen(), theirOpen([], {holdTimeSeconds: 0})],
  [
    '2/6',
    'less than our minimum',
    {minHoldTimeSeconds: 9},
    ourOpen(),
    theirOpen([], {holdTimeSeconds: 3}),
  ],
  ['agreed', 'provider and customer', {}, ourOpen([role(0)]), theirOpen([role(3)])],
  ['agreed', 'route server and its client', {}, ourOpen([role(2)]), theirOpen([role(1)])],
  ['agreed', 'peer and peer', {}, ourOpen([role(4)]), theirOpen([role(4)])],
  ['2/11', 'provider and provider', {}, ourOpen([role(0)]), theirOpen([role(0)])],
  ['2/11', 'a role that does not exist', {}, ourOpen([role(0)]), theirOpen([role(9)])],
  ['2/11', 'two different roles', {}, ourOpen(), theirOpen([role(0), role(3)])],
  ['agreed', 'the same role twice', {}, ourOpen([role(3)]), theirOpen([role(0), role(0)])],
  ['agreed', 'no role, not strict', {}, ourOpen([role(3)]), theirOpen()],
  ['2/11', 'no role, strict', {strictRole: true}, ourOpen([role(3)]), theirOpen()],
  ['agreed', 'no role of ours', {strictRole: true}, ourOpen(), theirOpen([role(0)])],
  ['agreed', 'any role within an AS', {}, ourOpen([role(0)]), theirOpen([role(0)], internal)],
  [
    `2/7 ${mp.ipv4}${mp.ipv6}`,
    'no family in common',
    {},
    ourOpen(),
    theirOpen([], {capabilities: [{kind: 'multiprotocol', afi: 25, safi: 70}]}),
  ],
  [
    `2/7 ${mp.ipv6}`,
    'a required family missing',
    {requiredFamilies: ['ipv6']},
    ourOpen(),
    theirOpen([], {capabilities: only('ipv4')}),
  ],
  [
    `2/7 ${mp.ipv6}`,
    'only IPv6 wanted of a peer without capabilities',
    {},
    ourOpen([], {capabilities: only('ipv6')}),
    theirOpen([], {capabilities: []}),
  ],
];

for (const [expected, what, rules, sent, received] of verdicts) {
  test(`${what}: ${expected}`, t => {
    t.is(verdict(rules, sent, received), expected);
  });
}

test('IPv4 unicast is implied only when the peer names no family at all', t => {
  const families = (capabilities: readonly Capability[]) =>
    agreed(ourOpen(), theirOpen([], {capabilities})).families;
  t.deepEqual(families([]), ['ipv4']);
  t.deepEqual(families([{kind: 'route-refresh'}]), ['ipv4']);
  t.deepEqual(families(only('ipv6')), ['ipv6']);
  t.deepEqual(families(bothFamilies), ['ipv4', 'ipv6']);
});

test('a capability counts when both sent it', t => {
  const simple: readonly Capability[] = [
    {kind: 'route-refresh'},
    {kind: 'enhanced-refresh'},
    {kind: 'as4', asn: 1},
  ];
  const plain = ourOpen([], {capabilities: bothFamilies});
  const seen = (sent: Open, received: Open) => {
    const {as4, routeRefresh, enhancedRefresh} = agreed(sent, received);
    return [as4, routeRefresh, enhancedRefresh];
  };
  t.deepEqual(seen(ourOpen(simple), theirOpen(simple)), [true, true, true]);
  t.deepEqual(seen(plain, theirOpen(simple)), [false, false, false]);
  t.deepEqual(seen(ourOpen(simple), {...theirOpen(), capabilities: bothFamilies}), [
    false,
    false,
    false,
  ]);
});

test('enhanced refresh without route refresh is nothing to answer with', t => {
  const lone = [{kind: 'enhanced-refresh'}] as const;
  t.false(agreed(ourOpen(lone), theirOpen(lone)).enhancedRefresh);
});

test('each side may send long messages to the one that can read them', t => {
  const long: readonly Capability[] = [{kind: 'extended-message'}];
  const limits = (sent: Open, received: Open) => {
    const {maxSendOctets, maxReceiveOctets} = agreed(sent, received);
    return [maxSendOctets, maxReceiveOctets];
  };
  t.deepEqual(limits(ourOpen(long), theirOpen()), [4096, 65535]);
  t.deepEqual(limits(ourOpen(), theirOpen(long)), [65535, 4096]);
});

test('path ids go one way when one sends and the other receives, per family', t => {
  const addPath = (ipv4: number, ipv6: number): Capability => ({
    kind: 'add-path',
    families: [
      {...AFI_SAFI.ipv4, mode: ipv4},
      {...AFI_SAFI.ipv6, mode: ipv6},
    ],
  });
  const ways = (ours: number, theirs: number) => {
    const {ipv4} = agreed(ourOpen([addPath(ours, 0)]), theirOpen([addPath(theirs, 0)])).addPath;
    return [ipv4.send, ipv4.receive];
  };
  t.deepEqual(ways(3, 3), [true, true]);
  t.deepEqual(ways(3, 1), [true, false]);
  t.deepEqual(ways(1, 2), [false, true]);
  t.deepEqual(ways(1, 1), [false, false]);
  t.deepEqual(ways(3, 4), [false, false]); // no such value: the tuple is ignored
  t.deepEqual(ways(0, 3), [false, false]);

  const unshared = agreed(
    ourOpen([addPath(3, 3)], {capabilities: [...only('ipv4'), addPath(3, 3)]}),
    theirOpen([addPath(3, 3)]),
  );
  t.deepEqual(unshared.addPath.ipv6, {send: false, receive: false});
});

test('an IPv6 next hop needs the tuple of both, for that family', t => {
  const tuple = (nextHopAfi: number): Capability => ({
    kind: 'extended-next-hop',
    families: [{...AFI_SAFI.ipv4, nextHopAfi}],
  });
  const families = (ours: Capability[], theirs: Capability[]) =>
    agreed(ourOpen(ours), theirOpen(theirs)).extendedNextHop;
  t.deepEqual(families([tuple(2)], [tuple(2)]), ['ipv4']);
  t.deepEqual(families([tuple(2)], []), []);
  t.deepEqual(families([tuple(2)], [tuple(1)]), []);
});

test('graceful restart is the peer’s half; N takes both, and the last capability wins', t => {
  const seen = (ours: readonly Capability[], theirs: readonly Capability[]) =>
    agreed(ourOpen(ours), theirOpen(theirs)).gracefulRestart;
  t.is(seen([], [gracefulRestart()]), undefined);
  t.is(seen([gracefulRestart()], []), undefined);
  const notifying = gracefulRestart({notification: true});
  t.true(seen([notifying], [notifying])?.notification);
  t.false(seen([gracefulRestart()], [notifying])?.notification);
  t.false(seen([notifying], [gracefulRestart()])?.notification);

  const twice = [gracefulRestart({restarting: true}), gracefulRestart({restartTimeSeconds: 7})];
  t.deepEqual(seen([gracefulRestart()], twice), {
    restarting: false,
    notification: false,
    restartTimeSeconds: 7,
    families: [
      {family: 'ipv4', forwarding: true},
      {family: 'ipv6', forwarding: true},
    ],
  });
});

test('long-lived restart is void without graceful restart, and off for families not offered', t => {
  const llgr = (...families: ('ipv4' | 'ipv6')[]): Capability => ({
    kind: 'llgr',
    families: families.map(family => ({
      ...AFI_SAFI[family],
      forwarding: true,
      staleTimeSeconds: 3600,
    })),
  });
  const seen = (ours: readonly Capability[], theirs: readonly Capability[]) =>
    agreed(ourOpen(ours), theirOpen(theirs)).longLived.map(each => each.family);
  const both = llgr('ipv4', 'ipv6');
  t.deepEqual(seen([gracefulRestart(), both], [gracefulRestart(), both]), ['ipv4', 'ipv6']);
  t.deepEqual(seen([gracefulRestart(), both], [both]), []);
  t.deepEqual(seen([gracefulRestart(), llgr('ipv6')], [gracefulRestart(), both]), ['ipv6']);
});

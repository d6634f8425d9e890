import test from 'ava';
import {Rib} from './rib.js';
import {
  acceptAll,
  drain,
  feed,
  octets,
  options,
  pathBy,
  plain,
  Receiver,
  sessionOf,
  updateOf,
  type PaperSession,
} from './paper-rib.js';
import type {PeerPolicy} from './types.js';

function setUp(change: Partial<typeof options> = {}) {
  const rib = new Rib({...options, ...change});
  const connect = (
    session: PaperSession,
    policy: Partial<PeerPolicy> = {},
    address = '192.0.2.9',
  ) => {
    const opened = sessionOf(session);
    const ix = rib.addPeer(octets(address), {...plain, ...policy});
    rib.sessionUp(ix, opened);
    const receiver = new Receiver(opened);
    const settle = () => drain(rib, ix, receiver);
    const send = (update: Parameters<typeof updateOf>[0]) =>
      feed(rib, ix, updateOf(update, opened));
    return {ix, session: opened, receiver, settle, send};
  };
  return {rib, connect};
}

const ten = ['10.1.0.0/24', '10.2.0.0/24'];

test('an eBGP path goes to another peer with our AS in front and our next hop', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2});
  a.send({cidrs: ten, attributes: pathBy([65001], {med: 5, localPref: undefined})});
  a.send({cidrs: ['2001:db8:5::/48'], attributes: pathBy([65001, 7])});
  b.settle();
  t.deepEqual(b.receiver.lines, [
    '10.1.0.0/24 -> 192.0.2.1 [64512 65001]',
    '10.2.0.0/24 -> 192.0.2.1 [64512 65001]',
    '2001:db8:5::/48 -> 2001:db8::1 [64512 65001 7]',
  ]);
  t.is(b.receiver.routes.get('10.1.0.0/24')?.attributes.med, undefined, 'MED stays with us');
  t.deepEqual(b.receiver.endOfRib, ['ipv4', 'ipv6']);
  a.settle();
  t.deepEqual(a.receiver.lines, [], 'not back to where it came from');
  a.send({cidrs: ['10.1.0.0/24']});
  b.settle();
  t.is(b.receiver.lines.length, 2);
  t.like(rib.counters(a.ix), {received: {ipv4: 1, ipv6: 1}, best: {ipv4: 1, ipv6: 1}});
  t.like(rib.counters(b.ix), {advertised: {ipv4: 1, ipv6: 1}});
});

test('End-of-RIB follows the dump also when there is nothing, and waits where it is held', t => {
  const {rib, connect} = setUp();
  const empty = connect({asn: 65001, identifier: 1});
  empty.settle();
  t.deepEqual(empty.receiver.endOfRib, ['ipv4', 'ipv6']);
  const session = {...sessionOf({asn: 65002, identifier: 2}), holdsEndOfRib: true};
  const held = rib.addPeer(octets('192.0.2.8'), plain);
  rib.sessionUp(held, session);
  const receiver = new Receiver(session);
  drain(rib, held, receiver);
  t.deepEqual(receiver.endOfRib, []);
  t.false(rib.hasUpdates(held));
  rib.releaseEndOfRib('ipv6');
  t.true(rib.hasUpdates(held));
  drain(rib, held, receiver);
  t.deepEqual(receiver.endOfRib, ['ipv6']);
});

test('what iBGP taught goes to eBGP and to clients of a reflector, with their marks', t => {
  const {connect} = setUp();
  const from = connect({asn: 64512, identifier: 0x0a000005});
  const other = connect({asn: 64512, identifier: 6}, {}, '192.0.2.10');
  const client = connect({asn: 64512, identifier: 7}, {reflectorClient: true}, '192.0.2.11');
  const outside = connect({asn: 65001, identifier: 8}, {}, '192.0.2.12');
  from.send({cidrs: ten, attributes: pathBy([65009], {localPref: 200, med: 3})});
  for (const each of [from, other, client, outside]) each.settle();
  t.deepEqual(other.receiver.lines, []);
  const {attributes, nextHop} = client.receiver.routes.get('10.1.0.0/24')!;
  t.is(nextHop, '192.0.2.9', 'next hop, LOCAL_PREF, MED and path are left alone');
  t.like(attributes, {localPref: 200, med: 3, originatorId: 0x0a000005});
  t.deepEqual(attributes.clusterList, [options.clusterId]);
  const sent = outside.receiver.routes.get('10.1.0.0/24')!.attributes;
  t.is(sent.localPref, undefined);
  t.is(sent.originatorId, undefined);
  t.is(sent.clusterList, undefined);
});

test('who becomes a client, or is one no more, is reflected to all that have a session already', t => {
  const {rib, connect} = setUp();
  const from = connect({asn: 64512, identifier: 5});
  const other = connect({asn: 64512, identifier: 6}, {}, '192.0.2.10');
  from.send({cidrs: ten, attributes: pathBy([65009])});
  const told = (reflectorClient: boolean) => {
    rib.setPolicy(from.ix, {...plain, reflectorClient});
    for (const each of [from, other]) each.settle();
    return [...other.receiver.routes.keys()];
  };
  t.deepEqual(told(false), []);
  t.deepEqual(told(true), ten);
  t.deepEqual(told(false), []);
});

test('loops, first AS and RFC 8212: kept, not eligible, and the reason is shown', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1}, {enforceFirstAs: true});
  const shut = connect({asn: 65003, identifier: 3}, {importPolicy: undefined}, '192.0.2.13');
  a.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65001, 64512])});
  a.send({cidrs: ['10.2.0.0/24'], attributes: pathBy([65002])});
  shut.send({cidrs: ['10.3.0.0/24'], attributes: pathBy([65003])});
  while (rib.work(10));
  t.deepEqual(rib.takeSelected(10), []);
  const shown = rib.show({table: 'received', family: 'ipv4', limit: 10});
  t.deepEqual(
    shown.map(({notEligible}) => notEligible),
    [
      'our AS number is in AS_PATH',
      "AS_PATH does not begin with the peer's AS number",
      'no import policy (RFC 8212)',
    ],
  );
  rib.setPolicy(a.ix, {...plain, allowAsIn: 1});
  while (rib.work(10));
  t.is(rib.takeSelected(10).length, 2, 'a new policy judges what is here already');
});

test('paths of more AS numbers or communities than the peer may send are kept, not used', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1}, {maxAsPath: 3, maxCommunities: 2});
  const large = [{global: 1, local1: 2, local2: 3}];
  a.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65001, 2, 3], {communities: [1, 2]})});
  a.send({cidrs: ['10.2.0.0/24'], attributes: pathBy([65001, 2, 3, 4])});
  const many = {communities: [1, 2], largeCommunities: large};
  a.send({cidrs: ['10.3.0.0/24'], attributes: pathBy([65001], many)});
  const reasons = () => {
    while (rib.work(10));
    const shown = rib.show({table: 'received', family: 'ipv4', limit: 10});
    return shown.map(({notEligible}) => notEligible);
  };
  const excess = ['AS_PATH is longer than maxAsPath', 'more communities than maxCommunities'];
  t.deepEqual(reasons(), [undefined, ...excess]);
  rib.setPolicy(a.ix, {...plain, maxAsPath: 4, maxCommunities: 3});
  t.deepEqual(reasons(), [undefined, undefined, undefined]);
});

test('communities and policy decide where a path goes', t => {
  const {connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {exportPolicy: undefined}, '192.0.2.10');
  const c = connect({asn: 65003, identifier: 3}, {gracefulShutdown: true}, '192.0.2.11');
  const i = connect({asn: 64512, identifier: 4}, {nextHop: 'self'}, '192.0.2.12');
  const noExport = 0xffff_ff01;
  a.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65001], {communities: [noExport]})});
  a.send({cidrs: ['10.2.0.0/24'], attributes: pathBy([65001])});
  for (const each of [b, c, i]) each.settle();
  t.deepEqual(b.receiver.lines, [], 'RFC 8212');
  t.deepEqual([...c.receiver.routes.keys()], ['10.2.0.0/24']);
  t.deepEqual(c.receiver.routes.get('10.2.0.0/24')?.attributes.communities, [0xffff_0000]);
  t.is(i.receiver.lines.length, 2);
  t.is(i.receiver.routes.get('10.2.0.0/24')?.nextHop, '192.0.2.1');
  t.is(i.receiver.routes.get('10.2.0.0/24')?.attributes.localPref, 100);
});

test('stale paths stay until they are repeated or deleted', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {}, '192.0.2.10');
  a.send({cidrs: ten, attributes: pathBy([65001])});
  b.settle();
  const before = b.receiver.messages;
  rib.sessionDown(a.ix);
  rib.markStale(a.ix, 'ipv4');
  b.settle();
  t.is(b.receiver.lines.length, 2);
  t.is(rib.counters(a.ix).stale.ipv4, 2);
  rib.sessionUp(a.ix, a.session);
  a.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65001])});
  rib.deleteStale(a.ix, 'ipv4');
  b.settle();
  t.deepEqual([...b.receiver.routes.keys()], ['10.1.0.0/24']);
  t.is(b.receiver.messages, before + 1, 'what was repeated as it was cost no message');
});

test('long-lived stale paths are the last choice, are marked, and go where that is understood', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const longLived = [{family: 'ipv4' as const, forwarding: true, staleTimeSeconds: 100}];
  const b = connect({asn: 65002, identifier: 2, change: {longLived}}, {}, '192.0.2.10');
  const c = connect({asn: 65003, identifier: 3}, {}, '192.0.2.11');
  a.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65001])});
  a.send({cidrs: ['10.2.0.0/24'], attributes: pathBy([65001], {communities: [0xffff_0007]})});
  rib.sessionDown(a.ix);
  rib.markStale(a.ix, 'ipv4');
  rib.attachLongLived(a.ix, 'ipv4');
  b.settle();
  c.settle();
  t.deepEqual([...b.receiver.routes.keys()], ['10.1.0.0/24'], 'NO_LLGR is gone');
  t.deepEqual(b.receiver.routes.get('10.1.0.0/24')?.attributes.communities, [0xffff_0006]);
  t.deepEqual(c.receiver.lines, []);
  c.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([65003, 1, 2, 3, 4])});
  b.settle();
  t.regex(b.receiver.lines[0] ?? '', /65003/);
});

test('a refresh sends all once more between its marks; a received one drops what is not repeated', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {}, '192.0.2.10');
  a.send({cidrs: ten, attributes: pathBy([65001])});
  b.settle();
  rib.resend(b.ix, 'ipv4');
  t.true(rib.hasUpdates(b.ix));
  const again = new Receiver(b.session);
  drain(rib, b.ix, again);
  t.is(again.lines.length, 2);
  t.deepEqual(again.others, [1, 2], 'BoRR, EoRR');
  rib.beginRefresh(a.ix, 'ipv4');
  a.send({cidrs: ['10.2.0.0/24'], attributes: pathBy([65001])});
  rib.endRefresh(a.ix, 'ipv4');
  b.settle();
  t.deepEqual([...b.receiver.routes.keys()], ['10.2.0.0/24']);
});

test('limits: a warning once, then the NOTIFICATION', t => {
  const {connect} = setUp();
  const a = connect({asn: 65001, identifier: 1}, {maxPrefixes: {max: 3, warnPercent: 50}});
  const cidrs = ['10.1.0.0/24', '10.2.0.0/24', '10.3.0.0/24', '10.4.0.0/24'];
  const kinds = cidrs.map(cidr => a.send({cidrs: [cidr], attributes: pathBy([65001])})[0]?.kind);
  t.deepEqual(kinds, ['ok', 'nearLimit', 'ok', 'limit']);
});

test('multipath: what ties is used together, by bandwidth where all say one', t => {
  const {rib, connect} = setUp({
    multipath: {max: 8, maxInternal: 8, relaxAsPath: true, relaxPeerType: false},
  });
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {}, '192.0.2.10');
  const bandwidth = (bytesPerSecond: number) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, bytesPerSecond);
    return {extendedCommunities: [{high: 0x4004fde9, low: view.getUint32(0)}]};
  };
  const select = () => {
    while (rib.work(10));
    return rib.takeSelected(10).map(({nextHops}) => nextHops);
  };
  a.send({cidrs: ten, attributes: pathBy([65001])});
  b.send({cidrs: ten, attributes: pathBy([65002]), nextHop: '192.0.2.10'});
  const [first, second] = select();
  t.is(first, second, 'one object for one set');
  t.deepEqual(
    first?.map(({weight}) => weight),
    [1, 1],
  );
  a.send({cidrs: ten, attributes: pathBy([65001], bandwidth(1e9))});
  b.send({cidrs: ten, attributes: pathBy([65002], bandwidth(5e8)), nextHop: '192.0.2.10'});
  t.deepEqual(
    select()[0]?.map(({weight}) => weight),
    [256, 128],
  );

  rib.setNextHops([{address: octets('192.0.2.10'), ifindex: 0, metric: undefined}]);
  t.is(select()[0]?.length, 1);
  rib.setNextHops([{address: octets('192.0.2.9'), ifindex: 0, metric: undefined}]);
  t.deepEqual(select()[0], [], 'nothing is left');
});

test('next hops come into use and fall out of it', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  a.send({cidrs: ten, attributes: pathBy([65001])});
  t.like(rib.takeNextHopInterest(), [{address: octets('192.0.2.9'), isUsed: true}]);
  a.send({cidrs: ten});
  while (rib.work(10));
  t.like(rib.takeNextHopInterest(), [{address: octets('192.0.2.9'), isUsed: false}]);
});

test('our own routes come first, are announced, and go when they are no longer ours', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const i = connect({asn: 64512, identifier: 2}, {}, '192.0.2.10');
  const route = {family: 'ipv4' as const, address: octets('10.1.0.0'), bits: 24, attributes: {}};
  i.send({cidrs: ['10.1.0.0/24'], attributes: pathBy([], {localPref: 500})});
  rib.setLocalRoutes([route]);
  a.settle();
  t.deepEqual(a.receiver.lines, ['10.1.0.0/24 -> 192.0.2.1 [64512]']);
  rib.setLocalRoutes([route]); // as it is
  t.false(rib.work(10));
  rib.setLocalRoutes([]);
  a.settle();
  t.deepEqual(a.receiver.lines, ['10.1.0.0/24 -> 192.0.2.1 [64512]'], 'of the other now');
  i.send({cidrs: ['10.1.0.0/24']});
  a.settle();
  t.deepEqual(a.receiver.lines, []);
});

test('ADD-PATH: several paths in and out, each withdrawn by its id', t => {
  const {rib, connect} = setUp();
  const both = {addPath: {ipv4: {send: true, receive: true}, ipv6: {send: false, receive: false}}};
  const a = connect({asn: 65001, identifier: 1, change: both});
  const b = connect({asn: 65002, identifier: 2, change: both}, {addPathMax: 2}, '192.0.2.10');
  for (const pathId of [1, 2, 3]) {
    const attributes = pathBy([65001, ...new Array<number>(pathId).fill(9)]);
    a.send({cidrs: ['10.1.0.0/24'], attributes, pathId});
  }
  b.settle();
  t.is(b.receiver.routes.size, 2, 'the best two');
  t.is(rib.counters(a.ix).received.ipv4, 3);
  a.send({cidrs: ['10.1.0.0/24'], pathId: 1});
  b.settle();
  t.deepEqual(
    [...b.receiver.routes.values()].map(({attributes}) => attributes.asPath?.[0]?.asns.length),
    [4, 5],
  );
  a.send({cidrs: ['10.1.0.0/24'], pathId: 7}); // never heard of
  a.send({cidrs: ['10.1.0.0/24'], pathId: 2});
  a.send({cidrs: ['10.1.0.0/24'], pathId: 3});
  b.settle();
  t.is(b.receiver.routes.size, 0);
});

test('when everything is withdrawn nothing is kept', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {}, '192.0.2.10');
  a.send({cidrs: ten, attributes: pathBy([65001], {communities: [1, 2, 3]})});
  a.send({cidrs: ['2001:db8:5::/48'], attributes: pathBy([65001, 7])});
  b.settle();
  while (rib.takeSelected(10).length > 0);
  t.true(rib.sharedCount > 0);
  rib.removePeer(a.ix);
  b.settle();
  while (rib.takeSelected(10).length > 0);
  t.deepEqual(b.receiver.lines, []);
  t.is(rib.sharedCount, 0);
});

test('a changed export policy is sent as its difference', t => {
  const {rib, connect} = setUp();
  const a = connect({asn: 65001, identifier: 1});
  const b = connect({asn: 65002, identifier: 2}, {}, '192.0.2.10');
  a.send({cidrs: ten, attributes: pathBy([65001])});
  b.settle();
  const onlyFirst = {
    ...acceptAll,
    ...{id: 'first', looksAtPrefix: true},
    choose: ({words}: {words: Uint32Array}) => ((words[0] ?? 0) >>> 16 === 0x0a01 ? 0 : -1),
  };
  rib.setPolicy(b.ix, {...plain, exportPolicy: onlyFirst});
  const before = b.receiver.messages;
  b.settle();
  t.deepEqual([...b.receiver.routes.keys()], ['10.1.0.0/24']);
  t.is(b.receiver.messages, before + 1);
});

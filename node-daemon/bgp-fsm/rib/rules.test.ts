/** What the RFCs ask of routes that come in and go out, rule by rule, seen at the wire. */
import test from 'ava';

import {communityPattern} from '../policy/paper-rules.js';
import {compilePolicy} from '../policy/compile-policy.js';
import {ACCEPT_ALL} from '../policy/generated-rules.js';
import type {PathAttributes} from '../wire/attributes.js';
import type {Role} from '../wire/capabilities.js';
import {
  asns,
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
import {Rib} from './rib.js';
import type {PeerPolicy, RibOptions} from './types.js';

const prefix = '10.1.0.0/24';
const PEERS = {
  a: [65001, 11],
  b: [65002, 12],
  inside: [options.asn, 13],
  other: [options.asn, 14],
} as const;

function setUp(change: Partial<RibOptions> = {}) {
  const rib = new Rib({...options, ...change});
  return {
    rib,
    connect(
      name: keyof typeof PEERS,
      policy: Partial<PeerPolicy> = {},
      change: PaperSession['change'] = {},
    ) {
      const [asn, identifier] = PEERS[name];
      const session = sessionOf({asn, identifier, change});
      const ix = rib.addPeer(octets(`192.0.2.${identifier}`), {...plain, ...policy});
      rib.sessionUp(ix, session);
      const receiver = new Receiver(session);
      return {
        ...{ix, session, receiver},
        send: (path: PathAttributes, more: {nextHop?: string; cidr?: string} = {}) => {
          const {nextHop = '192.0.2.77', cidr = prefix} = more;
          return feed(rib, ix, updateOf({cidrs: [cidr], attributes: path, nextHop}, session));
        },
        got: () => {
          drain(rib, ix, receiver);
          return receiver.routes.get(prefix);
        },
      };
    },
    reasons: () => {
      while (rib.work(10));
      return rib.show({table: 'received', family: 'ipv4', limit: 10}).map(each => each.notEligible);
    },
    used: () => {
      while (rib.work(10));
      return rib.takeSelected(10).map(({nextHops}) => nextHops.map(hop => hop.address.at(-1)));
    },
  };
}

const LEAK = 'a route leak: OTC (RFC 9234)';

test('RFC 9234 §5: what comes from above or beside is marked, and a mark that says leak is one', t => {
  const rows: readonly (readonly [Role, number | undefined, string | undefined, number?])[] = [
    // our role, OTC as it comes, why it is not eligible, OTC as it goes to a customer
    ['customer', undefined, undefined, 65001],
    ['peer', undefined, undefined, 65001],
    ['rs-client', undefined, undefined, 65001],
    ['provider', undefined, undefined, 64512],
    ['rs', undefined, undefined, 64512],
    ['customer', 7, undefined, 7],
    ['provider', 7, LEAK],
    ['rs', 7, LEAK],
    ['peer', 7, LEAK],
    ['peer', 65001, undefined, 65001],
  ];
  for (const [role, otc, reason, onward] of rows) {
    const {connect, reasons} = setUp();
    const a = connect('a', {role});
    const customer = connect('b', {role: 'provider'});
    a.send(pathBy([65001], {otc}));
    t.deepEqual(reasons(), [reason], `${role} ${otc}`);
    t.is(customer.got()?.attributes.otc, onward, `${role} ${otc}`);
  }
});

test('RFC 9234 §5: a marked route goes to customers only, and what we begin is marked for them', t => {
  const up = ['customer', 'peer', 'rs-client'] as const;
  for (const role of ['provider', 'rs', ...up] as const) {
    const {rib, connect} = setUp();
    const a = connect('a', {role: 'customer'});
    const b = connect('b', {role});
    a.send(pathBy([65001]));
    const goesUp = up.some(each => each === role);
    t.is(b.got() === undefined, goesUp, role);
    const own = {family: 'ipv4' as const, address: octets('10.1.0.0'), bits: 24, attributes: {}};
    rib.setLocalRoutes([own]);
    const marks = role === 'customer' || role === 'rs-client' ? undefined : 64512;
    t.is(b.got()?.attributes.otc, marks, role);
  }
});

test('AS_PATH as configured: local AS, as-override, private numbers, allowas-in', t => {
  const localAs = (prependReal: boolean) => ({
    localAs: {asn: 64999, prependReal, prependReceived: false},
  });
  const rows: readonly (readonly [Partial<PeerPolicy>, readonly number[], readonly number[]])[] = [
    [{}, [65001, 7], [64512, 65001, 7]],
    [localAs(false), [65001, 7], [64999, 65001, 7]],
    [localAs(true), [65001, 7], [64999, 64512, 65001, 7]],
    [{asOverride: true}, [65001, 65002, 7, 65002], [64512, 65001, 64512, 7, 64512]],
    [{removePrivateAs: true}, [65001, 7, 64600, 4_200_000_001], [64512, 7]],
    [{asOverride: true, ...localAs(false)}, [65001, 65002], [64999, 65001, 64999]],
  ];
  for (const [policy, path, expected] of rows) {
    const {connect} = setUp();
    const [a, b] = [connect('a'), connect('b', policy)];
    a.send(pathBy(path));
    t.deepEqual(asns(b.got()!.attributes), expected, JSON.stringify(policy));
  }
});

test('a loop is one by our number and by the one that stands for it towards the peer', t => {
  const {connect, reasons} = setUp();
  const a = connect('a', {localAs: {asn: 64999, prependReal: false, prependReceived: false}});
  a.send(pathBy([65001, 64999]));
  a.send(pathBy([65001, 64512]), {cidr: '10.2.0.0/24'});
  a.send(pathBy([65001, 7]), {cidr: '10.3.0.0/24'});
  const loop = 'our AS number is in AS_PATH';
  t.deepEqual(reasons(), [loop, loop, undefined]);
});

test('a local AS may stand in front of what came, as if it were on the way', t => {
  const {connect} = setUp();
  const localAs = {asn: 64999, prependReal: false, prependReceived: true};
  const [a, b] = [connect('a', {localAs}), connect('b')];
  a.send(pathBy([65001, 7]));
  t.deepEqual(asns(b.got()!.attributes), [64512, 64999, 65001, 7]);
});

test('the next hop stays where it is to stay', t => {
  const rows = [
    ['auto', 'b', '192.0.2.1'],
    ['unchanged', 'b', '192.0.2.77'],
    ['auto', 'inside', '192.0.2.77'],
    ['self', 'inside', '192.0.2.1'],
    ['self-force', 'inside', '192.0.2.1'],
    ['unchanged', 'inside', '192.0.2.77'],
  ] as const;
  for (const [nextHop, to, expected] of rows) {
    const {connect} = setUp();
    const [a, b] = [connect('a'), connect(to, {nextHop})];
    a.send(pathBy([65001]));
    t.is(b.got()?.nextHop, expected, `${nextHop} to ${to}`);
  }
});

test('MED goes no further than the next AS, unless our policy sets it, to whatever it was', t => {
  const setsMed = compilePolicy([{...ACCEPT_ALL, set: {med: 5}}], 'export');
  for (const [policy, to, expected] of [
    [{}, 'b', undefined],
    [{}, 'inside', 5],
    [{exportPolicy: setsMed}, 'b', 5],
  ] as const) {
    const {connect} = setUp();
    const [a, b] = [connect('a'), connect(to, policy)];
    a.send(pathBy([65001], {med: 5}));
    t.is(b.got()?.attributes.med, expected);
  }
});

test('RFC 4360: what is not transitive does not leave the AS', t => {
  const [kept, left] = [
    {high: 0x0002_fde9, low: 1}, // a route target
    {high: 0x4004_fde9, low: 1}, // a link bandwidth
  ];
  const {connect} = setUp();
  const inside = connect('inside');
  const b = connect('b');
  inside.send(pathBy([], {extendedCommunities: [kept, left]}));
  t.deepEqual(b.got()?.attributes.extendedCommunities, [kept]);
});

test('RFC 1997: NO_EXPORT, NO_EXPORT_SUBCONFED and NO_ADVERTISE hold for what was learnt', t => {
  for (const [community, goesInside] of [
    [0xffff_ff01, true],
    [0xffff_ff03, true],
    [0xffff_ff02, false],
  ] as const) {
    const {connect} = setUp();
    const [a, b, inside] = [connect('a'), connect('b'), connect('inside')];
    a.send(pathBy([65001], {communities: [community]}));
    t.is(b.got(), undefined);
    t.is(inside.got() !== undefined, goesInside);
  }
});

test('MED orders paths of one neighbour AS, or of all where that is asked for', t => {
  for (const [alwaysCompareMed, expected] of [
    [false, 77], // the lower identifier
    [true, 78],
  ] as const) {
    const {connect, used} = setUp({alwaysCompareMed});
    connect('a').send(pathBy([65001], {med: 9}));
    connect('b').send(pathBy([65002], {med: 1}), {nextHop: '192.0.2.78'});
    t.deepEqual(used(), [[expected]]);
  }
});

test('paths of equal length are used together, or equal ones only', t => {
  for (const [relaxAsPath, expected] of [
    [true, [77, 78]],
    [false, [77]],
  ] as const) {
    const {connect, used} = setUp({
      multipath: {max: 4, maxInternal: 4, relaxAsPath, relaxPeerType: false},
    });
    connect('a').send(pathBy([65001, 7]));
    connect('b').send(pathBy([65002, 7]), {nextHop: '192.0.2.78'});
    t.deepEqual(used(), [expected]);
  }
});

test('internal paths have a limit of their own, and go beside external ones only where that is said', t => {
  const rows = [
    // max, maxInternal, relaxPeerType: ways with an external path, and without it
    [4, 4, false, 1, 2],
    [4, 1, false, 1, 1],
    [4, 1, true, 3, 1],
    [2, 4, true, 2, 2],
  ] as const;
  for (const [max, maxInternal, relaxPeerType, external, internal] of rows) {
    const multipath = {max, maxInternal, relaxAsPath: true, relaxPeerType};
    const {rib, connect, used} = setUp({multipath});
    const a = connect('a');
    connect('inside').send(pathBy([65001]), {nextHop: '192.0.2.78'});
    const other = connect('other');
    other.send(pathBy([65001]), {nextHop: '192.0.2.79'});
    a.send(pathBy([65001]));
    t.is(used()[0]?.length, external, `${max} ${maxInternal} ${relaxPeerType}`);
    rib.deleteRoutes(a.ix, 'ipv4');
    t.is(used()[0]?.length, internal, `${max} ${maxInternal} ${relaxPeerType}`);
  }
});

test('RFC 9494: the mark stays when options, policies or limits change meanwhile', t => {
  const {rib, connect} = setUp();
  const longLived = [{family: 'ipv4' as const, forwarding: true, staleTimeSeconds: 100}];
  const a = connect('a');
  const b = connect('b', {}, {longLived});
  a.send(pathBy([65001]));
  rib.sessionDown(a.ix);
  rib.markStale(a.ix, 'ipv4');
  rib.attachLongLived(a.ix, 'ipv4');
  t.deepEqual(b.got()?.attributes.communities, [0xffff_0006]);
  rib.setOptions({...options, alwaysCompareMed: true});
  t.deepEqual(b.got()?.attributes.communities, [0xffff_0006]);
  const removes = {removeCommunities: [communityPattern('llgr-stale')], med: 3};
  rib.setPolicy(a.ix, {
    ...plain,
    importPolicy: compilePolicy([{...ACCEPT_ALL, set: removes}], 'import'),
  });
  t.deepEqual(b.got()?.attributes.communities, [0xffff_0006]);
  connect('inside').send(pathBy([1, 2, 3, 4]));
  t.deepEqual(asns(b.got()!.attributes), [64512, 1, 2, 3, 4], 'any other is better');
});

test('a limit counts prefixes of messages with faults as well, and of before it was lowered', t => {
  const {rib, connect} = setUp();
  const limit = (max: number) => ({maxPrefixes: {max, warnPercent: 100}});
  const a = connect('a', limit(3));
  const faulty = (n: number) =>
    a.send(pathBy([65001], {localPref: 7}), {cidr: `10.${n}.0.0/24`})[0]?.kind; // of eBGP: discarded
  t.deepEqual([1, 2, 3].map(faulty), ['faulty', 'faulty', 'faulty']);
  t.is(faulty(4), 'limit');
  rib.setPolicy(a.ix, {...plain, ...limit(9)});
  t.is(rib.checkLimit(a.ix), undefined);
  rib.setPolicy(a.ix, {...plain, ...limit(2)});
  t.is(rib.checkLimit(a.ix)?.kind, 'limit');
});

test('a route too long for a peer is not sent, and that is told', t => {
  const {rib, connect} = setUp();
  const a = connect('a');
  const b = connect('b');
  const communities = Array.from({length: 1011}, (_, n) => n + 1); // 4095 octets, and our AS number
  a.send(pathBy([65001], {communities}));
  t.is(b.got(), undefined);
  t.is(rib.takeTooLong(), 1);
  t.is(rib.takeTooLong(), 0);
});

test('nobody is told of itself as the next hop, but all others are; and of us in its place where we stand for it', t => {
  const {connect} = setUp();
  const a = connect('a');
  const [inside, other] = [connect('inside'), connect('other')];
  const behindUs = connect('inside', {nextHop: 'self'}); // another one of that address
  const rules = [{...ACCEPT_ALL, set: {nextHopSelf: true}}];
  const byRule = connect('inside', {exportPolicy: compilePolicy(rules, 'export')});
  const hopsBy = (nextHop: string) => {
    a.send(pathBy([65001]), {nextHop});
    return [inside, other, behindUs, byRule].map(each => each.got()?.nextHop);
  };
  const own = '192.0.2.1';
  t.deepEqual(hopsBy('192.0.2.77'), ['192.0.2.77', '192.0.2.77', own, own]);
  t.deepEqual(hopsBy('192.0.2.13'), [undefined, '192.0.2.13', own, own], 'that of `inside`');
  t.deepEqual(hopsBy('192.0.2.14'), ['192.0.2.14', undefined, own, own], 'that of `other`');
});

test('a prefix that is not unicast is kept, and neither used nor passed on (RFC 4271 §6.3)', t => {
  const {connect, reasons, used} = setUp();
  const [a, b] = [connect('a'), connect('b')];
  for (const cidr of ['224.0.0.0/4', prefix]) a.send(pathBy([65001]), {cidr});
  t.deepEqual(reasons(), [undefined, 'not a unicast prefix']);
  t.is(used().length, 1);
  t.truthy(b.got());
  t.deepEqual([...b.receiver.routes.keys()], [prefix]);
});

test('our own routes that come back by a reflector are no faulty UPDATE, and are not used', t => {
  const rib = new Rib(options);
  const session = sessionOf({asn: options.asn, identifier: 13});
  for (const [family, cidr, own] of [
    ['ipv4', '10.1.0.0/24', '192.0.2.1'],
    ['ipv6', '2001:db8:1::/48', '2001:db8::1'],
  ] as const) {
    const wire = {...session.wire, localAddress: octets(own)};
    const ix = rib.addPeer(octets(family === 'ipv4' ? '192.0.2.9' : '2001:db8::9'), plain);
    rib.sessionUp(ix, {...session, wire});
    const kindOf = (originatorId: number) => {
      const attributes = pathBy([], {localPref: 100, originatorId, clusterList: [77]});
      const update = updateOf({cidrs: [cidr], attributes, nextHop: own}, session);
      return feed(rib, ix, update).map(({kind}) => kind);
    };
    t.deepEqual(kindOf(options.identifier), ['ok'], family);
    t.deepEqual(kindOf(12), ['faulty'], 'of another one that next hop is wrong');
  }
  while (rib.work(10));
  t.deepEqual(rib.takeSelected(10), []);
});

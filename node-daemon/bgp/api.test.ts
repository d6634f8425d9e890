import test from 'ava';
import {
  parseAddress,
  parseCidr,
  type PathAttributes,
  type PeerStatus,
  type ShownPath,
  type ShowQuery,
} from '#bgp-fsm';
import {formatIdentifier, toPeersAnswer, toPeerView, toRangeView} from './api-peers.js';
import {answerRoutes, parseRoutesRequest} from './api-query.js';
import {toRouteView} from './api-routes.js';

const counts = (ipv4: number, ipv6 = 0) => ({ipv4, ipv6});
const messages = {open: 1, update: 2, notification: 0, keepalive: 3, refresh: 0};

const down: PeerStatus = {
  config: {
    ...{name: 'tor-a', address: '192.0.2.1', interface: undefined, port: 179},
    ...{asns: [64513], localAsn: 64512, sourceAddress: undefined, passive: false},
    ...{
      shutdown: undefined,
      holdTimeSeconds: 90,
      keepaliveSeconds: undefined,
      sendHoldSeconds: undefined,
      otherAsn: undefined,
    },
    ...{connectRetryMs: 5000, password: 'orange', ttl: 1, ttlSecurityHops: undefined},
    ...{bfd: undefined, families: ['ipv4'], extendedNextHop: false},
    ...{addPath: {ipv4: 'none', ipv6: 'none'}, extendedMessages: false},
    ...{role: undefined, strictRole: false, gracefulRestart: true},
    prefixLimitRestartSeconds: undefined,
    policy: {
      ...{importPolicy: undefined, exportPolicy: undefined, localAs: undefined},
      ...{reflectorClient: false, nextHop: 'auto', allowAsIn: 0, enforceFirstAs: true},
      ...{asOverride: false, removePrivateAs: false, role: undefined, maxPrefixes: undefined},
      ...{addPathMax: 1, linkBandwidth: undefined, gracefulShutdown: false, defaultLocalPref: 100},
      ...{maxAsPath: undefined, maxCommunities: undefined, nextHopsOnLink: false},
    },
  },
  ...{
    ix: 3,
    state: 'Active',
    inStateMs: 12_999,
    isLimited: false,
    excess: undefined,
    negotiated: undefined,
  },
  ...{localAddress: undefined, established: 2, failures: 4, faultyUpdates: 0, stale: ['ipv4']},
  ...{received: messages, sent: messages, bfd: undefined, heard: ['ipv4']},
  prefixes: {
    ...{received: counts(5), accepted: counts(4), best: counts(3), advertised: counts(2)},
    stale: counts(5),
  },
  lastError: {words: 'no TCP answer; a password is configured, wrong key?', agoMs: 1500},
  lastDown: {words: 'the peer closed the connection', agoMs: 60_000},
};

const up: PeerStatus = {
  ...down,
  ...{state: 'Established', localAddress: Uint8Array.of(192, 0, 2, 9), established: 3, stale: []},
  negotiated: {
    ...{peerAsn: 64513, peerIdentifier: 0xc0000201, internal: false, holdTimeSeconds: 90},
    ...{keepaliveMs: 30_000, sendHoldMs: 480_000, families: ['ipv4'], as4: true},
    ...{routeRefresh: true, enhancedRefresh: false, maxSendOctets: 4096, maxReceiveOctets: 4096},
    addPath: {ipv4: {send: false, receive: true}, ipv6: {send: false, receive: false}},
    extendedNextHop: [],
    peerRole: 'provider',
    gracefulRestart: {
      ...{restarting: false, notification: true, restartTimeSeconds: 120},
      families: [{family: 'ipv4', forwarding: true}],
    },
    longLived: [{family: 'ipv4', forwarding: true, staleTimeSeconds: 3600}],
  },
};

test('a peer that is down says why in words, and never its password', t => {
  const view = toPeerView(down);
  t.like(view, {name: 'tor-a', asn: 64513, session: 'external', state: 'Active', flaps: 2});
  t.like(view, {inStateSeconds: 12, families: ['ipv4'], stale: ['ipv4'], password: true});
  t.deepEqual(view.lastError, {message: down.lastError?.words ?? '', secondsAgo: 1});
  t.deepEqual(view.prefixes.ipv4, {received: 5, accepted: 4, best: 3, advertised: 2, stale: 5});
  t.false('negotiated' in view);
  t.false(JSON.stringify(view).includes('orange'));
});

test('a peer that is up says what was agreed on', t => {
  const view = toPeerView(up);
  t.deepEqual(view.endOfRib, ['ipv4']);
  t.false('bfd' in view);
  const bfd = {state: 'Up', remoteState: 'Up', diagnostic: 0, multihop: false} as const;
  t.deepEqual(toPeerView({...up, bfd}).bfd, bfd);
  t.like(view, {localAddress: '192.0.2.9', flaps: 2, state: 'Established', session: 'external'});
  t.deepEqual(view.negotiated, {
    ...{identifier: '192.0.2.1', holdTimeSeconds: 90, keepaliveSeconds: 30, sendHoldSeconds: 480},
    ...{as4: true, routeRefresh: true, enhancedRefresh: false, extendedMessages: false},
    ...{extendedNextHop: [], addPath: {ipv4: 'receive', ipv6: 'none'}, role: 'provider'},
    gracefulRestart: {
      ...{restartTimeSeconds: 120, notification: true, families: ['ipv4'], forwarding: ['ipv4']},
    },
    longLived: [{family: 'ipv4', staleTimeSeconds: 3600}],
  });
});

test('who the peer will be is told as far as it is known', t => {
  const asked = (asns: PeerStatus['config']['asns']) => {
    const {asn, session} = toPeerView({...down, config: {...down.config, asns}});
    return [asn, session];
  };
  t.deepEqual(asked([64512]), [64512, 'internal']);
  t.deepEqual(asked([1, 2]), [undefined, 'unknown']);
  t.deepEqual(asked('internal'), [64512, 'internal']);
  t.deepEqual(asked('external'), [undefined, 'external']);
  t.deepEqual(asked('any'), [undefined, 'unknown']);
});

test('a peer that was stopped says so', t => {
  const excess = {family: 'ipv6', max: 1000, got: 1003} as const;
  const stopped = (shutdown: string | undefined, isLimited = false) =>
    toPeerView({...down, isLimited, excess, config: {...down.config, shutdown}}).stopped;
  t.is(stopped(undefined), undefined);
  t.is(stopped(''), 'shut down');
  t.is(stopped('new fibre'), 'shut down: new fibre');
  t.is(stopped(undefined, true), 'too many prefixes: ipv6, limit 1000, got 1003');
});

test('a range says who may dial and how many did, and never its password', t => {
  const range = {...down.config, name: 'racks', cidr: '198.51.100.0/24', maxPeers: 20};
  const [lastError, silence] = [undefined, {words: 'wrong key?', agoMs: 7900}];
  const view = toRangeView({config: range, peers: 3, established: 1, lastError});
  t.deepEqual(view, {
    ...{name: 'racks', cidr: '198.51.100.0/24', asn: 64513, localAsn: 64512},
    ...{session: 'external', state: 'Listening', peers: 3, established: 1, maxPeers: 20},
    ...{families: ['ipv4'], password: true},
  });
  const stopped = toRangeView({
    config: {...range, asns: 'any', shutdown: 'new fibre'},
    ...{peers: 0, established: 0, lastError: silence},
  });
  t.deepEqual(stopped.lastError, {message: 'wrong key?', secondsAgo: 7});
  t.like(stopped, {session: 'unknown', state: 'Idle', stopped: 'shut down: new fibre'});
  t.false('asn' in stopped);
});

test('the answer names the speaker and how far its own restart is', t => {
  const restart = {isOver: false, pending: ['ipv4'], awaited: ['tor-a']} as const;
  const self = {node: 'a', asn: 64512, identifier: 0xc0000209};
  const answer = toPeersAnswer(self, {restart, peers: [up], ranges: []});
  t.like(answer, {node: 'a', asn: 64512, identifier: '192.0.2.9', restart});
  t.is(answer.peers.length, 1);
  t.is(formatIdentifier(0xffffffff), '255.255.255.255');
});

test('peers and ranges come by name, in whatever order they were made', t => {
  const self = {node: 'a', asn: 64512, identifier: 1};
  const restart = {isOver: true, pending: [], awaited: []};
  const names = ['node/b-2', 'node/b-10', 'node/b-010', 'racks/10.0.0.9', 'racks/10.0.0.10', 'tor'];
  const peers = names.map(name => ({...up, config: {...up.config, name}}));
  const [first, ...rest] = peers; // `first` was made anew
  const range = (name: string) => ({
    config: {...down.config, name, cidr: '198.51.100.0/24', maxPeers: 20},
    ...{peers: 0, established: 0, lastError: undefined},
  });
  const ranges = ['racks-10', 'racks-9'].map(range);
  for (const order of [peers, [...rest, first!], [...peers].reverse()]) {
    const answer = toPeersAnswer(self, {restart, peers: order, ranges});
    t.deepEqual(
      answer.peers.map(({name}) => name),
      ['node/b-2', 'node/b-010', 'node/b-10', 'racks/10.0.0.9', 'racks/10.0.0.10', 'tor'],
    );
    t.deepEqual(
      answer.ranges.map(({name}) => name),
      ['racks-9', 'racks-10'],
    );
  }
});

function shown(prefix: string, more: Partial<ShownPath> = {}): ShownPath {
  const cidr = parseCidr(prefix);
  if (cidr === undefined) throw new Error(prefix);
  return {
    ...{family: cidr.address.length === 4 ? 'ipv4' : 'ipv6', ...cidr, pathId: 0, peer: 3},
    ...{nextHop: parseAddress('192.0.2.1') ?? new Uint8Array(), attributes: {}},
    ...{isBest: true, isMultipath: false, isStale: false, notEligible: undefined, ...more},
  };
}

const names = new Map([[3, 'tor-a']]);

test('a route is told with its attributes in the words of routers', t => {
  const attributes: PathAttributes = {
    ...{origin: 2, asPath: [{kind: 'sequence' as const, asns: [64513, 7]}], localPref: 100, med: 5},
    ...{
      communities: [0xfc000001, 0xffffff01],
      largeCommunities: [{global: 1, local1: 2, local2: 3}],
    },
    extendedCommunities: [
      {high: 0x4004fc00, low: 0x4b189680},
      {high: 0x0002fc00, low: 7},
    ],
    ...{originatorId: 0x0a000001, clusterList: [1, 2], aggregator: {asn: 9, address: 0x0a000002}},
    ...{atomicAggregate: true, otc: 64513, unknown: [{type: 200, value: new Uint8Array(2)}]},
  };
  t.deepEqual(toRouteView(shown('10.0.0.0/8', {attributes, pathId: 7, isStale: true}), names), {
    ...{prefix: '10.0.0.0/8', peer: 'tor-a', pathId: 7, nextHop: '192.0.2.1'},
    ...{isBest: true, isMultipath: false, isStale: true, origin: 'incomplete', asPath: '64513 7'},
    ...{localPref: 100, med: 5, communities: ['64512:1', 'no-export', '1:2:3']},
    extendedCommunities: ['link-bandwidth:64512:10000000', '0002fc0000000007'],
    ...{originatorId: '10.0.0.1', clusterList: ['0.0.0.1', '0.0.0.2'], aggregator: '9 10.0.0.2'},
    ...{atomicAggregate: true, otc: 64513, unknownTypes: [200]},
  });
  const ours = toRouteView(shown('fd00::/64', {peer: 0, nextHop: new Uint8Array()}), names);
  t.like(ours, {prefix: 'fd00::/64', peer: 'local', nextHop: '', asPath: ''});
  t.is(toRouteView(shown('10.0.0.0/8', {peer: 9}), names).peer, 'gone');
});

const bad: readonly (readonly [string, string])[] = [
  ['table=all', 'table: expected received, selected, advertised, got all'],
  ['table=advertised', 'advertised needs a peer'],
  ['family=ipx', 'family: expected ipv4 or ipv6, got ipx'],
  ['prefix=10.0.0.0/33', 'prefix: expected a prefix or an address'],
  ['after=x', 'after: expected a prefix or an address'],
  ['limit=0', 'limit: expected 1 to 10000, got 0'],
  ['limit=10001', 'limit: expected 1 to 10000, got 10001'],
  ['limit=x', 'limit: expected 1 to 10000, got x'],
  ['tabel=selected', 'unknown parameter tabel, there are table, peer,'],
];

test('a query that makes no sense is refused in words', t => {
  for (const [query, message] of bad) {
    const parsed = parseRoutesRequest(new URLSearchParams(query));
    if (parsed.kind === 'ok') t.fail(query);
    else t.true(parsed.problem.message.startsWith(message), parsed.problem.message);
  }
});

/** A RIB of 10.0.N.0, a /23 and the /24 in its second half, two paths each, that pages as ShowQuery says. */
const table = Array.from({length: 40}, (_, i) => [
  shown(`10.0.${i}.0/${i % 2 === 0 ? 23 : 24}`),
  shown(`10.0.${i}.0/${i % 2 === 0 ? 23 : 24}`, {isBest: false}),
]);

function show(query: ShowQuery): Promise<readonly ShownPath[]> {
  const {after, limit} = query;
  const from = table.findIndex(
    ([path]) => path?.bits === after?.bits && path?.address[2] === after?.address[2],
  );
  const found: ShownPath[] = [];
  for (const paths of table.slice(from + 1)) if (found.length < limit) found.push(...paths);
  return Promise.resolve(found);
}

async function answer(query: string) {
  const parsed = parseRoutesRequest(new URLSearchParams(query));
  if (parsed.kind !== 'ok') throw new Error(parsed.problem.message);
  return answerRoutes(parsed.request, names, show);
}

test('routes come page by page, each path once', async t => {
  const seen: string[] = [];
  let query = 'limit=7';
  for (let page = 0; page < 20 && query !== ''; page++) {
    const body = await answer(query);
    if ('code' in body) return t.fail(body.message);
    seen.push(...body.routes.map(({prefix, isBest}) => `${prefix} ${isBest}`));
    query = body.next === undefined ? '' : `limit=7&after=${body.next}`;
  }
  t.is(query, '');
  t.is(seen.length, 80);
  t.is(new Set(seen).size, 80);
});

test('one prefix, what is inside it, and what leads to an address can be asked for', async t => {
  const prefixes = async (query: string) => {
    const body = await answer(query);
    if ('code' in body) return body.code;
    return [...new Set(body.routes.map(({prefix}) => prefix))];
  };
  t.deepEqual(await prefixes('prefix=10.0.4.0/23'), ['10.0.4.0/23']);
  t.deepEqual(await prefixes('prefix=10.0.4.0/23&longer=true'), ['10.0.4.0/23', '10.0.5.0/24']);
  t.deepEqual(await prefixes('prefix=10.0.5.9'), ['10.0.4.0/23', '10.0.5.0/24']);
  t.deepEqual(await prefixes('prefix=10.9.0.0/16'), []);
  t.deepEqual(await prefixes('table=received&peer=tor-b'), 'NO_SUCH_PEER');
});

import test, {type ExecutionContext} from 'ava';
import type {
  BgpPeersAnswer,
  BgpPeerView,
  BgpRangeView,
  BgpRoutesAnswer,
  BgpRouteView,
} from '../node-daemon/bgp/api.js';
import {createHttpServer} from '../node-daemon/http/server.js';
import {run} from './run.js';

const none = {received: 0, accepted: 0, best: 0, advertised: 0, stale: 0};
const noMessages = {open: 0, update: 0, notification: 0, keepalive: 0, refresh: 0};

const tor: BgpPeerView = {
  ...{name: 'tor-b', address: '192.0.2.2', port: 179, asn: 64513, localAsn: 64512},
  ...{session: 'external', state: 'Active', inStateSeconds: 130, families: ['ipv4', 'ipv6']},
  ...{
    prefixes: {ipv4: none, ipv6: none},
    stale: [],
    endOfRib: [],
    flaps: 1,
    failures: 3,
    faultyUpdates: 0,
  },
  messages: {received: noMessages, sent: noMessages},
  lastDown: {message: 'hold timer expired: nothing was heard from the peer', secondsAgo: 130},
  ...{passive: false, password: true, reflectorClient: false},
};

const down: BgpPeerView = {
  ...tor,
  lastError: {message: 'no TCP answer; a password is configured, wrong key?', secondsAgo: 7},
};

const up: BgpPeerView = {
  ...tor,
  ...{name: 'node/b', address: 'fe80::1', interface: 'eth1', localAddress: 'fe80::2'},
  ...{asn: 64512, session: 'internal', state: 'Established', inStateSeconds: 7200},
  prefixes: {
    ipv4: {received: 12, accepted: 10, best: 9, advertised: 1, stale: 0},
    ipv6: {received: 3, accepted: 3, best: 3, advertised: 1, stale: 2},
  },
  negotiated: {
    ...{identifier: '192.0.2.3', holdTimeSeconds: 90, keepaliveSeconds: 30, sendHoldSeconds: 480},
    ...{as4: true, routeRefresh: true, enhancedRefresh: true, extendedMessages: false},
    ...{extendedNextHop: ['ipv4'], addPath: {ipv4: 'none', ipv6: 'none'}, longLived: []},
    gracefulRestart: {
      ...{restartTimeSeconds: 120, notification: true, families: ['ipv4'], forwarding: ['ipv4']},
    },
  },
};

const answer: BgpPeersAnswer = {
  ...{node: 'a', asn: 64512, identifier: '192.0.2.1'},
  restart: {isOver: true, pending: [], awaited: []},
  peers: [up, down],
  ranges: [],
};

function route(prefix: string, more: Partial<BgpRouteView> = {}): BgpRouteView {
  return {
    ...{prefix, peer: 'node/b', nextHop: '192.0.2.3', isBest: true, isMultipath: false},
    ...{isStale: false, origin: 'igp', asPath: '', localPref: 100, communities: []},
    ...{extendedCommunities: [], clusterList: [], atomicAggregate: false, unknownTypes: []},
    ...more,
  };
}

/** A daemon that answers with these, and the queries that it heard. */
async function createDesk(
  t: ExecutionContext,
  peers: BgpPeersAnswer | undefined,
  routes: (query: URLSearchParams) => readonly BgpRouteView[] = () => [],
) {
  const asked: string[] = [];
  const server = await createHttpServer({
    listen: {host: '127.0.0.1', port: 0},
    routes: {
      status: () => undefined as never,
      healthy: () => ({ok: true, reasons: []}),
      ready: () => ({ok: true, reasons: []}),
      metrics: () => Promise.resolve(''),
      bgp: {
        peers: () => Promise.resolve(peers),
        overview: () => Promise.resolve(undefined),
        routes(query) {
          if (peers === undefined) return Promise.resolve(undefined);
          asked.push(query.toString());
          const {family, table, limit, after} = Object.fromEntries(query);
          const all = routes(query).filter(
            ({prefix}) => prefix.includes(':') === (family === 'ipv6'),
          );
          const from = all.findIndex(({prefix}) => prefix === after) + 1;
          const page = all.slice(from, from + Number(limit));
          const last = page.at(-1)?.prefix;
          return Promise.resolve({
            ...{table, family, routes: page},
            ...(from + page.length < all.length && last !== undefined && {next: last}),
          } as BgpRoutesAnswer);
        },
      },
    },
    onError: error => t.fail(String(error)),
  });
  t.teardown(() => server.close());
  const type = async (line: string) => {
    let [out, err] = ['', ''];
    const code = await run(line.split(' '), {
      env: {TWILLCTL_NODE_API: server.url},
      out: text => void (out += text),
      err: text => void (err += text),
      readStdin: () => Promise.resolve(''),
      now: () => 0,
    });
    return {code, out, err};
  };
  return {type, asked};
}

test('peers are listed, with the reason of those that are down', async t => {
  const {type} = await createDesk(t, answer);
  t.deepEqual(await type('bgp peers'), {
    code: 0,
    out: `\
NAME     ADDRESS        ASN     STATE         SINCE   RECEIVED   ACCEPTED   ADVERTISED   REASON
node/b   fe80::1%eth1   64512   Established   120m    15         13         2            <none>
tor-b    192.0.2.2      64513   Active        2m10s   0          0          0            no TCP answer; a password is configured, wrong key? (7s ago)
`,
    err: '',
  });
  const {out} = await type('bgp peers -o wide');
  t.regex(out, /HOLD +FLAPS +CAPABILITIES/);
  t.regex(
    out,
    /90s +1 +as4,enhanced-refresh,extended-next-hop,graceful-restart,notification-restart/,
  );
  t.deepEqual(JSON.parse((await type('bgp peers -o json')).out), answer);
  t.regex((await type('bgp peers -o yaml')).out, /^node: a\nasn: 64512\n/);
});

test('a range whose neighbours dial is listed before anybody has, and how many have', async t => {
  const range: BgpRangeView = {
    ...{name: 'racks', cidr: '198.51.100.0/24', localAsn: 64512, session: 'external'},
    ...{state: 'Listening', peers: 0, established: 0, maxPeers: 20, families: ['ipv4', 'ipv6']},
    password: false,
  };
  const lonely = await createDesk(t, {...answer, peers: [], ranges: [range]});
  t.deepEqual(await lonely.type('bgp peers'), {
    code: 0,
    out: `\
NAME    ADDRESS           ASN        STATE       SINCE    RECEIVED   ACCEPTED   ADVERTISED   REASON
racks   198.51.100.0/24   external   Listening   <none>   <none>     <none>     <none>       0 of at most 20 dialled, 0 established
`,
    err: '',
  });
  t.deepEqual(JSON.parse((await lonely.type('bgp peers -o json')).out) as object, {
    ...answer,
    peers: [],
    ranges: [range],
  });
  const ranges: readonly BgpRangeView[] = [
    {...range, asn: 65010, peers: 3, established: 1},
    {...range, name: 'off', state: 'Idle', stopped: 'shut down: new fibre'},
  ];
  const {type} = await createDesk(t, {...answer, ranges});
  const lines = (await type('bgp peers -o wide')).out.split('\n');
  t.is(lines.length, 6);
  t.regex(
    lines[3] ?? '',
    /^racks .* 65010 +Listening .* ipv4,ipv6 +64512 .* 3 of at most 20 dialled, 1 established$/,
  );
  t.regex(lines[4] ?? '', /^off .* Idle .* shut down: new fibre$/);
  const lastError = {message: 'wrong key?', secondsAgo: 3};
  const unsure = [0, 1].map(established => ({...range, peers: 1, established, lastError}));
  const {out} = await (
    await createDesk(t, {...answer, peers: [], ranges: unsure})
  ).type('bgp peers');
  t.regex(out, / 1 of at most 20 dialled, 0 established; wrong key\? \(3s ago\)\n/);
  t.regex(out, / 1 of at most 20 dialled, 1 established\n$/, 'it is history');
});

test('a stopped peer says so, and so does a restart that is not over', async t => {
  const restart = {isOver: false, pending: ['ipv4'], awaited: ['tor-b']} as const;
  const peers = [{...down, stopped: 'shut down: new fibre'}];
  const {type} = await createDesk(t, {...answer, restart, peers});
  const {out, err} = await type('bgp peers');
  t.regex(out, /shut down: new fibre\n$/);
  t.is(err, "The speaker's own restart is not over for ipv4, waiting for tor-b.\n");
});

test('prefixes that are kept of a peer that is away are told where nobody asked for more', async t => {
  const prefixes = {ipv4: {...none, received: 12, stale: 12}, ipv6: {...none, stale: 1}};
  const peers: readonly BgpPeerView[] = [
    {...down, prefixes},
    {...tor, name: 'tor-c', prefixes, stopped: 'shut down'},
    {...down, name: 'tor-d'},
    {...down, name: 'tor-e', stopped: '', prefixes}, // nothing is known
  ];
  const {type} = await createDesk(t, {...answer, peers});
  const lines = (await type('bgp peers')).out.split('\n').slice(1);
  t.deepEqual(
    lines.map(line => line.slice(lines[0]?.indexOf('no TCP'))),
    [
      'no TCP answer; a password is configured, wrong key? (7s ago); 13 stale',
      'shut down; 13 stale',
      'no TCP answer; a password is configured, wrong key? (7s ago)',
      '13 stale',
      '',
    ],
  );
});

test('a node without a speaker or without peers says so', async t => {
  const off = await createDesk(t, undefined);
  const refused = {code: 1, out: '', err: 'Error: no BGP speaker runs on this node\n'};
  t.deepEqual(await off.type('bgp peers'), refused);
  t.deepEqual(await off.type('bgp routes'), refused);
  t.deepEqual(await off.type('bgp received tor'), refused);
  const lonely = await createDesk(t, {...answer, peers: []});
  t.deepEqual(await lonely.type('bgp peers'), {code: 0, out: '', err: 'No peers found.\n'});
});

const routes = [
  route('10.244.1.0/26', {nextHop: '', peer: 'local'}),
  route('10.244.2.0/26'),
  route('10.244.2.0/26', {isBest: false, isMultipath: true, asPath: '64513 64514'}),
  route('fd00:1::/122', {communities: ['64512:1'], extendedCommunities: ['link-bandwidth:1:5']}),
  route('fd00:2::/122', {isBest: false, notEligible: 'rejected by import'}),
  route('fd00:3::/122', {isBest: false, isStale: true}),
];

test('routes of both families are one table', async t => {
  const {type, asked} = await createDesk(t, answer, () => routes);
  t.deepEqual(await type('bgp routes'), {
    code: 0,
    out: `\
PREFIX          NEXT-HOP    PEER     AS-PATH       STATUS
10.244.1.0/26   self        local    <none>        best
10.244.2.0/26   192.0.2.3   node/b   <none>        best
10.244.2.0/26   192.0.2.3   node/b   64513 64514   multipath
fd00:1::/122    192.0.2.3   node/b   <none>        best
fd00:2::/122    192.0.2.3   node/b   <none>        rejected by import
fd00:3::/122    192.0.2.3   node/b   <none>        stale
`,
    err: '',
  });
  t.deepEqual(asked, [
    'table=selected&family=ipv4&limit=1000',
    'table=selected&family=ipv6&limit=997',
  ]);
  t.regex((await type('bgp routes -o wide --family ipv6')).out, /64512:1,link-bandwidth:1:5/);
  t.is((JSON.parse((await type('bgp routes -o json')).out) as BgpRoutesAnswer).routes.length, 6);
});

test('a prefix decides the family, and a limit says that there is more', async t => {
  const {type, asked} = await createDesk(t, answer, () => routes);
  await type('bgp routes fd00::/16 --longer');
  await type('bgp routes 10.244.1.9');
  t.deepEqual(asked.splice(0), [
    'table=selected&family=ipv6&limit=1000&prefix=fd00%3A%3A%2F16&longer=true',
    'table=selected&family=ipv4&limit=1000&prefix=10.244.1.9',
  ]);
  const {out, err} = await type('bgp routes --limit 1 --family ipv4');
  t.is(out.split('\n').length, 3);
  t.is(err, 'There are more than 1; --limit 0 shows all.\n');
  t.is((await type('bgp routes --limit 0')).out.split('\n').length, 8);
});

test('a table longer than a page is read to its end', async t => {
  const many = Array.from({length: 11_000}, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`));
  const {type, asked} = await createDesk(t, answer, () => many);
  const {out} = await type('bgp routes --limit 0 --family ipv4 -o json');
  const body = JSON.parse(out) as BgpRoutesAnswer;
  t.deepEqual(
    body.routes.map(({prefix}) => prefix),
    many.map(({prefix}) => prefix),
  );
  t.is(asked.length, 3);
});

test('a peer is found by its name, its node or its address', async t => {
  const {type, asked} = await createDesk(t, answer, () => routes);
  for (const typed of ['node/b', 'b', 'fe80::1']) {
    t.is((await type(`bgp advertised ${typed} --family ipv4`)).code, 0);
    t.regex(asked.pop() ?? '', /^table=advertised&.*&peer=node%2Fb$/);
  }
  await type('bgp received tor-b --family ipv4');
  t.regex(asked.pop() ?? '', /^table=received&.*&peer=tor-b$/);
  t.deepEqual(await type('bgp received nobody'), {
    ...{code: 1, out: ''},
    err: 'Error: there is no peer nobody; there are node/b, tor-b\n',
  });
});

test('a range is no peer; those who dialled from it are', async t => {
  const range: BgpRangeView = {
    ...{name: 'racks', cidr: '198.51.100.0/24', localAsn: 64512, session: 'external'},
    ...{state: 'Listening', peers: 2, established: 1, maxPeers: 20, families: ['ipv4', 'ipv6']},
    password: false,
  };
  const ranges = [range, {...range, name: 'node', cidr: 'fe80::/10'}];
  const link = {address: 'fe80::7', interface: 'eth1'};
  const peers: readonly BgpPeerView[] = [
    ...[up, {...down, name: 'node/fe80::7%eth1', ...link}],
    {...down, name: 'racks/198.51.100.7', address: '198.51.100.7'},
    {...down, name: 'racks/198.51.100.9', address: '198.51.100.9'},
  ];
  const {type, asked} = await createDesk(t, {...answer, peers, ranges});
  const members = 'racks/198.51.100.7, racks/198.51.100.9';
  const words: readonly (readonly [string, string])[] = [
    ['racks', `racks is a range, 198.51.100.0/24; name one of its peers: ${members}`],
    ['198.51.100.0/24', `racks is a range, 198.51.100.0/24; name one of its peers: ${members}`],
    ['node', 'node is a range, fe80::/10; name one of its peers: node/fe80::7%eth1'],
  ];
  for (const [typed, said] of words) {
    const refused = {code: 1, out: '', err: `Error: ${said}\n`};
    t.deepEqual(await type(`bgp received ${typed}`), refused);
    t.deepEqual(await type(`bgp advertised ${typed}`), refused);
  }
  t.deepEqual(asked, []);
  t.is((await type('bgp received 198.51.100.7')).code, 0, 'control');
  const lonely = await createDesk(t, {...answer, ranges: [range]});
  t.is(
    (await lonely.type('bgp received racks')).err,
    'Error: racks is a range, 198.51.100.0/24, and nobody has dialled from it\n',
  );
});

test('two peers at one address have to be told apart', async t => {
  const {type} = await createDesk(t, {...answer, peers: [down, {...down, name: 'tor-c'}]});
  t.deepEqual(await type('bgp received 192.0.2.2'), {
    ...{code: 1, out: ''},
    err: 'Error: several peers have 192.0.2.2: tor-b, tor-c\n',
  });
});

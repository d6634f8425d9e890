import test, {type ExecutionContext} from 'ava';
import {Rib} from '../bgp-fsm/rib/rib.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from '../bgp-fsm/speaker/paper-speaker.js';
import {PaperClock, PaperNetwork} from '../bgp-fsm/speaker/paper-world.js';
import {NodeApiRefusal, openNodeApi, type NodeApi} from '../http/client.js';
import {createHttpServer} from '../http/server.js';
import {ManualClock, systemClock} from '../datastore/clock.js';
import {createMetrics, type MetricsSample} from '../http/metrics.js';
import {createBgpAnswers} from './api-answers.js';
import type {BgpKernelView, BgpWishView} from './api.js';

const [left, right] = ['192.0.2.1', '192.0.2.2'];

const daemon: MetricsSample = {
  ...{ready: true, leaseState: 'held', ranges: [], attachments: 0, peers: 0, problems: 0},
  ...{etcdConnected: true, etcdResyncs: 1},
};

const asWished: BgpWishView = {withheld: [], kept: []};

/** The API of a daemon whose speaker is this one. */
async function serve(t: ExecutionContext, {speaker}: PaperSpeaker): Promise<NodeApi> {
  const host = {
    status: () => Promise.resolve(speaker.status()),
    show: (query: Parameters<typeof speaker.show>[0]) => Promise.resolve(speaker.show(query)),
  };
  const self = {node: 'a', asn: 65001, identifier: 0xc0000201};
  const server = await createHttpServer({
    listen: {host: '127.0.0.1', port: 0},
    routes: {
      status: () => undefined as never,
      healthy: () => ({ok: true, reasons: []}),
      ready: () => ({ok: true, reasons: []}),
      metrics: () => Promise.resolve(''),
      bgp: createBgpAnswers({
        ...{speaker: () => host, kernel: () => undefined, self: () => self, wish: () => asWished},
        clock: systemClock,
      }),
    },
    onError: error => t.fail(String(error)),
  });
  t.teardown(() => server.close());
  return openNodeApi(server.url);
}

async function prefixes(api: NodeApi, query: Readonly<Record<string, string>>) {
  return (await api.bgpRoutes(query)).routes.map(({prefix, peer}) => `${prefix} ${peer}`);
}

test('peers and routes of a speaker are told by the API', async t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const one = new PaperSpeaker(network, left, {rib: new Rib()});
  const other = new PaperSpeaker(network, right, {rib: new Rib()});
  const many = Array.from({length: 250}, (_, i) => `10.2.${i}.0/24`);
  one.speaker.setLocalRoutes(routesTo('10.1.0.0/16'));
  other.speaker.setLocalRoutes(routesTo('10.2.0.0/16', ...many));
  one.speaker.configure(speakerOf(65001, {peers: [peerAt(right, {name: 'tor'})]}));
  other.speaker.configure(speakerOf(65002, {peers: [peerAt(left)]}));
  clock.run(10_000);
  const api = await serve(t, one);

  const {peers, ...self} = await api.bgpPeers();
  t.like(self, {node: 'a', asn: 65001, identifier: left});
  t.like(peers[0], {
    ...{name: 'tor', address: right, asn: 65002, state: 'Established', session: 'external'},
    ...{localAddress: left, flaps: 0, families: ['ipv4', 'ipv6'], endOfRib: ['ipv4', 'ipv6']},
  });
  t.deepEqual(peers[0]?.prefixes.ipv4, {
    ...{received: 251, accepted: 251, best: 251, advertised: 1, stale: 0},
  });

  t.deepEqual(await prefixes(api, {prefix: '10.2.7.9'}), ['10.2.0.0/16 tor', '10.2.7.0/24 tor']);
  t.deepEqual(await prefixes(api, {prefix: '10.2.7.0/24'}), ['10.2.7.0/24 tor']);
  t.deepEqual(await prefixes(api, {prefix: '10.1.0.0/16'}), ['10.1.0.0/16 local']);
  t.is((await prefixes(api, {prefix: '10.2.0.0/16', longer: 'true'})).length, 251);
  t.deepEqual(await prefixes(api, {table: 'advertised', peer: 'tor'}), ['10.1.0.0/16 local']);

  const seen: string[] = [];
  for (let after = ''; ;) {
    const page = await api.bgpRoutes({
      ...{table: 'received', peer: 'tor', limit: '100', ...(after !== '' && {after})},
    });
    seen.push(...page.routes.map(({prefix}) => prefix));
    if (page.next === undefined) break;
    after = page.next;
  }
  t.deepEqual([...seen].sort(), ['10.2.0.0/16', ...many].sort());
  const refusal = {instanceOf: NodeApiRefusal, code: 'NODE_API_REFUSAL'} as const;
  const noPeer = await t.throwsAsync(api.bgpRoutes({peer: 'x'}), {
    ...refusal,
    message: 'there is no peer x; there are tor',
  });
  t.is(noPeer?.status, 404);
  const noLimit = await t.throwsAsync(api.bgpRoutes({limit: 'x'}), {
    ...refusal,
    message: /^limit: expected/,
  });
  t.is(noLimit?.status, 400);
});

const written: BgpKernelView = {
  routes: {ipv4: {wanted: 251, held: 250, stale: 3}, ipv6: {wanted: 0, held: 0, stale: 0}},
  refused: 1,
};

test('metrics have what the API says of each peer, and nothing of one that went', async t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const one = new PaperSpeaker(network, left, {rib: new Rib()});
  const other = new PaperSpeaker(network, right, {rib: new Rib()});
  const peers = [peerAt(right, {name: 'tor'}), peerAt('192.0.2.3', {name: 'gone'})];
  other.speaker.setLocalRoutes(routesTo('10.2.0.0/16', '10.2.1.0/24'));
  one.speaker.configure(speakerOf(65001, {peers}));
  other.speaker.configure(speakerOf(65002, {peers: [peerAt(left)]}));
  clock.run(120_000);
  const answers = createBgpAnswers({
    speaker: () => ({
      status: () => Promise.resolve(one.speaker.status()),
      show: () => Promise.resolve([]),
    }),
    kernel: () => Promise.resolve(written),
    self: () => ({node: 'a', asn: 65001, identifier: 0xc0000201}),
    wish: () => wish,
    clock: new ManualClock(),
  });
  let wish: BgpWishView = {withheld: ['tor-b', 'node/c'], kept: ['node/d']};
  const metrics = createMetrics('0.1.0');
  const text = await metrics.render({...daemon, bgp: await answers.overview()});
  for (const line of [
    `twill_bgp_peer_state{peer="tor",address="${right}",asn="65002"} 6`,
    'twill_bgp_peer_flaps_total{peer="tor"} 0',
    'twill_bgp_peer_prefixes{peer="tor",family="ipv4",are="best"} 2',
    'twill_bgp_peer_prefixes{peer="tor",family="ipv6",are="advertised"} 0',
    'twill_bgp_peer_up_seconds{peer="gone"} 0',
    'twill_bgp_restarting 0',
    'twill_bgp_routes{family="ipv4",are="installed"} 250',
    'twill_bgp_routes{family="ipv4",are="stale"} 3',
    'twill_bgp_routes_refused 1',
    'twill_bgp_withheld_peers 2',
    'twill_bgp_kept_peers 1',
  ]) {
    t.true(text.includes(`${line}\n`), `${line} in\n${text}`);
  }
  t.regex(
    text,
    /^twill_bgp_peer_messages_total\{peer="tor",direction="sent",type="keepalive"\} [1-9]/m,
  );
  t.regex(text, /^twill_bgp_peer_up_seconds\{peer="tor"\} [1-9]/m);
  t.regex(
    text,
    /^twill_bgp_peer_last_error_timestamp_seconds\{peer="gone",reason="[^"]+"\} \d{10}$/m,
  );

  one.speaker.configure(speakerOf(65001, {peers: peers.slice(0, 1)}));
  wish = asWished;
  const later = await metrics.render({...daemon, bgp: await answers.overview()});
  t.false(later.includes('peer="gone"'));
  t.regex(later, /^twill_bgp_withheld_peers 0$/m);
  t.regex(later, /^twill_bgp_kept_peers 0$/m);
  t.true(later.includes('peer="tor"'));
  t.notRegex(await metrics.render(daemon), /^twill_bgp/m, 'no speaker, no line');
});

test('a speaker that died or hangs is no overview, and holds nothing up for long', async t => {
  const self = () => ({node: 'a', asn: 65001, identifier: 1});
  const show = () => Promise.resolve([]);
  const dead = () => Promise.reject(new Error('out of memory'));
  const never = () => new Promise<never>(() => undefined);
  for (const status of [dead, never]) {
    const kernel = () => Promise.resolve(written);
    const clock = new ManualClock();
    const speaker = () => ({status, show});
    const answers = createBgpAnswers({speaker, kernel, self, wish: () => asWished, clock});
    const overview = answers.overview();
    await clock.advance(2000);
    t.is(await overview, undefined);
  }
});

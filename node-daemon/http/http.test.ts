import test, {type ExecutionContext} from 'ava';
import type {BgpPeersAnswer} from '../bgp/api.js';
import {json, type Answerer} from './answer.js';
import {NodeApiError, NodeApiRefusal, openNodeApi} from './client.js';
import {createMetrics, type MetricsSample} from './metrics.js';
import {createHttpServer, type HttpRoutes} from './server.js';
import type {NodeStatus} from './status.js';

const status: NodeStatus = {
  node: 'a',
  uid: 'u',
  version: '0.1.0',
  ready: true,
  since: '2026-01-01T00:00:00Z',
  backend: 'vxlan',
  mtu: 1450,
  underlay: {address: '192.0.2.1'},
  lease: {state: 'none', ranges: []},
  etcd: {connected: true, revision: 7, resyncs: 1},
  peers: [],
  attachments: 0,
  reconcile: {tables: [], lastErrors: []},
  problems: [],
};

async function serve(t: ExecutionContext, routes: Partial<HttpRoutes> = {}) {
  const errors: unknown[] = [];
  const server = await createHttpServer({
    listen: {host: '127.0.0.1', port: 0},
    routes: {
      status: () => status,
      healthy: () => ({ok: true, reasons: []}),
      ready: () => ({ok: false, reasons: ['no lease']}),
      metrics: () => Promise.resolve('twill_ready 1\n'),
      ...routes,
    },
    onError: error => void errors.push(error),
  });
  t.teardown(() => server.close());
  return {...server, errors};
}

test('the client reads what status() says', async t => {
  const {url} = await serve(t);
  t.deepEqual(await openNodeApi(url).status(), status);
});

test('health, readiness, metrics and the list of paths', async t => {
  const {url} = await serve(t);
  const ask = async (path: string) => {
    const response = await fetch(url + path);
    return [response.status, response.headers.get('content-type'), await response.text()];
  };
  t.deepEqual(await ask('/healthz'), [200, 'application/json', '{"ok":true,"reasons":[]}\n']);
  t.deepEqual(await ask('/readyz?verbose'), [
    503,
    'application/json',
    '{"ok":false,"reasons":["no lease"]}\n',
  ]);
  const paths = ['/v1/status', '/v1/bgp/peers', '/v1/bgp/routes'];
  t.deepEqual(await ask('/v1/'), [200, 'application/json', `${JSON.stringify({paths})}\n`]);
  const [, type, text] = await ask('/metrics');
  t.is(type, 'text/plain; version=0.0.4; charset=utf-8');
  t.is(text, 'twill_ready 1\n');
});

test('unknown paths are 404, other methods 405, failures 500, all as JSON', async t => {
  const {url, errors} = await serve(t, {
    status() {
      throw new Error('broken');
    },
  });
  const codeOf = async (path: string, method = 'GET') => {
    const response = await fetch(url + path, {method});
    const body = (await response.json()) as {error: {code: string}};
    return [response.status, body.error.code, response.headers.get('allow')];
  };
  t.deepEqual(await codeOf('/'), [404, 'NOT_FOUND', null]);
  t.deepEqual(await codeOf('/v1/status/x'), [404, 'NOT_FOUND', null]);
  t.deepEqual(await codeOf('/healthz', 'POST'), [405, 'METHOD_NOT_ALLOWED', 'GET']);
  t.deepEqual(await codeOf('/v1/status'), [500, 'INTERNAL', null]);
  t.is(errors.length, 1);
});

const peers: BgpPeersAnswer = {
  ...{node: 'a', asn: 64512, identifier: '192.0.2.1', peers: [], ranges: []},
  restart: {isOver: true, pending: [], awaited: []},
};

test('BGP peers and routes are asked for with a query, and refused in words', async t => {
  const asked: string[] = [];
  const {url} = await serve(t, {
    bgp: {
      peers: () => Promise.resolve(peers),
      overview: nothing,
      routes(query) {
        asked.push(String(query));
        return Promise.resolve(
          query.has('bad')
            ? {code: 'BAD_QUERY', message: 'unknown parameter bad'}
            : {table: 'selected', family: 'ipv4', routes: []},
        );
      },
    },
  });
  const api = openNodeApi(url);
  t.deepEqual(await api.bgpPeers(), peers);
  const query = {peer: 'node/b', prefix: '10.0.0.0/8'};
  t.deepEqual(await api.bgpRoutes(query), {table: 'selected', family: 'ipv4', routes: []});
  t.deepEqual(asked, ['peer=node%2Fb&prefix=10.0.0.0%2F8']);
  await t.throwsAsync(api.bgpRoutes({bad: '1'}), {
    ...{instanceOf: NodeApiRefusal, message: 'unknown parameter bad'},
  });
});

test('where no speaker runs, BGP is not found', async t => {
  for (const routes of [{}, {bgp: {peers: nothing, overview: nothing, routes: nothing}}]) {
    const {url} = await serve(t, routes);
    await t.throwsAsync(openNodeApi(url).bgpPeers(), {
      ...{instanceOf: NodeApiRefusal, message: 'no BGP speaker runs on this node'},
    });
  }
});

function nothing() {
  return Promise.resolve(undefined);
}

test('a part answers at paths of its own, before what is there otherwise', async t => {
  const answers = new Map<string, Answerer>([
    ['/v1/policy', query => json(200, {pod: query.get('pod')})],
    ['/v1/bgp/peers', () => json(200, {mine: true})],
  ]);
  const {url} = await serve(t, {answers});
  const ask = async (path: string) => (await fetch(url + path)).json();
  t.deepEqual(await ask('/v1/policy?pod=web'), {pod: 'web'});
  t.deepEqual(await ask('/v1/bgp/peers'), {mine: true});
  const paths = ['/v1/status', '/v1/bgp/peers', '/v1/bgp/routes', '/v1/policy'];
  t.deepEqual(await ask('/v1'), {paths});
});

test('a port that is taken is an error with its code', async t => {
  const {port} = await serve(t);
  const routes = {} as HttpRoutes;
  await t.throwsAsync(
    createHttpServer({listen: {host: '127.0.0.1', port}, routes, onError: () => undefined}),
    {code: 'EADDRINUSE'},
  );
});

test('no daemon, a silent one and a foreign one are told apart', async t => {
  const gone = await createHttpServer({
    listen: {host: '127.0.0.1', port: 0},
    routes: {} as HttpRoutes,
    onError: () => undefined,
  });
  await gone.close();
  const error = {instanceOf: NodeApiError, code: 'NODE_API'} as const;
  await t.throwsAsync(openNodeApi(gone.url).status(), {...error, message: /connection refused/});

  const {createServer} = await import('node:net');
  const silent = createServer(() => undefined);
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const {port} = silent.address() as {port: number};
  await t.throwsAsync(openNodeApi(`http://127.0.0.1:${port}`, 50).status(), {
    ...error,
    message: /no answer/,
  });

  const {url} = await serve(t, {status: () => undefined as never});
  await t.throwsAsync(openNodeApi(url).status(), {...error, message: /500|no JSON/});
});

test('only a refusal in the daemon’s own form is an answer of the daemon', async t => {
  const {createServer} = await import('node:http');
  const answers: readonly (readonly [number, string, string | undefined])[] = [
    [404, '{"error": {"code": "NO_BGP", "message": "none runs"}}', 'none runs'],
    [400, '{"error": {"code": "BAD_QUERY", "message": "limit"}}', 'limit'],
    [500, '{"error": {"code": "INTERNAL", "message": "disk"}}', undefined],
    [404, '{"error": {"code": 404, "message": "no such bucket"}}', undefined],
    [404, '{"error": "not found"}', undefined],
    [404, 'null', undefined],
    [404, '<html>', undefined],
  ];
  for (const [status, body, words] of answers) {
    const server = createServer((_, response) => void response.writeHead(status).end(body));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const {port} = server.address() as {port: number};
    const asked = openNodeApi(`http://127.0.0.1:${port}`).bgpPeers();
    if (words === undefined) {
      const message = new RegExp(`^cannot ask twilld at .*: it answered ${status}`);
      await t.throwsAsync(asked, {instanceOf: NodeApiError, message}, body);
    } else {
      await t.throwsAsync(asked, {instanceOf: NodeApiRefusal, message: words}, body);
    }
  }
});

const sample: MetricsSample = {
  ready: true,
  leaseState: 'held',
  ranges: [{cidr: '10.0.0.0/26', pool: 'a', size: 64, used: 5, reserved: 1}],
  attachments: 5,
  peers: 2,
  problems: 0,
  etcdConnected: true,
  etcdResyncs: 3,
};

test('metrics show the daemon as it is when scraped', async t => {
  const metrics = createMetrics('0.1.0');
  metrics.observeCni('ADD', 0, 0.003);
  metrics.observeCni('ADD', 11, 0.003);
  metrics.observePass('resync', 0.01);
  metrics.countOperations('routes', 7, 1);
  const text = await metrics.render(sample);
  for (const line of [
    'twill_ready 1',
    'twill_lease_state{state="held"} 1',
    'twill_lease_state{state="fenced"} 0',
    'twill_ranges 1',
    'twill_addresses_used{range="10.0.0.0/26",pool="a"} 5',
    'twill_addresses_total{range="10.0.0.0/26",pool="a"} 63',
    'twill_attachments 5',
    'twill_peers 2',
    'twill_etcd_resyncs_total 3',
    'twill_cni_request_duration_seconds_count{verb="ADD",code="11"} 1',
    'twill_reconcile_operations_total{table="routes"} 7',
    'twill_reconcile_failed_total{table="routes"} 1',
    'twill_reconcile_duration_seconds_count{pass="resync"} 1',
  ]) {
    t.true(text.includes(`${line}\n`), `${line} in\n${text}`);
  }
  t.regex(text, /^twill_build_info\{version="0\.1\.0",node_version="v/m);

  const later = await metrics.render({...sample, ranges: [], ready: false});
  t.true(later.includes('twill_ready 0\n'));
  t.false(later.includes('10.0.0.0/26'));
});

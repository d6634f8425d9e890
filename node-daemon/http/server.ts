/**
 * The local HTTP API: /metrics, /healthz, /readyz and /v1/…. Shell. Reads only, so only GET; it listens
 * on loopback by default and knows no users.
 */
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {failure, json, verdict, type Answer, type Answerer} from './answer.js';
import {toBgpPaths, type BgpAnswers} from './bgp.js';
import type {NodeStatus, Verdict} from './status.js';

export interface HttpRoutes {
  status(): NodeStatus | Promise<NodeStatus>;
  healthy(): Verdict;
  ready(): Verdict;
  metrics(): Promise<string>;
  readonly bgp?: BgpAnswers;
  /** More below /v1/, by path; before those above. */
  readonly answers?: ReadonlyMap<string, Answerer>;
}

export interface HttpServerOptions {
  readonly listen: {readonly host: string; readonly port: number}; // port 0: any
  readonly routes: HttpRoutes;
  /** A route threw; the client gets 500. */
  readonly onError: (error: unknown) => void;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** @throws Error with the system's code (EADDRINUSE…) when it cannot listen. */
export async function createHttpServer({
  listen,
  routes,
  onError,
}: HttpServerOptions): Promise<HttpServer> {
  const answers = toAnswers(routes);
  const server = createServer((request, response) => {
    respond(request, response, answers).catch((error: unknown) => {
      onError(error);
      if (response.headersSent) response.destroy();
      else sendError(response, 500, 'INTERNAL', 'the daemon failed to answer; its log says why');
    });
  });
  server.requestTimeout = 10_000;
  await startListening(server, listen);

  const {address: host, port, family} = server.address() as AddressInfo;
  return {
    host,
    port,
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Answers = ReadonlyMap<string, Answerer>;

function toAnswers(routes: HttpRoutes): Answers {
  const inspection = new Map<string, Answerer>([
    ['/v1/status', async () => json(200, await routes.status())],
    ...toBgpPaths(routes.bgp),
    ...(routes.answers ?? []),
  ]);
  return new Map<string, Answerer>([
    ['/metrics', async () => ({status: 200, type: metricsType, body: await routes.metrics()})],
    ['/healthz', () => verdict(routes.healthy())],
    ['/readyz', () => verdict(routes.ready())],
    ['/v1', () => json(200, {paths: [...inspection.keys()]})],
    ...inspection,
  ]);
}

/** The text format that Prometheus scrapes. */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answers: Answers,
): Promise<void> {
  const {path, query} = splitUrl(request.url ?? '/');
  const answer = answers.get(path);
  if (answer === undefined) {
    const known = [...answers.keys()].join(', ');
    sendError(response, 404, 'NOT_FOUND', `there is no ${path}; there are ${known}`);
  } else if (request.method !== 'GET') {
    response.setHeader('allow', 'GET');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', `${path} answers to GET only`);
  } else {
    send(response, await answer(query));
  }
}

/** The path without slashes at its end. */
function splitUrl(url: string): {path: string; query: URLSearchParams} {
  const end = url.indexOf('?') < 0 ? url.length : url.indexOf('?');
  return {
    path: url.slice(0, end).replace(/\/+$/, '') || '/',
    query: new URLSearchParams(url.slice(end)),
  };
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, failure(status, code, message));
}

function send(response: ServerResponse, {status, type, body}: Answer): void {
  response.writeHead(status, {'content-type': type, 'content-length': Buffer.byteLength(body)});
  response.end(body);
}

async function startListening(
  server: Server,
  {host, port}: {host: string; port: number},
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Asks a daemon's local API. Shell. node:http, not fetch: it costs a command 30 ms less to load.
 */
import {get} from 'node:http';
import type {BgpPeersAnswer, BgpRoutesAnswer} from '../bgp/api.js';
import type {NodeStatus} from './status.js';

export const defaultNodeApi = 'http://127.0.0.1:9478';

/** No valid answer came. */
export class NodeApiError extends Error {
  override readonly name = 'NodeApiError';
  readonly code = 'NODE_API';
  readonly retry = 'backoff';
  readonly url: string;

  constructor(url: string, why: string, options?: ErrorOptions) {
    super(`cannot ask twilld at ${url}: ${why}`, options);
    this.url = url;
  }
}

/** The daemon's answer is no, in its own words. */
export class NodeApiRefusal extends Error {
  override readonly name = 'NodeApiRefusal';
  readonly code = 'NODE_API_REFUSAL';
  readonly retry = 'never';
  readonly status: number; // 400 to 499

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Each of them throws NodeApiError, NodeApiRefusal. */
export interface NodeApi {
  status(): Promise<NodeStatus>;
  bgpPeers(): Promise<BgpPeersAnswer>;
  /** The query is told in bgp/api.ts. */
  bgpRoutes(query: Readonly<Record<string, string>>): Promise<BgpRoutesAnswer>;
}

export function openNodeApi(url: string, timeoutMs = 5000): NodeApi {
  const ask = (path: string) => getJson(new URL(path, url), timeoutMs);
  return {
    status: async () => (await ask('/v1/status')) as NodeStatus,
    bgpPeers: async () => (await ask('/v1/bgp/peers')) as BgpPeersAnswer,
    bgpRoutes: async query => {
      const path = `/v1/bgp/routes?${new URLSearchParams(query)}`;
      return (await ask(path)) as BgpRoutesAnswer;
    },
  };
}

const longestBody = 256 << 20; // 10,000 peers are 3 MiB; a server that never ends is none of ours

async function getJson(url: URL, timeoutMs: number): Promise<unknown> {
  const {statusCode, body} = await getText(url, timeoutMs);
  if (statusCode !== 200) throw toError(url, statusCode, body);
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new NodeApiError(url.origin, 'its answer is no JSON', {cause: error});
  }
}

function getText(url: URL, timeoutMs: number): Promise<{statusCode: number; body: string}> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new NodeApiError(url.origin, why, {cause}));
    const request = get(url, {signal: AbortSignal.timeout(timeoutMs)}, response => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > longestBody) request.destroy(new Error('its answer does not end'));
      });
      response.on('error', error => fail(explain(error, timeoutMs), error));
      response.on('end', () => {
        resolve({statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).toString()});
      });
    });
    request.on('error', error => fail(explain(error, timeoutMs), error));
  });
}

function toError(url: URL, status: number, body: string): NodeApiError | NodeApiRefusal {
  const words = findWords(body);
  const why = words === undefined ? `it answered ${status}` : `it answered ${status}, ${words}`;
  return words !== undefined && status >= 400 && status < 500
    ? new NodeApiRefusal(status, words)
    : new NodeApiError(url.origin, why);
}

/** The daemon's own; undefined: it has none, or somebody else listens there. */
function findWords(body: string): string | undefined {
  try {
    const {error} = JSON.parse(body) as {error?: {code?: unknown; message?: unknown}};
    const isOurs = typeof error?.code === 'string' && typeof error.message === 'string';
    return isOurs ? (error.message as string) : undefined;
  } catch {
    return undefined;
  }
}

function explain(error: NodeJS.ErrnoException, timeoutMs: number): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused (is the daemon running?)';
    case 'ABORT_ERR':
      return `no answer within ${timeoutMs / 1000} s`;
    default:
      return error.message;
  }
}

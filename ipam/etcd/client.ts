import type {
  IDeleteRangeResponse,
  ILeaseGrantResponse,
  ILeaseKeepAliveResponse,
  ILeaseTimeToLiveResponse,
  IPutResponse,
  IRangeResponse,
  ITxnResponse,
} from 'etcd3';
import {Endpoint, type Stream} from './endpoint.js';
import {
  LeaseNotFoundError,
  StoreCompactedError,
  StoreRejectedError,
  StoreUnavailableError,
} from './error.js';
import {Members} from './members.js';
import {toKeyValue, toPrefixRange, toTransactionResult, toTxnRequest} from './message.js';
import type {Compare, EtcdClient, KeyValue, Op, TransactionResult} from './store.js';
import type {Watch, WatchHandlers} from './store.js';
import {startWatch} from './watch.js';

/**
 * etcd as the rest of Twill uses it: unary calls with a deadline, lists at one revision, watches
 * that end at the first doubt. Shell.
 *
 * Connects at the first call. Unary calls move on to the next member when one fails (members.ts),
 * so a client may be kept for ever. A watch that ended is not repaired: its owner lists again, and
 * opens a new client to be rid of the old connection.
 */
export interface EtcdOptions {
  readonly endpoints: readonly string[]; // http://… or https://…
  readonly tls?: {readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer} | undefined;
  readonly auth?: {readonly username: string; readonly password: string} | undefined;
  readonly deadlineMs?: number | undefined; // of every unary call, default 3000
  readonly keepaliveTimeMs?: number | undefined; // default 10000; etcd refuses less than 5000
  readonly keepaliveTimeoutMs?: number | undefined; // default 3000
  readonly pageSize?: number | undefined; // keys a list fetches at a time, default 1000
}

/** @throws StoreRejectedError when an endpoint is no http or https address. */
export function openEtcd(options: EtcdOptions): EtcdClient {
  const deadlineMs = options.deadlineMs ?? 3000;
  const members = new Members({
    deadlineMs,
    endpoints: options.endpoints.map(
      url =>
        new Endpoint({
          url: checkUrl(url),
          tls: options.tls,
          auth: options.auth,
          deadlineMs,
          keepaliveTimeMs: options.keepaliveTimeMs ?? 10_000,
          keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 3000,
        }),
    ),
  });
  return new Client(members, {
    deadlineMs,
    pageSize: options.pageSize ?? 1000,
    authenticated: options.auth !== undefined,
  });
}

interface ClientOptions {
  readonly deadlineMs: number;
  readonly pageSize: number;
  readonly authenticated: boolean;
}

class Client implements EtcdClient {
  readonly #members: Members;
  readonly #options: ClientOptions;
  readonly #live = new Set<Watch>();
  #closed = false;

  constructor(members: Members, options: ClientOptions) {
    this.#members = members;
    this.#options = options;
  }

  async get(key: string): Promise<KeyValue | undefined> {
    const request = {key: Buffer.from(key)};
    const response = await this.#read<IRangeResponse>(`get ${key}`, 'KV', 'range', request);
    return response.kvs[0] && toKeyValue(response.kvs[0]);
  }

  /** A list whose revision is compacted between two pages starts again, three times at most. */
  async list(prefix: string): Promise<{revision: number; entries: readonly KeyValue[]}> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#listOnce(prefix);
      } catch (error) {
        if (!(error instanceof StoreCompactedError) || attempt === 3) throw error;
      }
    }
  }

  async #listOnce(prefix: string): Promise<{revision: number; entries: readonly KeyValue[]}> {
    const entries: KeyValue[] = [];
    const range = toPrefixRange(prefix);
    let revision = 0; // of the first page: "now"
    for (;;) {
      const request = {...range, limit: this.#options.pageSize, revision};
      const page = await this.#read<IRangeResponse>(`list ${prefix}`, 'KV', 'range', request);
      if (revision === 0) revision = Number(page.header.revision);
      for (const kv of page.kvs) entries.push(toKeyValue(kv));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return {revision, entries};
      range.key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  async put(
    key: string,
    value: string,
    options: {leaseId?: string | undefined} = {},
  ): Promise<number> {
    const request = {
      key: Buffer.from(key),
      value: Buffer.from(value),
      lease: options.leaseId ?? '0',
    };
    const response = await this.#write<IPutResponse>(`put ${key}`, 'KV', 'put', request);
    return Number(response.header.revision);
  }

  async delete(key: string): Promise<boolean> {
    const request = {key: Buffer.from(key)};
    const operation = `delete ${key}`;
    const reply = await this.#write<IDeleteRangeResponse>(operation, 'KV', 'deleteRange', request);
    return Number(reply.deleted) > 0;
  }

  async transact(
    compare: readonly Compare[],
    success: readonly Op[],
    failure: readonly Op[] = [],
  ): Promise<TransactionResult> {
    const request = toTxnRequest(compare, success, failure);
    const response = await this.#write<ITxnResponse>('transaction', 'KV', 'txn', request);
    return toTransactionResult(response, response.succeeded ? success : failure);
  }

  async grantLease(ttlSeconds: number): Promise<string> {
    const request = {TTL: ttlSeconds, ID: '0'};
    const operation = 'grant lease';
    const reply = await this.#write<ILeaseGrantResponse>(operation, 'Lease', 'leaseGrant', request);
    return reply.ID;
  }

  keepAliveOnce(leaseId: string): Promise<number> {
    const operation = `keep lease ${leaseId} alive`;
    return this.#members.run(operation, 'read', async (endpoint, deadline) => {
      const stream = await endpoint.stream('Lease', 'leaseKeepAlive', deadline);
      const reply = (await firstMessage(stream, {ID: leaseId})) as ILeaseKeepAliveResponse;
      return Math.max(0, Number(reply.TTL));
    });
  }

  async revokeLease(leaseId: string): Promise<void> {
    try {
      await this.#write(`revoke lease ${leaseId}`, 'Lease', 'leaseRevoke', {ID: leaseId});
    } catch (error) {
      if (!(error instanceof LeaseNotFoundError)) throw error;
    }
  }

  async leaseKeys(leaseId: string): Promise<readonly string[] | undefined> {
    const request = {ID: leaseId, keys: true};
    const operation = `read lease ${leaseId}`;
    const reply = await this.#read<ILeaseTimeToLiveResponse>(
      operation,
      'Lease',
      'leaseTimeToLive',
      request,
    );
    if (Number(reply.TTL) < 0) return undefined;
    return reply.keys.map(key => key.toString());
  }

  async watch(prefix: string, fromRevision: number, handlers: WatchHandlers): Promise<Watch> {
    // Tokens run out; etcd says so to a unary call, which renews it, but a watch only dies of it.
    if (this.#options.authenticated) await this.get(prefix);
    return this.#members.run('watch', 'read', async (endpoint, deadline) => {
      const stream = await endpoint.stream('Watch', 'watch');
      const live = this.#live;
      const watch = startWatch({
        stream,
        prefix,
        fromRevision,
        handlers,
        acceptWithinMs: deadline.getTime() - Date.now(),
        onOver: () => live.delete(watch),
      });
      live.add(watch);
      if (this.#closed) watch.cancel();
      await watch.accepted;
      return watch;
    });
  }

  renew(): void {
    this.#members.renew();
  }

  close(): void {
    this.#closed = true;
    for (const watch of [...this.#live]) watch.cancel();
    this.#members.close();
  }

  #read<T>(operation: string, service: 'KV' | 'Lease', method: string, request: object) {
    return this.#members.run(operation, 'read', async (endpoint, deadline) => {
      return (await endpoint.call(service, method, request, deadline)) as T;
    });
  }

  #write<T>(operation: string, service: 'KV' | 'Lease', method: string, request: object) {
    return this.#members.run(operation, 'write', async (endpoint, deadline) => {
      return (await endpoint.call(service, method, request, deadline)) as T;
    });
  }
}

/** Sends one message, gives the first answer, ends the stream. Its deadline is the stream's own. */
function firstMessage(stream: Stream, message: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => reject(new StoreUnavailableError('etcd ended the stream')));
    stream.on('data', answer => {
      resolve(answer);
      stream.cancel();
    });
    stream.write(message);
  });
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new StoreRejectedError(
      `etcd endpoint ${JSON.stringify(text)}: expected http://host:port`,
    );
  }
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return `${url.protocol}//${url.hostname}:${port}`;
}

import {randomUUID} from 'node:crypto';
import {ConnectionPool} from 'etcd3/lib/connection-pool.js';

/**
 * One etcd member and our connection to it. Shell, and the only place that touches npm etcd3.
 *
 * Of etcd3 we use the protocol definition, credentials and tokens. Its own fault handling, watchers
 * and leases are left out, because they were seen to lose events, hang and wait (etcd3 1.1.2):
 *
 *   - unary calls go straight to the generated stubs, each with a deadline; etcd3 sets none;
 *   - keepalive pings every connection that has a call open; a half-open one is dead after
 *     keepaliveTimeMs + keepaliveTimeoutMs;
 *   - reconnect delays stay short (gRPC grows them to two minutes);
 *   - gRPC shares one TCP connection among all channels of equal options in the process. A doubted
 *     connection would come back with the next client, so each pool names itself in its user agent;
 *   - replies over 4 MiB are accepted.
 */
export interface EndpointOptions {
  readonly url: string; // http://host:port or https://host:port
  readonly tls?: {readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer} | undefined;
  readonly auth?: {readonly username: string; readonly password: string} | undefined;
  readonly deadlineMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

export type Service = 'KV' | 'Lease' | 'Watch';

/** A bidirectional gRPC stream, as far as it is used here. */
export interface Stream {
  on(event: 'data', listener: (message: unknown) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'end' | 'close' | 'status', listener: () => void): this;
  write(message: unknown): boolean;
  end(): void;
  cancel(): void;
}

interface Metadata {
  clone(): Metadata;
  set(key: string, value: string): void;
}

/** The parts of a generated gRPC stub that are used here. */
interface Stub {
  getChannel(): Channel;
  [method: string]: unknown;
}

interface Channel {
  getConnectivityState(tryToConnect: boolean): number;
  watchConnectivityState(from: number, deadline: Date, done: (error?: Error) => void): void;
}

type UnaryMethod = (
  request: unknown,
  metadata: Metadata,
  options: {deadline: Date},
  done: (error: unknown, response: unknown) => void,
) => {cancel(): void};

type StreamMethod = (metadata: Metadata, options: {deadline?: Date}) => Stream;

/** grpc-js connectivityState. */
const READY = 2;
const TRANSIENT_FAILURE = 3;
const SHUTDOWN = 4;

export class Endpoint {
  readonly url: string;
  readonly #options: EndpointOptions;
  #connection: Connection | undefined;

  constructor(options: EndpointOptions) {
    this.url = options.url;
    this.#options = options;
  }

  /**
   * True when the connection stands, false when it could not be made before the deadline. Answers
   * early when the member refuses.
   */
  async connect(deadline: Date): Promise<boolean> {
    const {stub} = await this.#stub('KV');
    const channel = stub.getChannel();
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === READY) return true;
      if (state === TRANSIENT_FAILURE || state === SHUTDOWN) return false;
      const changed = await new Promise<boolean>(resolve => {
        channel.watchConnectivityState(state, deadline, error => resolve(error === undefined));
      });
      if (!changed) return false;
    }
  }

  /** One request, one reply. Rejects with the gRPC error as it is (code, details). */
  async call(service: Service, method: string, request: unknown, deadline: Date): Promise<unknown> {
    const {stub, metadata} = await this.#stub(service);
    return new Promise((resolve, reject) => {
      (stub[method] as UnaryMethod).call(stub, request, metadata, {deadline}, (error, response) => {
        if (error === null || error === undefined) resolve(response);
        else reject(error);
      });
    });
  }

  /**
   * A stream whose 'error' event already has a listener, so that it cannot bring the process down.
   * `hasleader` makes the member end it when it loses sight of the cluster's leader.
   */
  async stream(service: Service, method: string, deadline?: Date): Promise<Stream> {
    const {connection, stub, metadata} = await this.#stub(service);
    const own = metadata.clone();
    own.set('hasleader', 'true');
    const stream = (stub[method] as StreamMethod).call(stub, own, deadline ? {deadline} : {});
    connection.streams.add(stream);
    const over = () => {
      connection.streams.delete(stream);
      closeUnused(connection);
    };
    return stream.on('error', over).on('status', over).on('close', over);
  }

  /**
   * The next use makes a new connection, with a new token. Open streams live on: the old connection
   * is closed after the last of them, because gRPC drops them at its next keepalive otherwise.
   */
  renew(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    connection.retired = true;
    closeUnused(connection);
  }

  async #stub(service: Service) {
    const connection = (this.#connection ??= {
      ...{pool: createPool(this.#options), streams: new Set<Stream>(), retired: false},
    });
    const {client, metadata} = await connection.pool.withConnection(service, found => found);
    return {connection, stub: client as unknown as Stub, metadata: metadata as Metadata};
  }
}

interface Connection {
  readonly pool: ConnectionPool;
  readonly streams: Set<Stream>;
  retired: boolean;
}

function closeUnused({pool, streams, retired}: Connection): void {
  if (retired && streams.size === 0) pool.close();
}

type PoolOptions = ConstructorParameters<typeof ConnectionPool>[0];
type FaultPolicy = NonNullable<NonNullable<PoolOptions['faultHandling']>['global']>;

/** A fault policy (cockatiel) that has none: one try, the error as it comes. */
const passThrough = {
  execute: async (attempt: (context: {signal: AbortSignal}) => unknown) =>
    attempt({signal: new AbortController().signal}),
} as unknown as FaultPolicy;

function createPool(options: EndpointOptions): ConnectionPool {
  return new ConnectionPool({
    hosts: options.url,
    ...(options.auth && {auth: options.auth}),
    ...toCredentials(options),
    defaultCallOptions: context =>
      context.isStream ? {} : {deadline: Date.now() + options.deadlineMs},
    faultHandling: {host: () => passThrough, global: passThrough},
    grpcOptions: {
      'grpc.primary_user_agent': `twill/${randomUUID()}`,
      'grpc.keepalive_time_ms': options.keepaliveTimeMs,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': -1,
      'grpc.enable_retries': 0,
    },
  });
}

/** Without a CA the system's certificates decide. An http address never gets TLS. */
function toCredentials({url, tls}: EndpointOptions): Pick<PoolOptions, 'credentials'> {
  if (!url.startsWith('https:') || tls === undefined) return {};
  const credentials = {
    rootCertificate: (tls.ca ?? null) as Buffer,
    ...(tls.key && {privateKey: tls.key}),
    ...(tls.cert && {certChain: tls.cert}),
  };
  return {credentials};
}

/**
 * What a speaker needs of the world: time, chance, connections, a log. Pure. The shell has them
 * over sockets (node-daemon/bgp/transport), the simulation over memory.
 *
 * One rule holds for all of them: a port never calls back before the call into it has returned.
 */
import type {Family} from '../wire/family.js';
import type {SessionPath} from '../rib/types.js';

export interface SpeakerPorts {
  readonly clock: Clock;
  readonly random: () => number; // uniform [0, 1)
  readonly transport: Transport;
  readonly log: Log;
}

export interface Clock {
  nowMs(): number; // monotonic
  /** Never early. `slackMs`: it may come so much later, with others, so that they wake the loop once. */
  after(delayMs: number, callback: () => void, slackMs?: number): RunningTimer;
  /** After what has already come in was delivered; timers that are due may come before. */
  soon(callback: () => void): void;
}

export interface RunningTimer {
  cancel(): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface Transport {
  /** Calls one of the handler's two, unless it is cancelled before. */
  dial(request: DialRequest, handler: DialHandler): {cancel(): void};
  /** What is listened for from now on, as a whole; undefined: nothing. */
  listen(request: ListenRequest | undefined, accept: Accept): void;
  /** Of this host since it was booted, whoever sent them; undefined: it does not say. */
  keyDrops(): KeyDrops | undefined;
  /** Of a session: one source port for all its life (RFC 5881 §4). */
  openBfd(path: BfdPath): BfdSocket;
  /** All that comes to the ports of BFD, with the hop limit that it must have; undefined: nobody listens. */
  listenBfd(receive: ((incoming: BfdIncoming) => void) | undefined): void;
}

/** How a connection is to be, ours or the peer's. */
export interface ConnectionOptions {
  readonly ttl: number; // of what we send
  readonly minTtl: number; // of what we take (GTSM); 0: any
}

export interface DialRequest extends ConnectionOptions {
  readonly address: string;
  readonly interface: string | undefined;
  readonly port: number;
  readonly sourceAddress: string | undefined;
  readonly password: string | undefined;
}

export interface DialHandler {
  connected(connection: Connection): void;
  /** `code` as ECONNREFUSED, where the system has one. */
  failed(code: string): void;
}

export interface ListenRequest {
  readonly port: number;
  readonly addresses: readonly string[]; // empty: all
  readonly keys: readonly ListenKey[];
  /** The least that any peer of the family asks for; what is stricter is set once it is accepted. */
  readonly minTtl: Readonly<Record<Family, number>>;
}

export interface ListenKey {
  readonly cidr: string;
  readonly password: string;
}

/** Segments that were dropped for their MD5 key (RFC 2385). */
export interface KeyDrops {
  readonly wrong: number; // signed with another key than ours
  readonly missing: number; // not signed, where a key is set
  readonly unexpected: number; // signed, where none is
}

/**
 * A connection that a peer dialled, the callee's to attach or to close. `isKeyed`: a key was set for its
 * address, so that the kernel has checked it (RFC 2385).
 */
export type Accept = (connection: Connection, isKeyed: boolean) => void;

/** A TCP connection that stands. */
export interface Connection {
  readonly remote: RemoteEnd;
  readonly localAddress: Uint8Array; // 4 or 16 octets
  readonly path: ConnectionPath; // as it is now
  /** To be called at once by whoever owns it now. */
  attach(handler: ConnectionHandler): void;
  /** Whole messages; kept until they left. */
  write(bytes: Uint8Array): void;
  /** Room for more; when there is none `drained` will be called. */
  readonly isWritable: boolean;
  pause(): void; // `received` is not called any more
  resume(): void;
  adjust(options: ConnectionOptions): void;
  /** `flush`: what was written gets some seconds to leave. Nothing is called back after it. */
  close(flush: boolean): void;
}

export interface RemoteEnd {
  readonly address: string; // canonical, without a zone
  readonly octets: Uint8Array;
  readonly interface: string | undefined; // the link of a link-local address
  readonly port: number;
  /** That its SYN came with; undefined: we have dialled, or it is not known. */
  readonly hopLimit: number | undefined;
}

/** Where the connection runs, as far as routes need it. */
export type ConnectionPath = SessionPath;

export interface ConnectionHandler {
  received(bytes: Uint8Array): void; // view, not copy: valid until it returns
  taken(): void; // the kernel took octets of ours
  drained(): void;
  pathChanged(): void; // `path` is another one: addresses of ours came or went
  /** Closed by the peer (undefined) or failed. Once, and nothing follows. */
  closed(code: string | undefined): void;
}

/** Of a connection before attach() and after its end: nobody is told. */
export const NOBODY: ConnectionHandler = {
  received() {},
  taken() {},
  drained() {},
  pathChanged() {},
  closed() {},
};

export interface BfdPath {
  readonly remote: Uint8Array; // 4 or 16 octets
  readonly local: Uint8Array;
  readonly ifindex: number; // of a link-local address; 0: any link
  readonly multihop: boolean; // RFC 5883
}

export interface BfdSocket {
  send(bytes: Uint8Array): void; // or not, if it cannot: the detection time of the peer decides
  close(): void;
}

export interface BfdIncoming {
  readonly bytes: Uint8Array; // view, not copy: valid until the callee returns
  readonly remote: Uint8Array;
  readonly local: Uint8Array; // that it was sent to
  readonly ifindex: number;
  readonly multihop: boolean;
}

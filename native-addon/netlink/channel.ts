/**
 * One native channel as promises. Shell. Knows sockets and their options, not what is sent.
 */
import {binding, type ChannelOptions, type NativeChannel} from '../binding.js';
import {toOptions, type Namespace} from '../namespace.js';
import {
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  SOL_NETLINK,
  SOL_SOCKET,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
} from './constants.js';
import {systemError} from './errors.js';

export interface OpenOptions {
  readonly protocol?: number; // NETLINK_ROUTE
  readonly namespace?: Namespace; // that of the process
}

/** Room for the acks of a batch with their messages, and for a dump to run ahead. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/** [level, name, value, required]* as binding.ts has it. */
export function socketOptions(receiveBufferBytes = RECEIVE_BUFFER_BYTES): number[] {
  return [
    ...[SOL_SOCKET, SO_RCVBUF, receiveBufferBytes, 0],
    ...[SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferBytes, 0], // not bound by rmem_max; needs CAP_NET_ADMIN
    ...[SOL_NETLINK, NETLINK_CAP_ACK, 1, 1],
    ...[SOL_NETLINK, NETLINK_EXT_ACK, 1, 1],
    ...[SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1, 1],
  ];
}

/** Routes that are alike in both. */
export interface RouteMark {
  readonly protocol: number;
  readonly metric: number; // 0: no route is meant
}

const NO_ROUTES: RouteMark = {protocol: 0, metric: 0};

interface Waiter {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

export class Channel {
  readonly #native: NativeChannel;
  readonly #waiters: Waiter[] = []; // in the order of the jobs
  #closed = false;

  private constructor(options: ChannelOptions, opened: Waiter) {
    this.#waiters.push(opened);
    this.#native = new binding.Channel(options, (errno, syscall, bytes, last) => {
      if (last) this.#end(syscall, errno);
      else if (errno === 0) this.#waiters.shift()?.resolve(bytes);
      else this.#waiters.shift()?.reject(systemError(`netlink ${syscall}`, errno));
    });
  }

  /** @throws NetlinkError with the errno of open, setns, socket, bind or setsockopt. */
  static async open(options: OpenOptions, sibling?: Channel): Promise<Channel> {
    const given: ChannelOptions = {
      protocol: options.protocol ?? NETLINK_ROUTE,
      monitor: false,
      socketOptions: Int32Array.from(socketOptions()),
      ...(sibling === undefined ? toOptions(options.namespace) : {sibling: sibling.#native}),
    };
    return new Promise((resolve, reject) => {
      const channel: Channel = rethrow(
        () => new Channel(given, {resolve: () => resolve(channel), reject}),
      );
    });
  }

  /** Sends in pieces, resolves with what came back by then (of a dump the first piece), but for those routes. */
  exchange(bytes: Uint8Array, ends: Uint32Array, without = NO_ROUTES): Promise<Uint8Array> {
    const {protocol, metric} = without;
    return this.#push(() => this.#native.exchange(bytes, ends, protocol, metric));
  }

  /** The next piece of what answers the last exchange; empty when nothing arrives within the time. */
  receive(timeoutMs: number): Promise<Uint8Array> {
    return this.#push(() => this.#native.receive(timeoutMs));
  }

  /** Address of the socket, unique in its namespace: what its own changes are announced with. */
  port(): number {
    return rethrow(() => this.#native.port());
  }

  close(): void {
    this.#closed = true;
    this.#native.close();
  }

  #push(start: () => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(systemError('netlink close', ECANCELED));
      start();
      this.#waiters.push({resolve, reject});
    });
  }

  /** The thread has ended: closed, or the socket could not be opened. */
  #end(syscall: string, errno: number): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(systemError(`netlink ${syscall}`, errno));
    }
  }
}

const ECANCELED = 125; // asm-generic/errno.h

/** Runs what may throw {errno, syscall} (src/convert.cc) and throws it as NetlinkError. */
export function rethrow<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const {errno, syscall} = error as {errno?: number; syscall?: string};
    if (typeof errno !== 'number') throw error;
    throw systemError(`netlink ${syscall}`, errno);
  }
}

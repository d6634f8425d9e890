/**
 * Internet sockets with options that node:net cannot set, made here and handed to node:net once they
 * stand. Shell, src/socket.cc.
 *
 *   dialSocket({family, options: [md5Key(…)], remote}, fd => new net.Socket({fd, …}), onError);
 *
 * Every descriptor is non-blocking, closed on exec, and its receiver's to close.
 */
import {binding, type NativeWatcher} from '../binding.js';
import {toAf, type Family} from '../netlink/family.js';
import {systemError} from '../netlink/errors.js';
import {decodeEndpoint, encodeEndpoint, type Endpoint} from './endpoint.js';
import {TCP_SAVED_SYN, type SocketOption} from './options.js';

export interface SocketOptions {
  readonly family: Family;
  readonly options?: readonly SocketOption[]; // set in this order, before bind
  readonly local?: Endpoint | undefined; // port 0: any
}

/** Type and protocol (sys/socket.h, linux/in.h, linux/in6.h). */
const TCP = {type: 1, protocol: 6};
export const UDP = {type: 2, protocol: 17};
export const ICMPV6 = {type: 3, protocol: 58}; // raw
const SOL_SOCKET = 1;
const SO_ERROR = 4;

/**
 * Calls one of the two, later; neither after the returned function has taken the dial back.
 * @throws NetlinkError with the errno of socket, bind, connect or the option that was refused.
 */
export function dialSocket(
  {remote, ...options}: SocketOptions & {readonly remote: Endpoint},
  onConnected: (fd: number) => void,
  onError: (error: Error) => void,
): () => void {
  const fd = openSocket(options, TCP);
  const watcher = watch(fd, 'write', () => {
    const errno = socketNumber(fd, {level: SOL_SOCKET, number: SO_ERROR});
    if (errno === 0) {
      onConnected(watcher.release());
    } else {
      watcher.close();
      onError(systemError('connect', errno));
    }
  });
  try {
    calling(() => binding.connectSocket(fd, encodeEndpoint(remote)));
  } catch (error) {
    watcher.close(); // closes it: a worker's closeSync() would complain of what node:fs has not opened
    throw error;
  }
  return () => watcher.close();
}

export interface ListenOptions extends SocketOptions {
  readonly local: Endpoint;
  readonly backlog?: number;
}

type OnConnection = (fd: number, remote: Required<Endpoint>) => void;

const BACKLOG = 4096; // the kernel cuts it to net.core.somaxconn
const RETRY_MS = 1000;
const BURST = 32; // connections per wake-up: the rest of the loop has its turn, too

export class ListeningSocket {
  readonly #fd: number;
  readonly #watcher: NativeWatcher;
  readonly #onConnection: OnConnection;
  readonly #onError: (error: Error) => void;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @throws NetlinkError with the errno of socket, bind, listen or the option that was refused. */
  constructor(
    options: ListenOptions,
    onConnection: OnConnection,
    onError: (error: Error) => void, // accept failed, and is tried again
  ) {
    this.#fd = openSocket(options, TCP, options.backlog ?? BACKLOG);
    this.#onConnection = onConnection;
    this.#onError = onError;
    this.#watcher = watch(this.#fd, 'read', () => this.#accept());
  }

  get local(): Required<Endpoint> {
    return localEndpoint(this.#fd);
  }

  /** Of connections to come; MD5 keys count for handshakes from now on. @throws NetlinkError. */
  setOption(option: SocketOption): void {
    setSocketOption(this.#fd, option);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#watcher.close();
  }

  #accept(): void {
    for (let count = 0; count < BURST && !this.#isClosed; count++) {
      const accepted = this.#acceptOne();
      if (accepted === undefined) return;
      this.#onConnection(accepted[0], decodeEndpoint(accepted[1]));
    }
  }

  /** No descriptors left: the connection stays in the backlog, and polling it would be a busy loop. */
  #acceptOne(): readonly [fd: number, address: Uint8Array] | undefined {
    try {
      return calling(() => binding.acceptSocket(this.#fd));
    } catch (error) {
      this.#watcher.pause();
      this.#retry = setTimeout(() => this.#watcher.resume(), RETRY_MS);
      this.#onError(error as Error);
      return undefined;
    }
  }
}

/** @throws NetlinkError with the errno of socket, bind, listen or the option that was refused. */
export function openSocket(
  {family, options = [], local}: SocketOptions,
  {type, protocol}: typeof TCP,
  backlog?: number,
): number {
  const address = local && encodeEndpoint(local);
  const native = options.map(toNative);
  return calling(
    () => binding.openSocket(toAf(family), type, protocol, native, address, backlog),
    options,
  );
}

/** Takes the descriptor over. @throws NetlinkError when it cannot be polled. */
export function watch(fd: number, what: 'read' | 'write', onReady: () => void): NativeWatcher {
  return calling(() => new binding.Watcher(fd, what === 'write', onReady));
}

/** @throws NetlinkError with the errno of setsockopt. */
export function setSocketOption(fd: number, option: SocketOption): void {
  calling(() => binding.setSocketOption(fd, toNative(option)), [option]);
}

/** The value of an option that has four octets. @throws NetlinkError. */
export function socketNumber(
  fd: number,
  {level, number}: Pick<SocketOption, 'level' | 'number'>,
): number {
  const value = calling(() => binding.getSocketOption(fd, level, number, 4));
  return new Int32Array(value.slice().buffer)[0] ?? 0;
}

const SYN_OCTETS = 256; // both headers have 120 at most; extensions of IPv6 may be longer
const HOP_LIMIT_AT: Readonly<Record<number, number>> = {4: 8, 6: 7}; // by version: RFC 791 §3.1, 8200 §3

/**
 * With how many hops left the connection that was accepted began. Undefined: no saveSyn() on the listener, a SYN
 * cookie that kept nothing of it, longer headers than are read, or it was asked before.
 */
export function synHopLimit(fd: number): number | undefined {
  const {level, number} = TCP_SAVED_SYN;
  let headers: Uint8Array;
  try {
    headers = binding.getSocketOption(fd, level, number, SYN_OCTETS);
  } catch {
    return undefined; // EINVAL: the peer chooses how long they are
  }
  const version = (headers[0] ?? 0) >>> 4;
  return headers[HOP_LIMIT_AT[version] ?? headers.length];
}

/** @throws NetlinkError when the descriptor is no socket of ours. */
export function localEndpoint(fd: number): Required<Endpoint> {
  return decodeEndpoint(calling(() => binding.socketAddress(fd)));
}

/** 0 when there is no link of that name in our namespace. */
export function interfaceIndex(name: string): number {
  return binding.interfaceIndex(name);
}

/** Undefined when there is no link of that number in our namespace. */
export function interfaceName(index: number): string | undefined {
  return binding.interfaceName(index) || undefined;
}

function toNative({level, number, value}: SocketOption): [number, number, Uint8Array] {
  return [level, number, value];
}

/** Names the system call, and the option where one was refused. */
export function calling<T>(body: () => T, options: readonly SocketOption[] = []): T {
  try {
    return body();
  } catch (error) {
    const thrown = error as {errno?: number; syscall?: string; option?: number};
    if (typeof thrown.errno !== 'number') throw error;
    const name = thrown.syscall === 'setsockopt' ? options[thrown.option ?? 0]?.name : undefined;
    const op = name === undefined ? `${thrown.syscall}` : `setsockopt ${name}`;
    throw systemError(op, thrown.errno);
  }
}

/**
 * The compiled half of this folder (src/*.cc) and the only place that loads it. System calls only;
 * the bytes that go through them are made and read in netlink/.
 */
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** `errno` 0 means success; `last`: the channel's thread has ended, nothing follows. */
export type ChannelListener = (
  errno: number,
  syscall: string,
  bytes: Uint8Array, // whole datagrams, each starting at a multiple of 4; owned by the receiver
  last: boolean,
) => void;

export interface NamespaceOptions {
  readonly namespacePath?: string;
  readonly namespaceFd?: number; // duplicated before the call returns
}

export interface ChannelOptions extends NamespaceOptions {
  readonly protocol: number;
  readonly monitor: boolean;
  readonly socketOptions: Int32Array; // [level, name, value, required]*
  readonly sibling?: NativeChannel; // open in the namespace of that channel's socket
}

/** Results reach the listener in this order: opening, then one per exchange() or receive(). */
export interface NativeChannel {
  /**
   * What comes back, of a dump the first piece. Routes of that protocol and metric (0: none) are left out of all
   * pieces. What is sent is copied before it returns.
   */
  exchange(bytes: Uint8Array, ends: Uint32Array, protocol: number, metric: number): void;
  /** The next piece. The kernel goes on with a dump only as pieces are taken. */
  receive(timeoutMs: number): void;
  port(): number; // nl_pid of the socket, once it is open
  /** Messages of that sender, and routes of that metric, are not queued; 0: all are. */
  ignore(port: number, routeMetric: number): void;
  close(): void;
}

/** What src/route-sieve.h leaves of datagrams that come one after the other. */
export type SiftRoutes = (
  protocol: number,
  metric: number,
  ...datagrams: readonly Uint8Array[]
) => Uint8Array;

/** See src/unix-listener.h. */
export interface UnixListenerOptions {
  readonly path: string;
  readonly mode: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly allowUid: number;
  readonly maxConnections: number;
  readonly maxDescriptors: number;
}

export interface UnixListenerEvents {
  readonly onRequest: (
    id: number,
    data: Uint8Array,
    descriptors: number[],
    pid: number,
    uid: number,
    gid: number,
  ) => void;
  readonly onGone: (id: number) => void; // the client left before the reply was written
  readonly onReplied: (id: number, errno: number) => void;
  readonly onError: (errno: number, what: string, pid: number) => void;
}

export interface NativeUnixListener {
  reply(id: number, data: Uint8Array): void;
  close(): void;
}

/** Owns its descriptor until `release`. See src/watcher.cc. */
export interface NativeWatcher {
  pause(): void;
  resume(): void;
  close(): void;
  release(): number;
}

type Option = readonly [level: number, name: number, value: Uint8Array];

interface Binding {
  readonly Channel: new (options: ChannelOptions, listener: ChannelListener) => NativeChannel;
  readonly siftRoutes: SiftRoutes;
  readonly UnixListener: new (
    options: UnixListenerOptions,
    events: UnixListenerEvents,
  ) => NativeUnixListener;
  fileInNamespace(
    options: NamespaceOptions,
    path: string,
    text: string | undefined,
    listener: (errno: number, syscall: string, bytes: Uint8Array) => void,
  ): void;
  boottimeMs(): number;

  // src/socket.cc: a system call each; addresses are struct sockaddr
  readonly Watcher: new (fd: number, writable: boolean, onReady: () => void) => NativeWatcher;
  openSocket(
    domain: number,
    type: number,
    protocol: number,
    options: readonly Option[],
    address: Uint8Array | undefined,
    backlog: number | undefined,
  ): number;
  setSocketOption(fd: number, option: Option): void;
  getSocketOption(fd: number, level: number, name: number, octets: number): Uint8Array;
  socketAddress(fd: number): Uint8Array;
  connectSocket(fd: number, address: Uint8Array): boolean;
  acceptSocket(fd: number): readonly [fd: number, address: Uint8Array] | undefined;
  receiveDatagram(
    fd: number,
    into: Uint8Array,
  ): readonly [octets: number, address: Uint8Array, ...control: Option[]] | undefined;
  sendDatagram(fd: number, bytes: Uint8Array, address: Uint8Array): void;
  interfaceIndex(name: string): number;
  interfaceName(index: number): string;
}

/** The nearest folder at or above this file that has a package.json: as source, or inside dist/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder;
}

export const binding = createRequire(import.meta.url)('node-gyp-build')(packageRoot()) as Binding;

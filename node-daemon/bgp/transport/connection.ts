/**
 * A TCP connection over node:net, made from a descriptor of the addon. Shell.
 *
 * All connections of a thread read into one buffer: `received` copies what it keeps, so that a
 * thousand idle sessions hold no buffers. Octets that the kernel does not take stay here, few of them:
 * its own queue is kept short as well (TCP_NOTSENT_LOWAT), or a KEEPALIVE would wait behind megabytes.
 */
import {Socket} from 'node:net';

import {hopLimit, minHopLimit, setSocketOption} from '#native-addon';
import {
  NOBODY,
  type Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type ConnectionPath,
  type Log,
  type RemoteEnd,
} from '#bgp-fsm';

const READ_OCTETS = 256 * 1024;
const ROOM_OCTETS = 256 * 1024; // that may wait in user space
const FLUSH_MS = 10_000; // a NOTIFICATION's time to leave, as BIRD

const readBuffer = new Uint8Array(READ_OCTETS);

export interface ConnectionEnds {
  readonly fd: number; // the connection's from now on
  readonly remote: RemoteEnd;
  readonly localAddress: Uint8Array;
  readonly toPath: () => ConnectionPath; // as it is now
}

export class NodeConnection implements Connection {
  readonly remote: RemoteEnd;
  readonly localAddress: Uint8Array;
  readonly #toPath: () => ConnectionPath;
  #path: ConnectionPath;
  readonly #fd: number;
  readonly #socket: Socket;
  readonly #log: Log;
  #handler: ConnectionHandler = NOBODY;
  #isOpen = true;

  constructor({fd, remote, localAddress, toPath}: ConnectionEnds, log: Log) {
    this.remote = remote;
    this.localAddress = localAddress;
    this.#toPath = toPath;
    this.#path = toPath();
    this.#fd = fd;
    this.#log = log;
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: true,
      writableHighWaterMark: ROOM_OCTETS,
      onread: {
        buffer: readBuffer,
        callback: (octets: number, buffer: Uint8Array) => {
          this.#handler.received(buffer.subarray(0, octets));
          return true;
        },
      },
    } as ConstructorParameters<typeof Socket>[0]);
    this.#socket.on('drain', () => this.#handler.drained());
    this.#socket.on('end', () => this.#close(undefined));
    this.#socket.on('error', error => this.#close((error as NodeJS.ErrnoException).code ?? 'EIO'));
    this.#socket.on('close', () => this.#close(undefined));
  }

  /** Resolves when the descriptor is closed. */
  get gone(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve();
    return new Promise(resolve => this.#socket.once('close', () => resolve()));
  }

  get path(): ConnectionPath {
    return this.#path;
  }

  /** An address of ours that went takes the connection with it in its own time. */
  lookAgain(): void {
    const path = this.#toPath();
    if (!this.#isOpen || isSamePath(path, this.#path)) return;
    this.#path = path;
    this.#handler.pathChanged();
  }

  get isWritable(): boolean {
    return this.#isOpen && !this.#socket.writableNeedDrain;
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes, error => {
      if (!error) this.#handler.taken();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  adjust({ttl, minTtl}: ConnectionOptions): void {
    const family = this.localAddress.length === 4 ? 'ipv4' : 'ipv6';
    try {
      setSocketOption(this.#fd, hopLimit(family, ttl));
      setSocketOption(this.#fd, minHopLimit(family, minTtl));
    } catch (err) {
      this.#log('error', 'hop limit not set', {address: this.remote.address, err});
    }
  }

  /** With `flush` what the peer still sends is read and dropped: a RST would overtake our words. */
  close(flush: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#handler = NOBODY;
    if (!flush) {
      this.#socket.destroy();
      return;
    }
    const timer = setTimeout(() => this.#socket.destroy(), FLUSH_MS);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#socket.end();
    this.#socket.resume();
  }

  #close(code: string | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const handler = this.#handler;
    this.#handler = NOBODY;
    this.#socket.destroy();
    handler.closed(code);
  }
}

function isSamePath(a: ConnectionPath, b: ConnectionPath): boolean {
  if (a.ifindex !== b.ifindex || a.isDirect !== b.isDirect) return false;
  return (['ipv4', 'ipv6', 'linkLocal'] as const).every(kind => {
    const [left, right] = [a.nextHops[kind], b.nextHops[kind]];
    return left?.join() === right?.join();
  });
}

/**
 * One request, one reply per connection on a Unix stream socket, with the client's descriptors and
 * credentials. Shell over src/unix-listener.cc, which keeps the limits: size, time, number of
 * descriptors and connections, and whose processes may speak at all.
 */
import {binding, type NativeUnixListener} from './binding.js';
import {rethrow} from './netlink/channel.js';
import {systemError} from './netlink/errors.js';

export interface UnixRequest {
  readonly data: Uint8Array; // everything until the client's shutdown(SHUT_WR)
  readonly descriptors: readonly number[]; // the receiver's: closeDescriptor() each
  readonly peer: {readonly pid: number; readonly uid: number; readonly gid: number};
  readonly signal: AbortSignal; // aborted when the client leaves before it has its reply
  /** Writes and closes; once. @throws NetlinkError 'EPIPE', 'ETIMEDOUT' when it did not get there. */
  reply(data: Uint8Array): Promise<void>;
}

export interface UnixListenerOptions {
  readonly path: string;
  readonly mode?: number; // 0o600
  readonly maxBytes: number; // of one request
  readonly requestTimeoutMs: number; // to send the request; again to take the reply
  readonly allowUid?: number; // 0: root
  readonly maxConnections?: number; // more wait in the backlog
  readonly maxDescriptors?: number; // of one request; with more it is refused
  readonly onRequest: (request: UnixRequest) => void;
  readonly onError: (error: Error) => void; // a client was turned away; the listener goes on
}

const EPIPE = 32;

/**
 * A socket file that nobody serves is replaced in one step.
 * @throws NetlinkError 'EADDRINUSE' when a live process answers there, 'EEXIST' when something
 * other than a socket is in the way.
 */
export async function listenUnix(options: UnixListenerOptions): Promise<{close(): Promise<void>}> {
  const pending = new Map<number, Pending>();
  const native: NativeUnixListener = rethrow(
    () =>
      new binding.UnixListener(
        {
          path: options.path,
          mode: options.mode ?? 0o600,
          maxBytes: options.maxBytes,
          timeoutMs: options.requestTimeoutMs,
          allowUid: options.allowUid ?? 0,
          maxConnections: options.maxConnections ?? 1024,
          maxDescriptors: options.maxDescriptors ?? 8,
        },
        {
          onRequest(id, data, descriptors, pid, uid, gid) {
            const request = new Pending(id, () => native);
            pending.set(id, request);
            const reply = (bytes: Uint8Array) => request.reply(bytes);
            const {signal} = request;
            options.onRequest({data, descriptors, peer: {pid, uid, gid}, signal, reply});
          },
          onGone: id => settle(pending, id, EPIPE),
          onReplied: (id, errno) => settle(pending, id, errno),
          onError(errno, what, pid) {
            const of = pid === 0 ? '' : ` of process ${pid}`;
            options.onError(systemError(`${options.path}: ${what}${of}`, errno));
          },
        },
      ),
  );
  return {
    async close() {
      native.close();
      for (const id of [...pending.keys()]) settle(pending, id, EPIPE);
    },
  };
}

function settle(pending: Map<number, Pending>, id: number, errno: number): void {
  pending.get(id)?.settle(errno);
  pending.delete(id);
}

/** A request between its arrival and the end of its connection. */
class Pending {
  readonly #id: number;
  readonly #native: () => NativeUnixListener;
  readonly #gone = new AbortController();
  #reply: {resolve: () => void; reject: (error: Error) => void} | undefined;
  #errno: number | undefined;

  constructor(id: number, native: () => NativeUnixListener) {
    this.#id = id;
    this.#native = native;
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  reply(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#errno !== undefined || this.#reply !== undefined) {
        reject(systemError('reply', this.#errno ?? EPIPE));
        return;
      }
      this.#reply = {resolve, reject};
      this.#native().reply(this.#id, bytes);
    });
  }

  settle(errno: number): void {
    this.#errno = errno === 0 ? EPIPE : errno; // a second reply has nobody to go to
    if (errno === 0) this.#reply?.resolve();
    else this.#reply?.reject(systemError('reply', errno));
    if (errno !== 0) this.#gone.abort();
  }
}

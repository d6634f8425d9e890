/**
 * Notifications of multicast groups. Shell. A monitor never misses silently: when the kernel had to
 * drop (ENOBUFS), onResync says so and the listener dumps again.
 */
import {binding} from '../binding.js';
import {toOptions} from '../namespace.js';
import {rethrow, socketOptions, type OpenOptions} from './channel.js';
import {NETLINK_ADD_MEMBERSHIP, NETLINK_ROUTE, NLMSG_OVERRUN, SOL_NETLINK} from './constants.js';
import {DecodeError, systemError, type NetlinkError} from './errors.js';
import {Frames, type Message} from './message.js';

export interface MonitorOptions extends OpenOptions {
  readonly groups: readonly number[]; // RTNLGRP_…
  readonly receiveBufferBytes?: number;
  readonly onMessage: (message: Message) => void; // the payload is a view: decode it before returning
  readonly onResync: (why: string) => void;
  readonly onError: (error: NetlinkError) => void; // the monitor has ended by itself
}

export interface Monitor {
  /**
   * Notifications that a NetlinkSocket of that port caused are not heard from now on: its owner knows
   * them already. What the kernel does as a consequence of a change has no port, and is heard.
   * 0: everything is heard again. Nor are routes of `routeMetric`, whoever changes them.
   * @throws NetlinkError when the monitor is closed.
   */
  ignore(port: number, routeMetric?: number): void;
  close(): void;
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const ENOBUFS = 105;

/**
 * Resolves when the groups are joined: whatever changes from then on is reported.
 * @throws NetlinkError when the namespace, the socket or a group cannot be had.
 */
export async function openMonitor(options: MonitorOptions): Promise<Monitor> {
  const joins = options.groups.flatMap(group => [SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, 1]);
  const {promise, resolve, reject} = withResolvers();
  const state = {opened: false, closed: false};

  const native = rethrow(
    () =>
      new binding.Channel(
        {
          protocol: options.protocol ?? NETLINK_ROUTE,
          monitor: true,
          socketOptions: Int32Array.from([
            ...socketOptions(options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES),
            ...joins,
          ]),
          ...toOptions(options.namespace),
        },
        (errno, syscall, bytes, last) => {
          if (state.closed) return;
          if (!state.opened) {
            state.opened = errno === 0;
            return errno === 0 ? resolve() : reject(systemError(`netlink ${syscall}`, errno));
          }
          deliver(options, bytes, () => state.closed);
          if (errno === ENOBUFS) options.onResync('the kernel dropped notifications (ENOBUFS)');
          else if (last) options.onError(systemError(`netlink ${syscall}`, errno));
        },
      ),
  );
  await promise;
  return {
    ignore: (port, routeMetric = 0) => rethrow(() => native.ignore(port, routeMetric)),
    close() {
      state.closed = true;
      native.close();
    },
  };
}

function deliver(options: MonitorOptions, bytes: Uint8Array, closed: () => boolean): void {
  try {
    const frames = new Frames(bytes);
    while (!closed() && frames.next()) {
      if (frames.type === NLMSG_OVERRUN) options.onResync('the kernel reports an overrun');
      else options.onMessage(frames.message());
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    options.onResync(`undecodable notification: ${error.message}`);
  }
}

function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (e: Error) => void;
} {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return {promise, resolve, reject};
}

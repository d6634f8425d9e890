/**
 * The kernel by rtnetlink. Shell: translates between what reconcilers deal in and messages.
 *
 * A socket that fails is dropped, and opened again by the next call. Dumps are decoded in slices,
 * so that 10,000 routes do not hold up the event loop.
 */
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  dumpAddresses,
  dumpFdb,
  dumpLinks,
  dumpNeighbours,
  dumpNexthops,
  dumpRoutes,
  NetlinkError,
  openNetlink,
  RT_TABLE_MAIN,
  type DumpOptions,
  type Monitor,
  type Namespace,
  type NetlinkSocket,
  type Request,
} from '#native-addon';
import type {Family} from '#ipam';
import {
  PROTOCOL_TWILL,
  type KernelError,
  type KernelFdbEntry,
  type KernelNeighbour,
  type KernelOp,
  type KernelPort,
  type KernelRoute,
  type MonitorHandlers,
} from './port.js';
import {bgpRoutes, isBgpNexthopId, isBgpRoute} from './bgp-objects.js';
import {startMonitor} from './rtnetlink-monitor.js';
import {
  toKernelAddress,
  toKernelFdbEntry,
  toKernelLink,
  toKernelNeighbour,
  toKernelNexthop,
  toKernelRoute,
} from './rtnetlink-object.js';
import {createBatch} from './rtnetlink-request.js';

export interface RtnetlinkOptions {
  readonly namespace?: Namespace; // default: the process's own
  /** How sockets are opened; tests put a fake kernel here. */
  readonly open?: () => Promise<NetlinkSocket>;
}

const families: readonly Family[] = ['ipv4', 'ipv6'];
const decodedAtOnce = 1024;

/** Opens its sockets when they are first needed. */
export function createRtnetlink({namespace, open}: RtnetlinkOptions = {}): KernelPort {
  return new Rtnetlink(open ?? (() => openNetlink(namespace && {namespace})), namespace);
}

class Rtnetlink implements KernelPort {
  readonly #open: () => Promise<NetlinkSocket>;
  readonly #namespace: Namespace | undefined;
  readonly #monitors = new Set<Monitor>();
  #socket: Promise<NetlinkSocket> | undefined;
  #port = 0; // of the socket that is open; 0: none is

  constructor(open: () => Promise<NetlinkSocket>, namespace: Namespace | undefined) {
    this.#open = open;
    this.#namespace = namespace;
  }

  dumpLinks() {
    return this.#dump([dumpLinks()], payload => toKernelLink(decodeLink(payload)));
  }

  dumpAddresses() {
    return this.#dump([dumpAddresses()], payload => toKernelAddress(decodeAddress(payload)));
  }

  dumpNexthops() {
    return this.#dump([dumpNexthops()], payload => {
      const nexthop = toKernelNexthop(decodeNexthop(payload));
      return isBgpNexthopId(nexthop.id) ? undefined : nexthop;
    });
  }

  dumpNeighbours(): Promise<readonly KernelNeighbour[]> {
    const requests = families.map(family => dumpNeighbours({family}));
    return this.#dump(requests, payload => toKernelNeighbour(decodeNeighbour(payload)));
  }

  async dumpFdb(index: number): Promise<readonly KernelFdbEntry[]> {
    try {
      const decode = (payload: Uint8Array) => toKernelFdbEntry(decodeNeighbour(payload));
      const entries = await this.#dump([dumpFdb({index})], decode);
      return entries.filter(entry => entry.index === index);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENODEV') return [];
      throw error;
    }
  }

  dumpRoutes(): Promise<readonly KernelRoute[]> {
    const filter = {protocol: PROTOCOL_TWILL, table: RT_TABLE_MAIN};
    const requests = families.map(family => dumpRoutes({family, ...filter}));
    // An older kernel ignores the filter.
    const decode = (payload: Uint8Array) => {
      const route = toKernelRoute(decodeRoute(payload));
      return route?.protocol === PROTOCOL_TWILL && !isBgpRoute(route) ? route : undefined;
    };
    return this.#dump(requests, decode, {without: bgpRoutes});
  }

  async apply(ops: readonly KernelOp[]): Promise<readonly (KernelError | undefined)[]> {
    const batch = createBatch(ops);
    const errors = await this.#use(socket => socket.send(batch.requests));
    return batch.toOpErrors(errors);
  }

  async monitor(handlers: MonitorHandlers): Promise<{close(): void}> {
    const monitor = await startMonitor(handlers, this.#namespace);
    this.#monitors.add(monitor);
    monitor.ignore(this.#port);
    return {
      close: () => {
        this.#monitors.delete(monitor);
        monitor.close();
      },
    };
  }

  close(): void {
    this.#drop();
  }

  async #dump<T>(
    requests: readonly Request[],
    decode: (payload: Uint8Array) => T | undefined,
    options?: DumpOptions,
  ): Promise<T[]> {
    const objects: T[] = [];
    for (const request of requests) {
      const messages = await this.#use(socket => socket.dump(request, options));
      for (const [at, {payload}] of messages.entries()) {
        if (at > 0 && at % decodedAtOnce === 0) await breathe();
        const object = decode(payload);
        if (object !== undefined) objects.push(object);
      }
    }
    return objects;
  }

  async #use<T>(action: (socket: NetlinkSocket) => Promise<T>): Promise<T> {
    this.#socket ??= this.#openSocket();
    const opened = this.#socket;
    try {
      return await action(await opened);
    } catch (error) {
      if (this.#socket === opened && !isRefusal(error)) this.#drop();
      throw error;
    }
  }

  async #openSocket(): Promise<NetlinkSocket> {
    const socket = await this.#open();
    this.#deafenTo(socket.port);
    return socket;
  }

  /** Our own changes are in the mirror already; the kernel need not queue the news of them. */
  #deafenTo(port: number): void {
    this.#port = port;
    for (const monitor of this.#monitors) monitor.ignore(port);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#deafenTo(0); // the number may be somebody else's soon
    socket?.then(
      opened => opened.close(),
      () => undefined,
    );
  }
}

/** The socket is sound; the kernel did not want to dump. */
function isRefusal(error: unknown): boolean {
  return error instanceof NetlinkError && ['EINTR', 'ENODEV', 'ENOENT'].includes(error.code);
}

function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

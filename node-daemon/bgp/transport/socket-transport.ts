/** Real connections and BFD for a speaker, with the options that they need. Shell. */
import {
  dialSocket,
  hopLimit,
  interfaceIndex,
  interfaceName,
  localEndpoint,
  md5Key,
  minHopLimit,
  synHopLimit,
  type Endpoint,
  type SocketOption,
} from '#native-addon';
import {
  familyOfAddress,
  formatAddress,
  isLinkLocal,
  parseAddress,
  type Accept,
  type BfdIncoming,
  type BfdPath,
  type BfdSocket,
  type DialHandler,
  type DialRequest,
  type Family,
  type KeyDrops,
  type ListenRequest,
  type Log,
  type Transport,
} from '#bgp-fsm';
import {BfdIo} from './bfd-io.js';
import {NodeConnection} from './connection.js';
import {readKeyDrops} from './key-drops.js';
import {Listener} from './listener.js';
import {HostAddresses} from './host-addresses.js';
import {pathBetween} from './path.js';
import {connectionOptions} from './socket-options.js';

export class SocketTransport implements Transport {
  readonly #log: Log;
  readonly #listener: Listener;
  readonly #bfd: BfdIo;
  readonly #connections = new Set<NodeConnection>();
  readonly #addresses: HostAddresses;
  #accept: Accept = connection => connection.close(false);

  /** @throws NetlinkError when the kernel does not tell its addresses. */
  static async open(log: Log): Promise<SocketTransport> {
    const addresses = await HostAddresses.open({log, onChange: () => transport.#lookAgain()});
    const transport = new SocketTransport(log, addresses);
    return transport;
  }

  private constructor(log: Log, addresses: HostAddresses) {
    this.#log = log;
    this.#addresses = addresses;
    this.#bfd = new BfdIo(log);
    this.#listener = new Listener(log, (fd, remote, isKeyed) =>
      this.#accept(this.#connection(fd, remote, synHopLimit(fd)), isKeyed),
    );
  }

  listen(request: ListenRequest | undefined, accept: Accept): void {
    this.#accept = accept;
    this.#listener.listen(request);
  }

  dial(request: DialRequest, handler: DialHandler): {cancel(): void} {
    try {
      return this.#dial(request, handler);
    } catch (error) {
      const {code = 'EIO'} = error as {code?: string};
      const failure = setImmediate(() => handler.failed(code));
      return {cancel: () => clearImmediate(failure)};
    }
  }

  keyDrops(): KeyDrops | undefined {
    return readKeyDrops();
  }

  openBfd(path: BfdPath): BfdSocket {
    return this.#bfd.open(path);
  }

  listenBfd(receive: ((incoming: BfdIncoming) => void) | undefined): void {
    this.#bfd.listen(receive);
  }

  /** The last call. Resolves when every connection that was closed has said its last words. */
  async close(): Promise<void> {
    this.#addresses.close();
    await Promise.all([...this.#connections].map(connection => connection.gone));
  }

  #dial(request: DialRequest, handler: DialHandler): {cancel(): void} {
    const address = parseAddress(request.address);
    if (address === undefined) throw new DialError('EINVAL');
    const family = familyOfAddress(address);
    const remote = {address, port: request.port, scopeId: scopeOf(request)};
    const cancel = dialSocket(
      {family, options: dialOptions(family, address, request), local: sourceOf(request), remote},
      fd => handler.connected(this.#connection(fd, remote)),
      error => handler.failed((error as {code?: string}).code ?? 'EIO'),
    );
    return {cancel};
  }

  /** Addresses came or went: next hops that we announce may have. */
  #lookAgain(): void {
    for (const connection of this.#connections) connection.lookAgain();
  }

  #connection(
    fd: number,
    {address, port, scopeId}: Required<Endpoint>,
    hopLimit?: number,
  ): NodeConnection {
    const local = localEndpoint(fd).address;
    const remote = {
      address: formatAddress(address),
      octets: address,
      interface: isLinkLocal(address) ? interfaceName(scopeId) : undefined,
      ...{port, hopLimit},
    };
    const toPath = () => pathBetween(local, address, scopeId, this.#addresses.list);
    const connection = new NodeConnection({fd, remote, localAddress: local, toPath}, this.#log);
    this.#connections.add(connection);
    void connection.gone.then(() => this.#connections.delete(connection));
    return connection;
  }
}

class DialError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

function dialOptions(
  family: Family,
  address: Uint8Array,
  {ttl, minTtl, password}: DialRequest,
): readonly SocketOption[] {
  const bits = address.length * 8;
  return [
    ...connectionOptions(family, false),
    hopLimit(family, ttl),
    ...(minTtl > 0 ? [minHopLimit(family, minTtl)] : []),
    ...(password === undefined ? [] : [md5Key({address, bits, password})]),
  ];
}

function sourceOf({sourceAddress}: DialRequest): Endpoint | undefined {
  const address = sourceAddress === undefined ? undefined : parseAddress(sourceAddress);
  return address && {address, port: 0};
}

/** @throws DialError when the link is not there. */
function scopeOf({interface: link}: DialRequest): number {
  if (link === undefined) return 0;
  const index = interfaceIndex(link);
  if (index === 0) throw new DialError('ENODEV');
  return index;
}

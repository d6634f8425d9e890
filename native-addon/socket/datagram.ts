/**
 * A UDP or raw ICMPv6 socket that tells the hop limit, link and own address of what it receives, which
 * node:dgram does not. Shell, src/socket.cc.
 */
import {binding, type NativeWatcher} from '../binding.js';
import {HOST_IS_LITTLE} from '../netlink/writer.js';
import {decodeEndpoint, encodeEndpoint, type Endpoint} from './endpoint.js';
import {describeDatagrams} from './options.js';
import {
  calling,
  ICMPV6,
  localEndpoint,
  openSocket,
  UDP,
  watch,
  type SocketOptions,
} from './socket.js';

export interface Datagram {
  readonly bytes: Uint8Array; // view, not copy: valid until the callee returns
  readonly remote: Required<Endpoint>;
  readonly local: Uint8Array; // the address that it was sent to
  readonly ifindex: number;
  readonly hopLimit: number; // as it arrived
}

const MAX_OCTETS = 9216;
const BURST = 64; // datagrams per wake-up

export class DatagramSocket {
  readonly #fd: number;
  readonly #watcher: NativeWatcher;
  readonly #buffer = new Uint8Array(MAX_OCTETS);
  readonly #onDatagram: (datagram: Datagram) => void;
  readonly #onError: (error: Error) => void;
  #isClosed = false;

  /** @throws NetlinkError with the errno of socket, bind or the option that was refused. */
  constructor(
    options: SocketOptions & {readonly protocol?: 'udp' | 'icmpv6'}, // ICMPv6: the kernel sums
    onDatagram: (datagram: Datagram) => void,
    onError: (error: Error) => void,
  ) {
    const all = [...(options.options ?? []), ...describeDatagrams(options.family)];
    this.#fd = openSocket({...options, options: all}, options.protocol === 'icmpv6' ? ICMPV6 : UDP);
    this.#onDatagram = onDatagram;
    this.#onError = onError;
    this.#watcher = watch(this.#fd, 'read', () => this.#receive());
  }

  get local(): Required<Endpoint> {
    return localEndpoint(this.#fd);
  }

  /** Undefined, or why it did not leave: a full queue, no route, a link that is down. */
  send(bytes: Uint8Array, to: Endpoint): Error | undefined {
    if (this.#isClosed) return undefined;
    try {
      calling(() => binding.sendDatagram(this.#fd, bytes, encodeEndpoint(to)));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher.close();
  }

  #receive(): void {
    for (let count = 0; count < BURST && !this.#isClosed; count++) {
      const received = this.#receiveOne();
      if (received === undefined) return;
      const [octets, address, ...control] = received;
      const bytes = this.#buffer.subarray(0, octets);
      this.#onDatagram({bytes, remote: decodeEndpoint(address), ...describe(control)});
    }
  }

  #receiveOne(): ReturnType<typeof binding.receiveDatagram> {
    try {
      return calling(() => binding.receiveDatagram(this.#fd, this.#buffer));
    } catch (error) {
      this.#onError(error as Error);
      return undefined;
    }
  }
}

type Described = Pick<Datagram, 'local' | 'ifindex' | 'hopLimit'>;

/** struct in_pktinfo: ifindex, local, destination; struct in6_pktinfo: address, ifindex. */
function describe(control: readonly (readonly [number, number, Uint8Array])[]): Described {
  const found = {local: new Uint8Array(0), ifindex: 0, hopLimit: 0};
  for (const [level, type, data] of control) {
    const word = (at: number) =>
      new DataView(data.buffer, data.byteOffset).getInt32(at, HOST_IS_LITTLE);
    switch (`${level} ${type}`) {
      case IP_TTL:
      case IPV6_HOPLIMIT:
        found.hopLimit = word(0);
        break;
      case IP_PKTINFO:
        found.ifindex = word(0);
        found.local = data.slice(8, 12);
        break;
      case IPV6_PKTINFO:
        found.local = data.slice(0, 16);
        found.ifindex = word(16);
        break;
    }
  }
  return found;
}

const IP_TTL = '0 2';
const IP_PKTINFO = '0 8';
const IPV6_HOPLIMIT = '41 52';
const IPV6_PKTINFO = '41 50';

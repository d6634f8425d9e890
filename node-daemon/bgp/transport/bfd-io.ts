/**
 * The UDP sockets of BFD (RFC 5881, 5883). Shell. Packets leave from a port of the session's own, with a
 * hop limit of 255; over one hop they must arrive with it (RFC 5881 §5), which is the security of it.
 */
import {DatagramSocket, hopLimit, onlyIpv6, trafficClass, type Datagram} from '#native-addon';
import {
  familyOfAddress,
  isLinkLocal,
  type BfdIncoming,
  type BfdPath,
  type BfdSocket,
  type Family,
  type Log,
} from '#bgp-fsm';

const SINGLE_HOP_PORT = 3784;
const MULTIHOP_PORT = 4784;
const FIRST_SOURCE_PORT = 49152; // RFC 5881 §4
const SOURCE_PORTS = 16384;
const ATTEMPTS = 20;
const MAX_HOPS = 255;
const INTERNETWORK_CONTROL = 0xc0;

const ANY: Readonly<Record<Family, Uint8Array>> = {
  ipv4: new Uint8Array(4),
  ipv6: new Uint8Array(16),
};

export class BfdIo {
  readonly #log: Log;
  #listening: DatagramSocket[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  listen(receive: ((incoming: BfdIncoming) => void) | undefined): void {
    for (const socket of this.#listening) socket.close();
    this.#listening = [];
    if (receive === undefined) return;
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const port of [SINGLE_HOP_PORT, MULTIHOP_PORT]) this.#listen(family, port, receive);
    }
  }

  open({remote, local, ifindex, multihop}: BfdPath): BfdSocket {
    const socket = this.#openSource(local, ifindex);
    const port = multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
    return {
      send(bytes) {
        socket?.send(bytes, {address: remote, port, scopeId: scopeOf(remote, ifindex)});
      },
      close: () => socket?.close(),
    };
  }

  #listen(family: Family, port: number, receive: (incoming: BfdIncoming) => void): void {
    const multihop = port === MULTIHOP_PORT;
    const hear = ({bytes, remote, local, ifindex, hopLimit: hops}: Datagram) => {
      if (!multihop && hops !== MAX_HOPS) return;
      receive({bytes, remote: remote.address, local, ifindex, multihop});
    };
    try {
      const options = family === 'ipv6' ? [onlyIpv6()] : [];
      const local = {address: ANY[family], port};
      const onError = (err: Error) => this.#log('warn', 'bfd packet not received', {err});
      this.#listening.push(new DatagramSocket({family, local, options}, hear, onError));
    } catch (err) {
      this.#log('error', 'cannot listen for bfd', {family, port, err});
    }
  }

  /** Undefined when no port can be had: the session stays down, which says it. */
  #openSource(local: Uint8Array, ifindex: number): DatagramSocket | undefined {
    const family = familyOfAddress(local);
    const options = [hopLimit(family, MAX_HOPS), trafficClass(family, INTERNETWORK_CONTROL)];
    const scopeId = scopeOf(local, ifindex);
    for (let attempt = 1; ; attempt++) {
      const port = FIRST_SOURCE_PORT + Math.floor(Math.random() * SOURCE_PORTS);
      try {
        const bound = {address: local, port, scopeId};
        return new DatagramSocket({family, options, local: bound}, ignore, ignore);
      } catch (err) {
        if ((err as {code?: string}).code === 'EADDRINUSE' && attempt < ATTEMPTS) continue;
        this.#log('error', 'no socket for bfd', {err});
        return undefined;
      }
    }
  }
}

function ignore(): void {} // nobody answers to the port that we send from

function scopeOf(address: Uint8Array, ifindex: number): number {
  return isLinkLocal(address) ? ifindex : 0;
}

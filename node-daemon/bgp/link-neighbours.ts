/**
 * Who is at the other end of a link: what peering without addresses needs (FRR and others call it
 * unnumbered). Shell. Routers tell each other by Router Advertisements; we send ours, so that the
 * neighbour finds us as well, and believe the first whom we hear until that one is silent.
 */
import {
  DatagramSocket,
  interfaceIndex,
  joinGroup,
  multicastHops,
  onlyIcmpTypes,
  type Datagram,
} from '#native-addon';
import {formatAddress, isLinkLocal, type Log} from '#bgp-fsm';
import {
  ADVERTISEMENT,
  encodeAdvertisement,
  routerMessageOf,
  SOLICITATION,
} from './transport/advertisement.js';

export interface LinkNeighboursOptions {
  readonly log: Log;
  /** By name of the link, the link-local address of the neighbour; all of them, each time. */
  readonly onChange: (neighbours: ReadonlyMap<string, string>) => void;
  readonly intervalMs?: number; // of advertisements
}

interface Link {
  readonly name: string;
  readonly ifindex: number;
  readonly socket: DatagramSocket;
  neighbour: {readonly address: string; heardMs: number} | undefined;
}

const INTERVAL_MS = 10_000; // as FRR on such links
const SILENCE = 4; // intervals
const ALL_NODES = group(1);
const ALL_ROUTERS = group(2);
const ANY = new Uint8Array(16);

export class LinkNeighbours {
  readonly #options: LinkNeighboursOptions;
  readonly #intervalMs: number;
  readonly #links = new Map<string, Link>();
  #wanted: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LinkNeighboursOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS;
  }

  /** These links and no others from now on. One that is not there yet is waited for. */
  watch(names: readonly string[]): void {
    this.#wanted = names;
    let isChanged = false;
    for (const [name, link] of this.#links) {
      if (names.includes(name)) continue;
      this.#drop(link);
      isChanged ||= link.neighbour !== undefined;
    }
    if (isChanged) this.#tell();
    clearInterval(this.#timer);
    if (names.length === 0) return;
    this.#timer = setInterval(() => this.#advertise(), this.#intervalMs);
    this.#advertise();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of this.#links.values()) this.#drop(link);
  }

  #advertise(): void {
    for (const name of this.#wanted) {
      const link = this.#current(name);
      link?.socket.send(encodeAdvertisement(), {
        address: ALL_NODES,
        port: 0,
        scopeId: link.ifindex,
      });
    }
  }

  /** A link that was made anew under its name has another index: it is another link. */
  #current(name: string): Link | undefined {
    const ifindex = interfaceIndex(name);
    const known = this.#links.get(name);
    if (known?.ifindex === ifindex) return known;
    if (known !== undefined) this.#drop(known);
    return ifindex === 0 ? undefined : this.#open(name, ifindex);
  }

  #open(name: string, ifindex: number): Link | undefined {
    const {log} = this.#options;
    try {
      const socket = new DatagramSocket(
        {
          family: 'ipv6',
          protocol: 'icmpv6',
          options: [
            onlyIcmpTypes([SOLICITATION, ADVERTISEMENT]),
            ...multicastHops(255),
            joinGroup(ALL_ROUTERS, ifindex),
          ],
          local: {address: ANY, port: 0},
        },
        datagram => this.#hear(link, datagram),
        err => log('debug', 'router message not received', {interface: name, err}),
      );
      const link: Link = {name, ifindex, socket, neighbour: undefined};
      this.#links.set(name, link);
      return link;
    } catch (err) {
      log('warn', 'cannot look for the neighbour on a link', {interface: name, err});
      return undefined;
    }
  }

  #hear(link: Link, {bytes, remote, ifindex, hopLimit}: Datagram): void {
    if (ifindex !== link.ifindex || !isLinkLocal(remote.address)) return;
    const kind = routerMessageOf(bytes, hopLimit);
    if (kind === 'solicitation') {
      link.socket.send(encodeAdvertisement(), {address: ALL_NODES, port: 0, scopeId: ifindex});
    } else if (kind === 'advertisement') {
      this.#believe(link, formatAddress(remote.address));
    }
  }

  #believe(link: Link, address: string): void {
    const nowMs = performance.now();
    const {neighbour} = link;
    if (neighbour?.address === address) {
      neighbour.heardMs = nowMs;
      return;
    }
    if (neighbour !== undefined && nowMs - neighbour.heardMs < SILENCE * this.#intervalMs) return;
    link.neighbour = {address, heardMs: nowMs};
    this.#options.log('info', 'neighbour found', {interface: link.name, address});
    this.#tell();
  }

  #drop(link: Link): void {
    link.socket.close();
    this.#links.delete(link.name);
  }

  #tell(): void {
    const neighbours = [...this.#links.values()].flatMap(({name, neighbour}) =>
      neighbour === undefined ? [] : [[name, neighbour.address] as const],
    );
    this.#options.onChange(new Map(neighbours));
  }
}

/** ff02::n, on one link. */
function group(last: number): Uint8Array {
  return Uint8Array.of(0xff, 2, ...new Uint8Array(13), last);
}

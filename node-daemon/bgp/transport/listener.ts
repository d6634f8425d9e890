/**
 * The listening sockets of a speaker, and the keys on them. Shell. A socket that cannot be had now (the
 * port is taken, the address not there yet) is tried again; a key that the kernel refuses leaves its
 * peers unkeyed, which the speaker turns away.
 */
import {
  hopLimit,
  ListeningSocket,
  md5Key,
  minHopLimit,
  saveSyn,
  type Endpoint,
} from '#native-addon';
import {
  contains,
  familyOfAddress,
  parseAddress,
  parseCidr,
  type Cidr,
  type ListenKey,
  type ListenRequest,
  type Log,
} from '#bgp-fsm';
import {connectionOptions} from './socket-options.js';

export type OnAccepted = (fd: number, remote: Required<Endpoint>, isKeyed: boolean) => void;

const RETRY_MS = 2000;
const MAX_TTL = 255; // of the SYN-ACK: who has GTSM takes no less; the session's own comes after
const EVERYWHERE = ['0.0.0.0', '::'];

export class Listener {
  readonly #log: Log;
  readonly #onAccepted: OnAccepted;
  readonly #places = new Map<string, Place>(); // by address and port
  #retry: NodeJS.Timeout | undefined;
  #request: ListenRequest | undefined;

  constructor(log: Log, onAccepted: OnAccepted) {
    this.#log = log;
    this.#onAccepted = onAccepted;
  }

  listen(request: ListenRequest | undefined): void {
    this.#request = request;
    clearTimeout(this.#retry);
    const {port = 0, addresses = []} = request ?? {};
    const wanted = request === undefined ? [] : addresses.length === 0 ? EVERYWHERE : addresses;
    const names = new Map(wanted.map(address => [`${address} ${port}`, address]));
    for (const [name, place] of this.#places) {
      if (names.has(name)) continue;
      place.close();
      this.#places.delete(name);
    }
    if (request === undefined) return;
    for (const [name, address] of names) this.#open(name, address, request);
    if (this.#places.size < names.size) {
      this.#retry = setTimeout(() => this.listen(this.#request), RETRY_MS).unref();
    }
  }

  #open(name: string, address: string, request: ListenRequest): void {
    const known = this.#places.get(name);
    if (known !== undefined) {
      known.configure(request);
      return;
    }
    try {
      const place = new Place(address, request, this.#log, this.#onAccepted);
      this.#places.set(name, place);
      place.configure(request);
    } catch (err) {
      this.#log('error', 'cannot listen', {address, port: request.port, err});
    }
  }
}

/** One listening socket. */
class Place {
  readonly #socket: ListeningSocket;
  readonly #family: 'ipv4' | 'ipv6';
  readonly #log: Log;
  #minTtl = 0;
  readonly #keys = new Map<string, {readonly prefix: Cidr; readonly password: string}>();

  /** @throws NetlinkError with the errno of socket, bind or listen. */
  constructor(address: string, {port}: ListenRequest, log: Log, onAccepted: OnAccepted) {
    const octets = parseAddress(address) ?? new Uint8Array(4);
    this.#family = familyOfAddress(octets);
    this.#log = log;
    this.#socket = new ListeningSocket(
      {
        family: this.#family,
        local: {address: octets, port},
        options: [
          ...connectionOptions(this.#family, true),
          hopLimit(this.#family, MAX_TTL),
          saveSyn(),
        ],
      },
      (fd, remote) => onAccepted(fd, remote, this.#isKeyed(remote.address)),
      err => log('error', 'accept failed', {address, err}),
    );
  }

  configure({keys, minTtl}: ListenRequest): void {
    this.#setMinTtl(minTtl[this.#family]);
    const wanted = new Map(keys.flatMap(key => this.#ownKey(key)));
    for (const [name, {prefix}] of this.#keys) {
      if (!wanted.has(name) && this.#setKey(prefix, '')) this.#keys.delete(name);
    }
    for (const [name, key] of wanted) {
      if (this.#keys.get(name)?.password === key.password) continue;
      if (this.#setKey(key.prefix, key.password)) this.#keys.set(name, key);
      else this.#keys.delete(name);
    }
  }

  close(): void {
    this.#socket.close();
  }

  #ownKey({cidr, password}: ListenKey): [string, {prefix: Cidr; password: string}][] {
    const prefix = parseCidr(cidr);
    const isOurs = prefix !== undefined && familyOfAddress(prefix.address) === this.#family;
    return isOurs ? [[cidr, {prefix, password}]] : [];
  }

  #setKey({address, bits}: Cidr, password: string): boolean {
    try {
      this.#socket.setOption(md5Key({address, bits, password}));
      return true;
    } catch (err) {
      this.#log('error', 'key not set on the listener', {prefix: `${address.join()}/${bits}`, err});
      return false;
    }
  }

  #setMinTtl(minTtl: number): void {
    if (minTtl === this.#minTtl) return;
    try {
      this.#socket.setOption(minHopLimit(this.#family, minTtl));
      this.#minTtl = minTtl;
    } catch (err) {
      this.#log('error', 'hop limit not set on the listener', {err});
    }
  }

  #isKeyed(address: Uint8Array): boolean {
    return [...this.#keys.values()].some(({prefix}) => contains(prefix, address));
  }
}

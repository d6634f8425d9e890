/**
 * For tests: time, hosts and the wires between them, all in memory. Nothing happens by itself: `run` lets
 * time pass, and what is due happens in its order. Octets arrive late, cut at any place, or never.
 */
import {formatAddress, parseAddress} from '../wire/address.js';
import {
  NOBODY,
  type Accept,
  type BfdIncoming,
  type BfdPath,
  type BfdSocket,
  type Clock,
  type Connection,
  type ConnectionHandler,
  type ConnectionPath,
  type DialHandler,
  type DialRequest,
  type KeyDrops,
  type ListenRequest,
  type RunningTimer,
  type Transport,
} from './ports.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class PaperClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #due: Due[] = []; // a heap would be faster, and longer

  nowMs(): number {
    return this.#nowMs;
  }

  /** As late as it may be. */
  after(delayMs: number, callback: () => void, slackMs = 0): RunningTimer {
    const atMs = this.#nowMs + Math.max(0, delayMs) + slackMs;
    const due = {atMs, order: this.#order++, callback};
    const at = this.#due.findIndex(each => each.atMs > due.atMs);
    this.#due.splice(at < 0 ? this.#due.length : at, 0, due);
    return {cancel: () => this.#cancel(due)};
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  /** Until there is nothing left to do within the time. */
  run(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#due[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#due.shift();
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = endMs;
  }

  #cancel(due: Due): void {
    const at = this.#due.indexOf(due);
    if (at >= 0) this.#due.splice(at, 1);
  }
}

export interface PaperFaults {
  readonly random: () => number;
  readonly latencyMs: () => number; // of one piece
  readonly pieceOctets: () => number; // at most so many arrive at once
}

const CALM: PaperFaults = {random: () => 0.5, latencyMs: () => 1, pieceOctets: () => Infinity};
const ROOM_OCTETS = 64 * 1024;

export class PaperNetwork {
  readonly clock: PaperClock;
  faults: PaperFaults = CALM;
  readonly #hosts = new Map<string, PaperTransport>();
  readonly #blackholes = new Set<string>();
  readonly ends: PaperEnd[] = [];

  constructor(clock: PaperClock) {
    this.clock = clock;
  }

  /** A transport for whoever has this address from now on. */
  attach(address: string): PaperTransport {
    this.#hosts.get(address)?.kill();
    const transport = new PaperTransport(address, this);
    this.#hosts.set(address, transport);
    return transport;
  }

  at(address: string): PaperTransport | undefined {
    return this.#hosts.get(address);
  }

  /** Nothing arrives between the two any more; nobody is told. */
  cut(a: string, b: string): void {
    this.#blackholes.add(pairOf(a, b));
  }

  heal(a: string, b: string): void {
    this.#blackholes.delete(pairOf(a, b));
    for (const end of this.ends) end.pump();
  }

  isCut(a: string, b: string): boolean {
    return this.#blackholes.has(pairOf(a, b));
  }

  /** Packets, unlike octets of a connection, get lost. */
  sendBfd(from: string, to: string, bytes: Uint8Array): void {
    const isLost = () => this.isCut(from, to) || this.bfdIsLost;
    if (isLost()) return;
    this.clock.after(this.faults.latencyMs(), () => {
      if (!isLost()) this.at(to)?.hearBfd(from, to, bytes);
    });
  }

  bfdIsLost = false;

  /** Both ends of each connection between the two hear that it is broken. */
  reset(a: string, b: string): void {
    for (const end of this.ends) {
      if (pairOf(end.local, end.remote.address) === pairOf(a, b)) end.fail('ECONNRESET');
    }
  }
}

export class PaperTransport implements Transport {
  readonly address: string;
  readonly #network: PaperNetwork;
  #listen: ListenRequest | undefined;
  #accept: Accept = connection => connection.close(false);
  #isDead = false;
  readonly #drops = {wrong: 0, missing: 0, unexpected: 0};
  keyLooks = 0; // how often somebody asked
  #receiveBfd: ((incoming: BfdIncoming) => void) | undefined;

  constructor(address: string, network: PaperNetwork) {
    this.address = address;
    this.#network = network;
  }

  listen(request: ListenRequest | undefined, accept: Accept): void {
    this.#listen = request;
    this.#accept = accept;
  }

  dial(request: DialRequest, handler: DialHandler): {cancel(): void} {
    const timer = this.#network.clock.after(this.#network.faults.latencyMs(), () => {
      if (this.#isDead || this.#network.isCut(this.address, request.address)) return;
      const host = this.#network.at(request.address);
      if (host === undefined) return; // no such host: silence
      const key = host.#keyFor(this.address);
      if (key !== request.password) return host.#drop(key, request.password); // RFC 2385: silence
      if (host.#listen === undefined || host.#listen.port !== request.port) {
        handler.failed('ECONNREFUSED');
        return;
      }
      const [ours, theirs] = connect(this.#network, this.address, request);
      handler.connected(ours);
      host.#accept(theirs, key !== undefined);
    });
    return timer;
  }

  keyDrops(): KeyDrops {
    this.keyLooks++;
    return {...this.#drops};
  }

  openBfd({remote, local}: BfdPath): BfdSocket {
    const [to, from] = [formatAddress(remote), formatAddress(local)];
    return {
      send: bytes => this.#network.sendBfd(from, to, bytes),
      close() {},
    };
  }

  listenBfd(receive: ((incoming: BfdIncoming) => void) | undefined): void {
    this.#receiveBfd = receive;
  }

  hearBfd(from: string, to: string, bytes: Uint8Array): void {
    if (this.#isDead) return;
    const ends = {remote: octetsOf(from), local: octetsOf(to)};
    this.#receiveBfd?.({bytes, ...ends, ifindex: 1, multihop: false});
  }

  /** The host is gone without a word, or (`tells`) its kernel closes what was open. */
  kill(tells = false): void {
    this.#isDead = true;
    this.#listen = undefined;
    for (const end of this.#network.ends) {
      if (end.local !== this.address) continue;
      if (tells) end.close(false);
      else end.vanish();
    }
  }

  #drop(key: string | undefined, password: string | undefined): void {
    if (key === undefined) this.#drops.unexpected++;
    else if (password === undefined) this.#drops.missing++;
    else this.#drops.wrong++;
  }

  #keyFor(address: string): string | undefined {
    return this.#listen?.keys.find(({cidr}) => cidr === address)?.password;
  }
}

function connect(
  network: PaperNetwork,
  from: string,
  {address: to, ttl}: DialRequest,
): [PaperEnd, PaperEnd] {
  const ours = new PaperEnd(network, from, to);
  const theirs = new PaperEnd(network, to, from, ttl);
  ours.other = theirs;
  theirs.other = ours;
  network.ends.push(ours, theirs);
  return [ours, theirs];
}

export class PaperEnd implements Connection {
  readonly remote;
  readonly local: string;
  readonly localAddress: Uint8Array;
  path: ConnectionPath;
  other!: PaperEnd;
  /** Everything that was written, for those who want to look. */
  readonly written: Uint8Array[] = [];
  readonly #network: PaperNetwork;
  #handler: ConnectionHandler = NOBODY;
  #queue: Uint8Array[] = []; // written, not yet arrived
  #isPaused = false;
  #isFull = false;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isMoving = false;

  constructor(network: PaperNetwork, local: string, remote: string, hopLimit?: number) {
    this.#network = network;
    this.local = local;
    this.localAddress = octetsOf(local);
    const octets = octetsOf(remote);
    this.remote = {address: remote, octets, interface: undefined, port: 1, hopLimit};
    const ipv6 = Uint8Array.of(0xfd, ...new Uint8Array(11), ...octetsOf(local).subarray(-4));
    this.path = {
      ifindex: 0,
      nextHops: {ipv4: octetsOf(local), ipv6, linkLocal: undefined},
      isDirect: true,
    };
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isWritable(): boolean {
    return this.#state === 'open' && this.#queued() < ROOM_OCTETS;
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') throw new Error('written after close');
    this.written.push(bytes);
    this.#queue.push(bytes);
    this.#isFull = this.#queued() >= ROOM_OCTETS;
    this.pump();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.other.pump();
  }

  adjust(): void {}

  /** Its host has other addresses now. */
  setNextHops(nextHops: Partial<ConnectionPath['nextHops']>): void {
    this.path = {...this.path, nextHops: {...this.path.nextHops, ...nextHops}};
    this.#handler.pathChanged();
  }

  close(flush: boolean): void {
    if (this.#state !== 'open') return;
    this.#handler = NOBODY;
    this.#state = 'closing';
    if (!flush) this.#queue = [];
    this.pump();
  }

  /** Told to both ends, each at its time. */
  fail(code: string): void {
    this.#queue = [];
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const handler = this.#handler;
    this.#handler = NOBODY;
    this.#network.clock.soon(() => handler.closed(code));
  }

  vanish(): void {
    this.#state = 'closed';
    this.#handler = NOBODY;
    this.#queue = [];
  }

  /** Moves one piece after the other, each late by its own latency. */
  pump(): void {
    const isIdle = this.#queue.length === 0 && this.#state !== 'closing';
    if (this.#isMoving || isIdle || this.other.#isPaused) return;
    if (this.#state === 'closed' || this.#network.isCut(this.local, this.remote.address)) return;
    this.#isMoving = true;
    this.#network.clock.after(this.#network.faults.latencyMs(), () => {
      this.#isMoving = false;
      this.#deliver();
      this.pump();
    });
  }

  #deliver(): void {
    if (this.#state === 'closed' || this.other.#isPaused) return;
    if (this.#network.isCut(this.local, this.remote.address)) return;
    const first = this.#queue.shift();
    if (first === undefined) {
      this.#state = 'closed';
      this.other.#hearEnd();
      return;
    }
    const count = Math.max(1, Math.min(first.length, this.#network.faults.pieceOctets()));
    if (count < first.length) this.#queue.unshift(first.subarray(count));
    this.#handler.taken();
    this.other.#handler.received(first.slice(0, count));
    if (!this.#isFull || this.#queued() >= ROOM_OCTETS) return;
    this.#isFull = false;
    this.#handler.drained();
  }

  #hearEnd(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const handler = this.#handler;
    this.#handler = NOBODY;
    handler.closed(undefined);
  }

  #queued(): number {
    return this.#queue.reduce((sum, piece) => sum + piece.length, 0);
  }
}

function pairOf(a: string, b: string): string {
  return [a, b].sort().join(' ');
}

function octetsOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array(4);
}

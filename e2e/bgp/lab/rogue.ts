/**
 * BGP neighbours that behave badly, or very well and keep count. Program; knows as little of BGP as it takes.
 *
 *   rogue.js {"mode": …, "local": [addresses], "remote": address, "asn": n, …}
 *
 *   calm    hold time 3 s, kept to the millisecond; a line on standard input is answered by one report
 *   deaf    reads nothing once it is established, and goes on saying KEEPALIVE
 *   slow    the same, but for `octetsPerSecond`
 *   flood   announces `prefixes`, 4 to an attribute set, as fast as they are taken; prints `flooded`
 *   storm   establishes, announces 100 prefixes, resets the connection, at once again
 *
 * Prints `up ADDRESS` and `down ADDRESS REASON` for each session.
 */
import {createConnection, type Socket} from 'node:net';

export interface RogueOptions {
  readonly mode: 'calm' | 'deaf' | 'slow' | 'flood' | 'storm';
  readonly local: readonly string[];
  readonly remote: string;
  readonly asn: number;
  readonly octetsPerSecond?: number;
  readonly prefixes?: number;
}

export interface RogueReport {
  readonly up: number; // sessions that stand
  readonly downs: number; // how often one ended
  readonly rounds: number; // sessions that were established
  readonly longestSilenceMs: number; // between two messages of the speaker, of any session
  readonly octets: number; // that were read
}

const OPEN = 1;
const NOTIFICATION = 3;
const KEEPALIVE = 4;
const HEADER_OCTETS = 19;
const HOLD_SECONDS = {calm: 3, deaf: 9, slow: 240, flood: 240, storm: 9};
const RETRY_MS = 100;
const STORM_PREFIXES = 100;

const options = JSON.parse(process.argv[2] ?? '{}') as RogueOptions;
const {mode, asn, remote} = options;
const report = {up: 0, downs: 0, rounds: 0, longestSilenceMs: 0, octets: 0};

function dial(local: string, n: number): void {
  const socket = createConnection({host: remote, port: 179, localAddress: local, noDelay: true});
  socket.on('error', () => undefined); // 'close' follows
  socket.once('connect', () => new RogueSession(socket, local, n));
  socket.once('close', () => setTimeout(() => dial(local, n), RETRY_MS));
}

class RogueSession {
  readonly #socket: Socket;
  readonly #local: string;
  readonly #n: number;
  #rest: Buffer = Buffer.alloc(0);
  #isUp = false;
  #reason = 'closed';
  #heardAt = performance.now();

  constructor(socket: Socket, local: string, n: number) {
    this.#socket = socket;
    this.#local = local;
    this.#n = n;
    const keepalive = setInterval(() => this.#send(KEEPALIVE), HOLD_SECONDS[mode] * 333);
    const hold = setInterval(() => this.#checkHold(), 50);
    socket.on('data', chunk => this.#receive(chunk));
    socket.once('close', () => {
      clearInterval(keepalive);
      clearInterval(hold);
      if (!this.#isUp) return;
      report.up--;
      report.downs++;
      if (mode !== 'storm') console.log(`down ${local} ${this.#reason}`);
    });
    this.#send(OPEN, open(HOLD_SECONDS[mode], n));
  }

  #send(type: number, body: Uint8Array = Buffer.alloc(0)): boolean {
    return this.#socket.writable && this.#socket.write(message(type, body));
  }

  #checkHold(): void {
    if (mode !== 'calm' || !this.#isUp) return;
    if (performance.now() - this.#heardAt < HOLD_SECONDS.calm * 1000) return;
    this.#reason = 'hold timer expired';
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    report.octets += chunk.length;
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_OCTETS) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      this.#take(bytes.subarray(at, at + length));
      at += length;
    }
    this.#rest = bytes.subarray(at);
  }

  #take(bytes: Buffer): void {
    const now = performance.now();
    if (this.#isUp) {
      report.longestSilenceMs = Math.max(report.longestSilenceMs, now - this.#heardAt);
    }
    this.#heardAt = now;
    const type = bytes[18];
    if (type === OPEN) this.#send(KEEPALIVE);
    if (type === NOTIFICATION) this.#reason = `NOTIFICATION ${bytes[19]}/${bytes[20]}`;
    if (type === KEEPALIVE && !this.#isUp) this.#rise();
  }

  #rise(): void {
    this.#isUp = true;
    report.up++;
    report.rounds++;
    if (mode !== 'storm') console.log(`up ${this.#local}`);
    if (mode === 'deaf' || mode === 'slow') this.#socket.pause();
    if (mode === 'slow') this.#readSlowly();
    if (mode === 'flood') this.#flood();
    if (mode === 'storm') {
      for (let set = 0; set < STORM_PREFIXES / 4; set++) this.#socket.write(update(set, this.#n));
      setImmediate(() => this.#socket.resetAndDestroy());
    }
  }

  /** What a paused socket has buffered comes out in small pieces; the kernel's window does the rest. */
  #readSlowly(): void {
    const {octetsPerSecond = 1000} = options;
    this.#socket.removeAllListeners('data');
    const timer = setInterval(() => {
      const chunk = this.#socket.read(octetsPerSecond / 10) as Buffer | null;
      if (chunk !== null) report.octets += chunk.length;
    }, 100);
    this.#socket.once('close', () => clearInterval(timer));
  }

  #flood(set = 0): void {
    const sets = (options.prefixes ?? 0) / 4;
    const chunk: Buffer[] = [];
    const end = Math.min(sets, set + 1000);
    for (let n = set; n < end; n++) chunk.push(update(n, this.#n));
    if (!this.#socket.writable) return;
    const isFlowing = this.#socket.write(Buffer.concat(chunk));
    if (end >= sets) console.log('flooded');
    else if (isFlowing) setImmediate(() => this.#flood(end));
    else this.#socket.once('drain', () => this.#flood(end));
  }
}

/** RFC 4271 §4.1 */
function message(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_OCTETS + body.length, 0xff);
  bytes.writeUInt16BE(bytes.length, 16);
  bytes[18] = type;
  bytes.set(body, HEADER_OCTETS);
  return bytes;
}

/** IPv4 unicast and AS numbers of four octets. */
function open(holdSeconds: number, n: number): Buffer {
  const capabilities = [1, 4, 0, 1, 0, 1, 65, 4, ...word(asn)];
  return Buffer.from([
    ...[4, ...word(asn).slice(2), 0, holdSeconds, 10, asn & 255, n >> 8, n & 255],
    ...[capabilities.length + 2, 2, capabilities.length, ...capabilities],
  ]);
}

/** Four /24s; the n-th neighbour's lie in a range of their own. AS_PATH and MED differ by set. */
function update(set: number, n: number): Buffer {
  const nextHop = (options.local[n] ?? '').split('.').map(Number);
  const path = [asn, 100_000 + (set % 1000), 200_000 + Math.floor(set / 1000)];
  const attributes = [
    ...[0x40, 1, 1, 0],
    ...[0x40, 2, 2 + 4 * path.length, 2, path.length, ...path.flatMap(word)],
    ...[0x40, 3, 4, ...nextHop],
    ...[0x80, 4, 4, ...word(set)],
  ];
  const nlri = [0, 1, 2, 3].flatMap(each => {
    const third = set * 4 + each + (mode === 'storm' ? n * STORM_PREFIXES : 0);
    const first = (mode === 'storm' ? 0xb0_0000 : 0x01_0000) + third;
    return [24, first >>> 16, (first >>> 8) & 255, first & 255];
  });
  return message(2, Buffer.from([0, 0, 0, attributes.length, ...attributes, ...nlri]));
}

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

options.local.forEach(dial);
process.stdin.on('data', () => console.log(JSON.stringify(report)));
process.stdin.on('end', () => process.exit(0));

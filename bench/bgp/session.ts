/**
 * One session with the speaker under test, as little of BGP as it takes: dial, OPEN, KEEPALIVE. Shell.
 * It does not check what a speaker has to check, so that what is measured is the other side.
 */
import {once} from 'node:events';
import {createConnection, type Socket} from 'node:net';

import {
  decodeNotification,
  describeNotification,
  encodeKeepalive,
  encodeOpen,
  parseAddress,
  type Capability,
} from '#bgp-fsm';

export interface SessionOptions {
  readonly local: string;
  readonly remote: string;
  readonly asn: number;
  readonly holdTimeSeconds?: number; // 240
  /** Each message, in the receive buffer; valid until it returns. */
  readonly onMessage?: (bytes: Buffer, at: number, length: number, type: number) => void;
}

const KEEPALIVE = 4;
const NOTIFICATION = 3;
const OPEN = 1;
const HEADER_OCTETS = 19;
const RETRY_MS = 100;

export class BenchSession {
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #isUp = false;
  #onUp: () => void = () => undefined;

  private constructor(options: SessionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
  }

  /** Dials until somebody answers, and resolves when the session is established. */
  static async open(options: SessionOptions): Promise<BenchSession> {
    for (;;) {
      const socket = await dial(options);
      const session = new BenchSession(options, socket);
      if (await session.#establish()) return session;
      await new Promise(resolve => setTimeout(resolve, RETRY_MS));
    }
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Resolves when the kernel took it. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
  }

  async #establish(): Promise<boolean> {
    const {asn, local, holdTimeSeconds = 240} = this.#options;
    const identifier = addressWord(local);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.write(
      encodeOpen({asn, holdTimeSeconds, identifier, capabilities: abilities(asn)}),
    );
    const up = new Promise<boolean>(resolve => {
      this.#onUp = () => resolve(true);
      this.#socket.once('close', () => {
        resolve(false);
        if (this.#isUp) process.exit(1); // measured is a session that stays
      });
    });
    const isUp = await up;
    if (isUp)
      setInterval(() => this.#socket.write(encodeKeepalive()), holdTimeSeconds * 333).unref();
    return isUp;
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_OCTETS) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      this.#take(bytes, at, length);
      at += length;
    }
    this.#rest = bytes.subarray(at);
  }

  #take(bytes: Buffer, at: number, length: number): void {
    const type = bytes[at + 18] as number;
    if (type === NOTIFICATION) {
      const notification = decodeNotification(bytes, at, length);
      process.stderr.write(
        `the speaker ended the session: ${describeNotification(notification)}\n`,
      );
      if (this.#isUp) process.exit(1);
    }
    if (type === OPEN) this.#socket.write(encodeKeepalive());
    if (type === KEEPALIVE && !this.#isUp) {
      this.#isUp = true;
      this.#onUp();
    }
    this.#options.onMessage?.(bytes, at, length, type);
  }
}

function abilities(asn: number): readonly Capability[] {
  return [
    {kind: 'multiprotocol', afi: 1, safi: 1},
    {kind: 'as4', asn},
  ];
}

async function dial({local, remote}: SessionOptions): Promise<Socket> {
  for (;;) {
    const socket = createConnection({host: remote, port: 179, localAddress: local, noDelay: true});
    const isConnected = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.on('error', () => undefined); // 'close' follows
    if (isConnected) return socket;
    await new Promise(resolve => setTimeout(resolve, RETRY_MS));
  }
}

export function addressWord(text: string): number {
  const address = parseAddress(text);
  if (address?.length !== 4) throw new Error(`expected an IPv4 address, got '${text}'`);
  return new DataView(address.buffer, address.byteOffset).getUint32(0);
}

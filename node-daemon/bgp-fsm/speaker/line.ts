/**
 * One TCP connection of a peer, seen from its session: what came in and was not read yet, and the
 * octets and messages that went over it. It takes in a bounded amount; the rest waits in the kernel,
 * and so with the peer.
 */
import type {Direction} from '../fsm/types.js';
import type {Connection} from './ports.js';
import {ReceiveBuffer} from './receive-buffer.js';

const HIGH_WATER = 512 * 1024; // octets: some turns of work
const LOW_WATER = 128 * 1024;

export interface LineHandler {
  incoming(): void; // there is something to read, or the end
  taken(): void;
  drained(): void;
  pathChanged(): void;
}

export class Line {
  readonly connection: Connection;
  readonly direction: Direction;
  readonly buffer = new ReceiveBuffer();
  /** The connection is gone, and what it left in the buffer is all that there is. */
  end: {readonly code: string | undefined} | undefined;
  #isPaused = false;

  constructor(connection: Connection, direction: Direction, handler: LineHandler) {
    this.connection = connection;
    this.direction = direction;
    connection.attach({
      received: bytes => {
        this.#receive(bytes);
        handler.incoming();
      },
      taken: handler.taken,
      drained: handler.drained,
      pathChanged: handler.pathChanged,
      closed: code => {
        this.end = {code};
        handler.incoming();
      },
    });
  }

  get isWritable(): boolean {
    return this.end === undefined && this.connection.isWritable;
  }

  write(bytes: Uint8Array): void {
    if (this.end === undefined) this.connection.write(bytes);
  }

  /** After messages were read: lets more in when there is room again. */
  relax(): void {
    if (!this.#isPaused || this.buffer.unread > LOW_WATER || this.end !== undefined) return;
    this.#isPaused = false;
    this.connection.resume();
  }

  close(flush: boolean): void {
    if (this.end === undefined) this.connection.close(flush);
  }

  #receive(bytes: Uint8Array): void {
    this.buffer.append(bytes);
    if (this.#isPaused || this.buffer.unread <= HIGH_WATER) return;
    this.#isPaused = true;
    this.connection.pause();
  }
}

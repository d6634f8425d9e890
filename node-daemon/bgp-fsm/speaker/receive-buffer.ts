/**
 * What one connection has received and nobody has read yet. Pure.
 *
 *   0        start                end            length
 *   +--------+--------------------+--------------+
 *   | read   | unread             | room         |
 *   +--------+--------------------+--------------+
 *
 * Messages are read in place, as offsets into `bytes`; those are good until the next `append`. It
 * grows to what one message needs or the owner lets in, and shrinks when it is empty again: thousands
 * of idle sessions cost an array of nothing each.
 */
import {EMPTY} from '../wire/bytes.js';
import {nextMessage} from '../wire/header.js';

const KEPT_OCTETS = 4096;
const FIRST_OCTETS = 512; // a KEEPALIVE, an OPEN

export class ReceiveBuffer {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;

  get unread(): number {
    return this.end - this.start;
  }

  /** A whole message, or an error, lies here for us to read; a part of one waits for the peer. */
  hasMessage(isExtended: boolean): boolean {
    return nextMessage(this.bytes, this.start, this.end, isExtended).kind !== 'incomplete';
  }

  append(more: Uint8Array): void {
    if (this.end + more.length > this.bytes.length) this.#makeRoom(more.length);
    this.bytes.set(more, this.end);
    this.end += more.length;
  }

  consume(octets: number): void {
    this.start += octets;
    if (this.start < this.end) return;
    this.start = this.end = 0;
    if (this.bytes.length > KEPT_OCTETS) this.bytes = EMPTY;
  }

  clear(): void {
    this.consume(this.unread);
  }

  /** Moves what is unread to the front, into a larger array where it must be. */
  #makeRoom(more: number): void {
    const needed = this.unread + more;
    const unread = this.bytes.subarray(this.start, this.end);
    if (needed > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2, FIRST_OCTETS));
    }
    this.bytes.set(unread);
    this.end -= this.start;
    this.start = 0;
  }
}

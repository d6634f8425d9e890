/**
 * Writes netlink payloads: fixed headers and attributes, in the byte order of the host. Pure.
 *
 *    0        2        4                      4 + n, padded to a multiple of 4
 *   +--------+--------+---------------------+
 *   | length |  type  |       value         |  struct nlattr, linux/netlink.h; length = 4 + n
 *   +--------+--------+---------------------+
 *
 * Payloads are cut from shared slabs, so ten thousand requests cost no allocation each beyond the
 * view. A finished payload is never written again; it keeps its slab (16 KiB) alive.
 */
import {endianness} from 'node:os';

export const HOST_IS_LITTLE = endianness() === 'LE';
const SLAB_BYTES = 16 * 1024;
const encoder = new TextEncoder();

export class Writer {
  #bytes = new Uint8Array(SLAB_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #at = 0;

  /** Begins a payload. Zero-filled octets follow; set the fields that are not zero. */
  start(headerBytes: number): this {
    this.#start = this.#at;
    this.#ensure(headerBytes);
    this.#at += headerBytes;
    return this;
  }

  /** Ends it. The view is the caller's for good. */
  finish(): Uint8Array {
    const payload = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return payload;
  }

  /** Fields of the fixed header, by offset. */
  setU8(offset: number, value: number): this {
    this.#bytes[this.#start + offset] = value;
    return this;
  }

  setU16(offset: number, value: number): this {
    this.#view.setUint16(this.#start + offset, value, HOST_IS_LITTLE);
    return this;
  }

  setU32(offset: number, value: number): this {
    this.#view.setUint32(this.#start + offset, value, HOST_IS_LITTLE);
    return this;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#bytes[at] = value;
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, HOST_IS_LITTLE);
    return this;
  }

  /** Network order, as ports inside IFLA_VXLAN_PORT are. */
  u16Network(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, HOST_IS_LITTLE);
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    if (value.length > 16) this.#bytes.set(value, at);
    else for (let i = 0; i < value.length; i++) this.#bytes[at + i] = value[i] as number;
    return this;
  }

  /** UTF-8 with a terminating zero. */
  text(type: number, value: string): this {
    const encoded = encoder.encode(value);
    const at = this.#attribute(type, encoded.length + 1);
    this.#bytes.set(encoded, at);
    return this;
  }

  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** Opens a nested attribute; pass what it returns to close(). */
  open(type: number): number {
    return this.#attribute(type, 0) - 4 - this.#start;
  }

  close(opened: number): this {
    const at = this.#start + opened;
    this.#view.setUint16(at, this.#at - at, HOST_IS_LITTLE);
    return this;
  }

  /** Octets inside an attribute that are no attribute (ifinfomsg in VETH_INFO_PEER, rtnexthop). */
  skip(count: number): number {
    this.#ensure(count);
    const at = this.#at - this.#start;
    this.#at += count;
    return at;
  }

  get length(): number {
    return this.#at - this.#start;
  }

  /** Writes the attribute's header, leaves room for the value and its padding. */
  #attribute(type: number, length: number): number {
    const padded = (length + 3) & ~3;
    this.#ensure(4 + padded);
    const at = this.#at;
    this.#view.setUint16(at, 4 + length, HOST_IS_LITTLE);
    this.#view.setUint16(at + 2, type, HOST_IS_LITTLE);
    this.#at = at + 4 + padded;
    return at + 4;
  }

  /** A new slab when this one is full; the payload under way moves there. */
  #ensure(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const begun = this.#bytes.subarray(this.#start, this.#at);
    this.#bytes = new Uint8Array(Math.max(SLAB_BYTES, (begun.length + count) * 2));
    this.#bytes.set(begun);
    this.#view = new DataView(this.#bytes.buffer);
    this.#start = 0;
    this.#at = begun.length;
  }
}

/** The one writer of this thread: builders are synchronous and always finish what they start. */
export const writer = new Writer();

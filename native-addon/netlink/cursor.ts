/**
 * Reads netlink payloads without allocating per attribute. Pure.
 *
 *   const cursor = new Cursor(payload, 12, 'route');   // after struct rtmsg
 *   while (cursor.next()) switch (cursor.type) { case RTA_OIF: oif = cursor.u32('oif'); … }
 *
 * Every read checks its width: what is short is a DecodeError that names the field. Padding after
 * the last attribute may be missing, as in the kernel's own nla_ok (net/netlink.h).
 */
import {DecodeError} from './errors.js';
import {HOST_IS_LITTLE} from './writer.js';

/** NLA_F_NESTED | NLA_F_NET_BYTEORDER are no part of the type (linux/netlink.h). */
const TYPE_MASK = 0x3fff;
const decoder = new TextDecoder();

export class Cursor {
  /** Of the attribute that next() moved to. */
  type = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  readonly #object: string;
  #value = 0; // where the current value begins
  #length = 0;
  #following: number;

  /** @throws DecodeError when the fixed header of `headerBytes` octets is cut short. */
  constructor(bytes: Uint8Array, headerBytes: number, object: string, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = end;
    this.#object = object;
    this.#following = headerBytes;
    if (headerBytes > end) {
      throw new DecodeError(`${object}.header`, end, `${headerBytes} octets expected`);
    }
  }

  /** Fields of the fixed header, by offset from the start of the payload. */
  headerU8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  headerU16(offset: number): number {
    return this.#view.getUint16(offset, HOST_IS_LITTLE);
  }

  headerU32(offset: number): number {
    return this.#view.getUint32(offset, HOST_IS_LITTLE);
  }

  /** Moves to the next attribute; false at the end. @throws DecodeError when it is cut short. */
  next(): boolean {
    const at = this.#following;
    if (at >= this.#end) return false;
    const left = this.#end - at;
    const length = left < 4 ? 0 : this.headerU16(at);
    if (length < 4 || length > left) {
      throw new DecodeError(`${this.#object}.attribute`, at, `${length} octets, ${left} are left`);
    }
    this.type = this.headerU16(at + 2) & TYPE_MASK;
    this.#value = at + 4;
    this.#length = length - 4;
    this.#following = at + ((length + 3) & ~3);
    return true;
  }

  u8(field: string): number {
    this.#expect(field, 1);
    return this.#view.getUint8(this.#value);
  }

  u16(field: string): number {
    this.#expect(field, 2);
    return this.headerU16(this.#value);
  }

  u16Network(field: string): number {
    this.#expect(field, 2);
    return this.#view.getUint16(this.#value, false);
  }

  u32(field: string): number {
    this.#expect(field, 4);
    return this.headerU32(this.#value);
  }

  i32(field: string): number {
    this.#expect(field, 4);
    return this.#view.getInt32(this.#value, HOST_IS_LITTLE);
  }

  /** A copy: a decoded object must not keep a whole dump alive. */
  bytes(): Uint8Array {
    const copy = new Uint8Array(this.#length); // Buffer.slice() would be a view
    for (let i = 0; i < copy.length; i++) copy[i] = this.#bytes[this.#value + i] as number;
    return copy;
  }

  /** An IP address of that width, or of either; a copy. */
  address(field: string, width?: 4 | 16): Uint8Array {
    const fits =
      width === undefined ? this.#length === 4 || this.#length === 16 : this.#length === width;
    if (!fits) throw this.#error(field, `${width ?? '4 or 16'} octets, got ${this.#length}`);
    return this.bytes();
  }

  /** A link-layer address of Ethernet, undefined for other sizes (tunnels have none or 4 octets). */
  mac(): Uint8Array | undefined {
    return this.#length === 6 ? this.bytes() : undefined;
  }

  /** Up to the terminating zero. */
  text(field: string): string {
    if (this.#length === 0) throw this.#error(field, 'empty text');
    const value = this.#bytes.subarray(this.#value, this.#value + this.#length);
    const zero = value.indexOf(0);
    return decoder.decode(zero < 0 ? value : value.subarray(0, zero));
  }

  /** The attributes inside this one, after `headerBytes` octets that are none. */
  nested(field: string, headerBytes = 0): Cursor {
    if (this.#length < headerBytes) throw this.#error(field, `${headerBytes} octets expected`);
    const name = `${this.#object}.${field}`;
    const end = this.#value + this.#length;
    return new Cursor(this.#bytes, this.#value + headerBytes, name, end);
  }

  /** Attributes between two offsets of the payload. */
  range(from: number, to: number, field: string): Cursor {
    return new Cursor(this.#bytes, from, `${this.#object}.${field}`, to);
  }

  /** Where the current value lies in the payload. */
  get offset(): number {
    return this.#value;
  }

  get length(): number {
    return this.#length;
  }

  /** At least that many octets: the kernel may extend a structure at its end. */
  #expect(field: string, octets: number): void {
    if (this.#length < octets) throw this.#error(field, `${octets} octets, got ${this.#length}`);
  }

  #error(field: string, reason: string): DecodeError {
    return new DecodeError(`${this.#object}.${field}`, this.#value, reason);
  }
}

/**
 * Network-order integers at an offset, and a buffer that grows. Pure.
 *
 * The readers check nothing: the caller has compared offset and end before. A read past the array
 * yields a number, never a throw (`undefined << 8` is 0), so that a bug is a wrong value in a test
 * and not a dead daemon.
 */
export const EMPTY = new Uint8Array(0);

export function u8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function u16(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 8) | u8(bytes, at + 1);
}

export function u24(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) << 8) | u8(bytes, at + 2);
}

export function u32(bytes: Uint8Array, at: number): number {
  return ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
}

/** What u32 reads. */
export function octetsOf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** The value in the array does not change when the buffer it came from is reused. */
export function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes.slice(from, to);
}

/** Doubles when full; what was written before a `mark` can be patched, and cut off again. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  u24(value: number): this {
    return this.u8(value >>> 16).u16(value & 0xffff);
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#bytes[this.#length++] = value >>> 24;
    this.#bytes[this.#length++] = value >>> 16;
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** The octets from `from` to `to`; for few of them, without a view made first. */
  part(value: Uint8Array, from: number, to: number): this {
    this.#reserve(to - from);
    let length = this.#length;
    for (let at = from; at < to; at++) this.#bytes[length++] = value[at] as number;
    this.#length = length;
    return this;
  }

  /** The first `count` octets of an address held as words. */
  words(words: Uint32Array, count: number): this {
    this.#reserve(count);
    for (let i = 0; i < count; i++) {
      this.#bytes[this.#length++] = (words[i >>> 2] ?? 0) >>> (24 - (i & 3) * 8);
    }
    return this;
  }

  /** Overwrites two octets that were written before, as length fields need. */
  patchU16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  patchU8(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** Forgets what was written after `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** All of the buffer, of which `length` octets were written; valid until the next write. */
  get octets(): Uint8Array {
    return this.#bytes;
  }

  /** View, not copy: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy that the caller owns. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/**
 * Prefixes on the wire (RFC 4271 §4.3, RFC 4760 §5), with path identifiers (RFC 7911 §3). Pure.
 *
 *   0            4 (only with ADD-PATH)   +1       + ceil(length / 8)
 *   +------------+------------------------+--------------+
 *   |  path id   |         length         |   prefix     |  length: bits, 0..32 or 0..128
 *   +------------+------------------------+--------------+
 *
 * §4.3 calls the bits after `length` irrelevant; the reader clears them, so two spellings of a
 * prefix compare equal. A field is checked once as a whole (`checkNlri`); the cursor then walks it
 * without an object per prefix and cannot fail.
 */
import {EMPTY, u32, u8, type Writer} from './bytes.js';

/** One prefix as a value, for tests, tools and small tables; the RIB uses the cursor. */
export interface Nlri {
  readonly address: Uint8Array; // 4 or 16 octets, host bits zero
  readonly bits: number; // prefix length
  readonly pathId: number; // 0 without ADD-PATH
}

/** How one direction of a family is written. */
export interface NlriForm {
  readonly width: 4 | 16;
  readonly hasPathId: boolean;
}

/** Number of prefixes, or -1 when one is too long for the family or cut short. */
export function checkNlri(bytes: Uint8Array, at: number, end: number, form: NlriForm): number {
  const skip = form.hasPathId ? 4 : 0;
  const maxBits = form.width * 8;
  let count = 0;
  let next = at;
  while (next < end) {
    next += skip;
    if (next >= end) return -1;
    const bits = u8(bytes, next);
    if (bits > maxBits) return -1;
    next += 1 + ((bits + 7) >>> 3);
    count++;
  }
  return next === end ? count : -1;
}

/**
 * Walks a checked field. `words` is the address in network order: words[0] for IPv4, all four for
 * IPv6; bits beyond the prefix are zero. One cursor serves a session: `open` reuses it.
 *
 *   cursor.open(bytes, at, end, form);
 *   while (cursor.next()) table.insert(cursor.words, cursor.bits, cursor.pathId);
 */
export class NlriCursor {
  readonly words = new Uint32Array(4);
  bits = 0;
  pathId = 0;
  #bytes: Uint8Array = EMPTY;
  #next = 0;
  #end = 0;
  #width: 4 | 16 = 4;
  #hasPathId = false;

  open(bytes: Uint8Array, at: number, end: number, form: NlriForm): this {
    this.#bytes = bytes;
    this.#next = at;
    this.#end = end;
    this.#width = form.width;
    this.#hasPathId = form.hasPathId;
    this.pathId = 0;
    return this;
  }

  next(): boolean {
    if (this.#next >= this.#end) return false;
    const bytes = this.#bytes;
    if (this.#hasPathId) {
      this.pathId = u32(bytes, this.#next);
      this.#next += 4;
    }
    const bits = u8(bytes, this.#next++);
    this.bits = bits;
    const octets = (bits + 7) >>> 3;
    if (this.#width === 4) this.words[0] = wordAt(bytes, this.#next, bits);
    else this.#readWords(bits);
    this.#next += octets;
    return true;
  }

  #readWords(bits: number): void {
    for (let i = 0; i < 4; i++) {
      this.words[i] = wordAt(this.#bytes, this.#next + i * 4, bits - i * 32);
    }
  }
}

/** The first `bits` bits of up to four octets; octets that the prefix lacks are not read. */
function wordAt(bytes: Uint8Array, at: number, bits: number): number {
  if (bits <= 0) return 0;
  let word = u8(bytes, at) << 24;
  if (bits > 8) word |= u8(bytes, at + 1) << 16;
  if (bits > 16) word |= u8(bytes, at + 2) << 8;
  if (bits > 24) word |= u8(bytes, at + 3);
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

/** All prefixes of a field as values; undefined when it is malformed. */
export function decodeNlri(
  bytes: Uint8Array,
  at: number,
  end: number,
  form: NlriForm,
): Nlri[] | undefined {
  if (checkNlri(bytes, at, end, form) < 0) return undefined;
  const cursor = new NlriCursor().open(bytes, at, end, form);
  const found: Nlri[] = [];
  while (cursor.next()) {
    const {bits, pathId} = cursor;
    found.push({address: addressOf(cursor.words, form.width), bits, pathId});
  }
  return found;
}

export function encodeNlri(out: Writer, {address, bits, pathId}: Nlri, form: NlriForm): void {
  if (form.hasPathId) out.u32(pathId);
  out.u8(bits).bytes(address.subarray(0, (bits + 7) >>> 3));
}

export function addressOf(words: Uint32Array, width: 4 | 16): Uint8Array {
  const address = new Uint8Array(width);
  for (let i = 0; i < width; i++) address[i] = (words[i >>> 2] ?? 0) >>> (24 - (i & 3) * 8);
  return address;
}

export function wordsOf(address: Uint8Array, into = new Uint32Array(4)): Uint32Array {
  for (let i = 0; i < address.length / 4; i++) into[i] = u32(address, i * 4);
  return into;
}

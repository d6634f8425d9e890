/**
 * Many routes that name nexthop objects and differ in little else, written without an object for each: a
 * million of them are a few typed arrays. Pure. Octet for octet what route.ts makes of one (its test says so).
 */
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTA_DST,
  RTA_NH_ID,
  RTA_PRIORITY,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from './constants.js';
import {toAf, type Family} from './family.js';
import {BATCH_MESSAGES, HEADER_BYTES, type EncodedBatch, type RequestBatch} from './message.js';
import {formatIp} from './request.js';
import {HOST_IS_LITTLE} from './writer.js';

/** What all routes of a batch have. */
export interface RouteBatchFields {
  readonly table: number; // below 256
  readonly protocol: number;
  readonly priority: number; // the metric
}

export type RouteVerb = 'add' | 'replace' | 'delete';

export interface BatchedRoute {
  readonly kind: RouteVerb;
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly nexthopId: number; // of a deletion 0: whatever it names
}

/** `width` octets in words from `from` on, the first octet in the high end of the first. */
export interface AddressWords {
  readonly words: Uint32Array;
  readonly from: number;
  readonly width: 4 | 16;
}

const verbs: readonly RouteVerb[] = ['add', 'replace', 'delete'];
const NEW_FLAGS = [NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE];
const DELETE = 2;
const RTMSG_BYTES = 12;
const ATTRIBUTE_BYTES = 8; // one of 32 bits
const LONGEST_BYTES = HEADER_BYTES + RTMSG_BYTES + (4 + 16) + 2 * ATTRIBUTE_BYTES;
const AF = {4: toAf('ipv4'), 16: toAf('ipv6')} as const;

export class RouteBatch implements RequestBatch {
  readonly #fields: RouteBatchFields;
  readonly #verbs: Uint8Array; // index in `verbs`
  readonly #widths: Uint8Array; // octets of the address: 4, 16
  readonly #bits: Uint8Array;
  readonly #words: Uint32Array; // four for each
  readonly #nexthopIds: Uint32Array;
  #length = 0;

  /** For at most `limit` routes. */
  constructor(fields: RouteBatchFields, limit: number) {
    this.#fields = fields;
    this.#verbs = new Uint8Array(limit);
    this.#widths = new Uint8Array(limit);
    this.#bits = new Uint8Array(limit);
    this.#words = new Uint32Array(limit * 4);
    this.#nexthopIds = new Uint32Array(limit);
  }

  get length(): number {
    return this.#length;
  }

  add(kind: RouteVerb, {words, from, width}: AddressWords, bits: number, nexthopId: number): void {
    const at = this.#length++;
    this.#verbs[at] = kind === 'add' ? 0 : kind === 'replace' ? 1 : DELETE;
    this.#widths[at] = width;
    this.#bits[at] = bits;
    this.#nexthopIds[at] = nexthopId;
    for (let word = 0; word < width >>> 2; word++) {
      this.#words[at * 4 + word] = words[from + word] as number;
    }
  }

  kindAt(index: number): RouteVerb {
    return verbs[this.#verbs[index] as number] as RouteVerb;
  }

  at(index: number): BatchedRoute {
    const width = this.#widths[index] as number;
    const address = new Uint8Array(width);
    this.#writeAddress(address, 0, index);
    return {
      kind: this.kindAt(index),
      family: width === 4 ? 'ipv4' : 'ipv6',
      address,
      bits: this.#bits[index] as number,
      nexthopId: this.#nexthopIds[index] as number,
    };
  }

  opAt(index: number): string {
    const {kind, address, bits} = this.at(index);
    return `${kind} route ${formatIp(address)}/${bits} table ${this.#fields.table}`;
  }

  encode(firstSequence: number, extraFlags: number, lastFlags: number): EncodedBatch {
    const bytes = new Uint8Array(this.#length * LONGEST_BYTES);
    const halves = new Uint16Array(bytes.buffer);
    const words = new Uint32Array(bytes.buffer);
    const ends: number[] = [];
    const lasts: number[] = [];
    let at = 0;
    for (let index = 0; index < this.#length; index++) {
      const isLast = (index + 1) % BATCH_MESSAGES === 0 || index + 1 === this.#length;
      const end = this.#writePayload(index, at + HEADER_BYTES, bytes, words);
      const verb = this.#verbs[index] as number;
      const flags = extraFlags | (isLast ? lastFlags : 0) | (NEW_FLAGS[verb] ?? 0);
      words[at >>> 2] = end - at;
      halves[(at >>> 1) + 2] = verb === DELETE ? RTM_DELROUTE : RTM_NEWROUTE;
      halves[(at >>> 1) + 3] = flags;
      words[(at >>> 2) + 2] = firstSequence + index;
      at = end;
      if (!isLast) continue;
      ends.push(at);
      lasts.push(index);
    }
    return {bytes: bytes.subarray(0, at), ends: Uint32Array.from(ends), lasts};
  }

  /** struct rtmsg and attributes, all of whose lengths are multiples of 4. Answers where it ends. */
  #writePayload(index: number, from: number, bytes: Uint8Array, words: Uint32Array): number {
    const isDelete = this.#verbs[index] === DELETE;
    const width = this.#widths[index] as 4 | 16;
    const bits = this.#bits[index] as number;
    bytes[from] = AF[width];
    bytes[from + 1] = bits;
    bytes[from + 4] = this.#fields.table;
    bytes[from + 5] = this.#fields.protocol;
    bytes[from + 6] = isDelete ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE; // nowhere: whatever it has
    bytes[from + 7] = RTN_UNICAST;
    let at = from + RTMSG_BYTES;
    if (bits > 0) {
      words[at >>> 2] = attributeHead(4 + width, RTA_DST);
      this.#writeAddress(bytes, at + 4, index);
      at += 4 + width;
    }
    words[at >>> 2] = attributeHead(ATTRIBUTE_BYTES, RTA_PRIORITY);
    words[(at >>> 2) + 1] = this.#fields.priority;
    at += ATTRIBUTE_BYTES;
    const nexthopId = this.#nexthopIds[index] as number;
    if (nexthopId === 0) return at;
    words[at >>> 2] = attributeHead(ATTRIBUTE_BYTES, RTA_NH_ID);
    words[(at >>> 2) + 1] = nexthopId;
    return at + ATTRIBUTE_BYTES;
  }

  #writeAddress(bytes: Uint8Array, at: number, index: number): void {
    const width = this.#widths[index] as number;
    for (let octet = 0; octet < width; octet++) {
      const word = this.#words[index * 4 + (octet >>> 2)] as number;
      bytes[at + octet] = word >>> (24 - (octet & 3) * 8);
    }
  }
}

/** Length and type of struct nlattr as one word of the host. */
function attributeHead(length: number, type: number): number {
  return HOST_IS_LITTLE ? (type << 16) | length : (length << 16) | type;
}

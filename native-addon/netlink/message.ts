/**
 * Framing: what goes around a payload. Pure.
 *
 *    0        4       6       8       12      16
 *   +--------+-------+-------+-------+-------+---------+
 *   | length | type  | flags |  seq  |  pid  | payload |   struct nlmsghdr, linux/netlink.h
 *   +--------+-------+-------+-------+-------+---------+   next one at a multiple of 4
 */
import {NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, NLM_F_ACK_TLVS, NLM_F_CAPPED} from './constants.js';
import {Cursor} from './cursor.js';
import {DecodeError, NetlinkError} from './errors.js';
import {HOST_IS_LITTLE} from './writer.js';

/** A request before it has a sequence number. `op` names it in errors: 'add route 10.0.0.0/26'. */
export interface Request {
  readonly op: string;
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Requests that write themselves: many that are alike need no object each. */
export interface RequestBatch {
  readonly length: number;
  /** Names the request in errors. */
  opAt(index: number): string;
  /** As encodeBatch. */
  encode(firstSequence: number, extraFlags: number, lastFlags: number): EncodedBatch;
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array; // a view, not a copy
}

export const HEADER_BYTES = 16;
/** More in one sendmsg gains nothing (measured), and 64 acks fit any receive buffer. */
export const BATCH_MESSAGES = 64;
const BATCH_BYTES = 32 * 1024;

export interface EncodedBatch {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array; // where each sendmsg is to end
  readonly lasts: readonly number[]; // index of the last request of each
}

/**
 * All requests back to back. Sequence numbers count up by one. The last request of each sendmsg has
 * `lastFlags` as well: with NLM_F_ACK its answer says that all before it were carried out or refused.
 */
export function encodeBatch(
  requests: readonly Request[],
  firstSequence: number,
  extraFlags: number,
  lastFlags = 0,
): EncodedBatch {
  let total = 0;
  for (const {payload} of requests) total += HEADER_BYTES + align(payload.length);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const ends: number[] = [];
  const lasts: number[] = [];

  let at = 0;
  let previousAt = 0;
  let batchStart = 0;
  let inBatch = 0;
  let sequence = firstSequence;
  const endBatch = (last: number) => {
    const flags = view.getUint16(previousAt + 6, HOST_IS_LITTLE);
    view.setUint16(previousAt + 6, flags | lastFlags, HOST_IS_LITTLE);
    ends.push(at);
    lasts.push(last);
  };
  for (const [index, request] of requests.entries()) {
    const length = HEADER_BYTES + request.payload.length;
    if (inBatch === BATCH_MESSAGES || (inBatch > 0 && at + length - batchStart > BATCH_BYTES)) {
      endBatch(index - 1);
      batchStart = at;
      inBatch = 0;
    }
    view.setUint32(at, length, HOST_IS_LITTLE);
    view.setUint16(at + 4, request.type, HOST_IS_LITTLE);
    view.setUint16(at + 6, request.flags | extraFlags, HOST_IS_LITTLE);
    view.setUint32(at + 8, sequence, HOST_IS_LITTLE);
    bytes.set(request.payload, at + HEADER_BYTES);
    previousAt = at;
    at += align(length);
    sequence = (sequence + 1) >>> 0;
    inBatch++;
  }
  if (inBatch > 0) endBatch(requests.length - 1);
  return {bytes, ends: Uint32Array.from(ends), lasts};
}

export class RequestList implements RequestBatch {
  readonly #requests: readonly Request[];

  constructor(requests: readonly Request[]) {
    this.#requests = requests;
  }

  get length(): number {
    return this.#requests.length;
  }

  opAt(index: number): string {
    return this.#requests[index]?.op ?? 'netlink';
  }

  encode(firstSequence: number, extraFlags: number, lastFlags: number): EncodedBatch {
    return encodeBatch(this.#requests, firstSequence, extraFlags, lastFlags);
  }
}

/**
 * Walks messages back to back without an object for each: ten thousand acks are ten thousand reads.
 *
 *   const frames = new Frames(bytes);
 *   while (frames.next()) if (frames.type === NLMSG_DONE) …
 */
export class Frames {
  type = 0;
  flags = 0;
  sequence = 0;
  /** All of it; the payload lies from `payloadAt` to `end`. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  payloadAt = 0;
  end = 0;
  #following = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** False at the end. @throws DecodeError when a length does not fit what is there. */
  next(): boolean {
    const at = this.#following;
    const left = this.bytes.length - at;
    if (left <= 0) return false;
    const length = left < HEADER_BYTES ? 0 : this.view.getUint32(at, HOST_IS_LITTLE);
    if (length < HEADER_BYTES || length > left) {
      throw new DecodeError('message.length', at, `${length} octets, ${left} are left`);
    }
    this.type = this.view.getUint16(at + 4, HOST_IS_LITTLE);
    this.flags = this.view.getUint16(at + 6, HOST_IS_LITTLE);
    this.sequence = this.view.getUint32(at + 8, HOST_IS_LITTLE);
    this.payloadAt = at + HEADER_BYTES;
    this.end = at + length;
    this.#following = at + align(length);
    return true;
  }

  /** Of NLMSG_ERROR: whether it is the plain yes, error 0. */
  get isYes(): boolean {
    const {payloadAt, end} = this;
    return end >= payloadAt + 4 && this.view.getInt32(payloadAt, HOST_IS_LITTLE) === 0;
  }

  message(): Message {
    const payload = this.bytes.subarray(this.payloadAt, this.end);
    return {type: this.type, flags: this.flags, payload};
  }
}

/**
 * NLMSG_ERROR (struct nlmsgerr: error, then the request's header, then the request unless
 * NLM_F_CAPPED, then attributes if NLM_F_ACK_TLVS) and NLMSG_DONE of a dump (error, attributes).
 * Undefined when the error is 0: an acknowledgement.
 * @throws DecodeError when it is shorter than that.
 */
export function decodeAck(
  message: Message,
  op: string,
  kind: 'error' | 'done',
): NetlinkError | undefined {
  const {payload, flags} = message;
  const fixed = kind === 'error' ? 4 + HEADER_BYTES : 4;
  if (payload.length < fixed) {
    if (kind === 'done') return undefined; // older families end a dump with an empty NLMSG_DONE
    throw new DecodeError('ack.error', 0, `${payload.length} octets`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const error = view.getInt32(0, HOST_IS_LITTLE);
  if (error === 0) return undefined;
  if ((flags & NLM_F_ACK_TLVS) === 0) return new NetlinkError(op, -error);

  const echoed = kind === 'error' && (flags & NLM_F_CAPPED) === 0;
  const attributes = echoed ? 4 + align(view.getUint32(4, HOST_IS_LITTLE)) : fixed;
  return new NetlinkError(op, -error, decodeDetails(payload, attributes));
}

function decodeDetails(
  payload: Uint8Array,
  from: number,
): {kernelMessage?: string; offset?: number} {
  const details: {kernelMessage?: string; offset?: number} = {};
  const cursor = new Cursor(payload, from, 'ack');
  while (cursor.next()) {
    if (cursor.type === NLMSGERR_ATTR_MSG) details.kernelMessage = cursor.text('message');
    else if (cursor.type === NLMSGERR_ATTR_OFFS) details.offset = cursor.u32('offset');
  }
  return details;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

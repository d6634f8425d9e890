/**
 * Pairs what comes back with what was sent, by sequence number. Pure: bytes in, state out; socket.ts
 * moves the bytes.
 */
import {NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NLM_F_DUMP_INTR} from './constants.js';
import {NetlinkError} from './errors.js';
import {decodeAck, Frames, type Message, type RequestBatch} from './message.js';

const ENOBUFS = 105;
type Named = Pick<RequestBatch, 'length' | 'opAt'>;

/**
 * What answers requests that went out in one or more sendmsg: objects that were asked for, an error for
 * each request that was refused, and an acknowledgement of the last request of each sendmsg, which
 * the kernel gives after it has dealt with all the others (netlink_rcv_skb goes through them in order).
 */
export class Answers {
  readonly errors: (NetlinkError | undefined)[];
  readonly messages: Message[] = [];
  readonly #requests: Named;
  readonly #first: number;
  readonly #answered: Uint8Array;
  readonly #missing: Set<number>; // lasts without an answer

  /** `lasts`: index of the last request of each sendmsg. */
  constructor(requests: Named, first: number, lasts: readonly number[]) {
    this.#requests = requests;
    this.#first = first;
    this.#answered = new Uint8Array(requests.length);
    this.#missing = new Set(lasts);
    this.errors = new Array<NetlinkError | undefined>(requests.length).fill(undefined);
  }

  get complete(): boolean {
    return this.#missing.size === 0;
  }

  get firstMissing(): string {
    const [index = -1] = this.#missing;
    return index < 0 ? 'netlink' : this.#requests.opAt(index);
  }

  /** @throws NetlinkError ENOBUFS when the kernel says that it lost messages. */
  take(bytes: Uint8Array): void {
    const frames = new Frames(bytes);
    while (frames.next()) {
      const index = (frames.sequence - this.#first) >>> 0;
      if (frames.type === NLMSG_OVERRUN) throw new NetlinkError('netlink overrun', ENOBUFS);
      if (index >= this.#requests.length || frames.type === NLMSG_NOOP) continue; // of a batch given up
      if (frames.type !== NLMSG_ERROR) {
        this.messages.push(frames.message());
        continue;
      }
      if (this.#answered[index] !== 0) continue;
      this.#answered[index] = 1;
      if (!frames.isYes) {
        this.errors[index] = decodeAck(frames.message(), this.#requests.opAt(index), 'error');
      }
      this.#missing.delete(index);
    }
  }
}

/**
 * What answers one dump: objects, then NLMSG_DONE. A table that changed meanwhile marks messages
 * with NLM_F_DUMP_INTR; then objects may be missing or twice, and nothing may be concluded from it: no
 * more of them is handed on.
 */
export class DumpAnswers {
  complete = false;
  interrupted = false;
  readonly #op: string;
  readonly #sequence: number;
  readonly #onObject: (frames: Frames) => void;

  constructor(op: string, sequence: number, onObject: (frames: Frames) => void) {
    this.#op = op;
    this.#sequence = sequence;
    this.#onObject = onObject;
  }

  /** @throws NetlinkError when the kernel refuses the dump, or gives it up half-way; what onObject throws. */
  take(bytes: Uint8Array): void {
    const frames = new Frames(bytes);
    while (frames.next() && !this.complete) {
      if (frames.sequence !== this.#sequence) continue; // of a dump that was given up
      this.interrupted ||= (frames.flags & NLM_F_DUMP_INTR) !== 0;
      const {type} = frames;
      if (type === NLMSG_DONE || type === NLMSG_ERROR) this.#end(frames.message());
      else if (!this.interrupted) this.#onObject(frames);
    }
  }

  /** A filter on a routing table that does not exist (ENOENT) is an empty dump. */
  #end(message: Message): void {
    const error = decodeAck(message, this.#op, message.type === NLMSG_DONE ? 'done' : 'error');
    if (error !== undefined && error.code !== 'ENOENT') throw error;
    this.complete = true;
  }
}

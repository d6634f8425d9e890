/**
 * Pairs what comes back with what was sent, by sequence number. Pure: bytes in, state out; socket.ts
 * moves the bytes.
 */
import {NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NLM_F_DUMP_INTR} from './constants.js';
import {NetlinkError} from './errors.js';
import {decodeAck, Frames, type Message, type Request} from './message.js';

const ENOBUFS = 105;

/** What answers one batch: an acknowledgement for each request, and objects that were asked for. */
export class Answers {
  readonly errors: (NetlinkError | undefined)[];
  readonly messages: Message[] = [];
  readonly #requests: readonly Request[];
  readonly #first: number;
  readonly #acked: Uint8Array;
  #missing: number;

  constructor(requests: readonly Request[], first: number) {
    this.#requests = requests;
    this.#first = first;
    this.#missing = requests.length;
    this.#acked = new Uint8Array(requests.length);
    this.errors = new Array<NetlinkError | undefined>(requests.length).fill(undefined);
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  get firstMissing(): string {
    return this.#requests[this.#acked.indexOf(0)]?.op ?? 'netlink';
  }

  /** @throws NetlinkError ENOBUFS when the kernel says that it lost messages. */
  take(bytes: Uint8Array): void {
    const frames = new Frames(bytes);
    while (frames.next()) {
      const index = (frames.sequence - this.#first) >>> 0;
      const request = this.#requests[index];
      if (frames.type === NLMSG_OVERRUN) throw new NetlinkError('netlink overrun', ENOBUFS);
      if (request === undefined || frames.type === NLMSG_NOOP) continue; // of a batch given up
      if (frames.type !== NLMSG_ERROR) {
        this.messages.push(frames.message());
      } else if (this.#acked[index] === 0) {
        this.#acked[index] = 1;
        this.#missing--;
        if (!frames.isYes) this.errors[index] = decodeAck(frames.message(), request.op, 'error');
      }
    }
  }
}

/**
 * What answers one dump: objects, then NLMSG_DONE. A table that changed meanwhile marks messages
 * with NLM_F_DUMP_INTR; then objects may be missing or twice, and nothing may be concluded from it.
 */
export class DumpAnswers {
  readonly messages: Message[] = [];
  complete = false;
  interrupted = false;
  readonly #op: string;
  readonly #sequence: number;

  constructor(op: string, sequence: number) {
    this.#op = op;
    this.#sequence = sequence;
  }

  /** @throws NetlinkError when the kernel refuses the dump, or gives it up half-way. */
  take(bytes: Uint8Array): void {
    const frames = new Frames(bytes);
    while (frames.next() && !this.complete) {
      if (frames.sequence !== this.#sequence) continue; // of a dump that was given up
      this.interrupted ||= (frames.flags & NLM_F_DUMP_INTR) !== 0;
      const message = frames.message();
      this.complete = endsDump(message, this.#op);
      if (!this.complete) this.messages.push(message);
    }
  }
}

/** A filter on a routing table that does not exist (ENOENT) is an empty dump. */
function endsDump(message: Message, op: string): boolean {
  if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) return false;
  const error = decodeAck(message, op, message.type === NLMSG_DONE ? 'done' : 'error');
  if (error !== undefined && error.code !== 'ENOENT') throw error;
  return true;
}

/**
 * Requests and dumps. Shell: pairs what is sent with what comes back.
 *
 * Two channels, so that a long dump never holds up a change: one for send() and get(), one for
 * dump(), opened by the first dump in the namespace of the first. Notifications are monitor.ts's.
 */
import {Channel, type OpenOptions} from './channel.js';
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
} from './constants.js';
import {NetlinkError} from './errors.js';
import {decodeAck, encodeBatch, Frames, type Message, type Request} from './message.js';

export interface NetlinkSocket {
  /**
   * Every request is acknowledged; index i holds the error of request i, or undefined.
   * @throws NetlinkError when the socket itself fails or is closed; never for a kernel "no".
   */
  send(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]>;
  /** send() that throws the first error. All requests are tried all the same. */
  must(requests: readonly Request[]): Promise<void>;
  /**
   * A whole dump. One that changes interrupted is asked for again, a few times.
   * @throws NetlinkError code 'EINTR', retry 'resync' when it never came through whole.
   */
  dump(request: Request): Promise<readonly Message[]>;
  /** One object; undefined when the kernel says that it does not exist. */
  get(request: Request): Promise<Message | undefined>;
  close(): void; // idempotent; what is pending rejects
}

const DUMP_ATTEMPTS = 6;
/** The kernel answers before sendmsg returns; waiting is for the families that do not. */
const ANSWER_TIMEOUT_MS = 5000;
const EINTR = 4;
const ENOBUFS = 105;
const ETIMEDOUT = 110;
const ABSENT: ReadonlySet<string> = new Set(['ENODEV', 'ENOENT', 'ESRCH', 'ENETUNREACH', 'ENXIO']);

/** @throws NetlinkError when the namespace or the socket cannot be opened. */
export async function openNetlink(options: OpenOptions = {}): Promise<NetlinkSocket> {
  return new KernelSocket(options, await Channel.open(options));
}

class KernelSocket implements NetlinkSocket {
  readonly #options: OpenOptions;
  readonly #changes: Channel;
  #dumps: Promise<Channel> | undefined;
  #dumping: Promise<unknown> = Promise.resolve();
  #sequence = 1;
  #closed = false;

  constructor(options: OpenOptions, changes: Channel) {
    this.#options = options;
    this.#changes = changes;
  }

  async send(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]> {
    if (requests.length === 0) return [];
    const answers = await this.#exchange(requests);
    return answers.errors;
  }

  async must(requests: readonly Request[]): Promise<void> {
    for (const error of await this.send(requests)) {
      if (error !== undefined) throw error;
    }
  }

  async get(request: Request): Promise<Message | undefined> {
    const {errors, messages} = await this.#exchange([request]);
    const error = errors[0];
    if (error === undefined) return messages[0];
    if (ABSENT.has(error.code)) return undefined;
    throw error;
  }

  /** One at a time: a netlink socket runs one dump (a second is EBUSY). */
  dump(request: Request): Promise<readonly Message[]> {
    const result = this.#dumping.then(() => this.#dumpWhole(request));
    this.#dumping = result.catch(() => undefined);
    return result;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#changes.close();
    this.#dumps?.then(
      channel => channel.close(),
      () => undefined,
    );
  }

  async #exchange(requests: readonly Request[]): Promise<Answers> {
    const first = this.#takeSequences(requests.length);
    const {bytes, ends} = encodeBatch(requests, first, NLM_F_REQUEST | NLM_F_ACK);
    const answers = new Answers(requests, first);
    answers.take(await this.#changes.exchange(bytes, ends));
    while (!answers.complete) {
      const more = await this.#changes.receive(ANSWER_TIMEOUT_MS);
      if (more.length === 0) throw new NetlinkError(answers.firstMissing, ETIMEDOUT);
      answers.take(more);
    }
    return answers;
  }

  async #dumpWhole(request: Request): Promise<readonly Message[]> {
    const channel = await this.#dumpChannel();
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const messages = await this.#dumpOnce(channel, request);
      if (messages !== undefined) return messages;
    }
    throw new NetlinkError(request.op, EINTR, {kernelMessage: 'changes interrupted the dump'});
  }

  #dumpChannel(): Promise<Channel> {
    this.#dumps ??= Channel.open(this.#options, this.#changes).then(
      channel => {
        if (this.#closed) channel.close();
        return channel;
      },
      (error: unknown) => {
        this.#dumps = undefined; // the next dump tries again
        throw error;
      },
    );
    return this.#dumps;
  }

  /** Undefined when the kernel says that the table changed under the dump. */
  async #dumpOnce(channel: Channel, request: Request): Promise<Message[] | undefined> {
    const sequence = this.#takeSequences(1);
    const {bytes, ends} = encodeBatch([request], sequence, NLM_F_REQUEST | NLM_F_DUMP);
    const messages: Message[] = [];
    let interrupted = false;
    let chunk = await channel.exchange(bytes, ends);
    for (;;) {
      if (chunk.length === 0) throw new NetlinkError(request.op, ETIMEDOUT);
      const frames = new Frames(chunk);
      while (frames.next()) {
        if (frames.sequence !== sequence) continue; // of a dump that was given up
        interrupted ||= (frames.flags & NLM_F_DUMP_INTR) !== 0;
        const message = frames.message();
        if (endsDump(message, request.op)) return interrupted ? undefined : messages;
        messages.push(message);
      }
      chunk = await channel.receive(ANSWER_TIMEOUT_MS);
    }
  }

  #takeSequences(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) >>> 0;
    return first;
  }
}

/** A filter on a routing table that does not exist (ENOENT) is an empty dump. */
function endsDump(message: Message, op: string): boolean {
  if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) return false;
  const error = decodeAck(message, op, message.type === NLMSG_DONE ? 'done' : 'error');
  if (error !== undefined && error.code !== 'ENOENT') throw error;
  return true;
}

/** Collects what answers one batch. */
class Answers {
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

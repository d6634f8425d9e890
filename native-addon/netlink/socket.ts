/**
 * Requests and dumps. Shell: pairs what is sent with what comes back.
 *
 * Two channels, so that a long dump never holds up a change: one for send() and get(), one for
 * dump(), opened by the first dump in the namespace of the first. Notifications are monitor.ts's.
 */
import {Answers, DumpAnswers} from './answers.js';
import {Channel, type OpenOptions, type RouteMark} from './channel.js';
import {NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST} from './constants.js';
import {NetlinkError} from './errors.js';
import {
  encodeBatch,
  RequestList,
  type Frames,
  type Message,
  type Request,
  type RequestBatch,
} from './message.js';

export interface NetlinkSocket {
  /** Notifications of what it changes carry this number (nlmsg_pid); Monitor.ignore() knows it. */
  readonly port: number;
  /**
   * Every request is answered for; index i holds the error of request i, or undefined.
   * @throws NetlinkError when the socket itself fails or is closed; never for a kernel "no".
   */
  send(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]>;
  /** The same for requests that write themselves. */
  sendBatch(batch: RequestBatch): Promise<readonly (NetlinkError | undefined)[]>;
  /** send() that throws the first error. All requests are tried all the same. */
  must(requests: readonly Request[]): Promise<void>;
  /**
   * A whole dump. One that changes interrupted is asked for again, a few times.
   * @throws NetlinkError code 'EINTR', retry 'resync' when it never came through whole.
   */
  dump(request: Request, options?: DumpOptions): Promise<readonly Message[]>;
  /**
   * The same, of which nothing is kept: the reader takes it piece by piece (some 100 KiB), and the kernel goes
   * on with it when a piece is read and the event loop has had its turn.
   * @throws as dump(), and what the reader throws. Then the reader must conclude nothing from what is missing.
   */
  read(request: Request, reader: DumpReader): Promise<void>;
  /** One object; undefined when the kernel says that it does not exist. */
  get(request: Request): Promise<Message | undefined>;
  close(): void; // idempotent; what is pending rejects
}

export interface DumpOptions {
  /** These routes are left out, before this thread has anything to do with them. */
  readonly without?: RouteMark;
}

export interface DumpReader {
  /** A dump begins; again each time that changes interrupted it: what it showed before may be gone, or be twice. */
  readonly onBegin: () => void;
  /** One object; `frames` is good until this returns. */
  readonly onObject: (frames: Frames) => void;
}

const DUMP_ATTEMPTS = 6;
const ANSWER_TIMEOUT_MS = 5000;
const EINTR = 4;
const ETIMEDOUT = 110;
const ABSENT: ReadonlySet<string> = new Set(['ENODEV', 'ENOENT', 'ESRCH', 'ENETUNREACH', 'ENXIO']);

/** @throws NetlinkError when the namespace or the socket cannot be opened. */
export function openNetlink(options: OpenOptions = {}): Promise<NetlinkSocket> {
  return openNetlinkOver<Channel>(sibling => Channel.open(options, sibling));
}

/** What a socket needs of a channel; tests have one on paper. */
export type NetlinkChannel = Pick<Channel, 'exchange' | 'receive' | 'port' | 'close'>;
type OpenChannel<C extends NetlinkChannel> = (sibling?: C) => Promise<C>;

/** `open` with a sibling: a second channel in the namespace of that one. */
export async function openNetlinkOver<C extends NetlinkChannel>(
  open: OpenChannel<C>,
): Promise<NetlinkSocket> {
  return new KernelSocket(open, await open());
}

class KernelSocket<C extends NetlinkChannel> implements NetlinkSocket {
  readonly port: number;
  readonly #open: OpenChannel<C>;
  readonly #changes: C;
  #dumps: Promise<C> | undefined;
  #dumping: Promise<unknown> = Promise.resolve();
  #sequence = 1;
  #closed = false;

  constructor(open: OpenChannel<C>, changes: C) {
    this.#open = open;
    this.#changes = changes;
    this.port = changes.port();
  }

  async send(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]> {
    if (requests.length === 0) return [];
    const answers = await this.#exchange(new RequestList(requests));
    return answers.errors;
  }

  async sendBatch(batch: RequestBatch): Promise<readonly (NetlinkError | undefined)[]> {
    if (batch.length === 0) return [];
    const answers = await this.#exchange(batch);
    return answers.errors;
  }

  async must(requests: readonly Request[]): Promise<void> {
    for (const error of await this.send(requests)) {
      if (error !== undefined) throw error;
    }
  }

  async get(request: Request): Promise<Message | undefined> {
    const {errors, messages} = await this.#exchange(new RequestList([request]));
    const error = errors[0];
    if (error === undefined) return messages[0];
    if (ABSENT.has(error.code)) return undefined;
    throw error;
  }

  async dump(request: Request, options: DumpOptions = {}): Promise<readonly Message[]> {
    let messages: Message[] = [];
    const reader: DumpReader = {
      onBegin: () => (messages = []),
      onObject: frames => messages.push(frames.message()),
    };
    await this.#inTurn(() => this.#readWhole(request, reader, options));
    return messages;
  }

  read(request: Request, reader: DumpReader): Promise<void> {
    return this.#inTurn(() => this.#readWhole(request, reader));
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

  async #exchange(batch: RequestBatch): Promise<Answers> {
    const first = this.#takeSequences(batch.length);
    const {bytes, ends, lasts} = batch.encode(first, NLM_F_REQUEST, NLM_F_ACK);
    const answers = new Answers(batch, first, lasts);
    answers.take(await this.#changes.exchange(bytes, ends));
    while (!answers.complete) answers.take(await more(this.#changes, answers.firstMissing));
    return answers;
  }

  /** One at a time: a netlink socket runs one dump (a second is EBUSY). */
  #inTurn(dump: () => Promise<void>): Promise<void> {
    const result = this.#dumping.then(dump);
    this.#dumping = result.catch(() => undefined);
    return result;
  }

  async #readWhole(request: Request, reader: DumpReader, options: DumpOptions = {}): Promise<void> {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const {interrupted} = await this.#readOnce(request, reader, options);
      if (!interrupted) return;
    }
    throw new NetlinkError(request.op, EINTR, {kernelMessage: 'changes interrupted the dump'});
  }

  #dumpChannel(): Promise<C> {
    this.#dumps ??= this.#open(this.#changes).then(
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

  async #readOnce(
    request: Request,
    {onBegin, onObject}: DumpReader,
    {without}: DumpOptions,
  ): Promise<DumpAnswers> {
    onBegin();
    const channel = await this.#dumpChannel();
    const sequence = this.#takeSequences(1);
    const {bytes, ends} = encodeBatch([request], sequence, NLM_F_REQUEST | NLM_F_DUMP);
    const answers = new DumpAnswers(request.op, sequence, onObject);
    try {
      answers.take(await channel.exchange(bytes, ends, without));
      while (!answers.complete) {
        await eventLoop();
        answers.take(await more(channel, request.op));
      }
    } catch (error) {
      this.#dumps = undefined; // the kernel may be in the middle of it, and would refuse another (EBUSY)
      channel.close();
      throw error;
    }
    return answers;
  }

  #takeSequences(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) >>> 0;
    return first;
  }
}

/** Has had its turn. A thread that answers at once is heard again within the same turn, up to 1000 times. */
function eventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** The kernel answers before sendmsg returns; waiting is for the families that do not. */
async function more(channel: NetlinkChannel, op: string): Promise<Uint8Array> {
  const bytes = await channel.receive(ANSWER_TIMEOUT_MS);
  if (bytes.length === 0) throw new NetlinkError(op, ETIMEDOUT);
  return bytes;
}

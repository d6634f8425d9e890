/**
 * Deletes host links in batches. Shell.
 *
 * One RTM_DELLINK takes 20 ms, all of it waiting for an RCU grace period; a hundred links in one
 * group take 39 ms. So one round runs at a time, on a socket of its own, and what comes meanwhile
 * makes up the next round. The group number is random for every round: a link that somebody else
 * grouped must never be in it. A link that would not go is tried again with growing delays, by
 * itself, and reported each time.
 */
import {
  deleteLink,
  deleteLinkGroup,
  setLink,
  type NetlinkError,
  type NetlinkSocket,
} from '#native-addon';
import {randomInt} from 'node:crypto';
import type {Clock, Problem} from './port.js';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
/** Far from the small numbers that people and tools choose. */
const GROUP_MIN = 0x4000_0000;
const GROUP_MAX = 0x7fff_ffff;

interface Doomed {
  readonly name: string;
  readonly gone: Promise<void>;
  readonly resolve: () => void;
  attempts: number;
}

export interface LinkReaperOptions {
  readonly socket: NetlinkSocket;
  readonly clock: Clock;
  report(problem: Problem): void;
  randomGroup?(): number;
}

export class LinkReaper {
  readonly #options: LinkReaperOptions;
  readonly #doomed = new Map<string, Doomed>();
  #next: Doomed[] = [];
  #running = false;

  constructor(options: LinkReaperOptions) {
    this.#options = options;
  }

  /** Resolves when the link is gone, however long that takes; never rejects. */
  reap(name: string): Promise<void> {
    const known = this.#doomed.get(name);
    if (known !== undefined) return known.gone;
    let resolve!: () => void;
    const gone = new Promise<void>(done => {
      resolve = done;
    });
    const doomed: Doomed = {name, gone, resolve, attempts: 0};
    this.#doomed.set(name, doomed);
    this.#enqueue(doomed);
    return gone;
  }

  #enqueue(doomed: Doomed): void {
    this.#next.push(doomed);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#next.length > 0) {
      const round = this.#next;
      this.#next = [];
      const errors = await this.#round(round).catch((error: unknown) => round.map(() => error));
      for (const [at, doomed] of round.entries()) this.#conclude(doomed, errors[at]);
    }
    this.#running = false;
  }

  /** Index i holds why link i is still there, or undefined. */
  async #round(round: readonly Doomed[]): Promise<readonly unknown[]> {
    if (round.length === 1) return await this.#deleteEach(round);
    const group = (this.#options.randomGroup ?? randomGroup)();
    const {socket} = this.#options;
    const marked = await socket.send(round.map(({name}) => setLink({name, group})));
    const [failure] = await socket.send([deleteLinkGroup(group)]);
    if (failure === undefined || isGone(failure)) return marked.map(unlessGone);
    return await this.#deleteEach(round);
  }

  async #deleteEach(round: readonly Doomed[]): Promise<readonly unknown[]> {
    const errors = await this.#options.socket.send(round.map(({name}) => deleteLink({name})));
    return errors.map(unlessGone);
  }

  #conclude(doomed: Doomed, error: unknown): void {
    if (error === undefined) {
      this.#doomed.delete(doomed.name);
      doomed.resolve();
      return;
    }
    const delayMs = Math.min(RETRY_FIRST_MS * 2 ** doomed.attempts++, RETRY_MAX_MS);
    this.#options.report({what: `link ${doomed.name} could not be deleted`, error});
    this.#options.clock.after(delayMs, () => this.#enqueue(doomed));
  }
}

function unlessGone(error: NetlinkError | undefined): NetlinkError | undefined {
  return error === undefined || isGone(error) ? undefined : error;
}

function isGone(error: NetlinkError): boolean {
  return error.code === 'ENODEV';
}

function randomGroup(): number {
  return randomInt(GROUP_MIN, GROUP_MAX);
}

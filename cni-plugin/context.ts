/** What all verbs share while the daemon runs. Shell: made once, by createCniHandler. */
import {randomInt} from 'node:crypto';
import type {BaseConfig} from './config.js';
import {LinkReaper} from './link-reaper.js';
import {AttachmentLock} from './lock.js';
import type {CniOptions, Problem} from './port.js';
import {Retirement} from './retirement.js';
import type {Frame} from './frame.js';

export interface CniContext extends CniOptions {
  readonly lock: AttachmentLock;
  readonly reaper: LinkReaper;
  readonly retirement: Retirement;
  /** Host links of ADDs under way, which may not be in the journal yet: leaks they are not. */
  readonly unborn: Set<string>;
  /** The next interface index to try. */
  nextIndex(): number;
  report(problem: Problem): void;
}

/** One request while it is served. */
export interface Call {
  readonly frame: Frame;
  /** stdin, and what every verb needs of it. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly base: BaseConfig;
  /** The namespace that came with the request; closed when everything of the call has ended. */
  readonly descriptor: number | undefined;
  /** Fires at the verb's deadline and, for ADD, when the caller goes away. */
  readonly signal: AbortSignal;
  /** Work that outlives the reply and still needs the descriptor. */
  keepUntil(work: Promise<unknown>): void;
}

/**
 * The kernel counts its own indices up from 1; ours lie where it will not come. Consecutive ones
 * cannot meet links that an earlier run of the daemon made, except after 2^29 pods.
 */
const INDEX_MIN = 0x1000_0000;
const INDEX_MAX = 0x7000_0000;

export function createContext(options: CniOptions): CniContext {
  const report = (problem: Problem) => options.onProblem?.(problem);
  const {book, kernel, clock} = options;
  const reaper = new LinkReaper({socket: kernel.deletions, clock, report});
  const retirement = new Retirement({book, host: kernel.host, reaper, clock, report});
  let index = randomInt(INDEX_MIN, INDEX_MAX);
  const nextIndex = () => {
    index = index + 1 < INDEX_MAX ? index + 1 : INDEX_MIN;
    return index;
  };
  const lock = new AttachmentLock();
  return {...options, lock, reaper, retirement, unborn: new Set(), nextIndex, report};
}

/** What all verbs share while the daemon runs. Shell: made once, by createCniHandler. */
import {randomInt} from 'node:crypto';
import {LinkReaper} from './link-reaper.js';
import {AttachmentLock} from './lock.js';
import type {CniOptions, Problem} from './port.js';
import {Retirement} from './retirement.js';
import type {Environment} from './environment.js';
import type {Frame} from './frame.js';

export interface CniContext extends CniOptions {
  readonly lock: AttachmentLock;
  readonly reaper: LinkReaper;
  readonly retirement: Retirement;
  /** The next interface index to try. */
  nextIndex(): number;
  report(problem: Problem): void;
}

/** One request while it is served. */
export interface Call {
  readonly frame: Frame;
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
  const retirement = new Retirement({book, host: kernel.host, reaper, report});
  let index = randomInt(INDEX_MIN, INDEX_MAX);
  const nextIndex = () => {
    index = index + 1 < INDEX_MAX ? index + 1 : INDEX_MIN;
    return index;
  };
  return {...options, lock: new AttachmentLock(), reaper, retirement, nextIndex, report};
}

/** For what is reported about a pod: `namespace/name`, or the container where that is unknown. */
export function podTitle({containerId, args}: Environment): string {
  return args.namespace !== undefined && args.name !== undefined
    ? `${args.namespace}/${args.name}`
    : containerId;
}

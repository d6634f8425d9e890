/**
 * A part of the daemon: something that runs, hears of news and is shown. Types only.
 *
 * To add one: a file of this folder with a function that takes the Context (and the parts it needs) and
 * returns a Part, and its line in list.ts. From the Context it has
 *
 *   config, log, uid, bootId…   what was read at the start (context.ts)
 *   core.state()                all that is known: pools, nodes, underlay, own ranges, pods; records of
 *                               every other kind are in `state().resources`, by etcd key
 *   news.state.on(event => …)   that state has changed, and by what
 *   kernel, etcd                a socket to the kernel, and what an etcd client is opened with
 *
 * and through the members below it is started, stopped and shown.
 */
import type {Answerer} from '../http/answer.js';
import type {StatusProblem} from '../http/status.js';

export interface Part {
  /** In the order of the list; the next part starts when this has resolved. */
  start?(): Promise<void> | void;
  /**
   * All parts are told at once, the last one first. The kernel keeps everything, and so does etcd. Comes
   * without a start too, when an earlier part could not.
   */
  stop?(): Promise<void> | void;
  /** What is wrong now; in /v1/status, counted in /metrics, and logged when it comes and goes. */
  problems?(): readonly StatusProblem[];
  /** That a thread of it has died, in words: only a restart of the daemon helps, so /healthz fails. */
  death?(): string | undefined;
  /** What it answers to GET, by path: '/v1/policy'. For BGP's paths there is http/bgp.ts. */
  readonly answers?: ReadonlyMap<string, Answerer>;
}

import type {KeyValue, Op} from '../etcd/store.js';
import {blockMarkKey, parseBlockMarkKey} from '../keys.js';

/**
 * Marks: which blocks were in use, and in which order they were last seen so. Pure.
 *
 * A claim is gone with its host's lease, and nobody is there at that moment to write down when. So each
 * claim leaves a mark that hangs on no lease, and its host puts it anew from time to time: the mark's
 * revision says when the block was last known to be held, to within MARK_EVERY_MS or a third of the
 * lease, whichever is longer. No clock of any host comes into it.
 *
 * Peers, flows and firewalls forget with time. Beyond KEPT_MARKS the oldest go, and their blocks count
 * as never used: hosts that come and go in a pool of 2^74 blocks would fill etcd with marks otherwise.
 */
export const MARK_EVERY_MS = 3_600_000;
export const KEPT_MARKS = 1000;
const DELETES_AT_ONCE = 50; // etcd takes 128 operations a transaction, claims included

export interface Freed {
  readonly cidrs: readonly string[]; // the one that was freed longest ago first
  readonly deletes: readonly Op[];
}

/** `entries`: everything below blocks/. A block that is held is marked as well, and not freed. */
export function findFreed(
  prefix: string,
  entries: readonly KeyValue[],
  isHeld: (cidr: string) => boolean,
): Freed {
  const oldestFirst = [...entries].sort((a, b) => a.modRevision - b.modRevision);
  const marks = oldestFirst
    .map(({key}) => ({key, cidr: parseBlockMarkKey(prefix, key)}))
    .filter((mark): mark is {key: string; cidr: string} => mark.cidr !== undefined)
    .filter(({cidr}) => !isHeld(cidr));
  const surplus = Math.min(DELETES_AT_ONCE, Math.max(0, marks.length - KEPT_MARKS));
  return {
    cidrs: marks.slice(surplus).map(({cidr}) => cidr),
    deletes: marks.slice(0, surplus).map(({key}) => ({kind: 'delete', key})),
  };
}

export function putMark(prefix: string, cidr: string, node: string): Op {
  return {kind: 'put', key: blockMarkKey(prefix, cidr), value: JSON.stringify({lastNode: node})};
}

/** Threads of the daemon among each other: CNI verbs come first. Shell. */
import {readlinkSync} from 'node:fs';
import {setPriority} from 'node:os';

const NICE = 5;

/**
 * This thread yields to the daemon's others where they want the same processor (setpriority(2): on Linux
 * nice is a thread's own). Where that cannot be had, all are equal.
 */
export function yieldToVerbs(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(thread)) setPriority(thread, NICE);
  } catch {
    return; // no /proc, or not allowed
  }
}

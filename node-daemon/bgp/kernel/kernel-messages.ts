/**
 * What the kernel's end of BGP is told and what it tells, as plain data: it lives on a thread of its own,
 * so that neither a pod's ADD nor a session waits while a million routes are written. Pure types.
 *
 * Order holds both ways. `select` is answered by `taken` when there is room for more.
 */
import type {Family, NextHopState, SelectedColumns} from '#bgp-fsm';
import type {BgpKernelStatus} from './bgp-kernel.js';
import type {NextHop} from './tracker.js';

export type KernelCommand =
  | {readonly kind: 'select'; readonly columns: SelectedColumns}
  | {readonly kind: 'sweep'; readonly family: Family}
  | {readonly kind: 'watch'; readonly changes: NextHopChanges}
  | {readonly kind: 'status'; readonly id: number}
  /** The last one; `stopped` is the answer. */
  | {readonly kind: 'stop'};

export type NextHopChanges = readonly (NextHop & {readonly isUsed: boolean})[];

export type KernelMessage =
  /** Once; how many routes an earlier process left. What the first look found may come before. */
  | {readonly kind: 'started'; readonly held: Readonly<Record<Family, number>>}
  | {readonly kind: 'taken'}
  | {readonly kind: 'nextHops'; readonly states: readonly NextHopState[]}
  | {readonly kind: 'holding'; readonly families: readonly Family[]}
  | {readonly kind: 'status'; readonly id: number; readonly status: BgpKernelStatus}
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | {readonly kind: 'stopped'};

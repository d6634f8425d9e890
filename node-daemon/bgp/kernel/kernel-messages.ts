/**
 * What the kernel's end of BGP is told and what it tells, as plain data: it lives on a thread of its own,
 * so that neither a pod's ADD nor a session waits while a million routes are written. Pure types.
 *
 * Order holds both ways. Each `selectedColumns` is answered by `selectedTaken` when there is room for more.
 */
import type {MessagePort} from 'node:worker_threads';

import type {Family} from '#bgp-fsm';
import type {RouteAnswer, RouteMessage} from '../messages.js';
import type {BgpKernelStatus} from './bgp-kernel.js';

export interface KernelWorkerData {
  readonly verbs: SharedArrayBuffer | undefined; // right-of-way.ts
}

export type ColumnsMessage = Exclude<RouteMessage, {kind: 'selected'}>;

export type KernelCommand =
  | ColumnsMessage
  /** They come over this port from now on, and answers go there. */
  | {readonly kind: 'routesFrom'; readonly port: MessagePort}
  | {readonly kind: 'status'; readonly id: number}
  /** The last one; `stopped` is the answer. */
  | {readonly kind: 'stop'};

export type KernelMessage =
  /** Once; how many routes an earlier process left. What the first look found may come before. */
  | {readonly kind: 'started'; readonly held: Readonly<Record<Family, number>>}
  | RouteAnswer
  | {readonly kind: 'holding'; readonly families: readonly Family[]}
  | {readonly kind: 'status'; readonly id: number; readonly status: BgpKernelStatus}
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | {readonly kind: 'stopped'};

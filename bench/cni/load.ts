/** What is asked of each plugin in a round, and what comes of it. */
import type {Batch, Verb} from './batch.js';
import type {Contestant} from './contestant.js';

/** Calls at a time, and pods per round: enough for a p99 over all rounds. */
export const loads = [
  {parallel: 1, pods: 40},
  {parallel: 8, pods: 96},
  {parallel: 32, pods: 128},
] as const;

export interface Sample extends Batch {
  readonly plugin: Contestant['name'];
  readonly verb: Verb;
  readonly parallel: number;
  readonly pods: number;
}

export type Load = (typeof loads)[number];

/**
 * What the plans of all tables have in common. Pure.
 *
 * A plan compares `desired` with what the mirror holds, for some keys or for all:
 *
 *        desired          observed
 *     +-----------+----------------+
 *     |  missing  |  both  | stale |     missing: add      both: nothing when equal, else replace
 *     +-----------+----------------+     stale: delete, where it is ours
 *
 * Nothing is planned for what is as desired: after a restart a plan is empty.
 */
import type {KernelOp} from '../kernel/port.js';

export interface PlannedOp {
  readonly key: string;
  readonly op: KernelOp;
}

export interface TablePlan {
  readonly writes: readonly PlannedOp[];
  readonly deletes: readonly PlannedOp[];
  /** Keys that cannot be tried yet, and what they wait for. */
  readonly blocked: ReadonlyMap<string, string>;
}

/** The keys to look at; undefined: all. */
export type Keys = ReadonlySet<string> | undefined;

export function* keysOf(
  keys: Keys,
  desired: ReadonlyMap<string, unknown>,
  observed: ReadonlyMap<string, unknown>,
): Iterable<string> {
  if (keys !== undefined) return yield* keys;
  yield* desired.keys();
  for (const key of observed.keys()) if (!desired.has(key)) yield key;
}

export function missingInterface(device: string): string {
  return `interface ${device} is missing`;
}

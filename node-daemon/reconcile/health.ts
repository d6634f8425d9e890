/**
 * What a node's operator sees of reconciliation. Pure.
 */
import type {KeyedTable} from '../desired/tables.js';
import {tableNames, type Ledgers, type TableName} from './reconciler.js';

export interface TableHealth {
  readonly desired: number; // keys
  readonly applied: number; // of those, as desired for all we know
  readonly failed: readonly FailedKey[];
  readonly conflicts: readonly string[]; // keys held by somebody else's object; among `failed` too
  readonly operations: number; // accepted by the kernel, since start
  readonly lastError?: string;
  readonly lastOkAtMs?: number; // on the core's clock
  readonly lastPassMs?: number; // duration
}

export interface FailedKey {
  readonly key: string;
  readonly code: string; // the kernel's, CONFLICT, or WAITING: for another object
  readonly message: string;
  readonly attempts: number;
  readonly sinceMs?: number; // on the core's clock; absent where it waits
}

export interface NodeHealth {
  readonly tables: Readonly<Record<TableName, TableHealth>>;
  /** What was wrong with reading the kernel, until that went well again. */
  readonly dumpError?: {readonly message: string; readonly sinceMs: number};
  readonly lastPassAtMs?: number; // end of the last pass, however it ended; on the core's clock
  readonly resyncs: number; // full passes
  readonly updates: number; // passes over changed keys only
  /** Unusable records by etcd key, and what cannot be done for a node, by 'node <name>'. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
}

export type DesiredCounts = Readonly<Record<KeyedTable | 'device', number>>;

export function describeTables(
  ledgers: Ledgers,
  counts: DesiredCounts,
): Readonly<Record<TableName, TableHealth>> {
  const tables = tableNames.map(
    name => [name, describeTable(ledgers[name], counts[name])] as const,
  );
  return Object.fromEntries(tables) as Record<TableName, TableHealth>;
}

function describeTable(ledger: Ledgers[TableName], desired: number): TableHealth {
  const {failed, blocked, operations, lastError, lastOkAtMs, lastPassMs} = ledger;
  const refused = [...failed].map(([key, {code, message, attempts, sinceMs}]) => {
    return {key, code, message, attempts, sinceMs};
  });
  const waiting = [...blocked]
    .filter(([key]) => !failed.has(key))
    .map(([key, message]) => ({key, code: 'WAITING', message, attempts: 0}));
  return {
    desired,
    applied: Math.max(0, desired - refused.length - waiting.length),
    failed: [...refused, ...waiting],
    conflicts: [...failed].filter(([, {isConflict}]) => isConflict).map(([key]) => key),
    operations,
    ...(lastError !== undefined && {lastError}),
    ...(lastOkAtMs !== undefined && {lastOkAtMs}),
    ...(lastPassMs !== undefined && {lastPassMs}),
  };
}

/**
 * Records out of etcd. Shell. One that cannot be understood is told on stderr and left out: it must
 * not hide the others.
 */
import {
  kindOf,
  parseStored,
  type AnyRecord,
  type Kind,
} from '../node-daemon/datastore/records/kind.js';
import {formatProblem} from '../node-daemon/datastore/records/problem.js';
import type {Store, Terminal} from './command.js';

export type RecordOf<K extends AnyRecord['kind']> = Extract<AnyRecord, {kind: K}>;

/** All of a kind, sorted by name; node-10 comes after node-9. */
export async function readRecords(
  {etcd, prefix}: Store,
  kind: Kind,
  terminal: Pick<Terminal, 'err'>,
): Promise<readonly AnyRecord[]> {
  const {entries} = await etcd.list(kind.keysBelow(prefix));
  const records: AnyRecord[] = [];
  for (const {key, value} of entries) {
    const parsed = parseStored(kind, key, value);
    if (parsed.kind === 'ok') records.push(parsed.value);
    else
      terminal.err(`Warning: ${key} in etcd: ${parsed.problems.map(formatProblem).join('; ')}\n`);
  }
  const collator = new Intl.Collator('en', {numeric: true});
  return records.sort((a, b) => collator.compare(sortName(a), sortName(b)));
}

/** Typed by the kind's name. */
export async function readAll<K extends AnyRecord['kind']>(
  store: Store,
  kind: K,
  terminal: Pick<Terminal, 'err'>,
): Promise<readonly RecordOf<K>[]> {
  const records = await readRecords(store, kindOf(kind), terminal);
  return records.filter((record): record is RecordOf<K> => record.kind === kind);
}

function sortName(record: AnyRecord): string {
  if (record.kind === 'Endpoint' && record.spec.pod !== undefined) {
    return `${record.spec.pod.namespace}/${record.spec.pod.name}`;
  }
  return `${namespaceOf(record) ?? ''}/${record.metadata.name}`;
}

/** Of the record itself; an endpoint has the one of its pod. */
export function namespaceOf(record: AnyRecord): string | undefined {
  if (record.kind === 'NetworkPolicy') return record.metadata.namespace;
  return record.kind === 'Endpoint' ? record.spec.pod?.namespace : undefined;
}

/**
 * `twillctl get KIND [NAME…]`. Shell.
 */
import type {AnyRecord, Kind} from '../node-daemon/datastore/records/kind.js';
import {columnsOf} from './columns.js';
import type {OutputFormat, Store, Terminal} from './command.js';
import {CommandError, UsageError} from './error.js';
import {formatValue} from './output.js';
import {namespaceOf, readRecords} from './read.js';
import {formatTable} from './table.js';
import {parseTarget} from './target.js';

export interface GetOptions {
  readonly output?: OutputFormat;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
}

/** @throws CommandError when a name is not there (what is there has been printed), UsageError, StoreError */
export async function runGet(
  store: Store,
  terminal: Terminal,
  [kindText, ...given]: readonly [string, ...string[]],
  options: GetOptions,
): Promise<void> {
  const {kind, names} = parseTarget(kindText, given);
  const scope = namespaceScope(kind, options);
  if (scope === undefined && kind.namespaced && names.length > 0) {
    throw new UsageError('a name cannot be looked up in all namespaces');
  }

  const all = await readRecords(store, kind, terminal);
  const inScope = all.filter(record => scope === undefined || namespaceOf(record) === scope);
  const found =
    names.length === 0
      ? inScope
      : inScope.filter(record => names.some(name => isNamed(record, name)));
  const missing = names.filter(name => !found.some(record => isNamed(record, name)));

  if (found.length > 0 || (names.length === 0 && isMachineReadable(options.output))) {
    const single = names.length === 1 && found.length === 1 ? found[0] : undefined;
    const value = single ?? {apiVersion: 'v1', kind: 'List', items: found};
    await print(value, found, {kind, terminal, ...options});
  } else if (names.length === 0) {
    const where = scope === undefined ? '' : ` in ${scope} namespace`;
    terminal.err(`No resources found${where}.\n`);
  }
  if (missing.length > 0) {
    throw new CommandError(
      missing.map(name => `${kind.singular} ${JSON.stringify(name)} not found`),
    );
  }
}

/** The namespace looked at, undefined for all. Endpoints of every namespace show unless one is asked for. */
function namespaceScope(kind: Kind, {namespace, allNamespaces}: GetOptions): string | undefined {
  if (allNamespaces === true) return undefined;
  if (kind.namespaced) return namespace ?? 'default';
  return kind.kind === 'Endpoint' ? namespace : undefined;
}

/** An endpoint also goes by the name of its pod. */
function isNamed(record: AnyRecord, name: string): boolean {
  return (
    record.metadata.name === name || (record.kind === 'Endpoint' && record.spec.pod?.name === name)
  );
}

function isMachineReadable(output: OutputFormat | undefined): boolean {
  return output === 'json' || output === 'yaml';
}

async function print(
  value: unknown,
  records: readonly AnyRecord[],
  {
    kind,
    terminal,
    output = 'table',
    allNamespaces = false,
  }: GetOptions & {kind: Kind; terminal: Terminal},
): Promise<void> {
  switch (output) {
    case 'json':
    case 'yaml':
      return terminal.out(await formatValue(value, output));
    case 'name':
      return terminal.out(
        records.map(({metadata}) => `${kind.singular}/${metadata.name}\n`).join(''),
      );
    case 'table':
    case 'wide': {
      const shown = columnsOf(kind.kind, output === 'wide');
      const withNamespace = kind.namespaced && allNamespaces;
      const nowMs = terminal.now();
      const rows = records.map(record => [
        ...(withNamespace ? [namespaceOf(record) ?? ''] : []),
        ...shown.map(column => column.cell(record, nowMs)),
      ]);
      const heading = shown.map(column => column.heading);
      return terminal.out(formatTable(withNamespace ? ['NAMESPACE', ...heading] : heading, rows));
    }
  }
}

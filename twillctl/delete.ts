/**
 * `twillctl delete KIND NAME…` and `delete -f FILE`. Shell. A document only has to say which record it
 * means; whether the rest of it is sound does not matter here.
 */
import {kinds, resourceKey, type Kind} from '../node-daemon/datastore/records/kind.js';
import type {Store, Terminal} from './command.js';
import {CommandError, UsageError} from './error.js';
import type {Manifest} from './manifest.js';
import {parseTarget} from './target.js';

export interface DeleteOptions {
  readonly namespace?: string;
  readonly ignoreNotFound?: boolean;
}

interface Victim {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace?: string;
}

/** @throws UsageError */
export function victimsOf(
  names: readonly [string, ...string[]],
  {namespace}: DeleteOptions,
): readonly Victim[] {
  const [kindText, ...rest] = names;
  const target = parseTarget(kindText, rest);
  if (target.names.length === 0)
    throw new UsageError('expected the NAME of what to delete, or -f FILE');
  return target.names.map(name => ({
    kind: target.kind,
    name,
    ...(namespace !== undefined && {namespace}),
  }));
}

/** @throws CommandError naming file and line */
export function victimsIn(
  manifests: readonly Manifest[],
  {namespace}: DeleteOptions,
): readonly Victim[] {
  return manifests.map(({value, placeOf}) => {
    const {kind: kindName, metadata} = value as {
      kind?: unknown;
      metadata?: Record<string, unknown>;
    };
    const kind = kinds.find(each => each.kind === kindName);
    const name = metadata?.['name'];
    if (kind === undefined) throw new CommandError(`${placeOf(['kind'])}: expected a known kind`);
    if (typeof name !== 'string')
      throw new CommandError(`${placeOf(['metadata'])}: expected metadata.name`);
    const own = metadata?.['namespace'];
    const within = typeof own === 'string' ? own : namespace;
    return {kind, name, ...(within !== undefined && {namespace: within})};
  });
}

/** Goes on past what is not there. @throws CommandError naming all of that, StoreError */
export async function runDelete(
  {etcd, prefix}: Store,
  terminal: Terminal,
  victims: readonly Victim[],
  {ignoreNotFound = false}: DeleteOptions,
): Promise<void> {
  const readOnly = victims.find(({kind}) => kind.readOnly);
  if (readOnly !== undefined) {
    throw new CommandError(
      `${readOnly.kind.plural} are read only: the daemons write and delete them`,
    );
  }
  const missing: string[] = [];
  for (const {kind, name, namespace} of victims) {
    const title = `${kind.singular} ${JSON.stringify(name)}`;
    const isName = !name.includes('/');
    if (isName && (await etcd.delete(resourceKey(prefix, kind, {name, namespace})))) {
      terminal.out(`${title} deleted\n`);
    } else if (!ignoreNotFound) missing.push(`${title} not found`);
  }
  if (missing.length > 0) throw new CommandError(missing);
}

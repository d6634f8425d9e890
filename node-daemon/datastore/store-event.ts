/**
 * Raw etcd entries as typed events. Pure.
 *
 * A record that cannot be understood becomes a 'problem' and nothing else: whoever keeps state goes
 * on with the last good value of that key, if there was one.
 */
import {nodesPrefix, resourcesPrefix} from './records/keys.js';
import {findKind, kindOf, parseStored, type Kind, type Resource} from './records/kind.js';
import type {Node} from './records/node.js';
import {formatProblem} from './records/problem.js';
import type {Change} from './reflector.js';

export type StoreEvent =
  /** Everything that etcd holds has been told. Comes again after every new list. */
  | {readonly kind: 'synced'}
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly record: Node | Resource;
      readonly createRevision: number; // of the key: older claims have lower ones
    }
  | {readonly kind: 'delete'; readonly key: string}
  | {readonly kind: 'problem'; readonly key: string; readonly problems: readonly string[]};

/** The prefixes a daemon reflects. */
export function reflectedPrefixes(prefix: string): readonly string[] {
  return [nodesPrefix(prefix), resourcesPrefix(prefix)];
}

export function toStoreEvents(
  prefix: string,
  changes: readonly Change[],
  isListed: boolean,
): readonly StoreEvent[] {
  const events = changes.map(change => toStoreEvent(prefix, change));
  return isListed ? [...events, {kind: 'synced'}] : events;
}

function toStoreEvent(prefix: string, change: Change): StoreEvent {
  if (change.kind === 'delete') return change;
  const {key, value, createRevision} = change.entry;
  const kind = kindOfKey(prefix, key);
  if (kind === undefined)
    return {kind: 'problem', key, problems: ['no record of this kind is known']};
  const parsed = parseStored(kind, key, value);
  if (parsed.kind === 'invalid') {
    return {kind: 'problem', key, problems: parsed.problems.map(formatProblem)};
  }
  return {kind: 'put', key, record: parsed.value as Node | Resource, createRevision};
}

const node = kindOf('Node');

function kindOfKey(prefix: string, key: string): Kind | undefined {
  if (key.startsWith(nodesPrefix(prefix))) return node;
  const below = resourcesPrefix(prefix);
  if (!key.startsWith(below)) return undefined;
  const singular = key.slice(below.length, key.indexOf('/', below.length));
  const kind = findKind(singular);
  return kind?.singular === singular && !kind.readOnly ? kind : undefined;
}

/** Pools and the Network decide over ranges, translation and settings; other records do not. */
export function concernsNetwork(event: StoreEvent): boolean {
  if (event.kind === 'put') return event.record.kind === 'Pool' || event.record.kind === 'Network';
  if (event.kind === 'delete') return /\/resources\/(pool|network)\//.test(event.key);
  return event.kind === 'synced';
}

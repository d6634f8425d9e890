/**
 * Which records an apply changes. Pure. A record that says the same as the one in etcd is left as it
 * is, so that no watcher hears of it; its creation time lives on when it is changed.
 */
import {isDeepStrictEqual} from 'node:util';
import type {Resource} from '../node-daemon/datastore/records/kind.js';

export interface Stored {
  readonly value: string;
  readonly modRevision: number;
}

export interface Change {
  readonly verb: 'created' | 'configured' | 'unchanged';
  readonly resource: Resource;
  readonly key: string;
  readonly value: string;
  readonly modRevision: number; // of what is replaced, 0 where nothing is
}

export function planApply(
  wanted: readonly {readonly resource: Resource; readonly key: string}[],
  stored: ReadonlyMap<string, Stored>,
  now: string,
): readonly Change[] {
  return wanted.map(({resource, key}) => {
    const current = stored.get(key);
    if (current === undefined) {
      const value = JSON.stringify(withCreation(resource, now));
      return {verb: 'created', resource, key, value, modRevision: 0};
    }
    const {modRevision} = current;
    const old = readJson(current.value);
    const value = JSON.stringify(withCreation(resource, creationOf(old) ?? now));
    const verb = isDeepStrictEqual(JSON.parse(value), old) ? 'unchanged' : 'configured';
    return {verb, resource, key, value, modRevision};
  });
}

/** A time the document gives itself (`get -o yaml` prints it) counts for nothing. */
function withCreation(resource: Resource, creationTimestamp: string): unknown {
  return {...resource, metadata: {...resource.metadata, creationTimestamp}};
}

function creationOf(record: unknown): string | undefined {
  const {metadata} = record as {metadata?: {creationTimestamp?: unknown}};
  const time = metadata?.creationTimestamp;
  return typeof time === 'string' && !isNaN(Date.parse(time)) ? time : undefined;
}

/** What is no record is replaced like any other. */
function readJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

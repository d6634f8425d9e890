/**
 * Configuration keys as environment variables: etcd.caFile is TWILL_ETCD_CAFILE or TWILL_ETCD_CA_FILE. Pure.
 * Lists are split at commas, labels are zone=z1,rack=r2. An empty variable counts as unset, as templates
 * leave such behind.
 */
import type {ObjectEntries} from 'valibot';
import {closestName} from '../datastore/records/problem.js';
import {configSchema} from './schema.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Override {
  readonly path: readonly string[];
  readonly variable: string;
  readonly value: unknown;
}

/** Overrides that the environment holds; the longer spelling wins where both are set. */
export function readOverrides(environment: Environment): readonly Override[] {
  return keyPaths.flatMap(path => {
    const variable = variablesOf(path).find(name => (environment[name] ?? '') !== '');
    if (variable === undefined) return [];
    return [{path, variable, value: toValue(path, environment[variable] ?? '')}];
  });
}

/**
 * TWILL_ variables that are no key but look like a misspelt one, to be logged. Kubernetes itself sets
 * TWILL_SERVICE_HOST and more where a Service has that name, so unknown ones are no error.
 */
export function misspeltVariables(
  environment: Environment,
): readonly {readonly variable: string; readonly meant: string}[] {
  const known = keyPaths.flatMap(variablesOf);
  return Object.keys(environment).flatMap(variable => {
    if (!variable.startsWith('TWILL_') || known.includes(variable)) return [];
    const meant = closestName(
      variable.slice('TWILL_'.length),
      known.map(name => name.slice('TWILL_'.length)),
    );
    return meant === undefined ? [] : [{variable, meant: `TWILL_${meant}`}];
  });
}

/** Every key of the file, as its path. */
export const keyPaths: readonly (readonly string[])[] = leavesOf(configSchema.entries, []);

function leavesOf(entries: ObjectEntries, path: readonly string[]): readonly (readonly string[])[] {
  return Object.entries(entries).flatMap(([key, schema]) => {
    const inner = 'wrapped' in schema ? schema.wrapped : schema;
    const isSection = typeof inner === 'object' && inner !== null && 'entries' in inner;
    return isSection ? leavesOf(inner.entries as ObjectEntries, [...path, key]) : [[...path, key]];
  });
}

function variablesOf(path: readonly string[]): readonly string[] {
  const snake = path.map(key => key.replace(/[A-Z]/g, letter => `_${letter}`));
  return [...new Set([snake, path].map(words => `TWILL_${words.join('_').toUpperCase()}`))];
}

function toValue(path: readonly string[], text: string): unknown {
  switch (path.join('.')) {
    case 'etcd.endpoints':
      return splitAtCommas(text);
    case 'node.labels':
      return Object.fromEntries(splitAtCommas(text).map(splitLabel));
    default:
      return text;
  }
}

function splitAtCommas(text: string): readonly string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');
}

function splitLabel(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/**
 * Namespace: labels for namespaceSelectors, where there is no Kubernetes API to ask. Pure.
 */
import * as v from 'valibot';
import {mapping, optional} from './fields.js';
import {namespaceMetadata} from './metadata.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';

const schema = mapping({
  apiVersion: v.picklist(['twill.io/v1', 'v1'], 'twill.io/v1'),
  kind: v.literal('Namespace', 'Namespace'),
  metadata: namespaceMetadata,
  spec: optional(mapping({})),
});

export type Namespace = Value<typeof schema>;

export function parseNamespace(input: unknown): Parsed<Namespace> {
  return parseSchema(schema, input);
}

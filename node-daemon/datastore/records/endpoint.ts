/**
 * Endpoint: one attachment of a pod, bound to the lease of its host. Written by the daemon of that host
 * behind the CNI verbs. Unknown fields are ignored: another host may be newer. Pure.
 */
import * as v from 'valibot';
import {
  address,
  annotations,
  list,
  mac,
  mapping,
  objectName,
  optional,
  text,
  timestamp,
} from './fields.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('Endpoint', 'Endpoint'),
  metadata: mapping({
    name: text('<containerId>-<ifName>'),
    // Of the pod; without Kubernetes whatever the runtime's user wrote.
    labels: optional(annotations),
    creationTimestamp: optional(timestamp),
  }),
  spec: mapping({
    node: objectName,
    containerId: text('a container id'),
    ifName: text('the name of the interface in the pod'),
    network: text('the name of the CNI network'),
    addresses: list(address),
    hostInterface: text('the name of the interface on the host'),
    mac,
    pod: optional(
      mapping({namespace: text('a name'), name: text('a name'), uid: optional(text('a uid'))}),
    ),
  }),
});

export type Endpoint = Value<typeof schema>;

export const endpointRecordHead = {apiVersion: 'twill.io/v1', kind: 'Endpoint'} as const;

export function parseEndpoint(input: unknown): Parsed<Endpoint> {
  return parseSchema(schema, input, {unknownFields: 'ignore'});
}

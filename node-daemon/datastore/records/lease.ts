/**
 * Lease: one block of addresses, claimed by one host; bound to the etcd lease of that host, written by
 * ipam. Read here to be shown. Unknown fields are ignored. Pure.
 */
import * as v from 'valibot';
import {mapping, objectName, optional, prefix, text} from './fields.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';

const schema = mapping({
  apiVersion: optional(v.literal('twill.io/v1', 'twill.io/v1')),
  kind: v.literal('Lease', 'Lease'),
  metadata: mapping({name: text('a name')}),
  spec: mapping({
    cidr: prefix,
    pool: objectName,
    node: objectName,
    nodeUid: text('the identity of the node'),
    claimedAt: optional(v.string('a time')),
  }),
});

export type Lease = Value<typeof schema>;

export function parseLease(input: unknown): Parsed<Lease> {
  return parseSchema(schema, input, {unknownFields: 'ignore'});
}

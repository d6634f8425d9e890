/**
 * ClusterPolicy: rules for the whole cluster, in order, with Allow, Deny, Log and Pass. Pure.
 */
import * as v from 'valibot';
import {
  addressOrPrefix,
  integer,
  list,
  mapping,
  objectName,
  oneOf,
  optional,
  text,
} from './fields.js';
import {metadata} from './metadata.js';
import {portOrName} from './network-policy.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

const portRange = text('a range of ports such as 8000:8010', value => {
  const [first, last] = /^(\d{1,5}):(\d{1,5})$/.exec(value)?.slice(1).map(Number) ?? [];
  return first !== undefined && last !== undefined && first >= 1 && first <= last && last <= 65_535;
});

/** One side of a connection; everything that is given has to match. */
const entity = mapping({
  selector: optional(labelSelector),
  namespaceSelector: optional(labelSelector),
  serviceAccounts: optional(
    mapping({names: optional(list(objectName)), selector: optional(labelSelector)}),
  ),
  nets: optional(list(addressOrPrefix)),
  notNets: optional(list(addressOrPrefix)),
  ports: optional(
    list(v.union([portOrName, portRange], 'a port, its name, or a range such as 8000:8010')),
  ),
});

const rule = mapping({
  action: oneOf(['Allow', 'Deny', 'Log', 'Pass']),
  protocol: optional(
    v.union(
      [oneOf(['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6']), integer(1, 255)],
      'TCP, UDP, SCTP, ICMP, ICMPv6 or a number from 1 to 255',
    ),
  ),
  source: optional(entity),
  destination: optional(entity),
});

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('ClusterPolicy', 'ClusterPolicy'),
  metadata,
  spec: mapping({
    order: optional(v.pipe(v.number('a number'), v.finite('a number'))), // lowest first
    selector: optional(labelSelector),
    namespaceSelector: optional(labelSelector),
    types: optional(list(oneOf(['Ingress', 'Egress']))),
    ingress: optional(list(rule)),
    egress: optional(list(rule)),
  }),
});

export type ClusterPolicy = Value<typeof schema>;
export type ClusterPolicyRule = NonNullable<ClusterPolicy['spec']['ingress']>[number];

export function parseClusterPolicy(input: unknown): Parsed<ClusterPolicy> {
  return parseSchema(schema, input);
}

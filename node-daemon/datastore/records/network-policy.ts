/**
 * NetworkPolicy, networking.k8s.io/v1, verbatim as Kubernetes defines it. Pure.
 * The checks are those of the API server's own validation (pkg/apis/networking/validation).
 */
import * as v from 'valibot';
import {maskAddress, overlaps, parseInterface} from '#ipam';
import {list, anyPrefix, mapping, oneOf, optional, port, text} from './fields.js';
import {kubernetesMetadata} from './metadata.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

/** RFC 6335 §5.1: 15 characters at most, a letter among them, no '-' at an end or twice in a row. */
const portName = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/;

export const portOrName = v.union(
  [port, text('a port name', value => portName.test(value))],
  'a port from 1 to 65535 or the name of one',
);

const policyPort = v.pipe(
  mapping({
    protocol: optional(oneOf(['TCP', 'UDP', 'SCTP'])),
    port: optional(portOrName),
    endPort: optional(port),
  }),
  v.forward(
    v.check(
      ({port, endPort}) => endPort === undefined || (typeof port === 'number' && endPort >= port),
      'a number, and no less than a numeric port',
    ),
    ['endPort'],
  ),
);

const ipBlock = v.pipe(
  mapping({cidr: anyPrefix, except: optional(list(anyPrefix))}),
  v.forward(
    v.check(({cidr, except = []}) => except.every(hole => isHole(cidr, hole)), 'parts of cidr'),
    ['except'],
  ),
);

const policyPeer = v.pipe(
  mapping({
    podSelector: optional(labelSelector),
    namespaceSelector: optional(labelSelector),
    ipBlock: optional(ipBlock),
  }),
  v.check(
    ({podSelector, namespaceSelector, ipBlock}) =>
      (ipBlock === undefined) !== (podSelector === undefined && namespaceSelector === undefined),
    'podSelector and/or namespaceSelector, or else ipBlock alone',
  ),
);

const ports = optional(list(policyPort));
const peers = optional(list(policyPeer));

const schema = v.pipe(
  mapping({
    apiVersion: v.literal('networking.k8s.io/v1', 'networking.k8s.io/v1'),
    kind: v.literal('NetworkPolicy', 'NetworkPolicy'),
    metadata: kubernetesMetadata,
    spec: mapping({
      podSelector: labelSelector,
      policyTypes: optional(list(oneOf(['Ingress', 'Egress']))),
      ingress: optional(list(mapping({ports, from: peers}))),
      egress: optional(list(mapping({ports, to: peers}))),
    }),
    status: optional(v.unknown()),
  }),
  v.transform(({apiVersion, kind, metadata, spec}) => ({apiVersion, kind, metadata, spec})),
);

export type NetworkPolicy = Value<typeof schema>;

export function parseNetworkPolicy(input: unknown): Parsed<NetworkPolicy> {
  return parseSchema(schema, input);
}

/** Both may carry host bits, which count for nothing. */
function isHole(cidr: string, hole: string): boolean {
  const [outer, inner] = [parseInterface(cidr), parseInterface(hole)];
  if (outer === undefined || inner === undefined || inner.bits <= outer.bits) return false;
  return overlaps({...outer, address: maskAddress(outer.address, outer.bits)}, inner);
}

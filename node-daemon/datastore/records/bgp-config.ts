/**
 * BGPConfig: the speaker of every node. One, named `default`. Pure.
 */
import * as v from 'valibot';
import {community} from './bgp-filter.js';
import {bfd, checkTimers, passwordFrom} from './bgp-session.js';
import {
  address,
  asn,
  duration,
  integer,
  ipv4Address,
  list,
  mapping,
  optional,
  port,
  prefix,
  yesOrNo,
} from './fields.js';
import {singletonMetadata} from './metadata.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('BGPConfig', 'BGPConfig'),
  metadata: singletonMetadata,
  spec: mapping({
    asn: optional(asn),
    /** Other AS numbers for some nodes; the first entry that matches counts. */
    nodeAsns: optional(list(mapping({nodeSelector: labelSelector, asn}))),
    nodeMesh: optional(yesOrNo),
    /** Sessions between nodes, whether mesh or with reflectors. */
    mesh: optional(
      mapping({
        holdTime: optional(duration),
        keepalive: optional(duration),
        passwordFrom: optional(passwordFrom),
        bfd: optional(bfd),
      }),
    ),
    listenPort: optional(port),
    listenAddresses: optional(list(address)),
    installRoutes: optional(yesOrNo),
    routeReflector: optional(
      mapping({nodeSelector: labelSelector, clusterId: optional(ipv4Address)}),
    ),
    gracefulRestart: optional(
      mapping({
        enabled: optional(yesOrNo),
        restartTime: optional(duration),
        stalePathTime: optional(duration),
        longLivedTime: optional(duration),
        deferral: optional(duration),
      }),
    ),
    multipath: optional(
      mapping({
        max: optional(integer(1, 256, 'a number of paths')),
        relaxAsPath: optional(yesOrNo),
      }),
    ),
    alwaysCompareMed: optional(yesOrNo),
    /** Beside the pools, what a neighbour may tell us without an `import` of its own. */
    serviceRanges: optional(list(prefix)),
    /** On all that this cluster originates. */
    communities: optional(list(community)),
  }),
});

export type BgpConfig = Value<typeof schema>;

export function parseBgpConfig(input: unknown): Parsed<BgpConfig> {
  const parsed = parseSchema(schema, input);
  if (parsed.kind === 'invalid') return parsed;
  const problems = checkTimers(['spec', 'mesh'], parsed.value.spec.mesh ?? {});
  return problems.length > 0 ? {kind: 'invalid', problems} : parsed;
}

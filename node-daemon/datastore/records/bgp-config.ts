/**
 * BGPConfig: the speaker of every node. One, named `default`. Pure.
 */
import * as v from 'valibot';
import {asn} from './as-number.js';
import {community} from './bgp-filter.js';
import {bfd, checkTimers, passwordFrom} from './bgp-session.js';
import {
  duration,
  integer,
  ipv4Address,
  list,
  mapping,
  objectName,
  optional,
  port,
  prefix,
  yesOrNo,
} from './fields.js';
import {singletonMetadata} from './metadata.js';
import {parseDurationMs} from './duration.js';
import {describeValue, problemAt, type Parsed, type Problem} from './problem.js';
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
        sendHoldTime: optional(duration),
        passwordFrom: optional(passwordFrom),
        bfd: optional(bfd),
      }),
    ),
    listenPort: optional(port),
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
        maxInternal: optional(integer(1, 256, 'a number of paths')),
        relaxAsPath: optional(yesOrNo),
        relaxPeerType: optional(yesOrNo),
      }),
    ),
    alwaysCompareMed: optional(yesOrNo),
    /** Names of nodes about to leave: their routes go out with 65535:0 (RFC 8326). */
    gracefulShutdown: optional(list(objectName)),
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
  const {mesh = {}, gracefulRestart = {}} = parsed.value.spec;
  const problems = [...checkTimers(['spec', 'mesh'], mesh), ...checkRestart(gracefulRestart)];
  return problems.length > 0 ? {kind: 'invalid', problems} : parsed;
}

/** Widths on the wire: 12 bits of seconds (RFC 4724 §3), 24 bits (RFC 9494 §3.1). */
const longest = {restartTime: 4095, stalePathTime: 86_400, longLivedTime: 0xff_ffff, deferral: 600};

function checkRestart(given: Readonly<Record<string, unknown>>): readonly Problem[] {
  return Object.entries(longest).flatMap(([field, seconds]) => {
    const value = given[field];
    const isShort = typeof value !== 'string' || (parseDurationMs(value) ?? 0) <= seconds * 1000;
    if (isShort) return [];
    const message = `expected at most ${seconds}s, got ${describeValue(value)}`;
    return [problemAt(['spec', 'gracefulRestart', field], message)];
  });
}

/**
 * BGPConfig: the speaker of every node. One, named `default`. Pure.
 */
import * as v from 'valibot';
import {
  asn,
  duration,
  ipv4Address,
  list,
  mapping,
  optional,
  port,
  text,
  yesOrNo,
} from './fields.js';
import {singletonMetadata} from './metadata.js';
import type {Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

/** `64512:1`, large `64512:1:2`, or a well-known name of RFC 1997 and RFC 8326. */
export const community = text(
  'a community such as 64512:1, 64512:1:2 or no-export',
  value => isNumberedCommunity(value) || wellKnownCommunities.has(value),
);

const wellKnownCommunities = new Set([
  'no-export',
  'no-advertise',
  'no-export-subconfed',
  'graceful-shutdown',
]);

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('BGPConfig', 'BGPConfig'),
  metadata: singletonMetadata,
  spec: mapping({
    asn: optional(asn),
    nodeMesh: optional(yesOrNo),
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
      }),
    ),
    communities: optional(list(community)),
  }),
});

export type BgpConfig = Value<typeof schema>;

export function parseBgpConfig(input: unknown): Parsed<BgpConfig> {
  return parseSchema(schema, input);
}

/** RFC 1997: two numbers of 16 bits. RFC 8092: three of 32. */
function isNumberedCommunity(value: string): boolean {
  if (!/^\d{1,10}(?::\d{1,10}){1,2}$/.test(value)) return false;
  const numbers = value.split(':').map(Number);
  const highest = numbers.length === 2 ? 0xffff : 0xffff_ffff;
  return numbers.every(number => number <= highest);
}

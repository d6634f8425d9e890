/**
 * Network: how pod traffic crosses hosts. One, named `default`. Pure.
 */
import * as v from 'valibot';
import {parseDurationMs} from './duration.js';
import {duration, integer, mapping, oneOf, optional, port, yesOrNo} from './fields.js';
import {singletonMetadata} from './metadata.js';
import {problemAt, type Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('Network', 'Network'),
  metadata: singletonMetadata,
  spec: mapping({
    backend: optional(oneOf(['vxlan', 'direct', 'bgp'])),
    vxlan: optional(
      mapping({
        vni: optional(integer(1, 0xff_ffff, 'a VXLAN network identifier')),
        port: optional(port),
        directRouting: optional(yesOrNo),
      }),
    ),
    mtu: optional(
      v.union(
        [v.literal('auto'), integer(576, 65_535)],
        'auto or a whole number from 576 to 65535',
      ),
    ),
    leaseTTL: optional(duration),
    leaseRenewMargin: optional(duration),
  }),
});

export type Network = Value<typeof schema>;
export type Backend = NonNullable<Network['spec']['backend']>;

/** A Network with every default filled in and every duration a number. */
export interface NetworkSettings {
  readonly backend: Backend;
  readonly vxlan: {readonly vni: number; readonly port: number; readonly directRouting: boolean};
  readonly mtu: 'auto' | number;
  readonly leaseTtlMs: number;
  readonly leaseRenewMarginMs: number;
}

export function parseNetwork(input: unknown): Parsed<Network> {
  const parsed = parseSchema(schema, input);
  if (parsed.kind === 'invalid') return parsed;

  const {leaseTtlMs, leaseRenewMarginMs} = networkSettings(parsed.value);
  const path = ['spec', 'leaseTTL'];
  if (leaseTtlMs < shortestTtlMs) {
    return {
      kind: 'invalid',
      problems: [problemAt(path, `expected 2s or more, got ${leaseTtlMs} ms`)],
    };
  }
  if (leaseRenewMarginMs >= leaseTtlMs) {
    const margin = ['spec', 'leaseRenewMargin'];
    return {
      kind: 'invalid',
      problems: [problemAt(margin, 'expected less than leaseTTL, got as much or more')],
    };
  }
  return parsed;
}

/** Below this an etcd lease cannot be kept alive through one lost packet. */
const shortestTtlMs = 2000;
const defaultTtlMs = 24 * 3_600_000;
const defaultMarginMs = 3_600_000;

/** Also what holds where no Network was applied. A short TTL shrinks the default margin to a quarter of it. */
export function networkSettings(network?: Network): NetworkSettings {
  const {
    backend = 'vxlan',
    vxlan = {},
    mtu = 'auto',
    leaseTTL,
    leaseRenewMargin,
  } = network?.spec ?? {};
  const leaseTtlMs = parseDurationMs(leaseTTL ?? '') ?? defaultTtlMs;
  return {
    backend,
    vxlan: {
      vni: vxlan.vni ?? 4096,
      port: vxlan.port ?? 4789,
      directRouting: vxlan.directRouting ?? false,
    },
    mtu,
    leaseTtlMs,
    leaseRenewMarginMs:
      parseDurationMs(leaseRenewMargin ?? '') ?? Math.min(defaultMarginMs, leaseTtlMs / 4),
  };
}

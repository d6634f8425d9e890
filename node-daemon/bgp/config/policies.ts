/**
 * Which policies the peers of this node get: those of its records, and those made for it. Pure.
 *
 * Before every import stands the guard: never our own ranges, never a host route to a node or to etcd,
 * never a piece of the subnets that our interfaces are in. Where pods do not travel by BGP routes
 * (backend vxlan or direct), the ranges of other nodes are not taken from neighbours without a filter
 * that says so: the overlay has routes to them already.
 */
import {
  DEFAULT_EXPORT_RULES,
  defaultImportRules,
  guardRules,
  type Cidr,
  type Policy,
} from '#bgp-fsm';
import {contains, parsePrefix} from '#ipam';
import type {BgpFilterRule} from '../../datastore/records/bgp-filter.js';
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import {toPolicyRule} from './filter.js';
import type {BgpInput} from './input.js';
import type {PolicyShelf} from './policy-shelf.js';

export interface Policies {
  /** Undefined: the record has no rules of its own. */
  importPolicy(rules: readonly BgpFilterRule[] | undefined): Policy;
  exportPolicy(rules: readonly BgpFilterRule[] | undefined): Policy;
}

export function createPolicies(
  input: BgpInput,
  config: BgpConfig['spec'],
  shelf: PolicyShelf,
): Policies {
  const {state, etcdAddresses} = input;
  const ownRanges = state.ranges ?? [];
  const ownSubnets = Object.values(state.underlay?.addresses ?? {});
  const hosts = [...hostAddresses(input), ...etcdAddresses].map(toHost);
  const pools = poolsOf(state, config);
  const inPools = hosts.filter(({address}) => pools.some(pool => contains(pool, address)));
  const others = state.network.backend === 'bgp' ? [] : [...state.nodes.values()];
  const except = others.flatMap(({ranges}) => ranges);
  const own = keyOf([...ownRanges, ...ownSubnets]);
  const all = () => `${own} ${keyOf(hosts)}`;
  const usual = `${own} ${keyOf(inPools)} ${keyOf(pools)} ${keyOf(except)}`;
  return {
    importPolicy: rules =>
      rules === undefined
        ? shelf.get('import', `default ${usual}`, () => [
            ...guardRules({
              ownRanges,
              ownSubnets,
              hosts: inPools.flatMap(host => around(host, pools)),
            }),
            ...defaultImportRules(pools, except),
          ])
        : shelf.get('import', `${JSON.stringify(rules)} ${all()}`, () => [
            ...guardRules({ownRanges, ownSubnets, hosts}),
            ...rules.map(toPolicyRule),
          ]),
    exportPolicy: rules =>
      rules === undefined
        ? shelf.get('export', 'default', () => DEFAULT_EXPORT_RULES)
        : shelf.get('export', JSON.stringify(rules), () => rules.map(toPolicyRule)),
  };
}

/** Nodes', and our own. */
function hostAddresses({state: {nodes, underlay}}: BgpInput): readonly Uint8Array[] {
  const own = Object.values(underlay?.addresses ?? {}).map(({address}) => address);
  return [...own, ...[...nodes.values()].flatMap(node => Object.values(node.underlay))];
}

function poolsOf({pools}: BgpInput['state'], {serviceRanges = []}: BgpConfig['spec']) {
  const texts = [...[...pools.values()].map(({cidr}) => cidr), ...serviceRanges];
  return texts.map(parsePrefix).filter(prefix => prefix !== undefined);
}

function toHost(address: Uint8Array): Cidr {
  return {address, bits: address.length * 8};
}

/** A host inside a pool is somebody's mistake: no prefix around it but the pool's own is let in. */
function around({address}: Cidr, pools: readonly Cidr[]): readonly Cidr[] {
  const shortest = Math.min(
    ...pools.filter(pool => pool.address.length === address.length).map(({bits}) => bits + 1),
  );
  const prefixes: Cidr[] = [];
  for (let bits = shortest; bits <= address.length * 8; bits++) prefixes.push({address, bits});
  return prefixes;
}

/** Octets as characters: there may be ten thousand, and nobody reads it. */
function keyOf(prefixes: readonly Cidr[]): string {
  return prefixes
    .map(({address, bits}) => String.fromCharCode(address.length, ...address, bits))
    .join('');
}

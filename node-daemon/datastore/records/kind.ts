/**
 * Every kind of record: its names, where it lies, how it is parsed. Pure.
 */
import {parseBgpConfig, type BgpConfig} from './bgp-config.js';
import {parseBgpPeer, type BgpPeer} from './bgp-peer.js';
import {parseClusterPolicy, type ClusterPolicy} from './cluster-policy.js';
import {parseEndpoint, type Endpoint} from './endpoint.js';
import {endpointsPrefix, leasesPrefix, nodesPrefix, resourcesPrefix} from './keys.js';
import {parseLease, type Lease} from './lease.js';
import {parseNamespace, type Namespace} from './namespace.js';
import {parseNetwork, type Network} from './network.js';
import {parseNetworkPolicy, type NetworkPolicy} from './network-policy.js';
import {parseNode, type Node} from './node.js';
import {parsePool, type Pool} from './pool.js';
import {closestName, describeValue, problemAt, type Parsed} from './problem.js';

/** What users apply. */
export type Resource =
  Network | Pool | Namespace | BgpConfig | BgpPeer | NetworkPolicy | ClusterPolicy;

export type AnyRecord = Resource | Node | Lease | Endpoint;
export type KindName = AnyRecord['kind'];

export interface Kind {
  readonly kind: KindName;
  readonly apiVersion: string;
  readonly singular: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly readOnly: boolean; // written by daemons, never applied
  readonly parse: (input: unknown) => Parsed<AnyRecord>;
  /** All keys of the kind and no other, below the etcd prefix; ends in '/'. */
  readonly keysBelow: (prefix: string) => string;
}

export const kinds: readonly Kind[] = [
  resourceKind('Network', 'networks', ['net'], parseNetwork),
  resourceKind('Pool', 'pools', ['pl'], parsePool),
  resourceKind('Namespace', 'namespaces', ['ns'], parseNamespace),
  resourceKind('BGPConfig', 'bgpconfigs', [], parseBgpConfig),
  resourceKind('BGPPeer', 'bgppeers', ['peer', 'peers'], parseBgpPeer),
  {
    ...resourceKind('NetworkPolicy', 'networkpolicies', ['netpol', 'np'], parseNetworkPolicy),
    apiVersion: 'networking.k8s.io/v1',
    namespaced: true,
  },
  resourceKind('ClusterPolicy', 'clusterpolicies', ['cpol', 'cp'], parseClusterPolicy),
  daemonKind('Node', 'nodes', ['no'], parseNode, nodesPrefix),
  daemonKind('Lease', 'leases', [], parseLease, leasesPrefix),
  daemonKind('Endpoint', 'endpoints', ['ep'], parseEndpoint, endpointsPrefix),
];

const byKind: ReadonlyMap<string, Kind> = new Map(kinds.map(kind => [kind.kind, kind]));

const byAnyName: ReadonlyMap<string, Kind> = new Map(
  kinds.flatMap(kind =>
    [kind.singular, kind.plural, ...kind.shortNames].map(name => [name, kind] as const),
  ),
);

export function kindOf(name: KindName): Kind {
  const kind = byKind.get(name);
  if (kind === undefined) throw new TypeError(`no kind ${name}`);
  return kind;
}

/** By singular, plural or short name, in any case, as on a command line. */
export function findKind(name: string): Kind | undefined {
  return byAnyName.get(name.toLowerCase());
}

/** The key of a resource users apply; `namespace` only where the kind has them. */
export function resourceKey(
  prefix: string,
  kind: Kind,
  {name, namespace}: {readonly name: string; readonly namespace?: string | undefined},
): string {
  const folder = kind.keysBelow(prefix);
  return kind.namespaced ? `${folder}${namespace ?? 'default'}/${name}` : folder + name;
}

/** A document of any kind that users may apply. */
export function parseResource(input: unknown): Parsed<Resource> {
  const name =
    typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
  const kind = typeof name === 'string' ? byKind.get(name) : undefined;
  if (kind !== undefined && !kind.readOnly) return kind.parse(input) as Parsed<Resource>;

  const applicable = kinds.filter(({readOnly}) => !readOnly).map(each => each.kind);
  const close = typeof name === 'string' ? closestName(name, applicable) : undefined;
  const hint = close === undefined ? '' : `, did you mean ${close}?`;
  const why = kind?.readOnly ? `${kind.kind}, which is read only` : `${describeValue(name)}${hint}`;
  const message = `expected one of ${applicable.join(', ')}, got ${why}`;
  return {kind: 'invalid', problems: [problemAt(['kind'], message)]};
}

/** A value as it lies in etcd; `key` is where, and has to fit. */
export function parseStored(kind: Kind, key: string, value: string): Parsed<AnyRecord> {
  let input: unknown;
  try {
    input = JSON.parse(value);
  } catch (error) {
    return {kind: 'invalid', problems: [problemAt([], `expected JSON, got ${String(error)}`)]};
  }
  const parsed = kind.parse(input);
  if (parsed.kind === 'invalid') return parsed;

  const {metadata} = parsed.value;
  const steps = key.split('/');
  const name = steps.at(-1) ?? '';
  if (metadata.name !== name) return mismatch('name', name, metadata.name);
  const namespace = steps.at(-2) ?? '';
  if ('namespace' in metadata && metadata.namespace !== namespace) {
    return mismatch('namespace', namespace, metadata.namespace);
  }
  return parsed;
}

function mismatch(field: string, inKey: string, value: unknown): Parsed<AnyRecord> {
  const message = `expected ${inKey}, as in its key, got ${describeValue(value)}`;
  return {kind: 'invalid', problems: [problemAt(['metadata', field], message)]};
}

function resourceKind(
  kind: Resource['kind'],
  plural: string,
  shortNames: readonly string[],
  parse: (input: unknown) => Parsed<AnyRecord>,
): Kind {
  const singular = kind.toLowerCase();
  return {
    kind,
    apiVersion: 'twill.io/v1',
    singular,
    plural,
    shortNames,
    namespaced: false,
    readOnly: false,
    parse,
    keysBelow: prefix => `${resourcesPrefix(prefix)}${singular}/`,
  };
}

function daemonKind(
  kind: KindName,
  plural: string,
  shortNames: readonly string[],
  parse: (input: unknown) => Parsed<AnyRecord>,
  keysBelow: (prefix: string) => string,
): Kind {
  const singular = kind.toLowerCase();
  return {
    ...resourceKind('Pool', plural, shortNames, parse),
    kind,
    singular,
    readOnly: true,
    keysBelow,
  };
}

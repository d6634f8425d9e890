/**
 * Which columns `get` shows for each kind. Pure. The first columns of a kind stay as they are: people
 * cut and awk them. `wide` columns come behind.
 */
import {formatDuration} from '../node-daemon/datastore/records/duration.js';
import type {AnyRecord, KindName} from '../node-daemon/datastore/records/kind.js';
import {networkSettings} from '../node-daemon/datastore/records/network.js';
import {poolSettings} from '../node-daemon/datastore/records/pool.js';
import type {LabelSelector} from '../node-daemon/datastore/records/selector.js';
import {formatAge} from './table.js';

export interface Column<R> {
  readonly heading: string;
  readonly wide?: boolean;
  readonly cell: (record: R, nowMs: number) => string;
}

type Columns = {readonly [K in KindName]: readonly Column<Extract<AnyRecord, {kind: K}>>[]};

interface Named {
  readonly metadata: {readonly name: string; readonly creationTimestamp?: string};
}

const name: Column<Named> = {heading: 'NAME', cell: ({metadata}) => metadata.name};
const age: Column<Named> = {
  heading: 'AGE',
  cell: ({metadata}, nowMs) => formatAge(metadata.creationTimestamp, nowMs),
};

const columns: Columns = {
  Network: [
    name,
    {heading: 'BACKEND', cell: network => networkSettings(network).backend},
    {heading: 'VNI', cell: network => String(networkSettings(network).vxlan.vni)},
    {heading: 'PORT', cell: network => String(networkSettings(network).vxlan.port)},
    {heading: 'MTU', cell: network => String(networkSettings(network).mtu)},
    {heading: 'LEASE-TTL', cell: network => formatDuration(networkSettings(network).leaseTtlMs)},
    age,
    {
      heading: 'RENEW-MARGIN',
      wide: true,
      cell: network => formatDuration(networkSettings(network).leaseRenewMarginMs),
    },
    {
      heading: 'DIRECT-ROUTING',
      wide: true,
      cell: network => String(networkSettings(network).vxlan.directRouting),
    },
  ],
  Pool: [
    name,
    {heading: 'CIDR', cell: ({spec}) => spec.cidr},
    {heading: 'BLOCK-SIZE', cell: pool => `/${poolSettings(pool).blockSize}`},
    {heading: 'NAT', cell: pool => String(poolSettings(pool).natOutgoing)},
    {heading: 'DISABLED', cell: pool => String(poolSettings(pool).disabled)},
    age,
    {heading: 'NODES', wide: true, cell: ({spec}) => formatSelector(spec.nodeSelector)},
    {heading: 'NAMESPACES', wide: true, cell: ({spec}) => formatSelector(spec.namespaceSelector)},
    {heading: 'RESERVED', wide: true, cell: ({spec}) => (spec.reserved ?? []).join(',')},
  ],
  Namespace: [
    name,
    age,
    {heading: 'LABELS', wide: true, cell: ({metadata}) => formatLabels(metadata.labels)},
  ],
  BGPConfig: [
    name,
    {heading: 'ASN', cell: ({spec}) => String(spec.asn ?? '')},
    // Unset, there is one where the Network's backend is bgp; the record alone does not say.
    {heading: 'NODE-MESH', cell: ({spec}) => String(spec.nodeMesh ?? 'by-backend')},
    {heading: 'LISTEN-PORT', cell: ({spec}) => String(spec.listenPort ?? 179)},
    age,
    {heading: 'COMMUNITIES', wide: true, cell: ({spec}) => (spec.communities ?? []).join(',')},
  ],
  BGPPeer: [
    name,
    {heading: 'ADDRESS', cell: ({spec}) => spec.address ?? `%${spec.interface ?? ''}`},
    {heading: 'ASN', cell: ({spec}) => [spec.asn].flat().join()},
    {heading: 'PORT', cell: ({spec}) => String(spec.port ?? 179)},
    age,
    {heading: 'NODES', wide: true, cell: ({spec}) => formatSelector(spec.nodeSelector)},
    {heading: 'SOURCE', wide: true, cell: ({spec}) => spec.sourceAddress ?? ''},
  ],
  NetworkPolicy: [
    name,
    {heading: 'POD-SELECTOR', cell: ({spec}) => formatSelector(spec.podSelector)},
    age,
    {heading: 'TYPES', wide: true, cell: ({spec}) => (spec.policyTypes ?? []).join(',')},
  ],
  ClusterPolicy: [
    name,
    {heading: 'ORDER', cell: ({spec}) => String(spec.order ?? '')},
    {heading: 'SELECTOR', cell: ({spec}) => formatSelector(spec.selector)},
    age,
    {heading: 'INGRESS', wide: true, cell: ({spec}) => String(spec.ingress?.length ?? 0)},
    {heading: 'EGRESS', wide: true, cell: ({spec}) => String(spec.egress?.length ?? 0)},
  ],
  Node: [
    name,
    {heading: 'ADDRESS', cell: ({spec}) => joinGiven(spec.address, spec.address6)},
    {heading: 'RANGES', cell: ({spec}) => spec.ranges.join(',')},
    age,
    {heading: 'UID', wide: true, cell: ({metadata}) => metadata.uid},
    {heading: 'VTEP-MAC', wide: true, cell: ({spec}) => spec.vxlan?.mac ?? ''},
    {
      heading: 'VTEP-ADDRESS',
      wide: true,
      cell: ({spec}) => joinGiven(spec.vxlan?.address, spec.vxlan?.address6),
    },
    {heading: 'LABELS', wide: true, cell: ({metadata}) => formatLabels(metadata.labels)},
  ],
  Lease: [
    name,
    {heading: 'CIDR', cell: ({spec}) => spec.cidr},
    {heading: 'POOL', cell: ({spec}) => spec.pool},
    {heading: 'NODE', cell: ({spec}) => spec.node},
    {heading: 'AGE', cell: ({spec}, nowMs) => formatAge(spec.claimedAt, nowMs)},
    {heading: 'NODE-UID', wide: true, cell: ({spec}) => spec.nodeUid},
  ],
  Endpoint: [
    {heading: 'NAMESPACE', cell: ({spec}) => spec.pod?.namespace ?? ''},
    {heading: 'POD', cell: ({spec}) => spec.pod?.name ?? ''},
    {heading: 'CONTAINER', cell: ({spec}) => spec.containerId.slice(0, 13)},
    {heading: 'INTERFACE', cell: ({spec}) => spec.ifName},
    {heading: 'ADDRESSES', cell: ({spec}) => spec.addresses.join(',')},
    {heading: 'NODE', cell: ({spec}) => spec.node},
    age,
    {heading: 'HOST-INTERFACE', wide: true, cell: ({spec}) => spec.hostInterface},
    {heading: 'MAC', wide: true, cell: ({spec}) => spec.mac},
    {heading: 'NETWORK', wide: true, cell: ({spec}) => spec.network},
    {heading: 'NAME', wide: true, cell: ({metadata}) => metadata.name},
  ],
};

/** Of one kind; only its records may be given to the cells. */
export function columnsOf(kind: KindName, wide: boolean): readonly Column<AnyRecord>[] {
  const all = columns[kind] as readonly Column<AnyRecord>[];
  return wide ? all : all.filter(column => column.wide !== true);
}

/** As kubectl writes selectors: `app=web,zone in (a,b),!old`. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const {matchLabels = {}, matchExpressions = []} = selector ?? {};
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({key, operator, values = []}) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
    }
  });
  return [...labels, ...expressions].join(',');
}

function formatLabels(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function joinGiven(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined).join(',');
}

/**
 * What this node writes about itself, and which pools it may claim from. Pure.
 */
import {checkPool, formatAddress, parsePrefix, type Family, type Pool, type Range} from '#ipam';
import {nodeRecordHead, type Machine, type Node, type NodeBgp} from '../datastore/records/node.js';
import type {PoolSettings} from '../datastore/records/pool.js';
import {matchesSelector, type Labels} from '../datastore/records/selector.js';
import {formatMac} from '../overlay/vtep-mac.js';
import type {State, Underlay} from '../state/state.js';

export interface OwnNode {
  readonly self: State['self'];
  readonly labels: Labels;
  readonly createdAt: string; // of its identity, ISO 8601
  readonly machine: Machine;
  readonly underlay: Underlay | undefined;
  readonly ranges: readonly Range[];
  readonly bgp?: NodeBgp | undefined; // undefined: no speaker runs
}

/** The record that the other hosts are wired from. Same input, same text: it is compared as text. */
export function renderOwnRecord(own: OwnNode): string {
  const {self, labels, createdAt, machine, underlay, ranges, bgp} = own;
  const {ipv4, ipv6} = underlay?.addresses ?? {};
  const address = firstAddress(ranges, 'ipv4');
  const address6 = firstAddress(ranges, 'ipv6');
  const record: Node = {
    ...nodeRecordHead,
    metadata: {name: self.name, uid: self.uid, labels, creationTimestamp: createdAt},
    spec: {
      ...(ipv4 && {address: formatAddress(ipv4.address)}),
      ...(ipv6 && {address6: formatAddress(ipv6.address)}),
      ranges: ranges.map(({cidr}) => cidr),
      vxlan: {
        mac: formatMac(self.vtepMac),
        ...(address !== undefined && {address}),
        ...(address6 !== undefined && {address6}),
      },
      ...(bgp && {bgp}),
      machine,
    },
  };
  return JSON.stringify(record);
}

/** The host's own address in a family: the first of its first range, which no pod gets. */
export function firstAddress(ranges: readonly Range[], family: Family): string | undefined {
  const range = ranges.find(each => each.family === family);
  const prefix = range && parsePrefix(range.cidr);
  return prefix && formatAddress(prefix.address);
}

/** Pools whose nodeSelector takes this node in. What the record's schema let pass is sound. */
export function eligiblePools(pools: Iterable<PoolSettings>, labels: Labels): readonly Pool[] {
  const eligible: Pool[] = [];
  for (const {name, nodeSelector, ...spec} of pools) {
    if (nodeSelector !== undefined && !matchesSelector(nodeSelector, labels)) continue;
    const checked = checkPool(name, spec);
    if (checked.kind === 'ok') eligible.push(checked.pool);
  }
  return eligible;
}

/**
 * Another host, as the kernel tables need it: addresses as octets, parsed once. Pure.
 */
import {parseAddress, parsePrefix, type Family, type Prefix} from '#ipam';
import type {Node, NodeBgp} from '../datastore/records/node.js';
import {parseUnicastMac} from '../overlay/vtep-mac.js';

export interface Peer {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createRevision: number; // of the record: age of its claims
  readonly underlay: ByFamily<Uint8Array>;
  readonly ranges: readonly Prefix[];
  readonly gateways: ByFamily<Uint8Array>; // of the overlay
  readonly mac: Uint8Array | undefined; // of its VTEP; undefined: none, or none that can be one
  readonly bgp: NodeBgp;
}

export type ByFamily<T> = Readonly<Partial<Record<Family, T>>>;

export function toPeer({metadata, spec}: Node, createRevision: number): Peer {
  return {
    name: metadata.name,
    uid: metadata.uid,
    labels: metadata.labels ?? noLabels,
    createRevision,
    underlay: parseBoth(spec.address, spec.address6),
    ranges: spec.ranges.map(parsePrefix).filter(range => range !== undefined),
    gateways: parseBoth(spec.vxlan?.address, spec.vxlan?.address6),
    mac: spec.vxlan && parseUnicastMac(spec.vxlan.mac),
    bgp: spec.bgp ?? noBgp,
  };
}

const noBgp: NodeBgp = {};

const noLabels: Readonly<Record<string, string>> = {};

function parseBoth(address?: string, address6?: string): ByFamily<Uint8Array> {
  const ipv4 = address === undefined ? undefined : parseAddress(address);
  const ipv6 = address6 === undefined ? undefined : parseAddress(address6);
  return {...(ipv4 && {ipv4}), ...(ipv6 && {ipv6})};
}

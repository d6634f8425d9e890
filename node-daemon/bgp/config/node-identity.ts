/**
 * The AS number and the BGP Identifier of a node. Pure. Every node works out every other one's AS from
 * what all of them see: labels and the BGPConfig.
 */
import {parseAddress} from '#ipam';
import {asnPhrase, isAsn} from '../../datastore/records/as-number.js';
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import {matchesSelector, type Labels} from '../../datastore/records/selector.js';
import type {ByFamily} from '../../state/peer.js';
import type {Self} from '../../state/state.js';
import type {BgpInput} from './input.js';

export const asnLabel = 'twill.io/bgp-asn';
export const identifierLabel = 'twill.io/bgp-identifier';

export const defaultAsn = 64512; // the first private one (RFC 6996)

export interface Told<T> {
  readonly value: T;
  readonly problem?: string;
}

/** The node's label, else the first entry of `nodeAsns` that matches, else `asn`. */
export function asnOfNode(labels: Labels, spec: BgpConfig['spec']): Told<number> {
  const usual =
    spec.nodeAsns?.find(({nodeSelector}) => matchesSelector(nodeSelector, labels))?.asn ??
    spec.asn ??
    defaultAsn;
  const label = labels[asnLabel];
  if (label === undefined) return {value: usual};
  const asn = /^[1-9]\d{0,9}$/.test(label) ? Number(label) : 0;
  if (isAsn(asn)) return {value: asn};
  return {value: usual, problem: `label ${asnLabel}: expected ${asnPhrase}, got ${label}`};
}

/**
 * The node's label, else its IPv4 address, else a hash of its uid: an IPv6-only node has no 32 bits of
 * its own, and the identifier has to be the same after a restart (RFC 6286 asks for no more).
 */
export function identifierOf(
  {uid}: Pick<Self, 'uid'>,
  labels: Labels,
  {ipv4}: ByFamily<Uint8Array>,
): Told<number> {
  const usual = ipv4 === undefined ? hash(uid) : toNumber(ipv4);
  const label = labels[identifierLabel];
  if (label === undefined) return {value: usual};
  const address = parseAddress(label);
  if (address?.length === 4 && toNumber(address) !== 0) return {value: toNumber(address)};
  return {
    value: usual,
    problem: `label ${identifierLabel}: expected an IPv4 address, got ${label}`,
  };
}

export function toNumber(address: Uint8Array): number {
  return address.reduce((number, octet) => number * 256 + octet, 0);
}

/** FNV-1a, never 0. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const octet of Buffer.from(text)) value = Math.imul(value ^ octet, 0x01000193);
  return value >>> 0 || 1;
}

/** The node is about to leave: its routes go out with 65535:0 (RFC 8326). */
export function isLeaving(
  {state: {self}}: BgpInput,
  {gracefulShutdown = []}: BgpConfig['spec'],
): boolean {
  return gracefulShutdown.includes(self.name);
}

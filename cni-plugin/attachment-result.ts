/** The result of an ADD, from the journal's attachment: the same however often it is asked for. Pure. */
import {
  addressAt,
  contains,
  familyOf,
  formatAddress,
  parseAddress,
  parsePrefix,
  type Attachment,
} from '#ipam';
import type {NetworkConfig} from './config.js';
import {
  mergeResults,
  type Dns,
  type Result,
  type ResultAddress,
  type ResultRoute,
} from './result.js';
import {DEFAULT_ROUTE, GATEWAY, HOST_MAC} from './wiring.js';
import {familiesOf} from './plan.js';

const HOST_SIDE = 0;
const POD_SIDE = 1;

/** `delegated`: what another IPAM plugin said; its addresses keep their lengths and gateways. */
export function toResult(
  attachment: Attachment,
  config: NetworkConfig,
  delegated: Result | undefined,
): Result {
  const {hostInterface, ifName, mac, mtu, sandbox, addresses} = attachment;
  const size = mtu === undefined ? {} : {mtu};
  const interfaces = [];
  interfaces[HOST_SIDE] = {name: hostInterface, mac: HOST_MAC, ...size};
  interfaces[POD_SIDE] = {name: ifName, mac, ...size, sandbox: sandbox ?? ''};
  const ips = delegated?.ips ?? addresses.map(toOwnAddress);
  const hasRoutes = delegated !== undefined && delegated.routes.length > 0;
  const ours: Result = {
    interfaces,
    ips: ips.map(ip => ({...ip, interface: POD_SIDE})),
    routes: hasRoutes ? delegated.routes : toDefaultRoutes(addresses),
    dns: {...delegated?.dns, ...config.dns},
  };
  return config.prevResult === undefined ? ours : mergeResults(config.prevResult, ours);
}

/**
 * The result for another plugin whose IPAM we are: no interfaces; the length of the range and the
 * host's own address in it as the gateway, because `ptp` and `bridge` build their subnet of those.
 */
export function toIpamResult(
  {addresses}: Attachment,
  ranges: readonly {readonly cidr: string}[],
  dns: Dns,
): Result {
  const prefixes = ranges.flatMap(({cidr}) => parsePrefix(cidr) ?? []);
  const ips = addresses.flatMap((text): ResultAddress[] => {
    const octets = parseAddress(text);
    if (octets === undefined) return [];
    const range = prefixes.find(prefix => contains(prefix, octets));
    if (range === undefined) return [{address: `${text}/${octets.length * 8}`}];
    return [{address: `${text}/${range.bits}`, gateway: formatAddress(addressAt(range, 0n))}];
  });
  const routes = familiesOf(addresses).map(family => ({dst: DEFAULT_ROUTE[family]}));
  return {interfaces: [], ips, routes, dns};
}

function toOwnAddress(text: string): ResultAddress {
  const octets = parseAddress(text) ?? new Uint8Array();
  return {address: `${text}/${octets.length * 8}`, gateway: GATEWAY[familyOf(octets)]};
}

function toDefaultRoutes(addresses: readonly string[]): readonly ResultRoute[] {
  return familiesOf(addresses).map(family => ({dst: DEFAULT_ROUTE[family], gw: GATEWAY[family]}));
}

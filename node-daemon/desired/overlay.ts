/**
 * From what is known about the cluster to what the kernel needs to reach other hosts. Pure.
 *
 *   pod ── route 10.244.3.0/26 ── nexthop 10.244.3.0 dev twill.4096 ── neighbour (VTEP MAC) ── fdb (host) ── wire
 *
 * Per remote host one of each, and one route per range; with two families one nexthop and one
 * neighbour per family. Hosts of the same subnet may be reached without the device: then a nexthop
 * on the underlay takes the place of the first three.
 *
 * Whatever is wrong with one host's record is a problem of that host (or of one of its ranges).
 */
import {addressAt, bitsOf, contains, familyOf, formatPrefix, maskAddress} from '#ipam';
import type {Family, Prefix} from '#ipam';
import type {Backend} from '../datastore/records/network.js';
import {addressKey, addressText, equalOctets, fdbKey, gatewayKey, routeKey} from '../kernel/key.js';
import {toOverlayMtu} from '../overlay/mtu.js';
import {macKey, type Claims} from '../state/claims.js';
import type {ByFamily, Peer} from '../state/peer.js';
import {ownClaim, type State, type Underlay} from '../state/state.js';
import type {
  Contribution,
  DesiredAddress,
  DesiredDevice,
  DesiredNexthop,
  DesiredRoute,
} from './tables.js';

/** What is the same for all peers. */
export interface OverlayContext {
  readonly backend: Backend;
  readonly device: DesiredDevice | undefined;
  readonly underlay: Underlay;
  readonly subnets: ByFamily<Prefix>; // of the underlay
  readonly direct: boolean; // hosts of the same subnet are reached without the device
  readonly claims: Claims;
}

export interface ContextPlan {
  /** Undefined while too little is known to touch anything. */
  readonly context?: OverlayContext;
  readonly problems: readonly string[];
}

const families: readonly Family[] = ['ipv4', 'ipv6'];

export function deriveContext(state: State): ContextPlan {
  const {underlay, network, claims} = state;
  if (!state.synced || underlay === undefined) return {problems: []};
  const {device, problems} = network.backend === 'vxlan' ? deriveDevice(state, underlay) : noDevice;
  const direct = network.backend === 'direct' || network.vxlan.directRouting;
  const subnets: Partial<Record<Family, Prefix>> = {};
  for (const family of families) {
    const own = underlay.addresses[family];
    if (own)
      subnets[family] = {family, address: maskAddress(own.address, own.bits), bits: own.bits};
  }
  const context = {backend: network.backend, device, underlay, subnets, direct, claims};
  return {context, problems};
}

const noDevice = {device: undefined, problems: []};

interface DevicePlan {
  readonly device: DesiredDevice | undefined;
  readonly problems: readonly string[];
}

function deriveDevice({self, network}: State, underlay: Underlay): DevicePlan {
  const {ipv4, ipv6} = underlay.addresses;
  const local = (ipv4 ?? ipv6)?.address;
  if (local === undefined) return noDevice;
  const {vni, port} = network.vxlan;
  const mtu = toOverlayMtu(network.mtu, underlay.mtu, familyOf(local));
  const device = {
    name: `twill.${vni}`,
    vni,
    port,
    local,
    underlay: underlay.ifindex,
    mac: self.vtepMac,
    mtu,
  };
  if (network.mtu === 'auto' || mtu === network.mtu) return {device, problems: []};
  const problem = `Network spec.mtu: ${network.mtu} does not fit into ${underlay.mtu} of ${underlay.name}, ${mtu} is used`;
  return {device, problems: [problem]};
}

/** What this host has for itself, whoever else there is. */
export function deriveOwn(
  {ranges = []}: State,
  {backend, device}: Pick<OverlayContext, 'backend' | 'device'>,
): Contribution {
  return {
    ...(device && {addresses: ownAddresses(ranges, device)}),
    ...(backend === 'bgp' && {routes: ranges.flatMap(nowhere)}),
  };
}

/**
 * Addresses of an announced range that no pod has. Without a route they would go back to the fabric by
 * the default route, and come again, until their hop limit is used up. Pods' routes are longer, and win.
 */
function nowhere({family, address, bits}: Prefix): readonly DesiredRoute[] {
  if (bits === bitsOf(family)) return []; // that one is a pod's
  return [{key: routeKey(address, bits), family, address, bits, via: {kind: 'unreachable'}}];
}

/**
 * The first address of our first range in each family, on the device: what this host itself sends
 * to pods elsewhere then has a source that they can answer.
 */
function ownAddresses(ranges: readonly Prefix[], device: DesiredDevice): readonly DesiredAddress[] {
  const addresses: DesiredAddress[] = [];
  for (const family of families) {
    const range = ranges.find(each => each.family === family);
    if (range === undefined) continue;
    const address = addressAt(range, 0n);
    const bits = bitsOf(family);
    const key = addressKey(address, bits, device.name);
    addresses.push({key, device: device.name, address, bits});
  }
  return addresses;
}

export interface PeerPlan {
  readonly tables: Contribution;
  readonly problems: readonly string[];
}

/** How packets of one family get to the peer. */
interface Path {
  readonly nexthop: DesiredNexthop;
  readonly usesDevice: boolean;
}

export function derivePeer(context: OverlayContext, peer: Peer): PeerPlan {
  if (context.backend === 'bgp' || peer.ranges.length === 0) return nothing;
  const problems: string[] = [];
  const routes: DesiredRoute[] = [];
  const paths = new Map<Family, Path | undefined>();

  for (const range of peer.ranges) {
    const {family, address, bits} = range;
    const rival = context.claims.betterOwnerOfRange(peer.name, range);
    if (rival !== undefined) {
      problems.push(`range ${formatPrefix(range)} overlaps one of ${ownerText(rival)}`);
      continue;
    }
    if (!paths.has(family)) paths.set(family, findPath(context, peer, family, problems));
    const path = paths.get(family);
    if (path === undefined) continue;
    const via = {kind: 'nexthop', key: path.nexthop.key} as const;
    routes.push({key: routeKey(address, bits), family, address, bits, via});
  }

  return {tables: {...toEntries(context, peer, [...paths.values()]), routes}, problems};
}

const nothing: PeerPlan = {tables: {}, problems: []};

function toEntries(
  {device}: OverlayContext,
  {mac, underlay}: Peer,
  paths: readonly (Path | undefined)[],
): Contribution {
  const used = paths.filter(path => path !== undefined);
  // Two families may share one nexthop of the underlay.
  const nexthops = used
    .map(path => path.nexthop)
    .filter((each, at, all) => all.findIndex(other => other.key === each.key) === at);
  const overlaid = used.filter(path => path.usesDevice);
  const destination = device && underlay[familyOf(device.local)];
  if (overlaid.length === 0 || !device || !mac || !destination) return {nexthops};
  return {
    nexthops,
    neighbours: overlaid.map(({nexthop: {key, device, gateway: address}}) => ({
      key,
      device,
      address,
      mac,
    })),
    fdb: [{key: fdbKey(mac, device.name), device: device.name, mac, destination}],
  };
}

function findPath(
  context: OverlayContext,
  peer: Peer,
  family: Family,
  problems: string[],
): Path | undefined {
  const gateway = context.direct ? findDirectGateway(context, peer, family) : undefined;
  if (gateway !== undefined) {
    const device = context.underlay.name;
    const key = gatewayKey(gateway, device);
    return {nexthop: {key, device, gateway, onlink: false}, usesDevice: false};
  }
  if (context.backend === 'direct') {
    problems.push(
      `not in the underlay subnet of this node for ${familyText[family]} (backend direct)`,
    );
    return undefined;
  }
  return findOverlayPath(context, peer, family, problems);
}

/** An IPv4 range may lie behind an IPv6 gateway (RFC 8950), not the other way round. */
function findDirectGateway(
  {subnets}: OverlayContext,
  {underlay}: Peer,
  family: Family,
): Uint8Array | undefined {
  const candidates: readonly Family[] = family === 'ipv4' ? families : ['ipv6'];
  for (const candidate of candidates) {
    const subnet = subnets[candidate];
    const address = underlay[candidate];
    if (subnet && address && contains(subnet, address)) return address;
  }
  return undefined;
}

function findOverlayPath(
  {device, claims}: OverlayContext,
  peer: Peer,
  family: Family,
  problems: string[],
): Path | undefined {
  const problem = device ? findOverlayProblem(device, claims, peer, family) : 'no underlay address';
  const gateway = peer.gateways[family];
  if (problem !== undefined || device === undefined || gateway === undefined) {
    if (problem !== undefined && !problems.includes(problem)) problems.push(problem);
    return undefined;
  }
  const key = gatewayKey(gateway, device.name);
  return {nexthop: {key, device: device.name, gateway, onlink: true}, usesDevice: true};
}

function findOverlayProblem(
  device: DesiredDevice,
  claims: Claims,
  {name, mac, underlay, gateways, ranges}: Peer,
  family: Family,
): string | undefined {
  if (mac === undefined) return 'vxlan.mac: expected a unicast MAC address';
  const macRival = claims.betterOwnerOfMac(name, macKey(mac));
  if (macRival !== undefined) return `vxlan.mac is the one of ${ownerText(macRival)}`;

  const outer = familyOf(device.local);
  const host = underlay[outer];
  if (host === undefined)
    return `${addressField[outer]}: expected an address, the overlay runs over ${familyText[outer]}`;
  if (equalOctets(host, device.local)) return `${addressField[outer]} is the one of this node`;

  const gateway = gateways[family];
  if (gateway === undefined)
    return `vxlan.${addressField[family]}: expected an address, there are ${familyText[family]} ranges`;
  const home = ranges.find(range => isFirst(range, gateway) || contains(range, gateway));
  if (home === undefined)
    return `vxlan.${addressField[family]}: expected an address in the node's ranges, got ${addressText(gateway)}`;
  const rival = claims.betterOwnerOfRange(name, home);
  if (rival !== undefined)
    return `vxlan.${addressField[family]} lies in a range that overlaps one of ${ownerText(rival)}`;
  return undefined;
}

/** The usual case, without arithmetic: the gateway is the first address of the range. */
function isFirst({address}: Prefix, gateway: Uint8Array): boolean {
  return equalOctets(address, gateway);
}

const addressField: Readonly<Record<Family, string>> = {ipv4: 'address', ipv6: 'address6'};
const familyText: Readonly<Record<Family, string>> = {ipv4: 'IPv4', ipv6: 'IPv6'};

function ownerText(owner: string): string {
  return owner === ownClaim ? 'this node' : `node ${owner}`;
}

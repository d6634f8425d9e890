/**
 * From what netlink's codecs give to what reconcilers deal in. Pure.
 */
import {
  NUD_PERMANENT,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  type Address,
  type Link,
  type Neighbour,
  type Nexthop,
  type Route,
} from '#native-addon';
import {usualMetric} from './key.js';
import type {
  KernelAddress,
  KernelFdbEntry,
  KernelLink,
  KernelNeighbour,
  KernelNexthop,
  KernelRoute,
} from './port.js';

export function toKernelLink({index, name, kind, mac, mtu, up, vxlan}: Link): KernelLink {
  return {
    index,
    name,
    mtu,
    isUp: up,
    ...(kind !== undefined && {kind}),
    ...(mac && {mac}),
    ...(vxlan && {vxlan}),
  };
}

export function toKernelAddress({index, address, bits, scope}: Address): KernelAddress {
  return {index, address, bits, isGlobal: scope === RT_SCOPE_UNIVERSE};
}

export function toKernelNexthop({id, protocol, oif, gateway, onlink}: Nexthop): KernelNexthop {
  return {
    id,
    protocol,
    onlink: onlink === true,
    ...(oif !== undefined && {index: oif}),
    ...(gateway && {gateway}),
  };
}

/** Undefined for an fdb entry. */
export function toKernelNeighbour(neighbour: Neighbour): KernelNeighbour | undefined {
  const {family, index, destination, mac, state} = neighbour;
  if (family === 'bridge' || destination === undefined) return undefined;
  return {index, address: destination, isPermanent: isPermanent(state), ...(mac && {mac})};
}

/** Undefined for a neighbour. */
export function toKernelFdbEntry(neighbour: Neighbour): KernelFdbEntry | undefined {
  const {family, index, destination, mac, state} = neighbour;
  if (family !== 'bridge' || mac === undefined) return undefined;
  return {index, mac, isPermanent: isPermanent(state), ...(destination && {destination})};
}

/** Undefined for routes that Twill has nothing to do with: of another table, or of a type that it writes none of. */
export function toKernelRoute(route: Route): KernelRoute | undefined {
  const {family, destination, priority, protocol, nexthopId, oif, gateway} = route;
  if (route.table !== RT_TABLE_MAIN) return undefined;
  const isUnreachable = route.type === RTN_UNREACHABLE;
  if (route.type !== RTN_UNICAST && !isUnreachable) return undefined;
  return {
    family,
    address: destination.address,
    bits: destination.bits,
    metric: priority ?? usualMetric(family),
    protocol,
    ...(nexthopId !== undefined && {nexthopId}),
    ...(isUnreachable && {isUnreachable}),
    ...(oif !== undefined && !isUnreachable && {index: oif}), // IPv6 says lo
    ...(gateway && {gateway}),
  };
}

function isPermanent(state: number): boolean {
  return (state & NUD_PERMANENT) !== 0;
}

/**
 * From operations to netlink requests. Pure.
 */
import {
  deleteAddress,
  deleteFdb,
  deleteLink,
  deleteNeighbour,
  deleteNexthop,
  deleteRoute,
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  newAddress,
  newFdb,
  newNeighbour,
  newNexthop,
  newRoute,
  newVxlan,
  NUD_PERMANENT,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  setLink,
  type Address,
  type FdbEntry,
  type Neighbour,
  type Nexthop,
  type Request,
  type Route,
} from '#native-addon';
import {familyOfAddress} from './key.js';
import type {
  KernelAddress,
  KernelFdbEntry,
  KernelNeighbour,
  KernelNexthop,
  KernelOp,
  KernelRoute,
  LinkSettings,
  NewVxlan,
} from './port.js';

/** Nearly always one request; the operation failed when one that matters did. */
export interface OpRequests {
  readonly requests: readonly Request[];
  /** Position of a request whose failure means nothing. */
  readonly optional?: number;
}

export function toRequests(op: KernelOp): OpRequests {
  if (op.kind === 'add-vxlan') return toVxlanRequests(op.link);
  return {requests: [toRequest(op)]};
}

/**
 * No link-local address: nothing on the overlay would ever use it, and its duplicate detection would
 * be flooded to nobody. Where the host has no IPv6 the kernel does not know the setting.
 */
function toVxlanRequests(link: NewVxlan): OpRequests {
  const {name} = link;
  return {
    requests: [newVxlan(link), setLink({name, addrGenMode: 'none'}), setLink({name, up: true})],
    optional: 1,
  };
}

function toRequest(op: Exclude<KernelOp, {kind: 'add-vxlan'}>): Request {
  switch (op.kind) {
    case 'set-link':
      return setLink(toSettings(op.link));
    case 'delete-link':
      return deleteLink({index: op.link.index});
    case 'add-address':
      return newAddress(toAddress(op.address), 'add');
    case 'delete-address':
      return deleteAddress(toAddress(op.address));
    case 'add-nexthop':
      return newNexthop(toNexthop(op.nexthop), 'add');
    case 'replace-nexthop':
      return newNexthop(toNexthop(op.nexthop), 'replace');
    case 'delete-nexthop':
      return deleteNexthop(op.nexthop.id);
    case 'replace-neighbour':
      return newNeighbour(toNeighbour(op.neighbour), 'replace');
    case 'delete-neighbour':
      return deleteNeighbour(toNeighbour(op.neighbour));
    case 'replace-fdb':
      return newFdb(toFdb(op.entry), 'replace');
    case 'delete-fdb':
      return deleteFdb(toFdb(op.entry));
    case 'add-route':
      return newRoute(toRoute(op.route), 'add');
    case 'replace-route':
      return newRoute(toRoute(op.route), 'replace');
    case 'delete-route':
      // Whatever its scope; the kernel deletes the first that agrees.
      return deleteRoute({...toRoute(op.route), scope: RT_SCOPE_NOWHERE});
    default:
      return op satisfies never;
  }
}

function toSettings({index, name, mac, mtu, isUp}: LinkSettings): Parameters<typeof setLink>[0] {
  return {
    index,
    name,
    ...(mac && {mac}),
    ...(mtu !== undefined && {mtu}),
    ...(isUp && {up: true}),
  };
}

/** Nobody else has the address, so IPv6 need not ask (NODAD). */
function toAddress({index, address, bits}: KernelAddress): Address {
  const family = familyOfAddress(address);
  const flags = family === 'ipv6' ? IFA_F_PERMANENT | IFA_F_NODAD : IFA_F_PERMANENT;
  return {family, index, address, bits, scope: RT_SCOPE_UNIVERSE, flags};
}

function toNexthop({id, protocol, index, gateway, onlink}: KernelNexthop): Nexthop {
  return {
    id,
    protocol,
    ...(index !== undefined && {oif: index}),
    ...(gateway && {gateway}),
    ...(onlink && {onlink}),
  };
}

function toNeighbour({index, address, mac}: KernelNeighbour): Neighbour {
  const family = familyOfAddress(address);
  return {family, index, destination: address, state: NUD_PERMANENT, flags: 0, ...(mac && {mac})};
}

function toFdb({index, mac, destination}: KernelFdbEntry): FdbEntry {
  return {index, mac, destination: destination ?? new Uint8Array(4)};
}

/** A route to a neighbour on the interface itself has scope link; IPv6 has one scope. */
function toRoute(route: KernelRoute): Route {
  const {family, address, bits, metric, protocol, nexthopId, index, gateway} = route;
  const isLink = family === 'ipv4' && nexthopId === undefined && gateway === undefined;
  return {
    family,
    table: RT_TABLE_MAIN,
    protocol,
    scope: isLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    destination: {address, bits},
    priority: metric,
    ...(nexthopId !== undefined ? {nexthopId} : index !== undefined && {oif: index}),
    ...(nexthopId === undefined && gateway && {gateway}),
  };
}

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
  RTN_UNREACHABLE,
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

export interface Batch {
  readonly requests: readonly Request[];
  /** From the errors of requests to those of operations: of each the first that matters. */
  readonly toOpErrors: <E>(errors: readonly (E | undefined)[]) => readonly (E | undefined)[];
}

export function createBatch(ops: readonly KernelOp[]): Batch {
  if (ops.every(isSingle)) return {requests: ops.map(toRequest), toOpErrors: errors => errors};
  const perOp = ops.map(op => (isSingle(op) ? [toRequest(op)] : toVxlanRequests(op.link)));
  return {
    requests: perOp.flat(),
    toOpErrors(errors) {
      let at = 0;
      return perOp.map(requests => {
        const own = errors.slice(at, (at += requests.length));
        return own.find((error, index) => error !== undefined && index !== optionalRequest);
      });
    },
  };
}

type SingleOp = Exclude<KernelOp, {kind: 'add-vxlan'}>;

function isSingle(op: KernelOp): op is SingleOp {
  return op.kind !== 'add-vxlan';
}

/**
 * No link-local address: nothing on the overlay would ever use it, and its duplicate detection would
 * be flooded to nobody.
 */
function toVxlanRequests(link: NewVxlan): readonly Request[] {
  const {name} = link;
  return [newVxlan(link), setLink({name, addrGenMode: 'none'}), setLink({name, up: true})];
}

/** Of those: where the host has no IPv6, the kernel does not know the setting. */
const optionalRequest = 1;

function toRequest(op: SingleOp): Request {
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
  return {id, protocol, oif: index, gateway, onlink};
}

function toNeighbour({index, address, mac}: KernelNeighbour): Neighbour {
  const family = familyOfAddress(address);
  return {family, index, destination: address, state: NUD_PERMANENT, flags: 0, mac};
}

function toFdb({index, mac, destination}: KernelFdbEntry): FdbEntry {
  return {index, mac, destination: destination ?? new Uint8Array(4)};
}

/** A route to a neighbour on the interface itself has scope link; IPv6 has one scope. */
function toRoute(route: KernelRoute): Route {
  const {family, address, bits, metric, protocol, nexthopId, index, gateway} = route;
  const isUnreachable = route.isUnreachable === true;
  const isLink =
    family === 'ipv4' && !isUnreachable && nexthopId === undefined && gateway === undefined;
  return {
    family,
    table: RT_TABLE_MAIN,
    protocol,
    scope: isLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    type: isUnreachable ? RTN_UNREACHABLE : RTN_UNICAST,
    destination: {address, bits},
    priority: metric,
    nexthopId, // with it the encoder leaves the hop out
    oif: index,
    gateway,
  };
}

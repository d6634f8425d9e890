/** From batches to netlink requests, and from dumps to what they show of ours. Pure. */
import {
  deleteNexthop,
  deleteRoute,
  newNexthop,
  newRoute,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  type Nexthop,
  type Request,
  type Route,
} from '#native-addon';
import {isBgpMetric, isBgpNexthopId, METRIC_BGP} from '../../kernel/bgp-objects.js';
import {PROTOCOL_TWILL} from '../../kernel/port.js';
import type {KernelObject, ObjectOp} from './objects.js';
import type {Batch, ObservedRoute, RouteOp} from './routes.js';

/** In the order in which `settle` reads the answers. */
export function toRequests({objects, routes, garbage}: Batch): Request[] {
  return [
    ...objects.map(objectRequest),
    ...routes.map(routeRequest),
    ...garbage.map(objectRequest),
  ];
}

function objectRequest({kind, id, object}: ObjectOp): Request {
  if (kind === 'delete') return deleteNexthop(id);
  const nexthop: Nexthop =
    object.kind === 'group'
      ? {id, protocol: PROTOCOL_TWILL, group: object.members}
      : {id, protocol: PROTOCOL_TWILL, oif: object.ifindex, gateway: object.gateway};
  return newNexthop(nexthop, kind);
}

function routeRequest({kind, family, address, bits, target}: RouteOp): Request {
  const route: Route = {
    family,
    table: RT_TABLE_MAIN,
    protocol: PROTOCOL_TWILL,
    scope: kind === 'delete' ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE, // nowhere: whatever it has
    type: RTN_UNICAST,
    destination: {address, bits},
    priority: METRIC_BGP,
    ...(target > 0 && {nexthopId: target}),
  };
  return kind === 'delete' ? deleteRoute(route) : newRoute(route, kind);
}

/** Undefined: not ours. */
export function toKernelObject(nexthop: Nexthop): KernelObject | undefined {
  const {id, protocol, group, gateway, oif} = nexthop;
  if (!isBgpNexthopId(id) || protocol !== PROTOCOL_TWILL) return undefined;
  if (group !== undefined) return {kind: 'group', members: group};
  // in our range, and not as we write them: it will be replaced
  return {kind: 'hop', ifindex: oif ?? 0, gateway: gateway ?? new Uint8Array()};
}

export function isBgpRoute({table, protocol, priority}: Route): boolean {
  return protocol === PROTOCOL_TWILL && table === RT_TABLE_MAIN && isBgpMetric(priority);
}

export function toObservedRoute({family, destination, nexthopId}: Route): ObservedRoute {
  const {address, bits} = destination;
  const target = nexthopId !== undefined && isBgpNexthopId(nexthopId) ? nexthopId : 0;
  return {family, address, bits, target};
}

/** From batches to netlink requests, and from dumps to what they show of ours. Pure. */
import {
  deleteNexthop,
  newNexthop,
  RT_TABLE_MAIN,
  type Nexthop,
  type Request,
  type Route,
  type RouteView,
} from '#native-addon';
import {isBgpMetric, isBgpNexthopId} from '../../kernel/bgp-objects.js';
import {PROTOCOL_TWILL} from '../../kernel/port.js';
import type {KernelObject, ObjectOp} from './objects.js';

export function objectRequest({kind, id, object}: ObjectOp): Request {
  if (kind === 'delete') return deleteNexthop(id);
  const nexthop: Nexthop =
    object.kind === 'group'
      ? {id, protocol: PROTOCOL_TWILL, group: object.members}
      : {id, protocol: PROTOCOL_TWILL, oif: object.ifindex, gateway: object.gateway};
  return newNexthop(nexthop, kind);
}

/** Undefined: not ours. */
export function toKernelObject(nexthop: Nexthop): KernelObject | undefined {
  const {id, protocol, group, gateway, oif} = nexthop;
  if (!isBgpNexthopId(id) || protocol !== PROTOCOL_TWILL) return undefined;
  if (group !== undefined) return {kind: 'group', members: group};
  // in our range, and not as we write them: it will be replaced
  return {kind: 'hop', ifindex: oif ?? 0, gateway: gateway ?? new Uint8Array()};
}

export function isBgpRoute({table, protocol, priority}: Route | RouteView): boolean {
  return protocol === PROTOCOL_TWILL && table === RT_TABLE_MAIN && isBgpMetric(priority);
}

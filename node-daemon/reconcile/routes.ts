/**
 * Routes: to the ranges of other hosts by nexthop id, to our pods by their interfaces, and one to nowhere for
 * what is free in our own ranges. Pure.
 *
 * Deletions are carried out before anything else: a stale, more specific route would win over the
 * one that replaces it. A changed route is one atomic replace. Routes of other protocols are not
 * ours; where one holds a key that we want, the kernel refuses ours (EEXIST) and that is a conflict.
 *
 * A route to a pod that we know nothing of stays: its interface is still there, so maybe its pod is
 * (a journal that was lost, an ADD under way). It goes with the interface.
 */
import type {DesiredRoute, DesiredTables} from '../desired/tables.js';
import {usualMetric} from '../kernel/key.js';
import {PROTOCOL_TWILL, type KernelRoute} from '../kernel/port.js';
import type {Mirror} from './mirror.js';
import {keysOf, missingInterface, type Keys, type PlannedOp, type TablePlan} from './plan.js';

type Desired = Pick<DesiredTables, 'routes' | 'nexthops'>;

export function planRouteDeletes(desired: Desired, mirror: Mirror, keys?: Keys): PlannedOp[] {
  const deletes: PlannedOp[] = [];
  for (const key of keysOf(keys, desired.routes, mirror.routes)) {
    const current = mirror.routes.get(key);
    if (current === undefined || current.protocol !== PROTOCOL_TWILL) continue;
    const wanted = desired.routes.get(key);
    const isStale =
      wanted === undefined
        ? !leadsToPod(current, mirror)
        : isInTheWay(wanted, desired, current, mirror);
    if (isStale) deletes.push({key, op: {kind: 'delete-route', route: current}});
  }
  return deletes;
}

/** Needs the ids of nexthops: to be called when those are in place. */
export function planRouteWrites(
  desired: Pick<DesiredTables, 'routes'>,
  mirror: Mirror,
  keys?: Keys,
): Omit<TablePlan, 'deletes'> {
  const writes: PlannedOp[] = [];
  const blocked = new Map<string, string>();

  for (const key of keys ?? desired.routes.keys()) {
    const wanted = desired.routes.get(key);
    if (wanted === undefined) continue;
    const target = findTarget(wanted, mirror);
    if (typeof target === 'string') {
      blocked.set(key, target);
      continue;
    }
    const current = mirror.routes.get(key);
    if (current !== undefined && leadsTo(current, target)) continue;
    const {family, address, bits} = wanted;
    const metric = usualMetric(family);
    const route = {family, address, bits, metric, protocol: PROTOCOL_TWILL, ...target};
    const isOurs = current?.protocol === PROTOCOL_TWILL;
    writes.push({key, op: {kind: isOurs ? 'replace-route' : 'add-route', route}});
  }
  return {writes, blocked};
}

type Target =
  {readonly nexthopId: number} | {readonly index: number} | {readonly isUnreachable: true};

/** Text: what is missing. */
function findTarget({via}: DesiredRoute, mirror: Mirror): Target | string {
  switch (via.kind) {
    case 'nexthop': {
      const nexthop = mirror.nexthops.get(via.key);
      return nexthop === undefined ? `nexthop ${via.key} is missing` : {nexthopId: nexthop.id};
    }
    case 'device': {
      const index = mirror.indexOf(via.name);
      return index === undefined ? missingInterface(via.name) : {index};
    }
    case 'unreachable':
      return {isUnreachable: true};
    default:
      return via satisfies never;
  }
}

function leadsTo(route: KernelRoute, target: Target): boolean {
  if (route.protocol !== PROTOCOL_TWILL) return false;
  if ('isUnreachable' in target) return route.isUnreachable === true;
  if (route.isUnreachable === true) return false;
  if ('nexthopId' in target) return route.nexthopId === target.nexthopId;
  const isPlain = route.nexthopId === undefined && route.gateway === undefined;
  return isPlain && route.index === target.index;
}

/** Interfaces of pods are named twl and eleven digits of a hash. */
function leadsToPod({index}: KernelRoute, mirror: Mirror): boolean {
  return index !== undefined && (mirror.linkNames.get(index)?.startsWith('twl') ?? false);
}

/**
 * IPv6 refuses a nexthop whose gateway another interface has a route to (ip6_route_check_nh_onlink):
 * before a host's ranges move to another interface, the old route has to go.
 */
function isInTheWay(
  {family, via}: DesiredRoute,
  desired: Desired,
  current: KernelRoute,
  mirror: Mirror,
): boolean {
  if (family !== 'ipv6' || via.kind !== 'nexthop') return false;
  const device = desired.nexthops.get(via.key)?.device;
  return device !== undefined && mirror.indexOfRoute(current) !== mirror.indexOf(device);
}

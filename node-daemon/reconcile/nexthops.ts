/**
 * Nexthop objects: one per remote host and family, shared by its routes. Pure.
 *
 * Ids are global in a network namespace. An object that has the right gateway keeps the id it has;
 * new ones get ids nobody has. What another protocol made is never touched. Deletions are carried
 * out last of all: the kernel removes the routes of a nexthop with it.
 */
import type {DesiredTables} from '../desired/tables.js';
import {PROTOCOL_TWILL} from '../kernel/port.js';
import type {Mirror} from './mirror.js';
import {keysOf, missingInterface, type Keys, type PlannedOp, type TablePlan} from './plan.js';

export function planNexthops(
  desired: DesiredTables['nexthops'],
  mirror: Mirror,
  keys?: Keys,
): TablePlan {
  const writes: PlannedOp[] = [];
  const deletes: PlannedOp[] = [];
  const blocked = new Map<string, string>();

  for (const key of keysOf(keys, desired, mirror.nexthops)) {
    const wanted = desired.get(key);
    const current = mirror.nexthops.get(key);
    if (wanted === undefined) {
      if (current) deletes.push({key, op: {kind: 'delete-nexthop', nexthop: current}});
      continue;
    }
    const {device, gateway, onlink} = wanted;
    const index = mirror.indexOf(device);
    if (index === undefined) {
      blocked.set(key, missingInterface(device));
      continue;
    }
    if (current !== undefined && current.onlink === onlink) continue;
    const id = current?.id ?? mirror.takeNexthopId();
    const nexthop = {id, protocol: PROTOCOL_TWILL, index, gateway, onlink};
    const kind = current === undefined ? 'add-nexthop' : 'replace-nexthop';
    writes.push({key, op: {kind, nexthop}});
  }
  if (keys === undefined) {
    for (const nexthop of mirror.surplusNexthops) {
      deletes.push({key: `id ${nexthop.id}`, op: {kind: 'delete-nexthop', nexthop}});
    }
  }
  return {writes, deletes, blocked};
}

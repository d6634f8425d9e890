/**
 * Forwarding entries of our VXLAN device: which host holds a VTEP MAC. Pure. All entries of the
 * device are ours: it does not learn.
 */
import {equalOctets} from '../kernel/key.js';
import type {DesiredTables} from '../desired/tables.js';
import type {Mirror} from './mirror.js';
import {keysOf, missingInterface, type Keys, type PlannedOp, type TablePlan} from './plan.js';

export function planFdb(desired: DesiredTables['fdb'], mirror: Mirror, keys?: Keys): TablePlan {
  const writes: PlannedOp[] = [];
  const deletes: PlannedOp[] = [];
  const blocked = new Map<string, string>();

  for (const key of keysOf(keys, desired, mirror.fdb)) {
    const wanted = desired.get(key);
    const current = mirror.fdb.get(key);
    if (wanted === undefined) {
      if (current) deletes.push({key, op: {kind: 'delete-fdb', entry: current}});
      continue;
    }
    const {device, mac, destination} = wanted;
    const index = mirror.indexOf(device);
    if (index === undefined) blocked.set(key, missingInterface(device));
    else if (current?.isPermanent !== true || !equalOctets(current.destination, destination)) {
      const entry = {index, mac, destination, isPermanent: true};
      writes.push({key, op: {kind: 'replace-fdb', entry}});
    }
  }
  if (keys === undefined) {
    // 'replace' changes the first destination of a MAC; the others are taken away one by one.
    for (const entry of mirror.surplusFdb) {
      deletes.push({key: mirror.fdbKeyOf(entry), op: {kind: 'delete-fdb', entry}});
    }
  }
  return {writes, deletes, blocked};
}

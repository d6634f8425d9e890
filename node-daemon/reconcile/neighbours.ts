/**
 * Permanent neighbours: of remote gateways on our device, of pods on their interfaces. Pure.
 *
 * Only on our device are others' permanent entries removed. Those of a pod go with its interface,
 * and what the kernel learns by itself is its own business.
 */
import {equalOctets} from '../kernel/key.js';
import type {DesiredTables} from '../desired/tables.js';
import type {Mirror} from './mirror.js';
import {keysOf, missingInterface, type Keys, type PlannedOp, type TablePlan} from './plan.js';

export interface NeighbourScope {
  readonly keys?: Keys;
  readonly device: string | undefined; // whose neighbours are ours to delete
}

export function planNeighbours(
  desired: DesiredTables['neighbours'],
  mirror: Mirror,
  {keys, device}: NeighbourScope,
): TablePlan {
  const writes: PlannedOp[] = [];
  const deletes: PlannedOp[] = [];
  const blocked = new Map<string, string>();
  const ours = device === undefined ? undefined : mirror.indexOf(device);

  for (const key of keysOf(keys, desired, mirror.neighbours)) {
    const wanted = desired.get(key);
    const current = mirror.neighbours.get(key);
    if (wanted === undefined) {
      const isOurs = current?.isPermanent === true && current.index === ours;
      if (isOurs) deletes.push({key, op: {kind: 'delete-neighbour', neighbour: current}});
      continue;
    }
    const {address, mac} = wanted;
    const index = mirror.indexOf(wanted.device);
    if (index === undefined) blocked.set(key, missingInterface(wanted.device));
    else if (current?.isPermanent !== true || !equalOctets(current.mac, mac)) {
      const neighbour = {index, address, mac, isPermanent: true};
      writes.push({key, op: {kind: 'replace-neighbour', neighbour}});
    }
  }
  return {writes, deletes, blocked};
}

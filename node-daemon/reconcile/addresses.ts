/**
 * Addresses of our device. Pure.
 *
 * New ones come before old ones go: with its last IPv4 address an interface loses all of its IPv4
 * routes (fib_disable_ip). Link-local addresses are the kernel's own.
 */
import type {DesiredTables} from '../desired/tables.js';
import type {Mirror} from './mirror.js';
import {keysOf, missingInterface, type Keys, type PlannedOp, type TablePlan} from './plan.js';

export interface AddressScope {
  readonly keys?: Keys;
  readonly device: string | undefined; // whose addresses are ours to delete
}

export function planAddresses(
  desired: DesiredTables['addresses'],
  mirror: Mirror,
  {keys, device}: AddressScope,
): TablePlan {
  const writes: PlannedOp[] = [];
  const deletes: PlannedOp[] = [];
  const blocked = new Map<string, string>();
  const ours = device === undefined ? undefined : mirror.indexOf(device);

  for (const key of keysOf(keys, desired, mirror.addresses)) {
    const wanted = desired.get(key);
    const current = mirror.addresses.get(key);
    if (wanted === undefined) {
      const isOurs = current !== undefined && current.index === ours;
      if (isOurs) deletes.push({key, op: {kind: 'delete-address', address: current}});
      continue;
    }
    if (current !== undefined) continue;
    const {address, bits} = wanted;
    const index = mirror.indexOf(wanted.device);
    if (index === undefined) blocked.set(key, missingInterface(wanted.device));
    else {
      const op = {kind: 'add-address', address: {index, address, bits, isGlobal: true}} as const;
      writes.push({key, op});
    }
  }
  return {writes, deletes, blocked};
}

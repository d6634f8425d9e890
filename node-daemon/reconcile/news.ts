/**
 * Does a piece of kernel news mean that something of ours is not as it should be? Pure.
 *
 * Most news are echoes of our own changes, or other people's business; both have to be told cheaply.
 * Echoes agree with the mirror, so they need no memory of what was sent. What is told late (an echo
 * of a change that was superseded) costs one needless resync, never a wrong one.
 */
import type {Desired} from '../desired/desired.js';
import {equalOctets, routeKey} from '../kernel/key.js';
import {PROTOCOL_TWILL, type KernelChange, type KernelLink} from '../kernel/port.js';
import type {Mirror} from './mirror.js';

export function needsResync(change: KernelChange, desired: Desired, mirror: Mirror): boolean {
  switch (change.table) {
    case 'links':
      return isOurLinkAmiss(change.link, change.isGone, desired, mirror);
    case 'addresses': {
      const key = mirror.addressKeyOf(change.address);
      const isWanted = desired.addresses.has(key);
      if (change.isGone) return isWanted;
      const {isGlobal, index} = change.address;
      return isGlobal && !isWanted && index === ownIndex(desired, mirror);
    }
    case 'nexthops': {
      const {id, protocol} = change.nexthop;
      const key = mirror.nexthopKeyOf(change.nexthop);
      const isWanted = key !== undefined && desired.nexthops.has(key);
      // The kernel does not fill in all of an object that is gone: its id is enough.
      if (change.isGone) return mirror.hasRoutesBy(id) || (isWanted && protocol === PROTOCOL_TWILL);
      return protocol === PROTOCOL_TWILL && (!isWanted || mirror.nexthops.get(key)?.id !== id);
    }
    case 'neighbours': {
      const {index, isPermanent, mac} = change.neighbour;
      const wanted = desired.neighbours.get(mirror.neighbourKeyOf(change.neighbour));
      if (wanted === undefined) {
        return !change.isGone && isPermanent && index === ownIndex(desired, mirror);
      }
      return change.isGone || !isPermanent || !equalOctets(mac, wanted.mac);
    }
    case 'fdb': {
      if (change.entry.index !== ownIndex(desired, mirror)) return false;
      const wanted = desired.fdb.get(mirror.fdbKeyOf(change.entry));
      if (wanted === undefined) return !change.isGone;
      return change.isGone || !equalOctets(change.entry.destination, wanted.destination);
    }
    case 'routes': {
      const {address, bits, metric, protocol} = change.route;
      const isWanted = desired.routes.has(routeKey(address, bits, metric));
      // A foreign route that goes may leave the place we could not have; one that comes took ours.
      return isWanted && (change.isGone || protocol !== PROTOCOL_TWILL);
    }
    default:
      return change satisfies never;
  }
}

function ownIndex({device}: Desired, mirror: Mirror): number | undefined {
  return device && mirror.indexOf(device.name);
}

function isOurLinkAmiss(
  {name, index, mtu, isUp, mac}: KernelLink,
  isGone: boolean,
  {device}: Desired,
  mirror: Mirror,
): boolean {
  if (device === undefined) return false;
  const isOurs = name === device.name || index === mirror.indexOf(device.name);
  if (!isOurs) return false;
  if (isGone || name !== device.name) return true;
  return !isUp || mtu !== device.mtu || !equalOctets(mac, device.mac);
}

/**
 * What this node's own pods need on its side: a route to each address and a permanent neighbour, so
 * that nobody ever asks for it. The CNI verbs make them; here they are said again, so that a resync
 * can heal them. Pure.
 */
import type {AttachedPod} from '../state/attached-pod.js';
import {familyOfAddress, gatewayKey, routeKey} from '../kernel/key.js';
import type {Contribution, DesiredNeighbour, DesiredRoute} from './tables.js';

export function derivePod({hostInterface, mac, addresses, isReady}: AttachedPod): Contribution {
  if (!isReady) return {};
  const routes: DesiredRoute[] = [];
  const neighbours: DesiredNeighbour[] = [];
  for (const address of addresses) {
    const bits = address.length * 8;
    const family = familyOfAddress(address);
    const via = {kind: 'device', name: hostInterface} as const;
    routes.push({key: routeKey(address, bits), family, address, bits, via});
    neighbours.push({key: gatewayKey(address, hostInterface), device: hostInterface, address, mac});
  }
  return {routes, neighbours};
}

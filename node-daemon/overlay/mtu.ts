/**
 * How large a packet of a pod may be. Pure.
 *
 *   outer Ethernet 14 (not part of an MTU) | outer IP 20 or 40 | UDP 8 | VXLAN 8 | inner Ethernet 14 | packet
 */
import type {Family} from '#ipam';
import type {NetworkSettings} from '../datastore/records/network.js';

const vxlanOverhead: Readonly<Record<Family, number>> = {ipv4: 50, ipv6: 70};

/** What `wanted` comes to on an underlay of `underlayMtu`: never more than fits. */
export function toOverlayMtu(
  wanted: NetworkSettings['mtu'],
  underlayMtu: number,
  outer: Family,
): number {
  const fits = underlayMtu - vxlanOverhead[outer];
  return wanted === 'auto' ? fits : Math.min(wanted, fits);
}

/** The MTU of pods' interfaces, whatever the backend. */
export function toPodMtu(
  {backend, mtu}: Pick<NetworkSettings, 'backend' | 'mtu'>,
  underlayMtu: number,
  outer: Family,
): number {
  if (backend === 'vxlan') return toOverlayMtu(mtu, underlayMtu, outer);
  return mtu === 'auto' ? underlayMtu : Math.min(mtu, underlayMtu);
}

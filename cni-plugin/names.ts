/**
 * What is derived from (containerId, ifName), so that a crash can never make us forget it: the
 * host link's name and the pod's MAC. Pure. Length-prefixing is not needed: neither part can hold
 * a NUL.
 */
import {createHash} from 'node:crypto';
import {formatMac} from './mac.js';

/** Every host link of ours, and nobody else's: `twl` and 11 hexadecimal digits (IFNAMSIZ is 16). */
const HOST_INTERFACE = /^twl[0-9a-f]{11}$/;

export function hostInterfaceName(containerId: string, ifName: string): string {
  return `twl${digest(containerId, ifName).toString('hex', 0, 6).slice(0, 11)}`;
}

export function isHostInterface(name: string): boolean {
  return HOST_INTERFACE.test(name);
}

/** Locally administered, unicast; the same after every retry of an ADD. */
export function derivedMac(containerId: string, ifName: string): string {
  const octets = Uint8Array.from(digest(containerId, ifName).subarray(8, 14));
  octets[0] = 0x02;
  return formatMac(octets);
}

export function attachmentKey(containerId: string, ifName: string): string {
  return `${containerId}/${ifName}`;
}

function digest(containerId: string, ifName: string): Buffer {
  return createHash('sha256').update(containerId).update('\0').update(ifName).digest();
}

/**
 * The MAC address of a node's end of the overlay. Pure.
 *
 * It follows from the node's identity, so a device that is made anew is the one its peers know, and
 * nothing changes on them. 02 is "locally administered, unicast" (IEEE 802 §8.2).
 */
import {createHash} from 'node:crypto';

export function toVtepMac(nodeUid: string): Uint8Array {
  const mac = new Uint8Array(6);
  mac.set(createHash('sha256').update(nodeUid).digest().subarray(0, 5), 1);
  mac[0] = 0x02;
  return mac;
}

export function formatMac(mac: Uint8Array): string {
  return Buffer.from(mac.buffer, mac.byteOffset, mac.length)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:');
}

/** Undefined when the text is no MAC address that one host can have: six octets, unicast, not zero. */
export function parseUnicastMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  const mac = Uint8Array.from(text.split(':'), octet => parseInt(octet, 16));
  const isMulticast = (mac[0]! & 1) === 1;
  return isMulticast || mac.every(octet => octet === 0) ? undefined : mac;
}

/**
 * The names of kernel objects in tables, reports and logs: what `ip` would print, so that a person
 * can grep for them. Pure. Equal objects have equal keys.
 */
import {formatAddress, type Family} from '#ipam';

export function addressText(address: Uint8Array): string {
  if (address.length !== 4) return formatAddress(address);
  return `${address[0]}.${address[1]}.${address[2]}.${address[3]}`;
}

/** The kernel tells routes apart by prefix and metric. Ours have the metric of the family. */
export function routeKey(address: Uint8Array, bits: number, metric?: number): string {
  const prefix = `${addressText(address)}/${bits}`;
  const isUsual = metric === undefined || metric === usualMetric(familyOfAddress(address));
  return isUsual ? prefix : `${prefix} metric ${metric}`;
}

/** What the kernel takes when none is given (IP6_RT_PRIO_USER for IPv6). */
export function usualMetric(family: Family): number {
  return family === 'ipv4' ? 0 : 1024;
}

/** Of nexthops and neighbours: one per address and interface. */
export function gatewayKey(address: Uint8Array, device: string): string {
  return `${addressText(address)} dev ${device}`;
}

export function addressKey(address: Uint8Array, bits: number, device: string): string {
  return `${addressText(address)}/${bits} dev ${device}`;
}

export function fdbKey(mac: Uint8Array, device: string): string {
  let text = '';
  for (let at = 0; at < mac.length; at++) text += (at === 0 ? '' : ':') + octetText[mac[at]!];
  return `${text} dev ${device}`;
}

const octetText = Array.from({length: 256}, (_, octet) => octet.toString(16).padStart(2, '0'));

export function familyOfAddress(address: Uint8Array): Family {
  return address.length === 4 ? 'ipv4' : 'ipv6';
}

/** Addresses and MACs; two that are absent are equal. */
export function equalOctets(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

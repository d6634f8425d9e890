/**
 * Selected routes on their way to another thread: columns, since a clone of a hundred thousand small
 * objects costs more than the kernel takes to install them. Pure. Attributes stay behind: the kernel
 * has no use for them.
 */
import type {Family, SelectedNextHop, SelectedRoute} from '#bgp-fsm';

export interface SelectedColumns {
  readonly families: Uint8Array; // 4 or 6
  readonly bits: Uint8Array;
  readonly addresses: Uint8Array; // back to back, 4 or 16 octets each
  readonly nextHops: Uint32Array; // index into `sets`
  readonly sets: readonly (readonly SelectedNextHop[])[]; // each once
}

export function packSelected(routes: readonly SelectedRoute[]): SelectedColumns {
  const families = new Uint8Array(routes.length);
  const bits = new Uint8Array(routes.length);
  const nextHops = new Uint32Array(routes.length);
  const addresses = new Uint8Array(routes.reduce((sum, {address}) => sum + address.length, 0));
  const indices = new Map<readonly SelectedNextHop[], number>();
  let end = 0;
  for (const [at, route] of routes.entries()) {
    families[at] = route.family === 'ipv4' ? 4 : 6;
    bits[at] = route.bits;
    addresses.set(route.address, end);
    end += route.address.length;
    const index = indices.get(route.nextHops) ?? indices.size;
    indices.set(route.nextHops, index);
    nextHops[at] = index;
  }
  return {families, bits, addresses, nextHops, sets: [...indices.keys()]};
}

/** Next hops of one batch are one object where they were one; addresses are views. */
export function unpackSelected(columns: SelectedColumns): readonly SelectedRoute[] {
  let end = 0;
  return Array.from(columns.families, (number, at): SelectedRoute => {
    const family: Family = number === 4 ? 'ipv4' : 'ipv6';
    const address = columns.addresses.subarray(end, (end += family === 'ipv4' ? 4 : 16));
    const nextHops = columns.sets[columns.nextHops[at] ?? 0] ?? [];
    return {family, address, bits: columns.bits[at] ?? 0, nextHops, attributes: undefined};
  });
}

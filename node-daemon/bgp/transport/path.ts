/**
 * Where a connection runs, from the addresses of the host: which link, which of our addresses peers can
 * use as next hop, and whether the peer is on the same subnet. Pure but for the question to the host.
 */
import {networkInterfaces, type NetworkInterfaceInfo} from 'node:os';

import {
  contains,
  isLinkLocal,
  parseAddress,
  parseCidr,
  sameAddress,
  type Cidr,
  type ConnectionPath,
} from '#bgp-fsm';

export interface HostAddress {
  readonly interface: string;
  readonly address: Uint8Array;
  readonly subnet: Cidr;
  readonly scopeId: number;
}

const KEPT_MS = 1000;
let known: {readonly addresses: readonly HostAddress[]; readonly atMs: number} | undefined;

/** As of a second ago at most: hundreds of links make it a costly question. */
export function hostAddresses(): readonly HostAddress[] {
  const nowMs = performance.now();
  if (known === undefined || nowMs - known.atMs > KEPT_MS) {
    const all = Object.entries(networkInterfaces());
    const addresses = all.flatMap(([name, infos = []]) =>
      infos.flatMap(info => toHostAddress(name, info)),
    );
    known = {addresses, atMs: nowMs};
  }
  return known.addresses;
}

/** `scopeId`: of a link-local peer; 0: none. */
export function pathBetween(
  local: Uint8Array,
  remote: Uint8Array,
  scopeId: number,
  host: readonly HostAddress[],
): ConnectionPath {
  const own = host.find(
    each => sameAddress(each.address, local) && (scopeId === 0 || each.scopeId === scopeId),
  );
  const sameLink = host.filter(each => each.interface === own?.interface);
  const isGlobal = (width: 4 | 16) => (each: HostAddress) =>
    each.address.length === width && !isLinkLocal(each.address) && !isHostLocal(each.address);
  const linkLocal = sameLink.find(each => isLinkLocal(each.address))?.address;
  const global = {
    ipv4: sameLink.find(isGlobal(4))?.address,
    ipv6: sameLink.find(isGlobal(16))?.address,
  };
  const usesLinkLocal = isLinkLocal(local);
  const isDirect =
    usesLinkLocal || sameLink.some(each => !isWhole(each.subnet) && contains(each.subnet, remote));
  return {
    ifindex: usesLinkLocal ? scopeId : 0,
    nextHops: {
      ipv4: local.length === 4 ? local : global.ipv4,
      ipv6: local.length === 16 && !usesLinkLocal ? local : global.ipv6,
      linkLocal: isDirect ? (usesLinkLocal ? local : linkLocal) : undefined,
    },
    isDirect,
  };
}

/** The name of the link; undefined when no address has that scope. */
export function linkOf(scopeId: number, host: readonly HostAddress[]): string | undefined {
  return scopeId === 0 ? undefined : host.find(each => each.scopeId === scopeId)?.interface;
}

/** 127.0.0.0/8 and ::1: no next hop for anybody else. */
function isHostLocal(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((octet, at) => octet === (at === 15 ? 1 : 0));
}

function isWhole({address, bits}: Cidr): boolean {
  return bits === address.length * 8; // an address, not a subnet
}

function toHostAddress(name: string, info: NetworkInterfaceInfo): HostAddress[] {
  const address = parseAddress(info.address);
  const subnet = parseCidr(info.cidr ?? info.address);
  if (address === undefined || subnet === undefined) return [];
  const scopeId = info.family === 'IPv6' ? info.scopeid : 0;
  return [{interface: name, address, subnet, scopeId}];
}

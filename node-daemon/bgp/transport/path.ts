/**
 * Where a connection runs, from the addresses of the host: which link, which of our addresses peers can
 * use as next hop, and whether the peer is on the same subnet. Pure.
 */
import {contains, isLinkLocal, sameAddress, type Cidr, type ConnectionPath} from '#bgp-fsm';

export interface HostAddress {
  readonly ifindex: number;
  readonly address: Uint8Array;
  readonly subnet: Cidr; // with the bits of the host
}

/**
 * `scopeId`: of a link-local peer; 0: none. Where our own end is no address of the host, nothing but that
 * end is known. A link-local next hop goes beside a global one (RFC 2545 §3); alone, which some refuse and
 * some take for another, only where the session itself is link-local.
 */
export function pathBetween(
  local: Uint8Array,
  remote: Uint8Array,
  scopeId: number,
  host: readonly HostAddress[],
): ConnectionPath {
  const own = host.find(
    each => sameAddress(each.address, local) && (scopeId === 0 || each.ifindex === scopeId),
  );
  const sameLink = host.filter(each => each.ifindex === own?.ifindex);
  const isGlobal = (width: 4 | 16) => (each: HostAddress) =>
    each.address.length === width && !isLinkLocal(each.address) && !isHostLocal(each.address);
  const linkLocal = sameLink.find(each => isLinkLocal(each.address))?.address;
  const global = {
    ipv4: sameLink.find(isGlobal(4))?.address,
    ipv6: sameLink.find(isGlobal(16))?.address,
  };
  const usesLinkLocal = isLinkLocal(local);
  const ipv6 = local.length === 16 && !usesLinkLocal ? local : global.ipv6;
  const isDirect =
    usesLinkLocal || sameLink.some(each => !isWhole(each.subnet) && contains(each.subnet, remote));
  const beside = isDirect && ipv6 !== undefined ? linkLocal : undefined;
  return {
    ifindex: usesLinkLocal ? scopeId : 0,
    nextHops: {
      ipv4: local.length === 4 ? local : global.ipv4,
      ipv6,
      linkLocal: usesLinkLocal ? local : beside,
    },
    isDirect,
  };
}

/** 127.0.0.0/8 and ::1: no next hop for anybody else. */
function isHostLocal(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((octet, at) => octet === (at === 15 ? 1 : 0));
}

function isWhole({address, bits}: Cidr): boolean {
  return bits === address.length * 8; // an address, not a subnet
}

/** The pods' addresses as the kernel knows them: host routes of ours, not of BGP. Shell. */
import {bitsOf, formatAddress} from '#ipam';
import {decodeRoute, dumpRoutes, RTPROT_TWILL, type NetlinkSocket} from '#native-addon';
import {bgpRoutes} from '../kernel/bgp-objects.js';

/** For a journal that was lost: nobody may get these. @throws NetlinkError. */
export async function routedAddresses(socket: NetlinkSocket): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const request = dumpRoutes({family, protocol: RTPROT_TWILL});
    for (const {payload} of await socket.dump(request, {without: bgpRoutes})) {
      const {destination} = decodeRoute(payload);
      if (destination.bits === bitsOf(family)) addresses.push(formatAddress(destination.address));
    }
  }
  return addresses;
}

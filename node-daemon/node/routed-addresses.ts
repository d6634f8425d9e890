/** The pods' addresses as the kernel knows them: host routes of ours. Shell. */
import {bitsOf, formatAddress} from '#ipam';
import {decodeRoute, dumpRoutes, RTPROT_TWILL, type NetlinkSocket} from '#native-addon';

/** For a journal that was lost: nobody may get these. @throws NetlinkError. */
export async function routedAddresses(socket: NetlinkSocket): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const messages = await socket.dump(dumpRoutes({family, protocol: RTPROT_TWILL}));
    for (const {payload} of messages) {
      const {destination} = decodeRoute(payload);
      if (destination.bits !== bitsOf(family)) continue;
      addresses.push(formatAddress(destination.address));
    }
  }
  return addresses;
}

/** Asks the kernel what underlay.ts chooses from. Shell. */
import {
  type NetlinkSocket,
  RT_TABLE_MAIN,
  type Route,
  decodeAddress,
  decodeLink,
  decodeRoute,
  dumpAddresses,
  dumpLinks,
  dumpRoutes,
  getRoute,
} from '#native-addon';
import {type Family, parseAddress} from '#ipam';
import type {UnderlayAddress} from '../config/underlay.js';
import {bgpRoutes} from '../kernel/bgp-objects.js';
import {type UnderlayChoice, type UnderlaySettings, chooseUnderlay} from './underlay.js';

/** @throws NetlinkError when the kernel cannot be asked; that nothing was found is a value. */
export async function detectUnderlay(
  socket: Pick<NetlinkSocket, 'dump' | 'get'>,
  settings: UnderlaySettings,
): Promise<UnderlayChoice> {
  const families = (['ipv4', 'ipv6'] as const).filter(family => settings[family].kind !== 'none');
  const links = await socket.dump(dumpLinks());
  const addresses = await socket.dump(dumpAddresses());
  const routes: Route[] = [];
  const reach: Partial<Record<Family, Route>> = {};
  for (const family of families) {
    if (settings[family].kind === 'auto') {
      const request = dumpRoutes({family, table: RT_TABLE_MAIN});
      const messages = await socket.dump(request, {without: bgpRoutes});
      for (const {payload} of messages) routes.push(decodeRoute(payload));
    }
    const towards = await lookUp(socket, family, settings[family]);
    if (towards !== undefined) reach[family] = towards;
  }
  const view = {
    links: links.map(({payload}) => decodeLink(payload)),
    addresses: addresses.map(({payload}) => decodeAddress(payload)),
    routes,
    reach,
  };
  return chooseUnderlay(view, settings);
}

async function lookUp(
  socket: Pick<NetlinkSocket, 'get'>,
  family: Family,
  setting: UnderlayAddress,
): Promise<Route | undefined> {
  const address = setting.kind === 'can-reach' ? parseAddress(setting.address) : undefined;
  const message = address && (await socket.get(getRoute({family, address})));
  return message && decodeRoute(message.payload);
}

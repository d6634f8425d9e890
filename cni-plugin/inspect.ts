/**
 * What the kernel holds of an attachment, and how it differs from what should be there. `observe`
 * is shell, `compare` pure. Used by CHECK, and by an ADD that comes a second time.
 */
import {
  NUD_PERMANENT,
  RTN_UNICAST,
  RTPROT_TWILL,
  RT_TABLE_MAIN,
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  dumpAddresses,
  dumpNeighbours,
  dumpRoutes,
  getLink,
  type Address,
  type Link,
  type Neighbour,
  type NetlinkSocket,
  type Route,
} from '#native-addon';
import {equalAddresses, familyOf, formatAddress} from '#ipam';
import {formatMac} from './mac.js';
import {GATEWAY, HOST_MAC, gatewayOf, type Destination} from './wiring.js';

/** One end of the wire: its link and what hangs on it. */
export interface End {
  readonly link: Link | undefined;
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
}

export interface Observed {
  readonly host: End;
  readonly pod: End;
}

export interface Expected {
  readonly hostInterface: string;
  readonly ifName: string;
  readonly podMac: string;
  /** A later plugin of the chain may have lowered it. */
  readonly maxMtu?: number;
  readonly addresses: readonly Uint8Array[];
  /** On the pod's interface by another plugin: no route of ours leads to them. */
  readonly foreignAddresses?: readonly Uint8Array[];
  readonly destinations: readonly Destination[];
}

export async function observe(
  host: NetlinkSocket,
  pod: NetlinkSocket,
  expected: Expected,
): Promise<Observed> {
  const [hostEnd, podEnd] = await Promise.all([
    observeEnd(host, expected.hostInterface, expected, RTPROT_TWILL),
    observeEnd(pod, expected.ifName, expected, undefined),
  ]);
  return {host: hostEnd, pod: podEnd};
}

async function observeEnd(
  socket: NetlinkSocket,
  name: string,
  {addresses, foreignAddresses = []}: Expected,
  protocol: number | undefined,
): Promise<End> {
  const found = await socket.get(getLink({name}));
  if (found === undefined) return {link: undefined, addresses: [], routes: [], neighbours: []};
  const link = decodeLink(found.payload);
  const end = {
    link,
    addresses: [] as Address[],
    routes: [] as Route[],
    neighbours: [] as Neighbour[],
  };
  for (const family of new Set([...addresses, ...foreignAddresses].map(familyOf))) {
    const [held, routes, neighbours] = await Promise.all([
      socket.dump(dumpAddresses({family, index: link.index})),
      socket.dump(
        dumpRoutes({family, table: RT_TABLE_MAIN, ...(protocol === undefined ? {} : {protocol})}),
      ),
      socket.dump(dumpNeighbours({family, index: link.index})),
    ]);
    end.addresses.push(...held.map(({payload}) => decodeAddress(payload)));
    end.routes.push(...routes.map(({payload}) => decodeRoute(payload)));
    end.neighbours.push(...neighbours.map(({payload}) => decodeNeighbour(payload)));
  }
  return end;
}

/** One sentence for each thing that is not as it should be; empty when all is well. */
export function compare(expected: Expected, {host, pod}: Observed): readonly string[] {
  return [
    ...compareLinks(expected, host.link, pod.link),
    ...(host.link === undefined ? [] : compareHost(expected, host, host.link)),
    ...(pod.link === undefined ? [] : comparePod(expected, pod, pod.link)),
  ];
}

function compareLinks(
  {hostInterface, ifName, podMac, maxMtu}: Expected,
  host: Link | undefined,
  pod: Link | undefined,
): readonly string[] {
  return [
    ...findLink(host, `host interface ${hostInterface}`, HOST_MAC),
    ...findLink(pod, `interface ${ifName}`, podMac),
    ...(host !== undefined && pod !== undefined && host.peerIndex !== pod.index
      ? [`interface ${ifName} is not the other end of ${hostInterface}`]
      : []),
    ...(pod !== undefined && maxMtu !== undefined && pod.mtu > maxMtu
      ? [`mtu of ${ifName} is ${pod.mtu}, above ${maxMtu}`]
      : []),
  ];
}

function findLink(link: Link | undefined, what: string, mac: string): readonly string[] {
  if (link === undefined) return [`${what} is missing`];
  const held = link.mac === undefined ? 'none' : formatMac(link.mac);
  return [
    ...(link.kind === 'veth' ? [] : [`${what} is a ${link.kind ?? 'foreign device'}, not a veth`]),
    ...(link.up ? [] : [`${what} is down`]),
    ...(held === mac ? [] : [`MAC of ${what} is ${held}, not ${mac}`]),
  ];
}

function compareHost(expected: Expected, end: End, link: Link): readonly string[] {
  const {hostInterface, addresses, podMac} = expected;
  return addresses.flatMap(address => [
    ...(end.routes.some(route => isRoute(route, address, address.length * 8, link.index))
      ? []
      : [`host route ${withBits(address)} dev ${hostInterface} is missing`]),
    ...findNeighbour(end, address, podMac, hostInterface),
  ]);
}

function comparePod(expected: Expected, end: End, link: Link): readonly string[] {
  const {ifName, addresses, foreignAddresses = [], destinations} = expected;
  const families = new Set(addresses.map(familyOf));
  return [
    ...[...addresses, ...foreignAddresses]
      .filter(address => !end.addresses.some(held => equalAddresses(held.address, address)))
      .map(address => `address ${withBits(address)} is missing on ${ifName}`),
    ...[...families].flatMap(family => findGateway(end, gatewayOf(family), link.index, ifName)),
    ...destinations
      .filter(({address}) => families.has(familyOf(address)))
      .filter(
        ({address, bits}) =>
          !end.routes.some(route => isPodRoute(route, address, bits, link.index)),
      )
      .map(
        ({address, bits}) =>
          `route ${formatAddress(address)}/${bits} via ${GATEWAY[familyOf(address)]} is missing`,
      ),
  ];
}

function findGateway(
  end: End,
  gateway: Uint8Array,
  index: number,
  ifName: string,
): readonly string[] {
  const bits = gateway.length * 8;
  const isThere = end.routes.some(route => isRoute(route, gateway, bits) && isOn(route, index));
  return [
    ...(isThere ? [] : [`route ${withBits(gateway)} dev ${ifName} is missing`]),
    ...findNeighbour(end, gateway, HOST_MAC, ifName, index),
  ];
}

function findNeighbour(
  end: End,
  address: Uint8Array,
  mac: string,
  ifName: string,
  index = end.link?.index,
): readonly string[] {
  const found = end.neighbours.find(
    ({destination, index: at}) =>
      at === index && destination !== undefined && equalAddresses(destination, address),
  );
  const what = `neighbour ${formatAddress(address)} on ${ifName}`;
  if (found?.mac === undefined) return [`${what} is missing`];
  if (formatMac(found.mac) !== mac) return [`${what} is ${formatMac(found.mac)}, not ${mac}`];
  return (found.state & NUD_PERMANENT) === 0 ? [`${what} is not permanent`] : [];
}

/** By our gateway: neither a blackhole nor a route elsewhere that somebody put in its place. */
function isPodRoute(route: Route, address: Uint8Array, bits: number, index: number): boolean {
  const gateway = gatewayOf(familyOf(address));
  const leadsThere = route.gateway !== undefined && equalAddresses(route.gateway, gateway);
  return leadsThere && isRoute(route, address, bits) && isOn(route, index);
}

/** Another interface's will do where an earlier network of ours in the pod holds the route. */
function isOn({oif, protocol}: Route, index: number): boolean {
  return oif === index || protocol === RTPROT_TWILL;
}

function isRoute(route: Route, address: Uint8Array, bits: number, index?: number): boolean {
  const {destination, type} = route;
  if (type !== RTN_UNICAST) return false;
  if (destination.bits !== bits || !equalAddresses(destination.address, address)) return false;
  return index === undefined || route.oif === index;
}

function withBits(address: Uint8Array): string {
  return `${formatAddress(address)}/${address.length * 8}`;
}

/**
 * From an attachment to the netlink requests that make it real. Pure.
 *
 *    host namespace                              pod namespace
 *   +--------------------------------+          +------------------------------------+
 *   | twl<hash>  ee:ee:ee:ee:ee:ee   |---veth---| eth0  10.1.2.3/32  fd00::3/128     |
 *   | 10.1.2.3/32 dev twl.. proto 84 |          | 169.254.1.1 dev eth0 (link)        |
 *   | 10.1.2.3 lladdr <pod> PERMANENT|          | default via 169.254.1.1, fe80::1   |
 *   |                                |          | 169.254.1.1 lladdr ee:.. PERMANENT |
 *   +--------------------------------+          +------------------------------------+
 *
 * The link is made while the journal writes the addresses down; then one batch for each side, both
 * at once. The peer is created inside the pod's namespace and never moved: a move waits 20 ms for
 * an RCU grace period with the kernel's network lock held. Index numbers are ours to choose, so that
 * nothing has to be asked for. A veth with one queue each way is created without waiting for a
 * grace period. linux/drivers/net/veth.c, linux/rtnetlink.h.
 *
 * No ARP and no neighbour discovery: both ends have a permanent neighbour, so a pod can start to
 * talk with its first packet and nobody can answer for the gateway.
 */
import {
  IFA_F_NODAD,
  NUD_PERMANENT,
  RTN_UNICAST,
  RTPROT_TWILL,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  deleteRoute,
  newAddress,
  newNeighbour,
  newRoute,
  newVeth,
  setLink,
  type Family,
  type Request,
  type Route,
} from '#native-addon';
import {familyOf, parseAddress} from '#ipam';

export const HOST_MAC = 'ee:ee:ee:ee:ee:ee';
export const HOST_MAC_OCTETS = new Uint8Array(6).fill(0xee);
/** The pod's next hop: an address that is on no interface, behind a permanent neighbour. */
export const GATEWAY: Readonly<Record<Family, string>> = {ipv4: '169.254.1.1', ipv6: 'fe80::1'};
const GATEWAY_OCTETS: Readonly<Record<Family, Uint8Array>> = {
  ipv4: parseAddress(GATEWAY.ipv4) ?? new Uint8Array(),
  ipv6: parseAddress(GATEWAY.ipv6) ?? new Uint8Array(),
};
export const DEFAULT_ROUTE: Readonly<Record<Family, string>> = {ipv4: '0.0.0.0/0', ipv6: '::/0'};
export const LOOPBACK_INDEX = 1; // linux/net/core/dev.c LOOPBACK_IFINDEX, in every namespace

export interface Destination {
  readonly address: Uint8Array; // host bits zero
  readonly bits: number;
}

export interface Wiring {
  readonly hostInterface: string;
  readonly ifName: string;
  /** Chosen by us; used for the host link and, inside the pod, for its peer. */
  readonly index: number;
  readonly podMac: Uint8Array;
  readonly mtu: number; // octets
  readonly addresses: readonly Uint8Array[];
  /** What the pod reaches through its gateway: the default routes unless IPAM says otherwise. */
  readonly destinations: readonly Destination[];
}

/** A request of the pod's batch; `mayExist`: another network of the pod may have it already. */
export interface PodRequest {
  readonly request: Request;
  readonly mayExist: boolean;
}

/** What can be made before the addresses are known. */
export type LinkWiring = Omit<Wiring, 'addresses' | 'destinations'>;

/** The first request makes the link; when it fails, the others find nothing. */
export function linkRequests(wiring: LinkWiring, namespaceDescriptor: number): readonly Request[] {
  const {hostInterface, ifName, index, podMac, mtu} = wiring;
  return [
    newVeth({
      name: hostInterface,
      mac: HOST_MAC_OCTETS,
      mtu,
      index,
      peer: {name: ifName, mac: podMac, mtu, index, netns: {fd: namespaceDescriptor}},
    }),
    // By name: where the index turned out to be in use, nobody else's link is changed. The mode
    // before `up` and apart from it, or the link would make itself a link-local address first.
    setLink({name: hostInterface, addrGenMode: 'none'}),
    setLink({name: hostInterface, up: true}),
  ];
}

export function hostRequests({addresses, index, podMac}: Wiring): readonly Request[] {
  return addresses.flatMap(address => [
    newRoute(hostRoute(address, index), 'add'),
    newNeighbour(permanentNeighbour(address, index, podMac), 'replace'),
  ]);
}

export function podRequests(wiring: Wiring): readonly PodRequest[] {
  const {index} = wiring;
  const families = [...new Set(wiring.addresses.map(familyOf))];
  const reachable = wiring.destinations.filter(({address}) => families.includes(familyOf(address)));
  return [
    own(setLink({index: LOOPBACK_INDEX, up: true})),
    own(setLink({index, up: true})),
    ...wiring.addresses.map(address => own(newAddress(podAddress(address, index)))),
    ...families.map(family => shared(newRoute(gatewayRoute(family, index), 'add'))),
    ...families.map(family =>
      own(newNeighbour(permanentNeighbour(gatewayOf(family), index, HOST_MAC_OCTETS), 'replace')),
    ),
    ...reachable.map(destination => shared(newRoute(podRoute(destination, index), 'add'))),
  ];
}

/** What leaves the kernel before a DEL is answered; neighbours go with the link. */
export function withdrawRequests(addresses: readonly Uint8Array[]): readonly Request[] {
  return addresses.map(address => deleteRoute(hostRoute(address)));
}

/** The host's route to a pod; without an index it matches the route on whichever link it is. */
export function hostRoute(address: Uint8Array, index?: number): Route {
  return {
    ...unicast(familyOf(address)),
    scope: RT_SCOPE_LINK,
    destination: {address, bits: address.length * 8},
    ...(index === undefined ? {} : {oif: index}),
  };
}

export function gatewayOf(family: Family): Uint8Array {
  return GATEWAY_OCTETS[family];
}

export function defaultDestination(family: Family): Destination {
  return {address: new Uint8Array(family === 'ipv4' ? 4 : 16), bits: 0};
}

function gatewayRoute(family: Family, index: number): Route {
  const address = gatewayOf(family);
  const destination = {address, bits: address.length * 8};
  return {...unicast(family), scope: RT_SCOPE_LINK, destination, oif: index};
}

function podRoute(destination: Destination, index: number): Route {
  const family = familyOf(destination.address);
  // On link: where another network's interface has the route to the gateway, ours still works.
  return {
    ...unicast(family),
    destination,
    gateway: gatewayOf(family),
    oif: index,
    onlink: true,
  };
}

function unicast(family: Family): Omit<Route, 'destination'> {
  return {
    family,
    table: RT_TABLE_MAIN,
    protocol: RTPROT_TWILL,
    scope: RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    priority: 0,
  };
}

/** IFA_F_NODAD: nobody else is on this link, and a pod must not wait a second for its address. */
function podAddress(address: Uint8Array, index: number) {
  const family = familyOf(address);
  return {
    family,
    index,
    address,
    bits: address.length * 8,
    scope: RT_SCOPE_UNIVERSE,
    flags: family === 'ipv6' ? IFA_F_NODAD : 0,
  };
}

function permanentNeighbour(destination: Uint8Array, index: number, mac: Uint8Array) {
  return {family: familyOf(destination), index, state: NUD_PERMANENT, flags: 0, destination, mac};
}

function own(request: Request): PodRequest {
  return {request, mayExist: false};
}

function shared(request: Request): PodRequest {
  return {request, mayExist: true};
}

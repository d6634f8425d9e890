/**
 * Netlink, sockets and clock: the ground the rest stands on. Imports nothing of ours.
 */
export {boottimeMs} from './clock.js';
export * from './netlink/constants.js';
export {DecodeError, NetlinkError, type Retry} from './netlink/errors.js';
export type {Family, Prefix} from './netlink/family.js';
export type {Frames, Message, Request, RequestBatch} from './netlink/message.js';
export {openMonitor, type Monitor, type MonitorOptions} from './netlink/monitor.js';
export {
  openNetlink,
  type DumpOptions,
  type DumpReader,
  type NetlinkSocket,
} from './netlink/socket.js';
export type {OpenOptions} from './netlink/channel.js';
export * from './netlink/address.js';
export {
  decodeLink,
  deleteLink,
  deleteLinkGroup,
  dumpLinks,
  getLink,
  setLink,
  type AddrGenMode,
  type Link,
  type LinkChange,
  type LinkRef,
} from './netlink/link.js';
export type {NextHop, Via} from './netlink/multipath.js';
export * from './netlink/neighbour.js';
export * from './netlink/nexthop.js';
export * from './netlink/route.js';
export {
  RouteBatch,
  type AddressWords,
  type BatchedRoute,
  type RouteBatchFields,
  type RouteVerb,
} from './netlink/route-batch.js';
export {RouteView} from './netlink/route-view.js';
export * from './netlink/rule.js';
export {newVeth, type NewVeth, type VethPeer} from './netlink/veth.js';
export type {VxlanInfo} from './netlink/vxlan-info.js';
export {newVxlan, type NewVxlan} from './netlink/vxlan.js';
export {
  closeDescriptor,
  namespaceOf,
  readSysctl,
  writeSysctl,
  type Namespace,
} from './namespace.js';
export {DatagramSocket, type Datagram} from './socket/datagram.js';
export type {Endpoint} from './socket/endpoint.js';
export * from './socket/options.js';
export {
  dialSocket,
  interfaceIndex,
  interfaceName,
  ListeningSocket,
  localEndpoint,
  setSocketOption,
  synHopLimit,
  type ListenOptions,
  type SocketOptions,
} from './socket/socket.js';
export {listenUnix, type UnixListenerOptions, type UnixRequest} from './unix-listener.js';
export {FakeKernel, type FakeMonitor, type Fault} from './netlink/fake-kernel.js';

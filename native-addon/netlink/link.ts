/**
 * Network interfaces. Pure. Payload: struct ifinfomsg, then IFLA_… attributes (linux/rtnetlink.h,
 * linux/if_link.h).
 *
 *    0        1     2      4       8       12       16
 *   +--------+-----+------+-------+-------+--------+
 *   | family | pad | type | index | flags | change |   change: which flags a request sets
 *   +--------+-----+------+-------+-------+--------+
 *
 * Kinds with data of their own: veth.ts, vxlan.ts.
 */
import {
  AF_BRIDGE,
  AF_INET6,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_LINK_NETNSID,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IN6_ADDR_GEN_MODE_EUI64,
  IN6_ADDR_GEN_MODE_NONE,
  NLA_F_NESTED,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_SETLINK,
} from './constants.js';
import {Cursor} from './cursor.js';
import type {Request} from './message.js';
import {formatLink, request} from './request.js';
import {decodeVxlanInfo, type VxlanInfo} from './vxlan-info.js';
import {writer, type Writer} from './writer.js';

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind?: string; // 'veth', 'vxlan', 'bridge'; none for lo and hardware
  readonly mac?: Uint8Array;
  readonly mtu: number;
  readonly up: boolean; // IFF_UP: administratively
  readonly running: boolean; // IFF_LOWER_UP: carrier
  readonly flags: number; // IFF_…
  readonly group: number;
  readonly peerIndex?: number; // IFLA_LINK, an index in the namespace of linkNetnsId
  readonly linkNetnsId?: number;
  readonly master?: number;
  readonly alias?: string;
  readonly txQueues?: number;
  readonly rxQueues?: number;
  readonly addrGenMode?: AddrGenMode;
  readonly vxlan?: VxlanInfo;
  /**
   * The message is about the link as a port of a bridge (family AF_BRIDGE), and tells little else.
   * As RTM_DELLINK it says that the link has left the bridge, not that it is gone.
   */
  readonly bridgePort?: boolean;
}

/** How IPv6 makes the link-local address; 'none': it does not. */
export type AddrGenMode = 'none' | 'eui64';
export type LinkRef = {readonly index: number} | {readonly name: string};

export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  readonly name?: string; // beside an index: the new one
  readonly group?: number;
  readonly alias?: string;
  readonly addrGenMode?: AddrGenMode;
  readonly master?: number; // ifindex of a bridge or bond; 0: none
}

export const IFINFOMSG_BYTES = 16;

export function setLink(link: LinkRef & LinkChange): Request {
  const w = startLink(link);
  if (link.up !== undefined) setFlags(w, link.up ? IFF_UP : 0, IFF_UP);
  writeAttributes(w, link); // its name looks the link up where there is no index
  return request(RTM_SETLINK, 0, w.finish(), () => `set link ${formatLink(link)}`);
}

export function deleteLink(link: LinkRef): Request {
  const w = startLink(link);
  if (!('index' in link)) w.text(IFLA_IFNAME, link.name);
  return request(RTM_DELLINK, 0, w.finish(), () => `delete link ${formatLink(link)}`);
}

/** Every link of the group at once: one grace period of the kernel for all of them. */
export function deleteLinkGroup(group: number): Request {
  const payload = writer.start(IFINFOMSG_BYTES).u32(IFLA_GROUP, group).finish();
  return request(RTM_DELLINK, 0, payload, () => `delete link group ${group}`);
}

export function getLink(link: LinkRef): Request {
  const w = startLink(link);
  if (!('index' in link)) w.text(IFLA_IFNAME, link.name);
  w.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return request(RTM_GETLINK, 0, w.finish(), () => `get link ${formatLink(link)}`);
}

/** The kernel filters by kind. */
export function dumpLinks(filter: {readonly kind?: string} = {}): Request {
  const w = writer.start(IFINFOMSG_BYTES).u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (filter.kind !== undefined) {
    const info = w.open(IFLA_LINKINFO | NLA_F_NESTED);
    w.text(IFLA_INFO_KIND, filter.kind).close(info);
  }
  return request(RTM_GETLINK, 0, w.finish(), () => 'dump links');
}

/** Attributes that creation, change and a veth's peer have in common. */
export function writeAttributes(w: Writer, link: LinkChange & {readonly queues?: number}): void {
  if (link.name !== undefined) w.text(IFLA_IFNAME, link.name);
  if (link.mac !== undefined) w.bytes(IFLA_ADDRESS, link.mac);
  if (link.mtu !== undefined) w.u32(IFLA_MTU, link.mtu);
  if (link.group !== undefined) w.u32(IFLA_GROUP, link.group);
  if (link.master !== undefined) w.u32(IFLA_MASTER, link.master);
  if (link.alias !== undefined) w.text(IFLA_IFALIAS, link.alias);
  if (link.queues !== undefined) {
    w.u32(IFLA_NUM_TX_QUEUES, link.queues).u32(IFLA_NUM_RX_QUEUES, link.queues);
  }
  if (link.addrGenMode !== undefined) {
    const spec = w.open(IFLA_AF_SPEC | NLA_F_NESTED);
    const inet6 = w.open(AF_INET6 | NLA_F_NESTED);
    w.u8(IFLA_INET6_ADDR_GEN_MODE, GEN_MODES[link.addrGenMode]).close(inet6).close(spec);
  }
}

/** Of a request that creates, and of struct ifinfomsg inside VETH_INFO_PEER (at `offset`). */
export function setFlags(w: Writer, flags: number, change: number, offset = 0): void {
  w.setU32(offset + 8, flags).setU32(offset + 12, change);
}

/** Takes notifications, dumps and requests. @throws DecodeError when it is cut short. */
export function decodeLink(payload: Uint8Array): Link {
  const cursor = new Cursor(payload, IFINFOMSG_BYTES, 'link');
  const flags = cursor.headerU32(8);
  const link: Mutable<Link> = {
    index: cursor.headerU32(4),
    name: '',
    mtu: 0,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_LOWER_UP) !== 0,
    flags,
    group: 0,
  };
  if (cursor.headerU8(0) === AF_BRIDGE) link.bridgePort = true;
  while (cursor.next()) decodeAttribute(cursor, link);
  return link;
}

export type Mutable<T> = {-readonly [K in keyof T]: T[K]};

const GEN_MODES = {eui64: IN6_ADDR_GEN_MODE_EUI64, none: IN6_ADDR_GEN_MODE_NONE} as const;

function decodeAttribute(cursor: Cursor, link: Mutable<Link>): void {
  switch (cursor.type) {
    case IFLA_IFNAME:
      link.name = cursor.text('name');
      break;
    case IFLA_ADDRESS: {
      const mac = cursor.mac();
      if (mac !== undefined) link.mac = mac;
      break;
    }
    case IFLA_MTU:
      link.mtu = cursor.u32('mtu');
      break;
    case IFLA_GROUP:
      link.group = cursor.u32('group');
      break;
    case IFLA_LINK: {
      const peerIndex = cursor.u32('peerIndex');
      if (peerIndex !== 0) link.peerIndex = peerIndex; // 0: the other end is gone, or not yet there
      break;
    }
    case IFLA_LINK_NETNSID:
      link.linkNetnsId = cursor.i32('linkNetnsId');
      break;
    case IFLA_MASTER:
      link.master = cursor.u32('master');
      break;
    case IFLA_IFALIAS:
      link.alias = cursor.text('alias');
      break;
    case IFLA_NUM_TX_QUEUES:
      link.txQueues = cursor.u32('txQueues');
      break;
    case IFLA_NUM_RX_QUEUES:
      link.rxQueues = cursor.u32('rxQueues');
      break;
    case IFLA_AF_SPEC:
      decodeAfSpec(cursor.nested('afSpec'), link);
      break;
    case IFLA_LINKINFO:
      decodeLinkInfo(cursor.nested('info'), link);
      break;
  }
}

/** The kernel writes the kind before the data. */
function decodeLinkInfo(info: Cursor, link: Mutable<Link>): void {
  while (info.next()) {
    if (info.type === IFLA_INFO_KIND) link.kind = info.text('kind');
    else if (info.type === IFLA_INFO_DATA && link.kind === 'vxlan') {
      link.vxlan = decodeVxlanInfo(info.nested('vxlan'));
    }
  }
}

function decodeAfSpec(spec: Cursor, link: Mutable<Link>): void {
  while (spec.next()) {
    if (spec.type !== AF_INET6) continue;
    const inet6 = spec.nested('inet6');
    while (inet6.next()) {
      if (inet6.type !== IFLA_INET6_ADDR_GEN_MODE) continue;
      const mode = inet6.u8('addrGenMode');
      if (mode === IN6_ADDR_GEN_MODE_NONE) link.addrGenMode = 'none';
      else if (mode === IN6_ADDR_GEN_MODE_EUI64) link.addrGenMode = 'eui64';
    }
  }
}

function startLink(link: LinkRef): Writer {
  const w = writer.start(IFINFOMSG_BYTES);
  return 'index' in link ? w.setU32(4, link.index) : w;
}

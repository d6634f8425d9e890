/**
 * Routes. Pure. Payload: struct rtmsg, then RTA_… (linux/rtnetlink.h).
 *
 *    0        1         2         3     4       5          6       7      8       12
 *   +--------+---------+---------+-----+-------+----------+-------+------+-------+
 *   | family | dst len | src len | tos | table | protocol | scope | type | flags |
 *   +--------+---------+---------+-----+-------+----------+-------+------+-------+
 *
 * A table over 255 stands in RTA_TABLE, with RT_TABLE_UNSPEC in the header. Next hops of a
 * multipath route: multipath.ts. A route by nexthop object has nexthopId and no hop of its own: the
 * kernel repeats the object's hop in dumps (nexthop_compat_mode) and refuses the same in requests, so
 * decoding drops it and encoding leaves it out.
 */
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
  RT_TABLE_UNSPEC,
} from './constants.js';
import {Cursor} from './cursor.js';
import {fromAf, toAf, widthOf, type Family, type Prefix} from './family.js';
import type {Mutable} from './link.js';
import type {Request} from './message.js';
import {decodeMultipath, decodeVia, writeMultipath, writeVia} from './multipath.js';
import type {NextHop, Via} from './multipath.js';
import {formatIp, request} from './request.js';
import {writer, type Writer} from './writer.js';

export interface Route {
  readonly family: Family;
  readonly table: number; // RT_TABLE_MAIN = 254
  readonly protocol: number; // RTPROT_…
  readonly scope: number; // RT_SCOPE_…; IPv6 knows UNIVERSE only
  readonly type: number; // RTN_…
  readonly destination: Prefix;
  readonly gateway?: Uint8Array | undefined;
  readonly via?: Via; // a gateway of the other family
  readonly oif?: number | undefined; // ifindex
  readonly priority?: number; // the metric; IPv6 makes 1024 of none
  readonly source?: Uint8Array; // preferred source address (prefsrc)
  readonly nexthopId?: number | undefined;
  readonly mtu?: number;
  readonly onlink?: boolean;
  readonly multipath?: readonly NextHop[];
}

const RTMSG_BYTES = 12;

export function newRoute(route: Route, mode: 'add' | 'replace'): Request {
  const flags = mode === 'add' ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
  return request(RTM_NEWROUTE, flags, encode(route), () => `${mode} route ${format(route)}`);
}

/** The kernel deletes the first route that agrees in every field given here. */
export function deleteRoute(route: Route): Request {
  return request(RTM_DELROUTE, 0, encode(route), () => `delete route ${format(route)}`);
}

/** The kernel filters. A table that does not exist is an empty dump. */
export function dumpRoutes(filter: {family: Family; protocol?: number; table?: number}): Request {
  const w = writer.start(RTMSG_BYTES).setU8(0, toAf(filter.family));
  if (filter.protocol !== undefined) w.setU8(5, filter.protocol);
  if (filter.table !== undefined) writeTable(w, filter.table);
  return request(RTM_GETROUTE, 0, w.finish(), () => `dump ${filter.family} routes`);
}

/** Which route a packet to that address takes. */
export function getRoute(query: {family: Family; address: Uint8Array}): Request {
  const w = writer.start(RTMSG_BYTES);
  w.setU8(0, toAf(query.family)).setU8(1, widthOf(query.family) * 8);
  w.bytes(RTA_DST, query.address);
  return request(RTM_GETROUTE, 0, w.finish(), () => `get route to ${formatIp(query.address)}`);
}

/** @throws DecodeError when it is cut short or of a family that is neither IPv4 nor IPv6. */
export function decodeRoute(payload: Uint8Array): Route {
  const cursor = new Cursor(payload, RTMSG_BYTES, 'route');
  const family = fromAf(cursor.headerU8(0), 'route.family');
  const route: Mutable<Route> = {
    family,
    table: cursor.headerU8(4),
    protocol: cursor.headerU8(5),
    scope: cursor.headerU8(6),
    type: cursor.headerU8(7),
    destination: {address: new Uint8Array(widthOf(family)), bits: cursor.headerU8(1)},
  };
  if ((cursor.headerU32(8) & RTNH_F_ONLINK) !== 0) route.onlink = true;
  while (cursor.next()) decodeAttribute(cursor, route);
  if (route.nexthopId !== undefined) dropHop(route);
  return route;
}

function dropHop(route: Mutable<Route>): void {
  delete route.gateway;
  delete route.via;
  delete route.oif;
  delete route.onlink;
  delete route.multipath;
}

function decodeAttribute(cursor: Cursor, route: Mutable<Route>): void {
  const width = widthOf(route.family);
  switch (cursor.type) {
    case RTA_DST: {
      const {bits} = route.destination;
      route.destination = {address: cursor.address('destination', width), bits};
      break;
    }
    case RTA_GATEWAY:
      route.gateway = cursor.address('gateway', width);
      break;
    case RTA_VIA:
      route.via = decodeVia(cursor);
      break;
    case RTA_OIF:
      route.oif = cursor.u32('oif');
      break;
    case RTA_PRIORITY:
      route.priority = cursor.u32('priority');
      break;
    case RTA_PREFSRC:
      route.source = cursor.address('source', width);
      break;
    case RTA_TABLE:
      route.table = cursor.u32('table');
      break;
    case RTA_NH_ID:
      route.nexthopId = cursor.u32('nexthopId');
      break;
    case RTA_MULTIPATH:
      route.multipath = decodeMultipath(cursor, width);
      break;
    case RTA_METRICS: {
      const metrics = cursor.nested('metrics');
      while (metrics.next()) if (metrics.type === RTAX_MTU) route.mtu = metrics.u32('mtu');
      break;
    }
  }
}

function encode(route: Route): Uint8Array {
  const w = writer.start(RTMSG_BYTES);
  w.setU8(0, toAf(route.family)).setU8(1, route.destination.bits);
  w.setU8(5, route.protocol).setU8(6, route.scope).setU8(7, route.type);
  writeTable(w, route.table);
  if (route.destination.bits > 0) w.bytes(RTA_DST, route.destination.address);
  if (route.priority !== undefined) w.u32(RTA_PRIORITY, route.priority);
  if (route.source !== undefined) w.bytes(RTA_PREFSRC, route.source);
  if (route.mtu !== undefined) {
    const metrics = w.open(RTA_METRICS);
    w.u32(RTAX_MTU, route.mtu).close(metrics);
  }
  if (route.nexthopId !== undefined) w.u32(RTA_NH_ID, route.nexthopId);
  else writeHop(w, route);
  return w.finish();
}

function writeHop(w: Writer, route: Route): void {
  if (route.onlink === true) w.setU32(8, RTNH_F_ONLINK);
  if (route.gateway !== undefined) w.bytes(RTA_GATEWAY, route.gateway);
  if (route.via !== undefined) writeVia(w, route.via);
  if (route.oif !== undefined) w.u32(RTA_OIF, route.oif);
  if (route.multipath !== undefined) writeMultipath(w, route.multipath);
}

function writeTable(w: Writer, table: number): void {
  if (table < 256) w.setU8(4, table);
  else w.setU8(4, RT_TABLE_UNSPEC).u32(RTA_TABLE, table);
}

function format({destination, table}: Route): string {
  return `${formatIp(destination.address)}/${destination.bits} table ${table}`;
}

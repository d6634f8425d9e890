/**
 * The next hops of a multipath route, and gateways of another family. Pure.
 *
 *    0        2       3      4         8
 *   +--------+-------+------+---------+-----------------+
 *   | length | flags | hops | ifindex | RTA_GATEWAY, …  |   struct rtnexthop, linux/rtnetlink.h;
 *   +--------+-------+------+---------+-----------------+   hops = weight - 1; several in a row
 */
import {RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTNH_F_ONLINK} from './constants.js';
import {Cursor} from './cursor.js';
import {DecodeError} from './errors.js';
import {fromAf, toAf, widthOf, type Family} from './family.js';
import type {Mutable} from './link.js';
import type {Writer} from './writer.js';

export interface Via {
  readonly family: Family;
  readonly address: Uint8Array;
}

export interface NextHop {
  readonly oif: number;
  readonly weight: number; // 1..256
  readonly gateway?: Uint8Array;
  readonly via?: Via;
  readonly onlink?: boolean;
}

const RTNEXTHOP_BYTES = 8;

export function writeMultipath(w: Writer, hops: readonly NextHop[]): void {
  const opened = w.open(RTA_MULTIPATH);
  for (const hop of hops) {
    const start = w.skip(RTNEXTHOP_BYTES);
    w.setU8(start + 2, hop.onlink === true ? RTNH_F_ONLINK : 0).setU8(start + 3, hop.weight - 1);
    w.setU32(start + 4, hop.oif);
    if (hop.gateway !== undefined) w.bytes(RTA_GATEWAY, hop.gateway);
    if (hop.via !== undefined) writeVia(w, hop.via);
    w.setU16(start, w.length - start);
  }
  w.close(opened);
}

/** @throws DecodeError when a next hop is cut short. */
export function decodeMultipath(cursor: Cursor, width: 4 | 16): NextHop[] {
  const hops: NextHop[] = [];
  const end = cursor.offset + cursor.length;
  for (let at = cursor.offset; at < end;) {
    const left = end - at;
    const length = left < RTNEXTHOP_BYTES ? 0 : cursor.headerU16(at);
    if (length < RTNEXTHOP_BYTES || length > left) {
      throw new DecodeError('route.multipath', at, `${length} octets, ${left} are left`);
    }
    hops.push(decodeHop(cursor, at, length, width));
    at += (length + 3) & ~3;
  }
  return hops;
}

function decodeHop(outer: Cursor, at: number, length: number, width: 4 | 16): NextHop {
  const hop: Mutable<NextHop> = {
    oif: outer.headerU32(at + 4),
    weight: outer.headerU8(at + 3) + 1,
  };
  if ((outer.headerU8(at + 2) & RTNH_F_ONLINK) !== 0) hop.onlink = true;
  const cursor = outer.range(at + RTNEXTHOP_BYTES, at + length, 'multipath');
  while (cursor.next()) {
    if (cursor.type === RTA_GATEWAY) hop.gateway = cursor.address('gateway', width);
    else if (cursor.type === RTA_VIA) hop.via = decodeVia(cursor);
  }
  return hop;
}

/** struct rtvia: family in two octets, then the address. */
export function writeVia(w: Writer, via: Via): void {
  const value = new Uint8Array(2 + via.address.length);
  new Uint16Array(value.buffer, 0, 1)[0] = toAf(via.family);
  value.set(via.address, 2);
  w.bytes(RTA_VIA, value);
}

export function decodeVia(cursor: Cursor): Via {
  const family = fromAf(cursor.u16('via'), 'route.via');
  const address = cursor.bytes().subarray(2);
  if (address.length !== widthOf(family)) {
    throw new DecodeError('route.via', cursor.offset, `${address.length} octets for ${family}`);
  }
  return {family, address};
}

/**
 * Nexthop objects: what routes point at by RTA_NH_ID. Pure. Payload: struct nhmsg, then NHA_…
 * (linux/nexthop.h).
 *
 *    0        1       2          3     4       8
 *   +--------+-------+----------+-----+-------+
 *   | family | scope | protocol | pad | flags |   flags: RTNH_F_…
 *   +--------+-------+----------+-----+-------+
 *
 * One object per remote host, shared by its routes: 10,000 routes with distinct gateways on one
 * device are quadratic in the kernel, by nexthop id they are not. Deleting an object deletes its
 * routes, by a walk over the whole table (fib_flush): delete the routes first. A group and a blackhole have no device of their own.
 */
import {
  AF_UNSPEC,
  NHA_BLACKHOLE,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_ID,
  NHA_OIF,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_ONLINK,
} from './constants.js';
import {Cursor} from './cursor.js';
import {DecodeError} from './errors.js';
import {familyOfBytes, fromAf, toAf, type Family} from './family.js';
import type {Mutable} from './link.js';
import type {Request} from './message.js';
import {formatIp, request} from './request.js';
import {HOST_IS_LITTLE, writer} from './writer.js';

export interface Nexthop {
  readonly id: number;
  readonly family?: Family; // of the gateway; a group has none
  readonly protocol: number; // RTPROT_…
  readonly oif?: number | undefined; // ifindex
  readonly gateway?: Uint8Array | undefined;
  readonly onlink?: boolean;
  readonly group?: readonly GroupMember[];
  readonly blackhole?: boolean;
}

export interface GroupMember {
  readonly id: number;
  readonly weight: number; // 1..256
}

const NHMSG_BYTES = 8;
const GROUP_ENTRY_BYTES = 8; // struct nexthop_grp: id, weight - 1, two reserved

export function newNexthop(nexthop: Nexthop, mode: 'add' | 'replace'): Request {
  const flags = mode === 'add' ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
  return request(RTM_NEWNEXTHOP, flags, encode(nexthop), () => `${mode} ${format(nexthop)}`);
}

export function deleteNexthop(id: number): Request {
  const payload = writer.start(NHMSG_BYTES).u32(NHA_ID, id).finish();
  return request(RTM_DELNEXTHOP, 0, payload, () => `delete nexthop ${id}`);
}

export function getNexthop(id: number): Request {
  const payload = writer.start(NHMSG_BYTES).u32(NHA_ID, id).finish();
  return request(RTM_GETNEXTHOP, 0, payload, () => `get nexthop ${id}`);
}

/** The kernel filters by device. */
export function dumpNexthops(filter: {readonly oif?: number} = {}): Request {
  const w = writer.start(NHMSG_BYTES);
  if (filter.oif !== undefined) w.u32(NHA_OIF, filter.oif);
  return request(RTM_GETNEXTHOP, 0, w.finish(), () => 'dump nexthops');
}

/** @throws DecodeError when it is cut short. */
export function decodeNexthop(payload: Uint8Array): Nexthop {
  const cursor = new Cursor(payload, NHMSG_BYTES, 'nexthop');
  const nexthop: Mutable<Nexthop> = {id: 0, protocol: cursor.headerU8(2)};
  const af = cursor.headerU8(0);
  if (af !== AF_UNSPEC) nexthop.family = fromAf(af, 'nexthop.family');
  if ((cursor.headerU32(4) & RTNH_F_ONLINK) !== 0) nexthop.onlink = true;
  while (cursor.next()) {
    switch (cursor.type) {
      case NHA_ID:
        nexthop.id = cursor.u32('id');
        break;
      case NHA_OIF:
        nexthop.oif = cursor.u32('oif');
        break;
      case NHA_GATEWAY:
        nexthop.gateway = cursor.address('gateway');
        break;
      case NHA_BLACKHOLE:
        nexthop.blackhole = true;
        break;
      case NHA_GROUP:
        nexthop.group = decodeGroup(cursor.bytes(), cursor.offset);
        break;
    }
  }
  return nexthop;
}

function decodeGroup(bytes: Uint8Array, offset: number): GroupMember[] {
  if (bytes.length % GROUP_ENTRY_BYTES !== 0) {
    throw new DecodeError('nexthop.group', offset, `${bytes.length} octets`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const group: GroupMember[] = [];
  for (let at = 0; at < bytes.length; at += GROUP_ENTRY_BYTES) {
    group.push({id: view.getUint32(at, HOST_IS_LITTLE), weight: view.getUint8(at + 4) + 1});
  }
  return group;
}

function encode(nexthop: Nexthop): Uint8Array {
  const w = writer.start(NHMSG_BYTES).setU8(2, nexthop.protocol);
  const family = nexthop.family ?? (nexthop.gateway && familyOfBytes(nexthop.gateway));
  if (family !== undefined && nexthop.group === undefined) w.setU8(0, toAf(family));
  if (nexthop.onlink === true) w.setU32(4, RTNH_F_ONLINK);
  w.u32(NHA_ID, nexthop.id);
  if (nexthop.blackhole === true) w.flag(NHA_BLACKHOLE);
  if (nexthop.oif !== undefined) w.u32(NHA_OIF, nexthop.oif);
  if (nexthop.gateway !== undefined) w.bytes(NHA_GATEWAY, nexthop.gateway);
  if (nexthop.group !== undefined) w.bytes(NHA_GROUP, encodeGroup(nexthop.group));
  return w.finish();
}

function encodeGroup(group: readonly GroupMember[]): Uint8Array {
  const bytes = new Uint8Array(group.length * GROUP_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  group.forEach(({id, weight}, i) => {
    view.setUint32(i * GROUP_ENTRY_BYTES, id, HOST_IS_LITTLE);
    view.setUint8(i * GROUP_ENTRY_BYTES + 4, weight - 1);
  });
  return bytes;
}

function format({id, gateway}: Nexthop): string {
  return gateway === undefined ? `nexthop ${id}` : `nexthop ${id} via ${formatIp(gateway)}`;
}

/**
 * Neighbours (IP to MAC) and forwarding entries (MAC to port or tunnel end): one message, two
 * families of it. Pure. Payload: struct ndmsg, then NDA_… (linux/neighbour.h).
 *
 *    0        1     4       8       10      11     12
 *   +--------+-----+-------+-------+-------+------+
 *   | family | pad | index | state | flags | type |
 *   +--------+-----+-------+-------+-------+------+
 *
 * An fdb entry of a vxlan device: family 'bridge', NTF_SELF, destination = the remote tunnel end.
 */
import {
  AF_BRIDGE,
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NDA_PROTOCOL,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './constants.js';
import {Cursor} from './cursor.js';
import {fromAf, toAf, type Family} from './family.js';
import type {Mutable} from './link.js';
import type {Request} from './message.js';
import {formatIp, formatMac, request} from './request.js';
import {writer} from './writer.js';

export interface Neighbour {
  readonly family: Family | 'bridge';
  readonly index: number; // of the interface
  readonly state: number; // NUD_…
  readonly flags: number; // NTF_…
  readonly destination?: Uint8Array; // the neighbour; of an fdb entry: the tunnel end
  readonly mac?: Uint8Array | undefined;
  readonly protocol?: number; // RTPROT_…; the kernel keeps it for IP neighbours only
}

/** One static unicast entry of a vxlan device. */
export interface FdbEntry {
  readonly index: number;
  readonly mac: Uint8Array;
  readonly destination: Uint8Array; // underlay address of the remote tunnel end
}

const NDMSG_BYTES = 12;

export function newNeighbour(neighbour: Neighbour, mode: 'add' | 'replace'): Request {
  const flags = mode === 'add' ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
  const op = () => `${mode} ${formatNeighbour(neighbour)}`;
  return request(RTM_NEWNEIGH, flags, encode(neighbour), op);
}

export function deleteNeighbour(neighbour: Neighbour): Request {
  const op = () => `delete ${formatNeighbour(neighbour)}`;
  return request(RTM_DELNEIGH, 0, encode(neighbour), op);
}

/** The kernel filters by family and interface. */
export function dumpNeighbours(filter: {family: Family; index?: number}): Request {
  const w = writer.start(NDMSG_BYTES).setU8(0, toAf(filter.family));
  if (filter.index !== undefined) w.u32(NDA_IFINDEX, filter.index);
  return request(RTM_GETNEIGH, 0, w.finish(), () => `dump ${filter.family} neighbours`);
}

export function newFdb(entry: FdbEntry, mode: 'add' | 'replace' = 'replace'): Request {
  return newNeighbour(toNeighbour(entry), mode);
}

/** With its destination: an fdb entry of vxlan is a list of them, and only that one goes. */
export function deleteFdb(entry: FdbEntry): Request {
  return deleteNeighbour(toNeighbour(entry));
}

export function dumpFdb(filter: {readonly index: number}): Request {
  const payload = writer.start(NDMSG_BYTES).setU8(0, AF_BRIDGE).setU32(4, filter.index).finish();
  return request(RTM_GETNEIGH, 0, payload, () => `dump fdb of #${filter.index}`);
}

/** @throws DecodeError when it is cut short or of another family. */
export function decodeNeighbour(payload: Uint8Array): Neighbour {
  const cursor = new Cursor(payload, NDMSG_BYTES, 'neighbour');
  const af = cursor.headerU8(0);
  const neighbour: Mutable<Neighbour> = {
    family: af === AF_BRIDGE ? 'bridge' : fromAf(af, 'neighbour.family'),
    index: cursor.headerU32(4),
    state: cursor.headerU16(8),
    flags: cursor.headerU8(10),
  };
  while (cursor.next()) {
    switch (cursor.type) {
      case NDA_DST:
        neighbour.destination = cursor.address('destination');
        break;
      case NDA_LLADDR: {
        const mac = cursor.mac();
        if (mac !== undefined) neighbour.mac = mac;
        break;
      }
      case NDA_PROTOCOL:
        neighbour.protocol = cursor.u8('protocol');
        break;
    }
  }
  return neighbour;
}

function encode(neighbour: Neighbour): Uint8Array {
  const {family} = neighbour;
  const w = writer.start(NDMSG_BYTES);
  w.setU8(0, family === 'bridge' ? AF_BRIDGE : toAf(family)).setU32(4, neighbour.index);
  w.setU16(8, neighbour.state).setU8(10, neighbour.flags);
  if (neighbour.destination !== undefined) w.bytes(NDA_DST, neighbour.destination);
  if (neighbour.mac !== undefined) w.bytes(NDA_LLADDR, neighbour.mac);
  if (neighbour.protocol !== undefined) w.u8(NDA_PROTOCOL, neighbour.protocol);
  return w.finish();
}

function toNeighbour(entry: FdbEntry): Neighbour {
  return {family: 'bridge', state: NUD_PERMANENT | NUD_NOARP, flags: NTF_SELF, ...entry};
}

function formatNeighbour({family, index, destination, mac}: Neighbour): string {
  const parts = [family === 'bridge' ? 'fdb' : 'neighbour'];
  if (mac !== undefined) parts.push(formatMac(mac));
  if (destination !== undefined) parts.push(formatIp(destination));
  return `${parts.join(' ')} on #${index}`;
}

/** What a vxlan device says about itself (IFLA_VXLAN_…, linux/if_link.h). Pure. */
import {
  IFLA_VXLAN_GBP,
  IFLA_VXLAN_GROUP,
  IFLA_VXLAN_GROUP6,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LEARNING,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  IFLA_VXLAN_UDP_CSUM,
  IFLA_VXLAN_UDP_ZERO_CSUM6_RX,
  IFLA_VXLAN_UDP_ZERO_CSUM6_TX,
} from './constants.js';
import type {Cursor} from './cursor.js';
import type {Writer} from './writer.js';

export interface VxlanInfo {
  readonly vni: number;
  readonly port: number; // UDP destination port
  readonly local?: Uint8Array; // source address of the outer packets
  readonly group?: Uint8Array; // multicast group, or the default destination
  readonly underlay?: number; // ifindex the outer packets leave by
  readonly learning: boolean; // of the fdb from packets
  readonly gbp?: boolean;
  readonly udpCsum?: boolean;
  readonly udpZeroCsum6Tx?: boolean;
  readonly udpZeroCsum6Rx?: boolean;
}

export function writeVxlanInfo(w: Writer, info: VxlanInfo): void {
  w.u32(IFLA_VXLAN_ID, info.vni);
  w.u16Network(IFLA_VXLAN_PORT, info.port);
  w.u8(IFLA_VXLAN_LEARNING, info.learning ? 1 : 0);
  writeAddress(w, info.local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6);
  writeAddress(w, info.group, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6);
  if (info.underlay !== undefined) w.u32(IFLA_VXLAN_LINK, info.underlay);
  if (info.gbp === true) w.flag(IFLA_VXLAN_GBP); // present means on; cannot be changed later
  writeFlag(w, IFLA_VXLAN_UDP_CSUM, info.udpCsum);
  writeFlag(w, IFLA_VXLAN_UDP_ZERO_CSUM6_TX, info.udpZeroCsum6Tx);
  writeFlag(w, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, info.udpZeroCsum6Rx);
}

export function decodeVxlanInfo(cursor: Cursor): VxlanInfo {
  const info: {-readonly [K in keyof VxlanInfo]: VxlanInfo[K]} = {vni: 0, port: 0, learning: false};
  while (cursor.next()) {
    switch (cursor.type) {
      case IFLA_VXLAN_ID:
        info.vni = cursor.u32('vni');
        break;
      case IFLA_VXLAN_PORT:
        info.port = cursor.u16Network('port');
        break;
      case IFLA_VXLAN_LEARNING:
        info.learning = cursor.u8('learning') !== 0;
        break;
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6:
        info.local = cursor.address('local');
        break;
      case IFLA_VXLAN_GROUP:
      case IFLA_VXLAN_GROUP6:
        info.group = cursor.address('group');
        break;
      case IFLA_VXLAN_LINK:
        info.underlay = cursor.u32('underlay');
        break;
      case IFLA_VXLAN_GBP:
        info.gbp = true;
        break;
      case IFLA_VXLAN_UDP_CSUM:
        info.udpCsum = cursor.u8('udpCsum') !== 0;
        break;
      case IFLA_VXLAN_UDP_ZERO_CSUM6_TX:
        info.udpZeroCsum6Tx = cursor.u8('udpZeroCsum6Tx') !== 0;
        break;
      case IFLA_VXLAN_UDP_ZERO_CSUM6_RX:
        info.udpZeroCsum6Rx = cursor.u8('udpZeroCsum6Rx') !== 0;
        break;
    }
  }
  return info;
}

function writeAddress(w: Writer, address: Uint8Array | undefined, v4: number, v6: number): void {
  if (address !== undefined) w.bytes(address.length === 4 ? v4 : v6, address);
}

function writeFlag(w: Writer, type: number, value: boolean | undefined): void {
  if (value !== undefined) w.u8(type, value ? 1 : 0);
}

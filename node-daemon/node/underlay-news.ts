/**
 * Which news of the kernel can change the choice of the underlay. Pure.
 *
 * A pod that comes or goes makes a dozen messages about its own interface, so these are told apart by
 * the fixed head of the message; only what is left is decoded. Routes are not listened to: every pod and
 * peer has some. One that matters is found by the timer.
 *
 *   struct ifinfomsg  (linux/rtnetlink.h)         struct ifaddrmsg  (linux/if_addr.h)
 *   0      1     2       4         8       12     0        1           2       3       4
 *   +------+-----+-------+---------+-------+---   +--------+-----------+-------+-------+---------+
 *   |family| pad | type  | ifindex | flags |      | family | prefixlen | flags | scope | ifindex |
 *   +------+-----+-------+---------+-------+---   +--------+-----------+-------+-------+---------+
 */
import {endianness} from 'node:os';
import {
  IFF_UP,
  RTM_DELLINK,
  RTM_NEWLINK,
  RT_SCOPE_UNIVERSE,
  decodeLink,
  type Message,
} from '#native-addon';
import type {Underlay} from '../state/state.js';

/** `chosen` undefined: whatever comes up may be the one. */
export function mayMoveUnderlay({type, payload}: Message, chosen: Underlay | undefined): boolean {
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return payload[3] === RT_SCOPE_UNIVERSE;
  if (chosen === undefined) return type === RTM_NEWLINK && isUp(payload) && !isOurs(payload);
  if (hostU32(payload, 4) !== chosen.ifindex) return false;
  const {mtu, up} = decodeLink(payload);
  return type === RTM_DELLINK || !up || mtu !== chosen.mtu;
}

function isUp(payload: Uint8Array): boolean {
  return (hostU32(payload, 8) & IFF_UP) !== 0;
}

function isOurs(payload: Uint8Array): boolean {
  return /^twl|^twill\./.test(decodeLink(payload).name);
}

const isLittle = endianness() === 'LE';

function hostU32(payload: Uint8Array, offset: number): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(offset, isLittle);
}

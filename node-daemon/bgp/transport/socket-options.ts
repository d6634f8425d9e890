/** What every BGP socket of ours has, listening ones to hand it on. Pure. */
import {
  noDelay,
  notSentLowWater,
  onlyIpv6,
  reuseAddress,
  trafficClass,
  type SocketOption,
} from '#native-addon';
import type {Family} from '#bgp-fsm';

const INTERNETWORK_CONTROL = 0xc0; // CS6, as routing daemons mark their packets
const UNSENT_OCTETS = 128 * 1024;

export function connectionOptions(family: Family, listens: boolean): readonly SocketOption[] {
  return [
    ...(listens ? [reuseAddress()] : []),
    ...(listens && family === 'ipv6' ? [onlyIpv6()] : []),
    noDelay(),
    trafficClass(family, INTERNETWORK_CONTROL),
    notSentLowWater(UNSENT_OCTETS),
  ];
}

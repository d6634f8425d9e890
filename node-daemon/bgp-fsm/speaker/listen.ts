/** What has to be listened for, by the neighbours that there are. Pure. */
import {familyOfAddress, parseCidr} from '../wire/address.js';
import {FAMILIES, type Family} from '../wire/family.js';
import type {PeerOptions, SpeakerConfig} from './config.js';
import type {ListenKey, ListenRequest} from './ports.js';
import {minTtlOf} from './session-config.js';

export function listenRequestOf(config: SpeakerConfig): ListenRequest | undefined {
  if (config.listen === undefined) return undefined;
  const places = [
    ...config.peers.map(peer => ({cidr: peer.address, options: peer as PeerOptions})),
    ...config.ranges.map(range => ({cidr: range.cidr, options: range as PeerOptions})),
  ];
  const keys = places.flatMap(({cidr, options: {password}}): ListenKey[] =>
    password === undefined ? [] : [{cidr, password}],
  );
  const [ipv4, ipv6] = FAMILIES.map(family => leastTtl(places, family));
  return {...config.listen, keys, minTtl: {ipv4: ipv4 ?? 0, ipv6: ipv6 ?? 0}};
}

interface Place {
  readonly cidr: string;
  readonly options: PeerOptions;
}

/** What a listener that all of them share can ask for. */
function leastTtl(places: readonly Place[], family: Family): number {
  const ttls = places.flatMap(({cidr, options}) => {
    const prefix = parseCidr(cidr);
    return prefix && familyOfAddress(prefix.address) === family ? [minTtlOf(options)] : [];
  });
  return ttls.length === 0 ? 0 : Math.min(...ttls);
}

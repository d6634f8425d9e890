/**
 * What the RIB shows, as GET /v1/bgp/routes says it. Pure.
 */
import {
  formatAddress,
  formatAsPath,
  formatCommunity,
  linkBandwidthOf,
  type ExtendedCommunity,
  type PathAttributes,
  type PeerIx,
  type ShownPath,
} from '#bgp-fsm';
import {formatIdentifier} from './api-peers.js';
import type {BgpRouteView} from './api.js';

export type PeerNames = ReadonlyMap<PeerIx, string>;

export function toRouteView(path: ShownPath, names: PeerNames): BgpRouteView {
  const {peer, pathId, notEligible, attributes} = path;
  return {
    prefix: formatPath(path),
    peer: peer === OURSELVES ? 'local' : (names.get(peer) ?? 'gone'),
    ...(pathId !== 0 && {pathId}),
    nextHop: path.nextHop.length === 0 ? '' : formatAddress(path.nextHop),
    isBest: path.isBest,
    isMultipath: path.isMultipath,
    isStale: path.isStale,
    ...(notEligible !== undefined && {notEligible}),
    ...toAttributes(attributes),
  };
}

/** Its prefix. */
export function formatPath({address, bits}: Pick<ShownPath, 'address' | 'bits'>): string {
  return `${formatAddress(address)}/${bits}`;
}

const OURSELVES: PeerIx = 0;
const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

function toAttributes(attributes: PathAttributes) {
  const {asPath = [], localPref, med, originatorId, aggregator, otc} = attributes;
  const origin = ORIGINS[attributes.origin ?? -1];
  const standard = attributes.communities ?? [];
  const large = attributes.largeCommunities ?? [];
  return {
    ...(origin && {origin}),
    asPath: formatAsPath(asPath),
    ...(localPref !== undefined && {localPref}),
    ...(med !== undefined && {med}),
    communities: [
      ...standard.map(value => formatCommunity({kind: 'standard', value})),
      ...large.map(value => formatCommunity({kind: 'large', value})),
    ],
    extendedCommunities: (attributes.extendedCommunities ?? []).map(formatExtended),
    ...(originatorId !== undefined && {originatorId: formatIdentifier(originatorId)}),
    clusterList: (attributes.clusterList ?? []).map(formatIdentifier),
    atomicAggregate: attributes.atomicAggregate ?? false,
    ...(aggregator && {aggregator: `${aggregator.asn} ${formatIdentifier(aggregator.address)}`}),
    ...(otc !== undefined && {otc}),
    unknownTypes: (attributes.unknown ?? []).map(({type}) => type),
  };
}

function formatExtended(community: ExtendedCommunity): string {
  const bytesPerSecond = linkBandwidthOf(community);
  if (bytesPerSecond !== undefined) {
    return `link-bandwidth:${community.high & 0xffff}:${bytesPerSecond}`;
  }
  return [community.high, community.low].map(word => word.toString(16).padStart(8, '0')).join('');
}

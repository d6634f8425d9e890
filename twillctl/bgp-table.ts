/**
 * BGP peers and routes as tables. Pure.
 */
import type {
  BgpPeerView,
  BgpRangeView,
  BgpRouteView,
  ErrorView,
  NegotiatedView,
  PrefixCounts,
} from '../node-daemon/bgp/api.js';
import {formatAge, formatTable} from './table.js';

interface Column<T> {
  readonly heading: string;
  readonly wide?: true;
  cell(item: T): string;
}

/** Ranges come last, behind the neighbours that came from them. */
export function formatPeers(
  peers: readonly BgpPeerView[],
  ranges: readonly BgpRangeView[],
  wide: boolean,
): string {
  const shown = shownOf(peerColumns, wide);
  return formatTable(
    shown.map(({heading}) => heading),
    [
      ...peers.map(peer => shown.map(({cell}) => cell(peer))),
      ...ranges.map(range => shown.map(({ofRange}) => ofRange?.(range) ?? '')),
    ],
  );
}

export function formatRoutes(routes: readonly BgpRouteView[], wide: boolean): string {
  const shown = shownOf(routeColumns, wide);
  return formatTable(
    shown.map(({heading}) => heading),
    routes.map(route => shown.map(({cell}) => cell(route))),
  );
}

function shownOf<C extends {readonly wide?: true}>(columns: readonly C[], wide: boolean) {
  return columns.filter(column => wide || column.wide !== true);
}

interface PeerColumn extends Column<BgpPeerView> {
  ofRange?(range: BgpRangeView): string;
}

const peerColumns: readonly PeerColumn[] = [
  {heading: 'NAME', cell: ({name}) => name, ofRange: ({name}) => name},
  {
    heading: 'ADDRESS',
    cell: peer => peer.address + (peer.interface ? `%${peer.interface}` : ''),
    ofRange: ({cidr}) => cidr,
  },
  {heading: 'ASN', cell: asnOf, ofRange: asnOf},
  {heading: 'STATE', cell: ({state}) => state, ofRange: ({state}) => state},
  {heading: 'SINCE', cell: ({inStateSeconds}) => ageOf(inStateSeconds)},
  {heading: 'RECEIVED', cell: sumOf('received')},
  {heading: 'ACCEPTED', cell: sumOf('accepted')},
  {heading: 'ADVERTISED', cell: sumOf('advertised')},
  {heading: 'BEST', wide: true, cell: sumOf('best')},
  {heading: 'STALE', wide: true, cell: sumOf('stale')},
  {heading: 'FAMILIES', wide: true, cell: familiesOf, ofRange: familiesOf},
  {heading: 'LOCAL-ASN', wide: true, cell: localAsnOf, ofRange: localAsnOf},
  {heading: 'LOCAL-ADDRESS', wide: true, cell: ({localAddress}) => localAddress ?? ''},
  {heading: 'HOLD', wide: true, cell: ({negotiated}) => holdOf(negotiated)},
  {heading: 'FLAPS', wide: true, cell: ({flaps}) => String(flaps)},
  {heading: 'CAPABILITIES', wide: true, cell: ({negotiated}) => capabilitiesOf(negotiated)},
  {heading: 'REASON', cell: reasonOf, ofRange: membersOf},
];

const routeColumns: readonly Column<BgpRouteView>[] = [
  {heading: 'PREFIX', cell: ({prefix}) => prefix},
  {heading: 'NEXT-HOP', cell: ({nextHop}) => nextHop || 'self'},
  {heading: 'PEER', cell: ({peer}) => peer},
  {heading: 'LOCAL-PREF', wide: true, cell: ({localPref}) => numberOf(localPref)},
  {heading: 'MED', wide: true, cell: ({med}) => numberOf(med)},
  {heading: 'ORIGIN', wide: true, cell: ({origin}) => origin ?? ''},
  {heading: 'AS-PATH', cell: ({asPath}) => asPath},
  {
    heading: 'COMMUNITIES',
    wide: true,
    cell: route => [...route.communities, ...route.extendedCommunities].join(','),
  },
  {heading: 'PATH-ID', wide: true, cell: ({pathId}) => numberOf(pathId)},
  {
    heading: 'REFLECTED',
    wide: true,
    cell: ({originatorId, clusterList}) => [originatorId ?? '', ...clusterList].join(' ').trim(),
  },
  {heading: 'STATUS', cell: statusOf},
];

type PeerOrRange = BgpPeerView | BgpRangeView;

function asnOf({asn, session}: PeerOrRange): string {
  return String(asn ?? session);
}

function familiesOf({families}: PeerOrRange): string {
  return families.join(',');
}

function localAsnOf({localAsn}: PeerOrRange): string {
  return String(localAsn);
}

function membersOf({stopped, peers, maxPeers, established, lastError}: BgpRangeView): string {
  const members = `${peers} of at most ${maxPeers} dialled, ${established} established`;
  const isSilent = established === 0 && lastError !== undefined;
  return stopped ?? (isSilent ? `${members}; ${sayError(lastError)}` : members);
}

function sumOf(what: keyof PrefixCounts): (peer: BgpPeerView) => string {
  return ({prefixes}) => String(prefixes.ipv4[what] + prefixes.ipv6[what]);
}

/**
 * Why it is not Established, and how much is kept of it until it is back. Of one that is, nothing: its
 * last error is history.
 */
function reasonOf(peer: BgpPeerView): string {
  if (peer.state === 'Established') return peer.stopped ?? '';
  const {ipv4, ipv6} = peer.prefixes;
  const stale = ipv4.stale + ipv6.stale;
  return [downWordsOf(peer), stale === 0 ? '' : `${stale} stale`].filter(Boolean).join('; ');
}

function downWordsOf({stopped, lastError, lastDown}: BgpPeerView): string {
  if (stopped !== undefined) return stopped;
  const [latest] = [lastError, lastDown]
    .filter(error => error !== undefined)
    .sort((a, b) => a.secondsAgo - b.secondsAgo);
  return latest === undefined ? '' : sayError(latest);
}

function sayError({message, secondsAgo}: ErrorView): string {
  return `${message} (${ageOf(secondsAgo)} ago)`;
}

function statusOf(route: BgpRouteView): string {
  if (route.notEligible !== undefined) return route.notEligible;
  const words = [
    ...(route.isBest ? ['best'] : []),
    ...(route.isMultipath ? ['multipath'] : []),
    ...(route.isStale ? ['stale'] : []),
  ];
  return words.join(',') || 'not best';
}

function holdOf(negotiated: NegotiatedView | undefined): string {
  if (negotiated === undefined) return '';
  return negotiated.holdTimeSeconds === 0 ? 'off' : `${negotiated.holdTimeSeconds}s`;
}

function capabilitiesOf(negotiated: NegotiatedView | undefined): string {
  if (negotiated === undefined) return '';
  const {gracefulRestart, longLived, addPath} = negotiated;
  const hasAddPath = addPath.ipv4 !== 'none' || addPath.ipv6 !== 'none';
  return [
    ...(negotiated.as4 ? ['as4'] : []),
    ...(negotiated.enhancedRefresh ? ['enhanced-refresh'] : []),
    ...(!negotiated.enhancedRefresh && negotiated.routeRefresh ? ['refresh'] : []),
    ...(negotiated.extendedMessages ? ['extended-messages'] : []),
    ...(negotiated.extendedNextHop.length > 0 ? ['extended-next-hop'] : []),
    ...(hasAddPath ? ['add-path'] : []),
    ...(gracefulRestart === undefined ? [] : ['graceful-restart']),
    ...(gracefulRestart?.notification === true ? ['notification-restart'] : []),
    ...(longLived.length > 0 ? ['long-lived'] : []),
    ...(negotiated.role === undefined ? [] : [`role=${negotiated.role}`]),
  ].join(',');
}

function numberOf(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

function ageOf(seconds: number): string {
  return formatAge(new Date(0).toISOString(), seconds * 1000);
}

/**
 * From a speaker's status to what GET /v1/bgp/peers says. Pure.
 */
import {
  FAMILIES,
  formatAddress,
  MAX_MESSAGE,
  type AddPath,
  type Family,
  type LastError,
  type Negotiated,
  type PeerOptions,
  type PeerRestart,
  type PeerStatus,
  type RangeStatus,
  type SpeakerStatus,
} from '#bgp-fsm';
import type {
  BgpPeersAnswer,
  BgpPeerView,
  BgpRangeView,
  ErrorView,
  NegotiatedView,
  PrefixCounts,
} from './api.js';

const collator = new Intl.Collator('en', {numeric: true});

type Named = Pick<BgpPeerView, 'name'>;

export interface SpeakerSelf {
  readonly node: string;
  readonly asn: number;
  readonly identifier: number; // unsigned 32 bits
}

export function toPeersAnswer(self: SpeakerSelf, status: SpeakerStatus): BgpPeersAnswer {
  const {isOver, pending, awaited} = status.restart;
  return {
    node: self.node,
    asn: self.asn,
    identifier: formatIdentifier(self.identifier),
    restart: {isOver, pending, awaited},
    peers: status.peers.map(toPeerView).sort(byName),
    ranges: status.ranges.map(toRangeView).sort(byName),
  };
}

/** As people count: node/b-2 before node/b-10, and racks/10.0.0.9 before racks/10.0.0.10. */
function byName(a: Named, b: Named): number {
  return collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

export function toPeerView(status: PeerStatus): BgpPeerView {
  const {config, negotiated, localAddress, lastError, lastDown, prefixes} = status;
  const asn = negotiated?.peerAsn ?? onlyAsn(config);
  const stopped = stoppedWords(status);
  return {
    name: config.name,
    address: config.address,
    ...(config.interface !== undefined && {interface: config.interface}),
    port: config.port,
    ...(localAddress && {localAddress: formatAddress(localAddress)}),
    ...(asn !== undefined && {asn}),
    localAsn: config.localAsn,
    session: negotiated === undefined ? sessionKind(config) : kindOf(negotiated),
    state: status.state,
    ...(stopped !== undefined && {stopped}),
    inStateSeconds: toSeconds(status.inStateMs),
    families: negotiated?.families ?? config.families,
    prefixes: {ipv4: toCounts(prefixes, 'ipv4'), ipv6: toCounts(prefixes, 'ipv6')},
    endOfRib: status.heard,
    stale: status.stale,
    flaps: status.established - (status.state === 'Established' ? 1 : 0),
    failures: status.failures,
    messages: {received: {...status.received}, sent: {...status.sent}},
    faultyUpdates: status.faultyUpdates,
    ...(lastError && {lastError: toErrorView(lastError)}),
    ...(lastDown && {lastDown: toErrorView(lastDown)}),
    passive: config.passive,
    password: config.password !== undefined,
    reflectorClient: config.policy.reflectorClient,
    ...(negotiated && {negotiated: toNegotiatedView(negotiated)}),
    ...(status.bfd && {bfd: {...status.bfd}}),
  };
}

export function toRangeView({config, peers, established, lastError}: RangeStatus): BgpRangeView {
  const {name, cidr, localAsn, maxPeers, families, password, shutdown} = config;
  const asn = onlyAsn(config);
  return {
    ...{name, cidr, ...(asn !== undefined && {asn}), localAsn, session: sessionKind(config)},
    state: shutdown === undefined ? 'Listening' : 'Idle',
    ...(shutdown !== undefined && {stopped: shutdownWords(shutdown)}),
    ...{peers, established, maxPeers, families, password: password !== undefined},
    ...(lastError && {lastError: toErrorView(lastError)}),
  };
}

export function formatIdentifier(identifier: number): string {
  return [24, 16, 8, 0].map(shift => (identifier >>> shift) & 0xff).join('.');
}

type Expected = Pick<PeerOptions, 'asns' | 'localAsn'>;

function onlyAsn({asns, localAsn}: Expected): number | undefined {
  if (asns === 'internal') return localAsn;
  return Array.isArray(asns) && asns.length === 1 ? (asns[0] as number) : undefined;
}

/** As far as it is known before the first OPEN. */
function sessionKind(expected: Expected): BgpPeerView['session'] {
  if (expected.asns === 'external') return 'external';
  const asn = onlyAsn(expected);
  return asn === undefined ? 'unknown' : kindOf({internal: asn === expected.localAsn});
}

function kindOf({internal}: Pick<Negotiated, 'internal'>): BgpPeerView['session'] {
  return internal ? 'internal' : 'external';
}

function stoppedWords({config: {shutdown}, isLimited, excess}: PeerStatus): string | undefined {
  if (shutdown !== undefined) return shutdownWords(shutdown);
  if (!isLimited) return undefined;
  if (excess === undefined) return 'too many prefixes';
  return `too many prefixes: ${excess.family}, limit ${excess.max}, got ${excess.got}`;
}

function shutdownWords(shutdown: string): string {
  return shutdown === '' ? 'shut down' : `shut down: ${shutdown}`;
}

function toCounts(counts: PeerStatus['prefixes'], family: Family): PrefixCounts {
  return {
    received: counts.received[family],
    accepted: counts.accepted[family],
    best: counts.best[family],
    advertised: counts.advertised[family],
    stale: counts.stale[family],
  };
}

function toErrorView({words, agoMs}: LastError): ErrorView {
  return {message: words, secondsAgo: toSeconds(agoMs)};
}

function toNegotiatedView(negotiated: Negotiated): NegotiatedView {
  const {addPath, gracefulRestart, peerRole} = negotiated;
  return {
    identifier: formatIdentifier(negotiated.peerIdentifier),
    holdTimeSeconds: negotiated.holdTimeSeconds,
    keepaliveSeconds: negotiated.keepaliveMs / 1000,
    sendHoldSeconds: negotiated.sendHoldMs / 1000,
    as4: negotiated.as4,
    routeRefresh: negotiated.routeRefresh,
    enhancedRefresh: negotiated.enhancedRefresh,
    extendedMessages: negotiated.maxSendOctets > MAX_MESSAGE,
    extendedNextHop: negotiated.extendedNextHop,
    addPath: {ipv4: addPathWord(addPath.ipv4), ipv6: addPathWord(addPath.ipv6)},
    ...(peerRole !== undefined && {role: peerRole}),
    ...(gracefulRestart && {gracefulRestart: toRestartView(gracefulRestart)}),
    longLived: negotiated.longLived.map(({family, staleTimeSeconds}) => ({
      family,
      staleTimeSeconds,
    })),
  };
}

function addPathWord({send, receive}: AddPath): 'none' | 'send' | 'receive' | 'both' {
  if (send) return receive ? 'both' : 'send';
  return receive ? 'receive' : 'none';
}

function toRestartView({families, ...restart}: PeerRestart) {
  const named = FAMILIES.filter(family => families.some(each => each.family === family));
  return {
    restartTimeSeconds: restart.restartTimeSeconds,
    notification: restart.notification,
    families: named,
    forwarding: named.filter(family =>
      families.some(each => each.family === family && each.forwarding),
    ),
  };
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

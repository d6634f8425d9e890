/**
 * What a speaker is told of a peer, from what a record says of it and what holds where it says nothing.
 * Pure.
 */
import {isLinkLocal, isOneHop, type BfdConfig, type PeerOptions, type PeerPolicy} from '#bgp-fsm';
import {canonicalAddress} from '#ipam';
import type {BgpPeer} from '../../datastore/records/bgp-peer.js';
import type {BgpBfd, SessionTimers} from '../../datastore/records/bgp-session.js';
import {parseDurationMs} from '../../datastore/records/duration.js';
import type {Policies} from './policies.js';

type Spec = BgpPeer['spec'];

export interface PeerPlace {
  readonly asn: number; // ours
  readonly address: Uint8Array; // the peer's, or of its range
  readonly isOnLink: boolean; // in a subnet of ours, or link-local
  readonly password: string | undefined;
  readonly isLeaving: boolean;
}

export function toPeerOptions(spec: Spec, place: PeerPlace, policies: Policies): PeerOptions {
  const asns = typeof spec.asn === 'number' ? [spec.asn] : spec.asn;
  const {localAsn, otherAsn} = toOwnAsns(spec, place.asn);
  const isInternal = isOnly(asns, localAsn);
  const role = hasUselessRole(spec, place.asn) ? undefined : spec.role;
  const hops = toHops(spec, isInternal);
  const isLocal = isLinkLocal(place.address);
  const addPath = spec.addPath ?? 'none';
  return {
    asns,
    localAsn,
    otherAsn,
    sourceAddress: spec.sourceAddress && canonicalAddress(spec.sourceAddress),
    passive: spec.passive ?? false,
    shutdown: toShutdown(spec.shutdown),
    ...toTimers(spec),
    connectRetryMs: parseDurationMs(spec.connectRetry ?? '') ?? DEFAULT_CONNECT_RETRY_MS,
    password: place.password,
    ...hops,
    bfd: toBfd(spec.bfd, !place.isOnLink && (isInternal || spec.multihop !== undefined)),
    families: spec.families ?? ['ipv4', 'ipv6'],
    extendedNextHop: spec.extendedNextHop ?? isLocal,
    addPath: {ipv4: addPath, ipv6: addPath},
    extendedMessages: spec.extendedMessages ?? false,
    role,
    strictRole: role !== undefined && (spec.strictRole ?? false),
    gracefulRestart: spec.gracefulRestart ?? true,
    prefixLimitRestartSeconds: toSeconds(spec.maxPrefixesRestart),
    policy: {...toPolicy(spec, place, policies), role, nextHopsOnLink: isOneHop(hops)},
  };
}

/** Roles are between ASes (RFC 9234 §4). Of a neighbour that may be of either kind it is not known here. */
export function hasUselessRole(spec: Spec, asn: number): boolean {
  const {localAsn, otherAsn} = toOwnAsns(spec, asn);
  const isKnown = otherAsn === undefined || spec.asn === 'internal';
  return spec.role !== undefined && isKnown && isOnly(spec.asn, localAsn);
}

/** What we are towards the neighbour, and what else where it may expect either. */
function toOwnAsns({localAs}: Spec, asn: number) {
  const localAsn = localAs?.asn ?? asn;
  return {localAsn, otherAsn: localAs?.dual === true && localAsn !== asn ? asn : undefined};
}

function isOnly(asns: Spec['asn'], localAsn: number): boolean {
  if (typeof asns === 'string') return asns === 'internal';
  return [asns].flat().every(asn => asn === localAsn);
}

export const DEFAULT_CONNECT_RETRY_MS = 5000;
const DEFAULT_HOLD_SECONDS = 90;
const MAX_TTL = 255;

export function toTimers({holdTime, keepalive, sendHoldTime}: SessionTimers) {
  return {
    holdTimeSeconds: toSeconds(holdTime) ?? DEFAULT_HOLD_SECONDS,
    keepaliveSeconds: toSeconds(keepalive),
    sendHoldSeconds: toSeconds(sendHoldTime),
  };
}

/** RFC 5880 timers that three lost packets end; undefined: off. */
export function toBfd(bfd: BgpBfd | undefined, multihop: boolean): BfdConfig | undefined {
  if (bfd === undefined || bfd.enabled === false) return undefined;
  const intervalMs = parseDurationMs(bfd.interval ?? '') ?? 300;
  return {intervalMs, multiplier: bfd.multiplier ?? 3, multihop};
}

export function toSeconds(duration: string | undefined): number | undefined {
  const ms = parseDurationMs(duration ?? '');
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
}

/** A neighbour in another AS is on the link unless somebody says otherwise; GTSM wants 255 sent. */
function toHops({multihop, ttlSecurity}: Spec, isInternal: boolean) {
  if (ttlSecurity === true) return {ttl: MAX_TTL, ttlSecurityHops: multihop ?? 1};
  return {ttl: multihop ?? (isInternal ? MAX_TTL : 1), ttlSecurityHops: undefined};
}

function toShutdown(shutdown: Spec['shutdown']): string | undefined {
  if (shutdown === undefined || shutdown === false) return undefined;
  return shutdown === true ? '' : shutdown;
}

function toPolicy(
  spec: Spec,
  {isLeaving}: PeerPlace,
  policies: Policies,
): Omit<PeerPolicy, 'role' | 'nextHopsOnLink'> {
  const {localAs, maxPrefixes, linkBandwidthMbps} = spec;
  return {
    importPolicy: policies.importPolicy(spec.import),
    exportPolicy: policies.exportPolicy(spec.export),
    localAs: localAs && {
      asn: localAs.asn,
      prependReal: localAs.prependReal ?? false,
      prependReceived: localAs.prependReceived ?? false,
    },
    reflectorClient: spec.reflectorClient ?? false,
    nextHop: spec.nextHop ?? 'auto',
    allowAsIn: spec.allowAsIn ?? 0,
    enforceFirstAs: spec.enforceFirstAs ?? spec.role !== 'rs-client', // a route server adds no AS
    asOverride: spec.asOverride ?? false,
    removePrivateAs: spec.removePrivateAs ?? false,
    maxPrefixes:
      maxPrefixes === undefined
        ? undefined
        : {max: maxPrefixes, warnPercent: spec.maxPrefixesWarnPercent ?? 75},
    addPathMax: spec.addPathMax ?? 8,
    linkBandwidth: linkBandwidthMbps === undefined ? undefined : linkBandwidthMbps * 125_000,
    gracefulShutdown: isLeaving || (spec.gracefulShutdown ?? false),
    defaultLocalPref: 100,
    maxAsPath: spec.maxAsPath,
    maxCommunities: spec.maxCommunities,
  };
}

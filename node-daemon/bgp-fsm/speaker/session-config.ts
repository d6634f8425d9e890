/**
 * From the configuration of a peer to what its session machine is given: our OPEN and the rules for
 * the peer's. Pure. And what both OPENs agreed on, as the codec wants it.
 */
import {restartCapability, type Restart} from '../fsm/graceful-restart.js';
import type {HelperLimits} from '../fsm/graceful-helper.js';
import type {Negotiated, Open, SessionConfig} from '../fsm/types.js';
import {type AddPathFamily, type Capability, ROLES} from '../wire/capabilities.js';
import {AFI_IPV6} from '../wire/constants.js';
import {AFI_SAFI, FAMILIES, type Family} from '../wire/family.js';
import type {FamilySession, WireSession} from '../wire/session.js';
import type {PeerOptions, SpeakerConfig} from './config.js';
import type {RemoteEnd} from './ports.js';

/** Of the speaker that a peer's session depends on. */
export type SpeakerIdentity = Pick<SpeakerConfig, 'identifier' | 'gracefulRestart'>;

const BACKOFF = {minMs: 1_000, maxMs: 30_000}; // as Calico's BIRD template, `error wait 5,30`
const CALM_MS = 60_000;

export function sessionConfigOf(
  speaker: SpeakerIdentity,
  peer: PeerOptions,
  restart: Restart,
): SessionConfig {
  return {
    open: openOf(speaker, peer, restart),
    rules: {
      asns: peer.asns,
      minHoldTimeSeconds: 0,
      strictRole: peer.strictRole,
      requiredFamilies: [],
      keepaliveSeconds: peer.keepaliveSeconds,
      sendHoldSeconds: peer.sendHoldSeconds,
    },
    passive: peer.passive,
    connectRetryMs: peer.connectRetryMs,
    delayOpenMs: 0,
    sendNotificationWithoutOpen: false,
    backoff: BACKOFF,
    calmMs: CALM_MS,
  };
}

function openOf(speaker: SpeakerIdentity, peer: PeerOptions, restart: Restart): Open {
  return {
    asn: peer.localAsn,
    holdTimeSeconds: peer.holdTimeSeconds,
    identifier: speaker.identifier,
    capabilities: [
      ...peer.families.map((family): Capability => ({kind: 'multiprotocol', ...AFI_SAFI[family]})),
      {kind: 'route-refresh'},
      {kind: 'enhanced-refresh'},
      ...nextHopCapability(peer),
      ...(peer.extendedMessages ? [{kind: 'extended-message'} as const] : []),
      ...(peer.role === undefined ? [] : [{kind: 'role', role: ROLES.indexOf(peer.role)} as const]),
      ...restartCapabilities(speaker, peer, restart),
      {kind: 'as4', asn: peer.localAsn},
      ...addPathCapability(peer),
    ],
  };
}

/** RFC 8950: IPv4 prefixes with IPv6 next hops. */
function nextHopCapability({extendedNextHop, families}: PeerOptions): readonly Capability[] {
  if (!extendedNextHop || !families.includes('ipv4')) return [];
  return [{kind: 'extended-next-hop', families: [{...AFI_SAFI.ipv4, nextHopAfi: AFI_IPV6}]}];
}

function restartCapabilities(
  {gracefulRestart}: SpeakerIdentity,
  peer: PeerOptions,
  restart: Restart,
): readonly Capability[] {
  if (gracefulRestart === undefined || !peer.gracefulRestart) return [];
  const {restartTimeSeconds, longLivedSeconds} = gracefulRestart;
  const {families} = peer;
  const plain = restartCapability(restart, {families, notification: true, restartTimeSeconds});
  if (longLivedSeconds === 0) return [plain];
  const tuples = plain.families.map(tuple => ({...tuple, staleTimeSeconds: longLivedSeconds}));
  return [plain, {kind: 'llgr', families: tuples}];
}

const ADD_PATH_MODES = {none: 0, receive: 1, send: 2, both: 3};

function addPathCapability({addPath, families}: PeerOptions): readonly Capability[] {
  const wanted = families.filter(family => addPath[family] !== 'none');
  if (wanted.length === 0) return [];
  const tuples = wanted.map((family): AddPathFamily => {
    return {...AFI_SAFI[family], mode: ADD_PATH_MODES[addPath[family]]};
  });
  return [{kind: 'add-path', families: tuples}];
}

/** Bounds of what we keep for a peer that is away; nothing when we do not do graceful restart. */
export function helperLimitsOf({gracefulRestart}: SpeakerIdentity): HelperLimits {
  const {staleTimeSeconds = 0, longLivedSeconds = 0} = gracefulRestart ?? {};
  const staleMs = staleTimeSeconds * 1000;
  return {maxRestartMs: staleMs, staleMs, maxLongLivedMs: longLivedSeconds * 1000};
}

export function wireSessionOf(negotiated: Negotiated, localAddress: Uint8Array): WireSession {
  const [ipv4, ipv6] = FAMILIES.map(family => familySessionOf(negotiated, family));
  return {
    peer: negotiated.internal ? 'internal' : 'external',
    as4: negotiated.as4,
    families: {ipv4, ipv6},
    localAddress,
  };
}

function familySessionOf(negotiated: Negotiated, family: Family): FamilySession | undefined {
  if (!negotiated.families.includes(family)) return undefined;
  return {
    receivesPathIds: negotiated.addPath[family].receive,
    extendedNextHop: negotiated.extendedNextHop.includes(family),
  };
}

/** The peer is on the link: what came further would not arrive, either way. */
export function isOneHop({ttl, ttlSecurityHops}: Pick<PeerOptions, 'ttl' | 'ttlSecurityHops'>) {
  return (ttlSecurityHops ?? ttl) === 1;
}

/** RFC 5082: so many hops less than 255 at most. */
export function minTtlOf({ttlSecurityHops}: PeerOptions): number {
  return ttlSecurityHops === undefined ? 0 : 256 - ttlSecurityHops;
}

/**
 * A listener that is shared with peers without TTL security has let in what this one must not hear: it would be held
 * for as long as an OPEN is waited for, and none can come.
 */
export function isFromFar({hopLimit = 255}: RemoteEnd, options: PeerOptions): boolean {
  return hopLimit < minTtlOf(options);
}

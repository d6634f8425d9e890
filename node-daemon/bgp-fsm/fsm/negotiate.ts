/**
 * Our OPEN and the peer's: what the session is, or the NOTIFICATION that ends it. Pure.
 *
 * A capability counts only when both sides sent it (RFC 5492 §3), so that what we sent, not what we are
 * configured for, is compared: an OPEN repeated without capabilities negotiates like an old peer's.
 * What the wire layer refused already (AS 0, identifier 0, hold time 1 and 2) is refused here too:
 * this function is safe for an OPEN from anywhere.
 */
import {
  type Capability,
  capabilityBytes,
  type CapabilityOf,
  findCapability,
  type Role,
  ROLES,
} from '../wire/capabilities.js';
import {
  AFI_IPV6,
  BAD_HOLD_TIME,
  BAD_IDENTIFIER,
  BAD_PEER_AS,
  MAX_EXTENDED_MESSAGE,
  MAX_MESSAGE,
  OPEN_ERROR,
  ROLE_MISMATCH,
  UNSUPPORTED_CAPABILITY,
} from '../wire/constants.js';
import {AFI_SAFI, type AfiSafi, FAMILIES, type Family, familyOf} from '../wire/family.js';
import {type Notification, notification} from '../wire/notification.js';
import type {Open} from '../wire/open.js';

export type {Open} from '../wire/open.js';

/** Who may be at the other end. */
export interface PeerRules {
  readonly asns: readonly number[] | 'external' | 'internal' | 'any';
  readonly minHoldTimeSeconds: number; // 0 in an OPEN (no hold time) is below any but 0
  readonly strictRole: boolean; // RFC 9234 §4.2: a peer without a role is refused
  readonly requiredFamilies: readonly Family[]; // one that is missing is 2/7
  readonly keepaliveSeconds?: number | undefined; // default, and at most: hold time / 3
  readonly sendHoldSeconds?: number | undefined; // RFC 9687; 0: off
}

export interface Negotiated {
  readonly peerAsn: number;
  readonly peerIdentifier: number; // unsigned 32 bits
  readonly internal: boolean; // iBGP
  readonly holdTimeSeconds: number; // 0: neither hold nor keepalive timer
  readonly keepaliveMs: number; // before jitter; 0: none
  readonly sendHoldMs: number; // 0: none
  readonly families: readonly Family[];
  readonly as4: boolean; // four octets in AS_PATH
  readonly routeRefresh: boolean;
  readonly enhancedRefresh: boolean;
  readonly maxSendOctets: number;
  readonly maxReceiveOctets: number;
  readonly addPath: Readonly<Record<Family, AddPath>>;
  readonly extendedNextHop: readonly Family[]; // NLRI that may have an IPv6 next hop
  readonly peerRole: Role | undefined;
  readonly gracefulRestart: PeerRestart | undefined; // both sides sent it
  readonly longLived: readonly LongLived[]; // both sides sent it, and graceful restart
}

export interface AddPath {
  readonly send: boolean;
  readonly receive: boolean;
}

/** The peer's half of graceful restart. */
export interface PeerRestart {
  readonly restarting: boolean; // R: it comes from a restart, and does not wait for our End-of-RIB
  readonly notification: boolean; // N of both: RFC 8538 applies
  readonly restartTimeSeconds: number;
  readonly families: readonly {readonly family: Family; readonly forwarding: boolean}[];
}

export interface LongLived {
  readonly family: Family;
  readonly forwarding: boolean;
  readonly staleTimeSeconds: number;
}

export type Negotiation =
  | {readonly kind: 'agreed'; readonly negotiated: Negotiated}
  | {readonly kind: 'refused'; readonly notification: Notification};

const IPV4_ONLY: readonly Family[] = ['ipv4'];
const MIN_SEND_HOLD_SECONDS = 8 * 60; // RFC 9687 §4: the larger of 8 minutes and twice the hold time

export function negotiate(rules: PeerRules, sent: Open, received: Open): Negotiation {
  const fault =
    asFault(rules, sent, received) ??
    identifierFault(sent, received) ??
    holdTimeFault(rules, received) ??
    roleFault(rules, sent, received) ??
    familyFault(rules, sent, received);
  if (fault !== undefined) return {kind: 'refused', notification: fault};
  return {kind: 'agreed', negotiated: agree(rules, sent, received)};
}

function asFault({asns}: PeerRules, sent: Open, {asn}: Open): Notification | undefined {
  const isWanted =
    asns === 'any' ||
    (asns === 'internal' && asn === sent.asn) ||
    (asns === 'external' && asn !== sent.asn) ||
    (Array.isArray(asns) && asns.includes(asn));
  return asn === 0 || !isWanted ? notification(OPEN_ERROR, BAD_PEER_AS) : undefined;
}

/** RFC 6286 §2.2: not zero, and on iBGP not ours; between ASes equal identifiers are legal. */
function identifierFault(sent: Open, {asn, identifier}: Open): Notification | undefined {
  const isOurs = asn === sent.asn && identifier === sent.identifier;
  return identifier === 0 || isOurs ? notification(OPEN_ERROR, BAD_IDENTIFIER) : undefined;
}

function holdTimeFault(rules: PeerRules, {holdTimeSeconds}: Open): Notification | undefined {
  const isIllegal = holdTimeSeconds === 1 || holdTimeSeconds === 2; // RFC 4271 §4.2
  return isIllegal || holdTimeSeconds < rules.minHoldTimeSeconds
    ? notification(OPEN_ERROR, BAD_HOLD_TIME)
    : undefined;
}

/** RFC 9234 §4.2: what the peer of a role must be. */
const COUNTERPART: Readonly<Record<Role, Role>> = {
  provider: 'customer',
  customer: 'provider',
  rs: 'rs-client',
  'rs-client': 'rs',
  peer: 'peer',
};

/** Roles are between ASes only; without one of ours the peer's is not judged, unless it has two. */
function roleFault(rules: PeerRules, sent: Open, received: Open): Notification | undefined {
  if (sent.asn === received.asn) return undefined;
  const theirs = new Set(allOf(received, 'role').map(each => each.role));
  const mismatch = notification(OPEN_ERROR, ROLE_MISMATCH);
  if (theirs.size > 1) return mismatch;

  const ours = roleOf(sent);
  if (ours === undefined) return undefined;
  if (theirs.size === 0) return rules.strictRole ? mismatch : undefined;
  return roleOf(received) === COUNTERPART[ours] ? undefined : mismatch;
}

function roleOf(open: Open): Role | undefined {
  const capability = findCapability(open.capabilities, 'role');
  return capability && ROLES[capability.role];
}

/** Data of 2/7: the capabilities that the peer should have sent (RFC 5492 §5). */
function familyFault(rules: PeerRules, sent: Open, received: Open): Notification | undefined {
  const both = sharedFamilies(sent, received);
  const missing =
    both.length === 0
      ? familiesOf(sent)
      : rules.requiredFamilies.filter(family => !both.includes(family));
  if (missing.length === 0 && both.length > 0) return undefined;
  const tlvs = missing.flatMap(family => [
    ...capabilityBytes({kind: 'multiprotocol', ...AFI_SAFI[family]}),
  ]);
  return notification(OPEN_ERROR, UNSUPPORTED_CAPABILITY, Uint8Array.from(tlvs));
}

/** IPv4 unicast is implied only where nothing is said about families at all (RFC 4760 §8). */
export function familiesOf(open: Open): readonly Family[] {
  const said = allOf(open, 'multiprotocol');
  if (said.length === 0) return IPV4_ONLY;
  return FAMILIES.filter(family => said.some(each => isOf(family, each)));
}

function sharedFamilies(sent: Open, received: Open): readonly Family[] {
  const theirs = familiesOf(received);
  return familiesOf(sent).filter(family => theirs.includes(family));
}

function agree(rules: PeerRules, sent: Open, received: Open): Negotiated {
  const families = sharedFamilies(sent, received);
  const holdTimeSeconds = Math.min(sent.holdTimeSeconds, received.holdTimeSeconds);
  const routeRefresh = bothSent('route-refresh', sent, received);
  const gracefulRestart = peerRestart(families, sent, received);
  return {
    peerAsn: received.asn,
    peerIdentifier: received.identifier,
    internal: sent.asn === received.asn,
    holdTimeSeconds,
    keepaliveMs: keepaliveMs(rules, holdTimeSeconds),
    sendHoldMs: sendHoldMs(rules, holdTimeSeconds),
    families,
    as4: bothSent('as4', sent, received),
    routeRefresh,
    enhancedRefresh: routeRefresh && bothSent('enhanced-refresh', sent, received),
    // RFC 8654 §4: each side may send long messages to one that said it can read them
    maxSendOctets: messageLimit(received),
    maxReceiveOctets: messageLimit(sent),
    addPath: {
      ipv4: addPath('ipv4', families, sent, received),
      ipv6: addPath('ipv6', families, sent, received),
    },
    extendedNextHop: families.filter(
      family => hasExtendedNextHop(family, sent) && hasExtendedNextHop(family, received),
    ),
    peerRole: sent.asn === received.asn ? undefined : roleOf(received),
    gracefulRestart,
    longLived: gracefulRestart === undefined ? [] : longLived(families, sent, received),
  };
}

/** RFC 4271 §4.4: a third of the hold time, never more often than once a second. */
function keepaliveMs({keepaliveSeconds}: PeerRules, holdTimeSeconds: number): number {
  if (holdTimeSeconds === 0) return 0;
  const third = (holdTimeSeconds * 1000) / 3;
  const wanted = (keepaliveSeconds ?? Infinity) * 1000;
  return Math.max(1000, Math.floor(Math.min(wanted, third)));
}

/** RFC 9687 §3: off without a hold time; a value that does not exceed it is not honoured. */
function sendHoldMs({sendHoldSeconds}: PeerRules, holdTimeSeconds: number): number {
  if (holdTimeSeconds === 0 || sendHoldSeconds === 0) return 0;
  const fallback = Math.max(MIN_SEND_HOLD_SECONDS, 2 * holdTimeSeconds);
  const wanted = sendHoldSeconds ?? 0;
  return (wanted > holdTimeSeconds ? wanted : fallback) * 1000;
}

function messageLimit(open: Open): number {
  return has(open, 'extended-message') ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE;
}

const RECEIVES = 1;
const SENDS = 2;

/** RFC 7911 §4: a side sends path ids when it offered to send them and the other to receive them. */
function addPath(family: Family, families: readonly Family[], sent: Open, received: Open): AddPath {
  const ours = families.includes(family) ? addPathMode(family, sent) : 0;
  const theirs = addPathMode(family, received);
  return {
    send: (ours & SENDS) !== 0 && (theirs & RECEIVES) !== 0,
    receive: (ours & RECEIVES) !== 0 && (theirs & SENDS) !== 0,
  };
}

/** 0 when nothing valid is said; the last tuple of a family counts. */
function addPathMode(family: Family, open: Open): number {
  const tuples = findCapability(open.capabilities, 'add-path')?.families ?? [];
  return tuples.findLast(each => isOf(family, each) && each.mode >= 1 && each.mode <= 3)?.mode ?? 0;
}

function hasExtendedNextHop(family: Family, open: Open): boolean {
  return allOf(open, 'extended-next-hop').some(capability =>
    capability.families.some(each => isOf(family, each) && each.nextHopAfi === AFI_IPV6),
  );
}

function peerRestart(
  families: readonly Family[],
  sent: Open,
  received: Open,
): PeerRestart | undefined {
  const ours = findCapability(sent.capabilities, 'graceful-restart');
  const theirs = findCapability(received.capabilities, 'graceful-restart');
  if (ours === undefined || theirs === undefined) return undefined;
  return {
    restarting: theirs.restarting,
    notification: ours.notification && theirs.notification,
    restartTimeSeconds: theirs.restartTimeSeconds,
    families: families.flatMap(family => {
      const tuple = theirs.families.findLast(each => isOf(family, each));
      return tuple === undefined ? [] : [{family, forwarding: tuple.forwarding}];
    }),
  };
}

/** A family that we did not offer stays off: long-lived retention is chosen per family. */
function longLived(families: readonly Family[], sent: Open, received: Open): readonly LongLived[] {
  const ours = findCapability(sent.capabilities, 'llgr')?.families ?? [];
  const theirs = findCapability(received.capabilities, 'llgr')?.families ?? [];
  return families.flatMap(family => {
    const tuple = theirs.findLast(each => isOf(family, each));
    if (tuple === undefined || !ours.some(each => isOf(family, each))) return [];
    return [{family, forwarding: tuple.forwarding, staleTimeSeconds: tuple.staleTimeSeconds}];
  });
}

function isOf(family: Family, {afi, safi}: AfiSafi): boolean {
  return familyOf(afi, safi) === family;
}

function has(open: Open, kind: Capability['kind']): boolean {
  return findCapability(open.capabilities, kind) !== undefined;
}

function bothSent(kind: Capability['kind'], sent: Open, received: Open): boolean {
  return has(sent, kind) && has(received, kind);
}

function allOf<K extends Capability['kind']>(open: Open, kind: K): readonly CapabilityOf<K>[] {
  return open.capabilities.filter((each): each is CapabilityOf<K> => each.kind === kind);
}

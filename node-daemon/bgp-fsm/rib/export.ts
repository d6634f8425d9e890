/**
 * What a selected path becomes on its way to a peer: nothing, or attributes and next hop (RFC 4271 §5.1 and
 * §9.1.3, RFC 4456, 1997, 4360, 9234, 9494). Pure. Peers with equal rules are one group and share the work.
 */
import {prependAsns, type AsPath} from '../wire/as-path.js';
import type {PathAttributes} from '../wire/attributes.js';
import {EMPTY, u32} from '../wire/bytes.js';
import {isTransitive, linkBandwidth} from '../wire/communities.js';
import {AS_TRANS, ATTR_LOCAL_PREF, ATTR_ORIGINATOR_ID} from '../wire/constants.js';
import type {Family} from '../wire/family.js';
import type {PlainBlock, PlainRewrite} from '../wire/plain-block.js';
import type {PolicyOutcome} from '../policy/types.js';
import {
  GRACEFUL_SHUTDOWN_COMMUNITY,
  LLGR_STALE,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
} from './attribute-sets.js';
import type {PeerPolicy, RibOptions, RibSession} from './types.js';

/** Where the path came from. */
export interface Source {
  readonly kind: 'local' | 'external' | 'internal';
  readonly isClient: boolean; // of ours as a route reflector
  readonly identifier: number; // BGP Identifier of the peer; 0: local
}

export interface Target {
  readonly options: RibOptions;
  readonly policy: PeerPolicy;
  readonly session: RibSession;
}

export interface Exported {
  readonly attributes: PathAttributes; // next hop in it: NEXT_HOP
  readonly nextHop: Uint8Array; // of MP_REACH; empty: NEXT_HOP
}

/** Peers whose keys agree are sent the same. */
export function groupKey({policy, session}: Target): string {
  const {negotiated, nextHops, isDirect} = session;
  const {internal, as4, peerAsn, longLived, extendedNextHop} = negotiated;
  const hops = [nextHops.ipv4, nextHops.ipv6, nextHops.linkLocal].map(hop => hop?.join('.') ?? '');
  const {exportPolicy, localAs, reflectorClient, nextHop, asOverride, removePrivateAs} = policy;
  return JSON.stringify([
    ...[exportPolicy?.id ?? '', internal, as4, asOverride ? peerAsn : 0, hops, isDirect],
    ...[localAs, reflectorClient, nextHop, removePrivateAs, policy.role, policy.linkBandwidth],
    ...[policy.gracefulShutdown, policy.defaultLocalPref, longLived.length > 0, extendedNextHop],
  ]);
}

/** Before the policy: whether the path may go there at all. `flags` of AttributeSets. */
export function mayPass(source: Source, flags: number, {policy, session}: Target): boolean {
  const {internal, longLived} = session.negotiated;
  if (source.kind === 'internal' && internal && !source.isClient && !policy.reflectorClient) {
    return false;
  }
  if (!internal && policy.exportPolicy === undefined) return false; // RFC 8212
  if ((flags & LLGR_STALE) !== 0 && longLived.length === 0) return false;
  if (source.kind === 'local') return true;
  if ((flags & NO_ADVERTISE) !== 0) return false;
  return internal || (flags & (NO_EXPORT | NO_EXPORT_SUBCONFED)) === 0;
}

/** Next hops may go on as they are, so that one may be the address of whoever is told. */
export function keepsNextHops({policy, session}: Target): boolean {
  return session.negotiated.internal || policy.nextHop === 'unchanged';
}

/** Undefined: no next hop that the peer could use, or a leak (RFC 9234 §5). */
export function exportPath(
  family: Family,
  source: Source,
  {before, outcome, nextHop, namesPeer}: Chosen,
  target: Target,
): Exported | undefined {
  const {options, policy, session} = target;
  const {internal} = session.negotiated;
  const {nextHopSelf} = outcome;
  const hop = chooseNextHop(family, source, {nextHop, nextHopSelf, namesPeer}, target);
  if (hop === undefined) return undefined;
  const shared = withShutdown(outcome.attributes, policy.gracefulShutdown);
  const rewritten = internal
    ? toInternal(shared, source, target)
    : toExternal(shared, before, {source, outcome, target});
  if (rewritten === undefined) return undefined;
  const attributes = withBandwidth(rewritten, source, policy.linkBandwidth, options.asn);
  return isClassic(family, hop)
    ? {attributes: withNextHop(attributes, u32(hop, 0)), nextHop: EMPTY}
    : {attributes: withNextHop(attributes, undefined), nextHop: hop};
}

export interface PlainTarget {
  readonly target: Target;
  readonly lead: readonly number[]; // leadOf(0, target)
}

/**
 * The same for a block of the usual shape that no policy changes, and a next hop that is not the peer. Undefined: this
 * takes the long way, of which exportPath says what becomes of it.
 */
export function exportPlain(
  family: Family,
  source: Source,
  block: PlainBlock,
  nextHop: Uint8Array,
  {target, lead}: PlainTarget,
): {readonly rewrite: PlainRewrite; readonly nextHop: Uint8Array} | undefined {
  const {options, policy, session} = target;
  const {internal, as4} = session.negotiated;
  const isUsual =
    as4 &&
    !policy.gracefulShutdown &&
    (internal || (!policy.removePrivateAs && !policy.asOverride && policy.role === undefined)) &&
    (source.kind !== 'local' || policy.linkBandwidth === undefined);
  if (!isUsual) return undefined;
  const named = {nextHop, namesPeer: false, nextHopSelf: false};
  const hop = chooseNextHop(family, source, named, target);
  if (hop === undefined) return undefined;
  const inBlock = isClassic(family, hop);
  const isReflected = internal && source.kind === 'internal';
  const rewrite: PlainRewrite = {
    lead: internal ? NO_ASNS : lead,
    nextHop: inBlock ? u32(hop, 0) : undefined,
    keepsMed: internal || source.kind === 'local',
    localPref: internal ? (block.word(ATTR_LOCAL_PREF) ?? policy.defaultLocalPref) : undefined,
    originatorId: isReflected ? (block.word(ATTR_ORIGINATOR_ID) ?? source.identifier) : undefined,
    clusterId: isReflected ? options.clusterId : undefined,
  };
  return {rewrite, nextHop: inBlock ? EMPTY : hop};
}

const NO_ASNS: readonly number[] = [];

function isClassic(family: Family, hop: Uint8Array): boolean {
  return family === 'ipv4' && hop.length === 4;
}

export interface Chosen {
  readonly before: PathAttributes; // as they were selected
  readonly outcome: PolicyOutcome; // what the export policy made of them
  readonly nextHop: Uint8Array; // as selected; empty: ours
  readonly namesPeer: boolean; // that is the address of the peer that it would go to
}

function toInternal(
  attributes: PathAttributes,
  source: Source,
  {options, policy}: Target,
): PathAttributes {
  const {localPref = policy.defaultLocalPref, asPath = [], origin = 0} = attributes;
  const plain = {...attributes, origin, asPath, localPref};
  if (source.kind !== 'internal')
    return {...plain, originatorId: undefined, clusterList: undefined};
  const {originatorId = source.identifier, clusterList = []} = attributes;
  return {...plain, originatorId, clusterList: [options.clusterId, ...clusterList]};
}

interface ExternalWork {
  readonly source: Source;
  readonly outcome: PolicyOutcome;
  readonly target: Target;
}

function toExternal(
  attributes: PathAttributes,
  before: PathAttributes,
  {source, outcome, target}: ExternalWork,
): PathAttributes | undefined {
  const otc = otcOf(attributes, target);
  if (otc === null) return undefined;
  const keepsMed = source.kind === 'local' || outcome.setsMed; // RFC 4271 §5.1.4
  const extended = attributes.extendedCommunities?.filter(isTransitive);
  // one by one: a spread of what a decoder filled in costs more than all the rest of an export
  return {
    origin: attributes.origin ?? 0,
    asPath: prepend(attributes.asPath ?? [], outcome.prependCount, target),
    nextHop: undefined,
    med: keepsMed ? attributes.med : undefined,
    atomicAggregate: attributes.atomicAggregate,
    aggregator: attributes.aggregator,
    communities: attributes.communities,
    extendedCommunities: extended?.length === 0 ? undefined : extended,
    largeCommunities: attributes.largeCommunities,
    otc,
    prefixSid: attributes.prefixSid,
    unknown: attributes.unknown,
    partialTypes: attributes.partialTypes,
  };
}

/** Null: it must not go there. */
function otcOf({otc}: PathAttributes, {options, policy}: Target): number | undefined | null {
  const {role} = policy;
  const goesUp = role === 'customer' || role === 'peer' || role === 'rs-client';
  if (otc !== undefined) return goesUp ? null : otc;
  const marks = role === 'provider' || role === 'peer' || role === 'rs';
  return marks ? (policy.localAs?.asn ?? options.asn) : undefined;
}

/** What stands before the path (RFC 4271 §5.1.2): our AS, `more` times more, and the real one behind a local one. */
export function leadOf(more: number, {options, policy}: Target): readonly number[] {
  const {localAs} = policy;
  const own = localAs?.asn ?? options.asn;
  const real = localAs?.prependReal === true && localAs.asn !== options.asn ? [options.asn] : [];
  return [...new Array<number>(more + 1).fill(own), ...real];
}

function prepend(path: AsPath, more: number, target: Target): AsPath {
  const {options, policy, session} = target;
  const own = policy.localAs?.asn ?? options.asn;
  const {peerAsn} = session.negotiated;
  let rest = path;
  if (policy.removePrivateAs) rest = mapAsns(rest, asn => (isPrivate(asn) ? undefined : asn));
  if (policy.asOverride) rest = mapAsns(rest, asn => (asn === peerAsn ? own : asn));
  return prependAsns(leadOf(more, target), rest);
}

function mapAsns(path: AsPath, change: (asn: number) => number | undefined): AsPath {
  return path.flatMap(({kind, asns}) => {
    const kept = asns.map(change).filter(asn => asn !== undefined);
    return kept.length === 0 ? [] : [{kind, asns: kept}];
  });
}

/** RFC 6996. */
function isPrivate(asn: number): boolean {
  return (asn >= 64_512 && asn <= 65_534) || (asn >= 4_200_000_000 && asn <= 4_294_967_294);
}

/** Undefined: none that the peer could use; it has no way through itself (RFC 4271 §6.3). */
function chooseNextHop(
  family: Family,
  source: Source,
  {nextHop, nextHopSelf, namesPeer}: Pick<Chosen, 'nextHop' | 'namesPeer'> & {nextHopSelf: boolean},
  {policy, session}: Target,
): Uint8Array | undefined {
  const {internal, extendedNextHop} = session.negotiated;
  const isReflected = source.kind === 'internal' && internal;
  const wantsSelf =
    nextHopSelf ||
    policy.nextHop === 'self-force' ||
    (policy.nextHop === 'self' && !isReflected) ||
    (policy.nextHop === 'auto' && !internal);
  const isOurs = nextHop.length === 0 || (wantsSelf && policy.nextHop !== 'unchanged');
  const hop = isOurs ? ownNextHop(family, session) : nextHop;
  if (hop === undefined || (namesPeer && !isOurs)) return undefined;
  if (family === 'ipv4')
    return hop.length === 4 || extendedNextHop.includes('ipv4') ? hop : undefined;
  return hop.length === 4 ? undefined : hop;
}

/** Our address of the family; IPv6 for IPv4 where agreed (RFC 8950), link-local beside it on the link. */
function ownNextHop(family: Family, {nextHops, negotiated, isDirect}: RibSession) {
  const {ipv4, ipv6, linkLocal} = nextHops;
  const reachesBySix = family === 'ipv6' || negotiated.extendedNextHop.includes('ipv4');
  if (family === 'ipv4' && ipv4 !== undefined) return ipv4;
  if (!reachesBySix) return undefined;
  if (ipv6 === undefined) return linkLocal;
  if (!isDirect || linkLocal === undefined) return ipv6;
  const both = new Uint8Array(32);
  both.set(ipv6);
  both.set(linkLocal, 16);
  return both;
}

/** The object was made here: nobody else has it. */
function withNextHop(attributes: PathAttributes, nextHop: number | undefined): PathAttributes {
  (attributes as {nextHop?: number | undefined}).nextHop = nextHop;
  return attributes;
}

function withShutdown(attributes: PathAttributes, isLeaving: boolean): PathAttributes {
  const {communities = []} = attributes;
  if (!isLeaving || communities.includes(GRACEFUL_SHUTDOWN_COMMUNITY)) return attributes;
  return {...attributes, communities: [...communities, GRACEFUL_SHUTDOWN_COMMUNITY]};
}

function withBandwidth(
  attributes: PathAttributes,
  source: Source,
  bytesPerSecond: number | undefined,
  asn: number,
): PathAttributes {
  if (bytesPerSecond === undefined || source.kind !== 'local') return attributes;
  const community = linkBandwidth(asn > 0xffff ? AS_TRANS : asn, bytesPerSecond);
  return {
    ...attributes,
    extendedCommunities: [...(attributes.extendedCommunities ?? []), community],
  };
}

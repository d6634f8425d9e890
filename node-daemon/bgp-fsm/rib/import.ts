/**
 * What becomes of a path that a peer sent: not eligible and why, or its attributes after the rules that hold
 * for everybody. The import policy comes after. Pure.
 */
import {prependAsns} from '../wire/as-path.js';
import type {PathAttributes} from '../wire/attributes.js';
import {
  GRACEFUL_SHUTDOWN,
  GRACEFUL_SHUTDOWN_COMMUNITY,
  type AttributeSets,
  type SetId,
} from './attribute-sets.js';
import type {PeerPolicy, RibOptions, RibSession} from './types.js';

/** Why a path is not eligible; their place in the list is what a row keeps. */
export const REASONS = [
  '',
  'rejected by the import policy',
  'no import policy (RFC 8212)',
  'our AS number is in AS_PATH',
  "AS_PATH does not begin with the peer's AS number",
  'we are its ORIGINATOR_ID',
  'our cluster is in CLUSTER_LIST',
  'a route leak: OTC (RFC 9234)',
  'AS_PATH is longer than maxAsPath',
  'more communities than maxCommunities',
  'not a unicast prefix',
] as const;
export type Reason = (typeof REASONS)[number];

export interface ImportFacts {
  readonly options: RibOptions;
  readonly policy: PeerPolicy;
  readonly session: Pick<RibSession, 'negotiated'>;
}

/** Before the policy; undefined: it may pass. `set` as it came. */
export function judgePath(sets: AttributeSets, set: SetId, facts: ImportFacts): Reason | undefined {
  const {policy, session} = facts;
  const {internal} = session.negotiated;
  const reason =
    loopOf(sets, set, facts) ??
    excessOf(sets, set, policy) ??
    (internal ? undefined : strangeness(sets, set, facts));
  if (reason !== undefined) return reason;
  const isUnasked = !internal && policy.importPolicy === undefined;
  return isUnasked ? 'no import policy (RFC 8212)' : undefined;
}

/** RFC 9234 §5: what comes from a provider, a peer or a route server may go to customers only. */
export function needsOtc(sets: AttributeSets, set: SetId, {policy, session}: ImportFacts): boolean {
  if (session.negotiated.internal) return false;
  const {role} = policy;
  const marks = role === 'customer' || role === 'peer' || role === 'rs-client';
  return marks && sets.otc(set) === undefined;
}

/** Whether finishImport() leaves the set as it is. */
export function isFinished(
  sets: AttributeSets,
  set: SetId,
  {policy, session}: ImportFacts,
): boolean {
  if (session.negotiated.internal) return true;
  if (policy.localAs?.prependReceived === true) return false;
  return (sets.flags(set) & GRACEFUL_SHUTDOWN) === 0 && policy.defaultLocalPref === 100;
}

/** After the policy: what it set does not outvote a planned shutdown (RFC 8326 §4.2). */
export function finishImport(
  attributes: PathAttributes,
  {policy, session}: ImportFacts,
): PathAttributes {
  if (session.negotiated.internal) return attributes;
  const {communities = [], localPref} = attributes;
  const path = withLocalAs(attributes, policy);
  if (communities.includes(GRACEFUL_SHUTDOWN_COMMUNITY)) return {...path, localPref: 0};
  const isUsual = policy.defaultLocalPref === 100 || localPref !== undefined;
  return isUsual ? path : {...path, localPref: policy.defaultLocalPref};
}

/** As if the AS that we stand for were one on the way, as it once was. */
function withLocalAs(attributes: PathAttributes, {localAs}: PeerPolicy): PathAttributes {
  if (localAs?.prependReceived !== true) return attributes;
  return {...attributes, asPath: prependAsns([localAs.asn], attributes.asPath ?? [])};
}

function loopOf(
  sets: AttributeSets,
  set: SetId,
  {options, policy, session}: ImportFacts,
): Reason | undefined {
  const {asn} = options;
  if (sets.countAsns(set, asn, policy.localAs?.asn ?? asn) > policy.allowAsIn) {
    return 'our AS number is in AS_PATH';
  }
  if (!session.negotiated.internal) return undefined;
  if (sets.originator(set) === options.identifier && options.identifier !== 0) {
    return 'we are its ORIGINATOR_ID';
  }
  return sets.hasCluster(set, options.clusterId) ? 'our cluster is in CLUSTER_LIST' : undefined;
}

/** What some speaker further on could not bear; nobody needs it. */
function excessOf(
  sets: AttributeSets,
  set: SetId,
  {maxAsPath = Infinity, maxCommunities}: PeerPolicy,
): Reason | undefined {
  if (sets.pathLength(set) > maxAsPath) return 'AS_PATH is longer than maxAsPath';
  if (maxCommunities === undefined) return undefined;
  const {communities = [], extendedCommunities = [], largeCommunities = []} = sets.attributes(set);
  const count = communities.length + extendedCommunities.length + largeCommunities.length;
  return count > maxCommunities ? 'more communities than maxCommunities' : undefined;
}

function strangeness(
  sets: AttributeSets,
  set: SetId,
  {policy, session}: ImportFacts,
): Reason | undefined {
  const {peerAsn} = session.negotiated;
  if (policy.enforceFirstAs && sets.neighbourAs(set) !== peerAsn) {
    return "AS_PATH does not begin with the peer's AS number";
  }
  if (policy.role === undefined) return undefined;
  const otc = sets.otc(set);
  if (otc === undefined) return undefined;
  const isFromBelow = policy.role === 'provider' || policy.role === 'rs';
  const isFromBeside = policy.role === 'peer' && otc !== peerAsn;
  return isFromBelow || isFromBeside ? 'a route leak: OTC (RFC 9234)' : undefined;
}

/**
 * What becomes of a path that a peer sent: not eligible and why, or its attributes after the rules that hold
 * for everybody. The import policy comes after. Pure.
 */
import type {AsPath} from '../wire/as-path.js';
import type {PathAttributes} from '../wire/attributes.js';
import {GRACEFUL_SHUTDOWN_COMMUNITY} from './attribute-sets.js';
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
  'the next hop cannot be reached',
] as const;
export type Reason = (typeof REASONS)[number];

export interface ImportFacts {
  readonly options: RibOptions;
  readonly policy: PeerPolicy;
  readonly session: Pick<RibSession, 'negotiated'>;
}

export type Judgement =
  | {readonly kind: 'refused'; readonly reason: Reason}
  | {readonly kind: 'passed'; readonly attributes: PathAttributes}; // the same object when unchanged

export function judgePath(attributes: PathAttributes, facts: ImportFacts): Judgement {
  const {policy, session} = facts;
  const {internal} = session.negotiated;
  const reason =
    loopOf(attributes, facts) ?? (internal ? undefined : strangeness(attributes, facts));
  if (reason !== undefined) return {kind: 'refused', reason};
  if (!internal && policy.importPolicy === undefined) {
    return {kind: 'refused', reason: 'no import policy (RFC 8212)'};
  }
  return {kind: 'passed', attributes: internal ? attributes : withOtc(attributes, facts)};
}

/** After the policy: what it set does not outvote a planned shutdown (RFC 8326 §4.2). */
export function finishImport(
  attributes: PathAttributes,
  {policy, session}: ImportFacts,
): PathAttributes {
  const {communities = [], localPref} = attributes;
  if (session.negotiated.internal) return attributes;
  if (communities.includes(GRACEFUL_SHUTDOWN_COMMUNITY)) return {...attributes, localPref: 0};
  const isUsual = policy.defaultLocalPref === 100 || localPref !== undefined;
  return isUsual ? attributes : {...attributes, localPref: policy.defaultLocalPref};
}

function loopOf(
  {asPath = [], originatorId, clusterList = []}: PathAttributes,
  {options, policy, session}: ImportFacts,
): Reason | undefined {
  const ours = new Set([options.asn, policy.localAs?.asn ?? options.asn]);
  if (countOf(asPath, ours) > policy.allowAsIn) return 'our AS number is in AS_PATH';
  if (!session.negotiated.internal) return undefined;
  if (originatorId === options.identifier) return 'we are its ORIGINATOR_ID';
  return clusterList.includes(options.clusterId) ? 'our cluster is in CLUSTER_LIST' : undefined;
}

function countOf(path: AsPath, wanted: ReadonlySet<number>): number {
  let count = 0;
  for (const {asns} of path) for (const asn of asns) if (wanted.has(asn)) count++;
  return count;
}

function strangeness(
  {asPath = [], otc}: PathAttributes,
  {policy, session}: ImportFacts,
): Reason | undefined {
  const {peerAsn} = session.negotiated;
  const first = asPath[0];
  const isFirst = first?.kind === 'sequence' && first.asns[0] === peerAsn;
  if (policy.enforceFirstAs && !isFirst) return "AS_PATH does not begin with the peer's AS number";
  if (otc === undefined || policy.role === undefined) return undefined;
  const isFromBelow = policy.role === 'provider' || policy.role === 'rs';
  const isFromBeside = policy.role === 'peer' && otc !== peerAsn;
  return isFromBelow || isFromBeside ? 'a route leak: OTC (RFC 9234)' : undefined;
}

/** RFC 9234 §5: what comes from a provider, a peer or a route server may go to customers only. */
function withOtc(attributes: PathAttributes, {policy, session}: ImportFacts): PathAttributes {
  const {role} = policy;
  const marks = role === 'customer' || role === 'peer' || role === 'rs-client';
  if (!marks || attributes.otc !== undefined) return attributes;
  return {...attributes, otc: session.negotiated.peerAsn};
}

/**
 * What a rule makes of a path's attributes. Pure.
 */
import {prependAsns, type AsPath} from '../wire/as-path.js';
import type {PathAttributes} from '../wire/attributes.js';
import type {LargeCommunity} from '../wire/communities.js';
import {firstAsn} from './as-path-text.js';
import {matchesCommunity, type CommunityPattern} from './community-text.js';
import type {RuleSet} from './rule.js';
import {unchanged, type PolicyOutcome} from './types.js';

export function applySet(
  set: RuleSet | undefined,
  attributes: PathAttributes,
  direction: 'import' | 'export',
): PolicyOutcome {
  if (set === undefined) return unchanged(attributes);
  const {localPref, med, prependAs = 0, nextHopSelf = false} = set;
  const changes: {-readonly [Key in keyof PathAttributes]: PathAttributes[Key]} = {};
  if (localPref !== undefined && localPref !== attributes.localPref) changes.localPref = localPref;
  if (med !== undefined && med !== attributes.med) changes.med = med;
  if (direction === 'import' && prependAs > 0) changes.asPath = repeatFirst(attributes, prependAs);
  changeStandard(set, attributes, changes);
  changeLarge(set, attributes, changes);
  return {
    attributes: Object.keys(changes).length === 0 ? attributes : {...attributes, ...changes},
    nextHopSelf: direction === 'export' && nextHopSelf,
    prependCount: direction === 'export' ? prependAs : 0,
    setsMed: med !== undefined,
  };
}

type Changes = {-readonly [Key in keyof PathAttributes]: PathAttributes[Key]};

/** The AS it came from once more in front; a path without one stays. */
function repeatFirst({asPath = []}: PathAttributes, count: number): AsPath {
  const asn = firstAsn(asPath);
  return asn === undefined ? asPath : prependAsns(new Array<number>(count).fill(asn), asPath);
}

function changeStandard(set: RuleSet, {communities = []}: PathAttributes, changes: Changes): void {
  const {setCommunities, removeCommunities, addCommunities} = set;
  const kept = (setCommunities?.standard ?? communities).filter(
    value => !matchesAny(removeCommunities, {kind: 'standard', value}),
  );
  const added = (addCommunities?.standard ?? []).filter(value => !kept.includes(value));
  const result = [...kept, ...new Set(added)];
  const isSame =
    result.length === communities.length && result.every((value, at) => value === communities[at]);
  if (!isSame) changes.communities = result.length === 0 ? undefined : result;
}

function changeLarge(
  set: RuleSet,
  {largeCommunities = []}: PathAttributes,
  changes: Changes,
): void {
  const {setCommunities, removeCommunities, addCommunities} = set;
  const kept = (setCommunities?.large ?? largeCommunities).filter(
    value => !matchesAny(removeCommunities, {kind: 'large', value}),
  );
  const result = [...kept];
  for (const value of addCommunities?.large ?? []) {
    if (!result.some(other => sameLarge(other, value))) result.push(value);
  }
  const isSame =
    result.length === largeCommunities.length &&
    result.every((value, at) => sameLarge(value, largeCommunities[at]));
  if (!isSame) changes.largeCommunities = result.length === 0 ? undefined : result;
}

function matchesAny(
  patterns: readonly CommunityPattern[] | undefined,
  community: Parameters<typeof matchesCommunity>[1],
): boolean {
  return patterns?.some(pattern => matchesCommunity(pattern, community)) ?? false;
}

function sameLarge(a: LargeCommunity, b: LargeCommunity | undefined): boolean {
  return a.global === b?.global && a.local1 === b.local1 && a.local2 === b.local2;
}

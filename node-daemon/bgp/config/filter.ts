/**
 * Import and export rules of a record as policy rules: texts become values. Pure. The record's parser
 * has read them all; what cannot be read here nonetheless matches nothing.
 */
import {
  parseCidr,
  parseCommunity,
  parseCommunityPattern,
  type CommunityList,
  type CommunityPattern,
  type PolicyRule,
  type PrefixRange,
  type RuleMatch,
  type RuleSet,
} from '#bgp-fsm';
import type {BgpFilterRule} from '../../datastore/records/bgp-filter.js';

export function toPolicyRule({match, set, action}: BgpFilterRule): PolicyRule {
  return {match: match && toMatch(match), set: set && toSet(set), action};
}

/** Fields of import rules that only mean something on export. */
export function uselessOnImport(rules: readonly BgpFilterRule[]): readonly string[] {
  return rules.flatMap(({set}, index) =>
    set?.nextHopSelf === true
      ? [`spec.import[${index}].set.nextHopSelf: has no effect, next hops are set on export`]
      : [],
  );
}

function toMatch(match: NonNullable<BgpFilterRule['match']>): RuleMatch {
  const {prefixes, communities, source, ...rest} = match;
  return {
    ...rest,
    prefixes: prefixes?.flatMap(toRange),
    communities: communities && toPatterns(communities),
    sources: source && [source],
  };
}

function toRange({cidr, ge, le}: {cidr: string; ge?: number; le?: number}): readonly PrefixRange[] {
  const prefix = parseCidr(cidr);
  return prefix === undefined ? [] : [{prefix, ge, le}];
}

function toSet(set: NonNullable<BgpFilterRule['set']>): RuleSet {
  const {setCommunities, removeCommunities, addCommunities, ...rest} = set;
  return {
    ...rest,
    setCommunities: setCommunities && toCommunities(setCommunities),
    removeCommunities: removeCommunities && toPatterns(removeCommunities),
    addCommunities: addCommunities && toCommunities(addCommunities),
  };
}

export function toCommunities(texts: readonly string[]): CommunityList {
  const all = texts.map(parseCommunity);
  return {
    standard: all.flatMap(each => (each?.kind === 'standard' ? [each.value] : [])),
    large: all.flatMap(each => (each?.kind === 'large' ? [each.value] : [])),
  };
}

function toPatterns(texts: readonly string[]): readonly CommunityPattern[] {
  return texts.map(parseCommunityPattern).filter(pattern => pattern !== undefined);
}

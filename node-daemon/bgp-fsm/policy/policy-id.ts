/**
 * Rules as one text that is equal for policies that decide alike. Pure. The order of rules counts, that
 * of what is in their lists does not.
 */
import {formatAddress} from '../wire/address.js';
import {lengthsOf, type PrefixRange} from './prefix-set.js';
import type {CommunityList, PolicyRule, PolicySource, RuleMatch, RuleSet} from './rule.js';

export function policyId({direction, rules}: PolicySource): string {
  return JSON.stringify([direction, ...rules.map(ruleId)]);
}

function ruleId({match = {}, set, action}: PolicyRule): unknown {
  return [action, matchId(match), action === 'reject' || set === undefined ? 0 : setId(set)];
}

function matchId(match: RuleMatch): unknown {
  const {prefixes, communities, asPath, peerAsns, originAsns, sources} = match;
  return {
    prefixes: prefixes && sorted(prefixes.map(rangeId)),
    communities: communities && sorted(communities.map(each => JSON.stringify(each))),
    asPath,
    peerAsns: peerAsns && sorted(peerAsns.map(String)),
    originAsns: originAsns && sorted(originAsns.map(String)),
    sources: sources && sorted(sources),
  };
}

function setId(set: RuleSet): unknown {
  const {localPref, med, setCommunities, removeCommunities, addCommunities} = set;
  return {
    localPref,
    med,
    setCommunities: setCommunities && listId(setCommunities),
    removeCommunities: removeCommunities?.map(each => JSON.stringify(each)).sort(),
    addCommunities: addCommunities && listId(addCommunities),
    prependAs: set.prependAs ?? 0,
    nextHopSelf: set.nextHopSelf ?? false,
  };
}

/** The order of communities is what the peer sees: it stays. */
function listId({standard, large}: CommunityList): unknown {
  return [standard, large.map(({global, local1, local2}) => [global, local1, local2])];
}

function rangeId(range: PrefixRange): string {
  const {shortest, longest} = lengthsOf(range);
  const {address, bits} = range.prefix;
  return `${formatAddress(address)}/${bits} ${shortest}-${longest}`;
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

/**
 * A filter's rules as values: what configuration becomes once its texts are read. Pure types.
 *
 * All conditions of a rule must hold; of a list one entry is enough, and an empty list never holds. A
 * rule without conditions holds for every path, but for this: on import a default route is matched only
 * by a rule whose `prefixes` name it. Nobody gets a default route by accepting "everything".
 */
import type {LargeCommunity} from '../wire/communities.js';
import type {CommunityPattern} from './community-text.js';
import type {PrefixRange} from './prefix-set.js';

/** Plain data, so that it can go to another thread and be compiled there. */
export interface PolicySource {
  readonly direction: 'import' | 'export';
  readonly rules: readonly PolicyRule[];
}

/** Ordered: the first that matches decides; a path that none matches is rejected. */
export interface PolicyRule {
  readonly match?: RuleMatch | undefined;
  readonly set?: RuleSet | undefined;
  readonly action: 'accept' | 'reject';
}

export interface RuleMatch {
  readonly prefixes?: readonly PrefixRange[] | undefined;
  readonly communities?: readonly CommunityPattern[] | undefined;
  readonly asPath?: string | undefined; // that parseAsPathPattern reads; another one never holds
  readonly peerAsns?: readonly number[] | undefined; // the AS it came from: first of its path
  readonly originAsns?: readonly number[] | undefined; // the AS that originated it: last of its path
  readonly sources?: readonly PathSource[] | undefined;
}

/** Where a path is from: this speaker, a neighbour, and of these what a reflector passes on. */
export type PathSource = 'local' | 'learnt' | 'reflected';

/** In this order: communities are set, removed, added. */
export interface RuleSet {
  readonly localPref?: number | undefined;
  readonly med?: number | undefined;
  readonly setCommunities?: CommunityList | undefined; // these and no others
  readonly removeCommunities?: readonly CommunityPattern[] | undefined;
  readonly addCommunities?: CommunityList | undefined;
  /** On export so many times more our AS, on import so many times more the AS it came from. */
  readonly prependAs?: number | undefined;
  readonly nextHopSelf?: boolean | undefined; // export only
}

export interface CommunityList {
  readonly standard: readonly number[];
  readonly large: readonly LargeCommunity[];
}

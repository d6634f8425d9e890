/**
 * Import and export rules of a BGPPeer. Pure. What they mean is in bgp-fsm/policy/rule.ts; what is read
 * by a parser of its own (communities, AS-path patterns) is read there as well.
 */
import {parseAsPathPattern} from '../../bgp-fsm/policy/as-path-pattern.js';
import {
  parseCommunity,
  parseCommunityPattern,
  WELL_KNOWN_COMMUNITIES,
} from '../../bgp-fsm/policy/community-text.js';
import {parsePrefix} from '#ipam';
import {pathAsn} from './as-number.js';
import {integer, list, mapping, oneOf, optional, prefix, text, yesOrNo} from './fields.js';
import {describeValue, problemAt, type Path, type Problem} from './problem.js';
import type {Value} from './schema.js';

export const community = text(
  `a community such as 64512:1, 64512:1:2 or ${[...WELL_KNOWN_COMMUNITIES.keys()].join(', ')}`,
  value => parseCommunity(value) !== undefined,
);

const communityPattern = text(
  'a community such as 64512:1, 64512:*, 64512:1:2 or no-export',
  value => parseCommunityPattern(value) !== undefined,
);

const prefixMatch = mapping({
  cidr: prefix,
  ge: optional(integer(0, 128, 'a prefix length')),
  le: optional(integer(0, 128, 'a prefix length')),
});

const uint32 = integer(0, 4_294_967_295);

/** Ordered: the first rule that matches decides; a rule without `match` matches everything. */
export const filterRule = mapping({
  match: optional(
    mapping({
      prefixes: optional(list(prefixMatch)),
      communities: optional(list(communityPattern)),
      asPath: optional(text('a regular expression over the AS path')),
      peerAsns: optional(list(pathAsn)), // the first of the AS path
      originAsns: optional(list(pathAsn)), // the last of it
      source: optional(oneOf(['local', 'learnt', 'reflected'])),
    }),
  ),
  set: optional(
    mapping({
      localPref: optional(uint32),
      med: optional(uint32),
      setCommunities: optional(list(community)),
      removeCommunities: optional(list(communityPattern)),
      addCommunities: optional(list(community)),
      prependAs: optional(integer(1, 10)),
      nextHopSelf: optional(yesOrNo),
    }),
  ),
  action: oneOf(['accept', 'reject']),
});

export type BgpFilterRule = Value<typeof filterRule>;

/** What the schema cannot see: bounds beside each other, and what is wrong inside a pattern. */
export function checkRules(path: Path, rules: readonly BgpFilterRule[]): readonly Problem[] {
  return rules.flatMap(({match = {}, set, action}, index) => {
    const at = [...path, index];
    const asPathPath = [...at, 'match', 'asPath'];
    return [
      ...(match.prefixes ?? []).flatMap((entry, entryIndex) =>
        checkLengths([...at, 'match', 'prefixes', entryIndex], entry),
      ),
      ...emptyLists([...at, 'match'], match),
      ...(match.asPath === undefined ? [] : checkAsPath(asPathPath, match.asPath)),
      ...(action === 'reject' && set !== undefined
        ? [problemAt([...at, 'set'], 'expected nothing in a rule that rejects, got a mapping')]
        : []),
    ];
  });
}

function checkLengths(
  path: Path,
  {cidr, ge, le}: {readonly cidr: string; readonly ge?: number; readonly le?: number},
): readonly Problem[] {
  const parsed = parsePrefix(cidr);
  if (parsed === undefined) return [];
  const highest = parsed.address.length * 8;
  const lower = ge ?? parsed.bits;
  const upper = le ?? (ge === undefined ? parsed.bits : highest);
  if (lower >= parsed.bits && lower <= upper && upper <= highest) return [];
  const message = `expected ${parsed.bits} <= ge <= le <= ${highest}, got ge ${lower} and le ${upper}`;
  return [problemAt(path, message)];
}

/** One would match nothing, and be taken for a condition that is not there. */
function emptyLists(path: Path, match: Readonly<Record<string, unknown>>): readonly Problem[] {
  return Object.entries(match)
    .filter(([, value]) => Array.isArray(value) && value.length === 0)
    .map(([name]) => problemAt([...path, name], 'expected at least one, got an empty list'));
}

function checkAsPath(path: Path, pattern: string): readonly Problem[] {
  const parsed = parseAsPathPattern(pattern);
  if (parsed.kind === 'ok') return [];
  const shown = describeValue(pattern);
  return [
    problemAt(
      path,
      `expected a regular expression over the AS path, got ${shown}: ${parsed.problem}`,
    ),
  ];
}

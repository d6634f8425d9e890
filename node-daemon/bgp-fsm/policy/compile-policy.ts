/**
 * Ordered rules as a Policy. Pure; it remembers what it found of an attribute set, which changes
 * nothing but its speed.
 *
 * Conditions on attributes are judged once an attribute set and leave the rules that are still possible
 * for it. With UPDATEs of many prefixes the set is mostly the one before, so that a path costs a look at
 * a few rules' prefixes.
 */
import type {PathAttributes} from '../wire/attributes.js';
import {parseAsPathPattern, type AsPathPattern} from './as-path-pattern.js';
import {firstAsn, formatAsPath, lastAsn} from './as-path-text.js';
import {matchesCommunity, type CommunityPattern} from './community-text.js';
import {policyId} from './policy-id.js';
import {PrefixSet} from './prefix-set.js';
import {applySet} from './rule-set.js';
import type {PathSource, PolicyRule, PolicySource, RuleMatch} from './rule.js';
import {REJECTED, type Policy, type PolicyOutcome, type PolicySubject} from './types.js';

type Direction = PolicySource['direction'];

export interface CompiledPolicy extends Policy {
  readonly source: PolicySource;
}

export function compilePolicy(rules: readonly PolicyRule[], direction: Direction): CompiledPolicy {
  return new RulePolicy({rules, direction});
}

interface CompiledRule {
  readonly index: number;
  readonly accepts: boolean;
  readonly sources: number; // bits of SOURCES
  readonly prefixes: PrefixSet | undefined;
  readonly matchesDefault: boolean; // a prefix of length 0
  readonly match: RuleMatch;
  readonly asPath: AsPathPattern | 'none' | undefined;
}

class RulePolicy implements CompiledPolicy {
  readonly source: PolicySource;
  readonly looksAtPrefix: boolean;
  readonly #all: readonly CompiledRule[];
  readonly looksAtAttributes: boolean;
  readonly #possible = new WeakMap<PathAttributes, readonly CompiledRule[]>();
  #last: PathAttributes | undefined;
  #lastPossible: readonly CompiledRule[] = [];
  #id: string | undefined;

  constructor(source: PolicySource) {
    const {rules, direction} = source;
    this.source = source;
    this.#all = upToFirstSure(rules.map((rule, index) => compileRule(rule, index, direction)));
    this.looksAtAttributes = this.#all.some(({match}) => looksAtAttributes(match));
    // A path's source and a default route are not in its attributes either.
    this.looksAtPrefix = this.#all.some(
      ({prefixes, sources, matchesDefault}) =>
        prefixes !== undefined || sources !== ALL_SOURCES || !matchesDefault,
    );
  }

  get id(): string {
    return (this.#id ??= policyId(this.source));
  }

  choose({family, words, bits, attributes, isLocal, isReflected}: PolicySubject): number {
    const source = isLocal ? SOURCES.local : isReflected ? SOURCES.reflected : SOURCES.learnt;
    for (const rule of this.#possibleFor(attributes)) {
      if ((rule.sources & source) === 0) continue;
      if (rule.prefixes !== undefined) {
        if (!rule.prefixes.has(family, words, bits)) continue;
      } else if (bits === 0 && !rule.matchesDefault) {
        continue;
      }
      return rule.accepts ? rule.index : REJECTED;
    }
    return REJECTED;
  }

  changes(rule: number): boolean {
    return this.source.rules[rule]?.set !== undefined;
  }

  apply(rule: number, attributes: PathAttributes): PolicyOutcome {
    const {rules, direction} = this.source;
    return applySet(rules[rule]?.set, attributes, direction);
  }

  #possibleFor(attributes: PathAttributes): readonly CompiledRule[] {
    if (!this.looksAtAttributes) return this.#all;
    if (this.#last === attributes) return this.#lastPossible;
    let possible = this.#possible.get(attributes);
    if (possible === undefined) {
      possible = upToFirstSure(judge(this.#all, attributes));
      if (this.looksAtPrefix) this.#possible.set(attributes, possible); // else it is not asked again
    }
    this.#last = attributes;
    this.#lastPossible = possible;
    return possible;
  }
}

const SOURCES = {local: 1, reflected: 2, learnt: 4} as const;
const ALL_SOURCES = 7;

function compileRule(
  {match = {}, action}: PolicyRule,
  index: number,
  direction: Direction,
): CompiledRule {
  return {
    index,
    accepts: action === 'accept',
    sources: match.sources === undefined ? ALL_SOURCES : sourceBits(match.sources),
    prefixes: match.prefixes && new PrefixSet(match.prefixes),
    matchesDefault: match.prefixes !== undefined || direction === 'export',
    match,
    asPath: match.asPath === undefined ? undefined : compileAsPath(match.asPath),
  };
}

function compileAsPath(text: string): AsPathPattern | 'none' {
  const parsed = parseAsPathPattern(text);
  return parsed.kind === 'ok' ? parsed.pattern : 'none';
}

/** What is reflected was learnt. */
function sourceBits(sources: readonly PathSource[]): number {
  let bits = 0;
  for (const source of sources) {
    bits |= source === 'learnt' ? SOURCES.learnt | SOURCES.reflected : SOURCES[source];
  }
  return bits;
}

/** Rules behind one that always matches say nothing. */
function upToFirstSure(rules: readonly CompiledRule[]): readonly CompiledRule[] {
  const sure = rules.findIndex(
    ({match, prefixes, sources, matchesDefault}) =>
      prefixes === undefined &&
      sources === ALL_SOURCES &&
      matchesDefault &&
      !looksAtAttributes(match),
  );
  return sure < 0 ? rules : rules.slice(0, sure + 1);
}

function looksAtAttributes({communities, asPath, peerAsns, originAsns}: RuleMatch): boolean {
  return (communities ?? asPath ?? peerAsns ?? originAsns) !== undefined;
}

function judge(rules: readonly CompiledRule[], attributes: PathAttributes): CompiledRule[] {
  const path = attributes.asPath ?? [];
  const text = formatAsPath(path);
  return rules.filter(({match: {communities, peerAsns, originAsns}, asPath}) => {
    if (peerAsns !== undefined && !includes(peerAsns, firstAsn(path))) return false;
    if (originAsns !== undefined && !includes(originAsns, lastAsn(path))) return false;
    if (communities !== undefined && !hasCommunity(communities, attributes)) return false;
    return asPath === undefined || (asPath !== 'none' && asPath.test(text));
  });
}

function includes(asns: readonly number[], asn: number | undefined): boolean {
  return asn !== undefined && asns.includes(asn);
}

function hasCommunity(
  patterns: readonly CommunityPattern[],
  {communities = [], largeCommunities = []}: PathAttributes,
): boolean {
  return patterns.some(
    pattern =>
      communities.some(value => matchesCommunity(pattern, {kind: 'standard', value})) ||
      largeCommunities.some(value => matchesCommunity(pattern, {kind: 'large', value})),
  );
}

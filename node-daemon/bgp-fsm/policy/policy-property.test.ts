import test from 'ava';
import fc from 'fast-check';

import {contains, type Cidr} from '../wire/address.js';
import type {PathAttributes} from '../wire/attributes.js';
import {compilePolicy} from './compile-policy.js';
import {communityPattern, path, subject} from './paper-rules.js';
import type {PathSource, PolicyRule, RuleMatch} from './rule.js';

/** Small worlds, so that rules and paths meet. */
const cidrs = fc
  .record({head: fc.constantFrom(10, 11), tail: fc.constantFrom(0, 64, 128), bits: fc.nat(32)})
  .map(({head, tail, bits}): Cidr => ({address: Uint8Array.of(head, tail, 0, 0), bits}));

const matches: fc.Arbitrary<RuleMatch> = fc.record(
  {
    prefixes: fc.array(
      fc
        .record({prefix: cidrs, ge: fc.option(fc.nat(32)), le: fc.option(fc.nat(32))})
        .map(({prefix, ge, le}) => ({prefix, ge: ge ?? undefined, le: le ?? undefined})),
      {maxLength: 3},
    ),
    communities: fc.array(fc.constantFrom('1:1', '1:2', '1:*', '1:1:1').map(communityPattern)),
    asPath: fc.constantFrom('^1_', '_2_', '^$', '3$'),
    peerAsns: fc.array(fc.constantFrom(1, 2), {maxLength: 2}),
    originAsns: fc.array(fc.constantFrom(1, 2, 3), {maxLength: 2}),
    sources: fc.uniqueArray(fc.constantFrom<PathSource>('local', 'learnt', 'reflected')),
  },
  {requiredKeys: []},
);

const rules = fc.array(
  fc
    .record({match: fc.option(matches), action: fc.constantFrom('accept', 'reject')})
    .map(({match, action}): PolicyRule => ({match: match ?? undefined, action})),
  {maxLength: 8},
);

const attributeSets: fc.Arbitrary<PathAttributes> = fc.record(
  {
    asPath: fc.constantFrom('', '1', '1 2', '2 3', '1 2 3').map(path),
    communities: fc.uniqueArray(fc.constantFrom(0x10001, 0x10002, 0x20001)),
    largeCommunities: fc.uniqueArray(fc.constant({global: 1, local1: 1, local2: 1})),
  },
  {requiredKeys: []},
);

const asked = fc.array(
  fc.record({
    prefix: cidrs,
    set: fc.nat(3),
    source: fc.constantFrom<PathSource>('local', 'learnt', 'reflected'),
  }),
  {minLength: 1, maxLength: 12},
);

test('a policy chooses what a reading of its rules chooses, in any order of questions', t => {
  let chosen = 0;
  fc.assert(
    fc.property(
      rules,
      fc.array(attributeSets, {minLength: 4, maxLength: 4}),
      asked,
      fc.constantFrom('import' as const, 'export' as const),
      (list, sets, questions, direction) => {
        const policy = compilePolicy(list, direction);
        for (const {prefix, set, source} of questions) {
          const attributes = sets[set] ?? {};
          const from = {isLocal: source === 'local', isReflected: source === 'reflected'};
          const answer = policy.choose(subject(prefix, attributes, from));
          t.is(answer, naive(list, prefix, attributes, source, direction === 'import'));
          if (answer >= 0) chosen++;
        }
      },
    ),
    {numRuns: 1500},
  );
  t.true(chosen > 500, `only ${chosen} were accepted`);
});

function naive(
  list: readonly PolicyRule[],
  {address, bits}: Cidr,
  {asPath = [], communities = [], largeCommunities = []}: PathAttributes,
  source: PathSource,
  isImport: boolean,
): number {
  const asns = asPath.flatMap(segment => segment.asns);
  const words = [
    ...communities.map(value => `${value >>> 16}:${value & 0xffff}`),
    ...largeCommunities.map(({global, local1, local2}) => `${global}:${local1}:${local2}`),
  ];
  for (const [index, {match = {}, action}] of list.entries()) {
    const {prefixes, communities: wanted, peerAsns, originAsns, sources} = match;
    if (prefixes === undefined && isImport && bits === 0) continue;
    if (
      prefixes?.every(({prefix, ge, le}) => {
        const isExact = ge === undefined && le === undefined;
        const isInside = contains(prefix, address) && bits >= prefix.bits;
        const isLong = bits >= (ge ?? prefix.bits) && bits <= (le ?? 32);
        return !isInside || (isExact ? bits !== prefix.bits : !isLong);
      })
    ) {
      continue;
    }
    const hasOne = wanted?.some(pattern =>
      words.some(word =>
        pattern.kind === 'large'
          ? word === '1:1:1'
          : word === `1:${pattern.low}` || (pattern.low === undefined && /^1:\d+$/.test(word)),
      ),
    );
    if (hasOne === false) continue;
    if (peerAsns !== undefined && !peerAsns.some(asn => asn === asns[0])) continue;
    if (originAsns !== undefined && !originAsns.some(asn => asn === asns.at(-1))) continue;
    if (match.asPath !== undefined && !matchesPath(match.asPath, asns)) continue;
    const counts = source === 'reflected' ? ['reflected', 'learnt'] : [source];
    if (sources !== undefined && !sources.some(each => counts.includes(each))) continue;
    return action === 'accept' ? index : -1;
  }
  return -1;
}

function matchesPath(pattern: string, asns: readonly number[]): boolean {
  switch (pattern) {
    case '^1_':
      return asns[0] === 1;
    case '_2_':
      return asns.includes(2);
    case '^$':
      return asns.length === 0;
    default:
      return asns.at(-1) === 3;
  }
}

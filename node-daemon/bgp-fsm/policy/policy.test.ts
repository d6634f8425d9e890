import test from 'ava';

import type {PathAttributes} from '../wire/attributes.js';
import {compilePolicy} from './compile-policy.js';
import {
  DEFAULT_EXPORT_RULES,
  ACCEPT_ALL,
  defaultImportRules,
  guardRules,
} from './generated-rules.js';
import {cidr, communities, communityPattern, path, range, subject} from './paper-rules.js';
import type {PolicyRule, RuleMatch} from './rule.js';

function accepting(match: RuleMatch, set?: PolicyRule['set']): PolicyRule {
  return {match, set, action: 'accept'};
}

test('the first rule that matches decides, and without one the path is rejected', t => {
  const policy = compilePolicy(
    [
      {match: {prefixes: [range('10.1.0.0/16 le 32')]}, action: 'reject'},
      accepting({prefixes: [range('10.0.0.0/8 le 32')]}),
      accepting({prefixes: [range('2001:db8::/32 ge 64 le 64')]}),
    ],
    'import',
  );
  t.true(policy.looksAtPrefix);
  t.is(policy.choose(subject('10.2.0.0/24')), 1);
  t.is(policy.choose(subject('10.1.0.0/24')), -1);
  t.is(policy.choose(subject('11.0.0.0/8')), -1);
  t.is(policy.choose(subject('2001:db8:1::/64')), 2);
  t.is(policy.choose(subject('2001:db8:1::/48')), -1);
  t.is(compilePolicy([], 'import').choose(subject('10.0.0.0/8')), -1);
});

const tagged: PathAttributes = {
  asPath: path('64512 64513 64514'),
  ...{communities: communities('64512:7', 'no-export').standard},
  ...{largeCommunities: communities('64512:1:2').large},
};

const conditions: readonly (readonly [string, RuleMatch, boolean])[] = [
  ['a community', {communities: [communityPattern('64512:7')]}, true],
  ['one of two', {communities: [communityPattern('1:1'), communityPattern('no-export')]}, true],
  ['another community', {communities: [communityPattern('64512:8')]}, false],
  ['any of an AS', {communities: [communityPattern('64512:*')]}, true],
  ['a large one', {communities: [communityPattern('64512:1:2')]}, true],
  ['another large one', {communities: [communityPattern('64512:1:3')]}, false],
  ['a path', {asPath: '_64513_'}, true],
  ['another path', {asPath: '^64513_'}, false],
  ['the AS it came from', {peerAsns: [1, 64512]}, true],
  ['another AS', {peerAsns: [64513]}, false],
  ['the AS that originated it', {originAsns: [64514]}, true],
  ['another origin', {originAsns: [64512]}, false],
  ['a path pattern that cannot be read', {asPath: '('}, false],
  ['all of several', {peerAsns: [64512], asPath: '64514$'}, true],
  ['but one of several', {peerAsns: [64512], asPath: '64513$'}, false],
  ['an empty list of prefixes', {prefixes: []}, false],
  ['an empty list of communities', {communities: []}, false],
  ['an empty list of ASes', {peerAsns: []}, false],
];

for (const [name, match, isMatch] of conditions) {
  test(`a rule ${isMatch ? 'matches' : 'does not match'} by ${name}`, t => {
    const policy = compilePolicy([accepting(match)], 'import');
    t.is(policy.choose(subject('10.0.0.0/8', tagged)), isMatch ? 0 : -1);
    t.is(policy.choose(subject('10.0.0.0/8', tagged)), isMatch ? 0 : -1, 'asked again');
    t.is(policy.choose(subject('10.0.0.0/8', {})), -1, 'a path without attributes');
  });
}

test('a rule can ask where a path is from; what is reflected was learnt', t => {
  const sources = [{isLocal: true}, {}, {isReflected: true}];
  const chosen = (match: RuleMatch) =>
    sources.map(source =>
      compilePolicy([accepting(match)], 'export').choose(subject('10.0.0.0/8', {}, source)),
    );
  t.deepEqual(chosen({sources: ['local']}), [0, -1, -1]);
  t.deepEqual(chosen({sources: ['learnt']}), [-1, 0, 0]);
  t.deepEqual(chosen({sources: ['reflected']}), [-1, -1, 0]);
  t.deepEqual(chosen({sources: ['local', 'learnt']}), [0, 0, 0]);
  t.deepEqual(chosen({}), [0, 0, 0]);
});

test('a policy says that it looks at nothing but attributes only where that is so', t => {
  const looks = (match: RuleMatch) => compilePolicy([accepting(match)], 'export').looksAtPrefix;
  t.false(looks({}));
  t.false(looks({communities: [communityPattern('1:1')], asPath: '1'}));
  t.true(looks({prefixes: [range('10.0.0.0/8')]}));
  t.true(looks({sources: ['local']}), 'equal attributes may be of paths from anywhere');
  t.true(compilePolicy([ACCEPT_ALL], 'import').looksAtPrefix, 'a default route is another matter');
  const hidden = compilePolicy([ACCEPT_ALL, accepting({prefixes: []})], 'export');
  t.false(hidden.looksAtPrefix, 'what stands behind a rule that always matches does not count');
});

test('a default route comes in only through a rule that names it', t => {
  for (const [text, other] of [
    ['0.0.0.0/0', '10.0.0.0/8'],
    ['::/0', '2001:db8::/32'],
  ] as const) {
    const all = compilePolicy([ACCEPT_ALL], 'import');
    t.is(all.choose(subject(text)), -1);
    t.is(all.choose(subject(other)), 0);
    const named = compilePolicy([ACCEPT_ALL, accepting({prefixes: [range(text)]})], 'import');
    t.is(named.choose(subject(text)), 1);
    t.is(compilePolicy([ACCEPT_ALL], 'export').choose(subject(text)), 0, 'but it may go out');
  }
});

test('what a rule does not change is handed back as it is', t => {
  const policy = compilePolicy(
    [
      ACCEPT_ALL,
      accepting({}, {}),
      accepting({}, {localPref: 200, med: 7, addCommunities: communities('64512:7', '64512:1:2')}),
      accepting({}, {removeCommunities: [communityPattern('1:*')]}),
    ],
    'import',
  );
  const attributes = {...tagged, localPref: 200, med: 7};
  for (let rule = 0; rule < 4; rule++) {
    const outcome = policy.apply(rule, attributes);
    t.is(outcome.attributes, attributes, `rule ${rule}`);
    t.deepEqual([outcome.nextHopSelf, outcome.prependCount], [false, 0]);
  }
});

test('communities are set, removed and added, in this order', t => {
  const texts = (set: PolicyRule['set']) => {
    const {attributes} = compilePolicy([accepting({}, set)], 'export').apply(0, tagged);
    return [attributes.communities, attributes.largeCommunities];
  };
  const {standard, large} = communities('64512:7', 'no-export', '64512:1:2');
  t.deepEqual(texts({addCommunities: communities('1:1', '1:1', '1:2:3', '64512:1:2')}), [
    [...standard, 0x10001],
    [...large, {global: 1, local1: 2, local2: 3}],
  ]);
  t.deepEqual(texts({removeCommunities: [communityPattern('64512:*')]}), [
    communities('no-export').standard,
    large,
  ]);
  t.deepEqual(texts({removeCommunities: [communityPattern('*:*:*')]}), [standard, undefined]);
  t.deepEqual(texts({setCommunities: communities('9:9')}), [[0x90009], undefined]);
  t.deepEqual(texts({setCommunities: communities()}), [undefined, undefined]);
  t.deepEqual(
    texts({
      setCommunities: communities('9:9', '9:8'),
      removeCommunities: [communityPattern('9:8')],
      addCommunities: communities('9:8', '9:7'),
    }),
    [[0x90009, 0x90008, 0x90007], undefined],
  );
});

test('on export the local AS is put in front by the RIB, on import the AS that it came from', t => {
  const rules = [accepting({}, {prependAs: 2, nextHopSelf: true, localPref: 1})];
  const out = compilePolicy(rules, 'export').apply(0, tagged);
  t.is(out.prependCount, 2);
  t.true(out.nextHopSelf);
  t.is(out.attributes.asPath, tagged.asPath);
  t.is(out.attributes.localPref, 1);

  const into = compilePolicy(rules, 'import').apply(0, tagged);
  t.is(into.prependCount, 0);
  t.false(into.nextHopSelf);
  t.deepEqual(into.attributes.asPath, path('64512 64512 64512 64513 64514'));
  t.deepEqual(compilePolicy(rules, 'import').apply(0, {}).attributes.asPath, []);
});

test('an id is equal for policies that decide alike, and only for these', t => {
  const id = (rules: readonly PolicyRule[]) => compilePolicy(rules, 'export').id;
  const match = {prefixes: [range('10.0.0.0/8 le 32'), range('11.0.0.0/8')]};
  const turned = {prefixes: [range('11.0.0.0/8 ge 8 le 8'), range('10.0.0.0/8 ge 8')]};
  t.is(id([accepting(match)]), id([accepting(turned)]));
  t.is(id([accepting({}, {})]), id([accepting({}, {prependAs: 0})]));

  const different: readonly (readonly PolicyRule[])[] = [
    [],
    [ACCEPT_ALL],
    [accepting(match)],
    [accepting({prefixes: [range('10.0.0.0/8 le 31'), range('11.0.0.0/8')]})],
    [accepting({communities: [communityPattern('1:1')]})],
    [accepting({communities: [communityPattern('1:*')]})],
    [accepting({asPath: '1'})],
    [accepting({peerAsns: [1]})],
    [accepting({originAsns: [1]})],
    [accepting({sources: ['local']})],
    [accepting({}, {med: 1})],
    [accepting({}, {localPref: 1})],
    [accepting({}, {addCommunities: communities('1:1')})],
    [accepting({}, {setCommunities: communities('1:1')})],
    [accepting({}, {removeCommunities: [communityPattern('1:1')]})],
    [accepting({}, {prependAs: 1})],
    [accepting({}, {nextHopSelf: true})],
    [{action: 'reject'}],
    [{action: 'reject'}, ACCEPT_ALL],
  ];
  t.is(new Set(different.map(id)).size, different.length);
  t.not(id([ACCEPT_ALL]), compilePolicy([ACCEPT_ALL], 'import').id);
});

test('the source of a policy survives a way to another thread', t => {
  const rules = [accepting({prefixes: [range('10.0.0.0/8')], asPath: '_1_'}, {med: 1})];
  const {source, id} = compilePolicy(rules, 'import');
  const copy = structuredClone(source);
  t.is(compilePolicy(copy.rules, copy.direction).id, id);
});

test('the guard keeps out own ranges, hosts and what our links reach, whatever follows', t => {
  const guard = guardRules({
    ownRanges: [cidr('10.244.1.0/26'), cidr('fd00:1::/122')],
    hosts: [cidr('192.0.2.1/32'), cidr('2001:db8::1/128'), cidr('192.0.3.1/32')],
    ownSubnets: [cidr('192.0.2.0/24')],
  });
  const policy = compilePolicy([...guard, ACCEPT_ALL], 'import');
  const refused = [
    '10.244.1.0/26',
    '10.244.1.5/32',
    'fd00:1::5/128',
    '192.0.2.1/32',
    '192.0.2.0/25',
  ];
  for (const text of [...refused, '192.0.2.0/24', '2001:db8::1/128', '192.0.3.1/32']) {
    t.is(policy.choose(subject(text)), -1, text);
  }
  for (const text of [
    '10.244.0.0/16',
    '10.244.1.64/26',
    'fd00::/64',
    '192.0.0.0/16',
    '192.0.3.0/24',
  ]) {
    t.is(policy.choose(subject(text)), 1, text);
  }
  t.deepEqual(guardRules({ownRanges: [], hosts: [], ownSubnets: []}), []);
});

test('the default import takes what is inside the pools, but for exceptions', t => {
  const rules = defaultImportRules(
    [cidr('10.244.0.0/16'), cidr('fd00::/48')],
    [cidr('10.244.9.0/24')],
  );
  const policy = compilePolicy(rules, 'import');
  for (const text of ['10.244.0.0/16', '10.244.1.0/26', '10.244.1.1/32', 'fd00::/64']) {
    t.is(policy.choose(subject(text)), 1, text);
  }
  for (const text of [
    '10.244.9.0/24',
    '10.244.9.1/32',
    '10.0.0.0/8',
    '0.0.0.0/0',
    '::/0',
    'fd01::/64',
  ]) {
    t.is(policy.choose(subject(text)), -1, text);
  }
  t.is(compilePolicy(defaultImportRules([], []), 'import').choose(subject('10.0.0.0/8')), -1);
});

test('the default export lets out what is ours and what is reflected', t => {
  const policy = compilePolicy(DEFAULT_EXPORT_RULES, 'export');
  t.is(policy.choose(subject('10.0.0.0/8', {}, {isLocal: true})), 0);
  t.is(policy.choose(subject('10.0.0.0/8', {}, {isReflected: true})), 0);
  t.is(policy.choose(subject('10.0.0.0/8')), -1);
});

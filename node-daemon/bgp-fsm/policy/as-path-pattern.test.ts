import {setFlagsFromString} from 'node:v8';

import test from 'ava';
import fc from 'fast-check';

import {formatAsPath, firstAsn, lastAsn} from './as-path-text.js';
import {parseAsPathPattern} from './as-path-pattern.js';

function matches(pattern: string, path: string): boolean | string {
  const parsed = parseAsPathPattern(pattern);
  return parsed.kind === 'ok' ? parsed.pattern.test(path) : parsed.problem;
}

/** Pattern, paths that have it, paths that do not. */
const corpus: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['^$', [''], ['64512']],
  ['.*', ['', '1', '1 2 {3,4}'], []],
  ['.', ['1'], ['']],
  ['^64512', ['64512', '64512 1', '645123'], ['1 64512', '']],
  ['^64512_', ['64512', '64512 1'], ['645123', '1 64512']],
  ['_64512$', ['64512', '1 64512'], ['164512', '64512 1']],
  ['_64512_', ['64512', '1 64512 2', '1 {64512,7}', '{64512}'], ['164512', '645120 1']],
  ['^64512_64513$', ['64512 64513'], ['64512 1 64513', '6451264513']],
  ['^[0-9]+$', ['1', '4294967295'], ['', '1 2']],
  ['^[0-9]+( [0-9]+){2}$', ['1 2 3'], ['1 2', '1 2 3 4']],
  ['^(64512|64513)( |$)', ['64512', '64513 1'], ['64514', '645131']],
  ['^(?:1 )*2', ['2', '1 2', '1 1 1 2'], ['1 3', '12']],
  ['\\{1,2\\}', ['9 {1,2}'], ['1 2', '{2,1}']],
  ['{1,2}', ['9 {1,2}'], ['1 2']],
  ['1{2,3}$', ['11', '111', '1111'], ['1', '112']],
  ['^1{2,}$', ['11', '1111'], ['1']],
  ['^1??2*?$', ['', '1', '122'], ['11']],
  ['[^0-9 ]', ['{1}', '1 {2,3}'], ['1 2']],
  ['\\d\\s\\d', ['1 2'], ['12', '1']],
  ['^\\D', ['{1}'], ['1']],
  ['\\S\\S', ['12'], ['1', '1 2']],
  ['5$|^6', ['15', '61'], ['51', '16']],
];

test('a pattern finds the paths that a router would find', t => {
  for (const [pattern, inside, outside] of corpus) {
    for (const path of inside) t.is(matches(pattern, path), true, `${pattern} on ${path}`);
    for (const path of outside) t.is(matches(pattern, path), false, `${pattern} on ${path}`);
  }
});

const refused: readonly (readonly [string, string])[] = [
  ['', 'it is empty'],
  ['(', 'a ( without its ) at character 2'],
  [')', 'a ) without its ( at character 1'],
  ['[1', 'a [ without its ] at character 3'],
  ['*', 'a * that repeats nothing at character 1'],
  ['1**', 'two repeats in a row at character 4'],
  ['a', '"a", which no AS path has, at character 1'],
  ['(1)\\1', 'a back reference, which is not supported, at character 5'],
  ['1(?=2)', 'a look-around or named group, which are not supported, at character 3'],
  ['\\', 'a backslash with nothing behind it at character 2'],
  ['\\w', '"\\\\w", which no AS path has, at character 2'],
  ['[9-1]', 'the range 9-1 at character 5'],
  ['1{3,2}', 'repeats from more to less at character 7'],
  ['1{64512}', 'more than 255 repeats (an AS set is written \\{64512\\}) at character 9'],
  ['((1{200}){200}){200}', 'its repeats make it too large'],
  ['('.repeat(60), 'parentheses more than 50 deep at character 52'],
  ['1'.repeat(501), 'it is longer than 500'],
];

test('what is no pattern, or one for backtracking only, is refused in words', t => {
  for (const [pattern, problem] of refused) t.is(matches(pattern, '1'), problem, pattern);
});

const atoms = fc.constantFrom(
  ...['1', '2', '12', ' ', '.', '^', '$', '_', '[0-9]', '[^1]', '\\d', '\\{', '\\}', ',', '\\s'],
);
const patterns: fc.Arbitrary<string> = fc.letrec<{pattern: string}>(tie => ({
  pattern: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    atoms,
    fc.tuple(tie('pattern'), tie('pattern')).map(parts => parts.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map(parts => `(${parts.join('|')})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}'))
      .map(([part, repeat]) => `(?:${part})${repeat}`),
  ),
})).pattern;

const segments = fc.record({
  kind: fc.constantFrom('sequence' as const, 'set' as const),
  asns: fc.array(fc.constantFrom(1, 2, 12, 21, 112), {minLength: 1, maxLength: 4}),
});
const paths = fc.array(segments, {maxLength: 3}).map(formatAsPath);

/** V8's engine that does not backtrack: what is drawn here would keep the other one busy for years. */
setFlagsFromString('--enable-experimental-regexp-engine');

/** Undefined: its bound on repeats within repeats is another than ours. */
function oracleOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern.replaceAll('_', '(?:^|$|[ {},])'), 'l');
  } catch (error) {
    if (error instanceof SyntaxError && error.message.includes('in linear time')) return undefined;
    throw error;
  }
}

test('a pattern finds what RegExp finds', t => {
  let found = 0;
  let missed = 0;
  fc.assert(
    fc.property(patterns, fc.array(paths, {minLength: 1, maxLength: 8}), (pattern, all) => {
      const parsed = parseAsPathPattern(pattern);
      fc.pre(parsed.kind === 'ok');
      const oracle = oracleOf(pattern);
      fc.pre(oracle !== undefined);
      if (parsed.kind !== 'ok' || oracle === undefined) return;
      for (const path of all) {
        t.is(parsed.pattern.test(path), oracle.test(path), `${pattern} on ${JSON.stringify(path)}`);
        if (oracle.test(path)) found++;
        else missed++;
      }
    }),
    {numRuns: 2000},
  );
  t.true(found > 500 && missed > 500, `${found} found, ${missed} missed`);
});

/** Each takes a backtracking engine years on its path; the last one needs 2^20 states if all are kept. */
const hostile: readonly (readonly [string, string])[] = [
  ['^(1+)+$', `${'1'.repeat(60_000)} `],
  ['^(1|1?1)*$', `${'1'.repeat(60_000)} `],
  ['(.*){20},', '1 '.repeat(30_000)],
  ['^1.{19}$|1.{20} 9', Array.from({length: 10_000}, (_, i) => (i * 7919) % 65_536).join(' ')],
];

test('neither pattern nor path make it slow', t => {
  for (const [pattern, path] of hostile) {
    const parsed = parseAsPathPattern(pattern);
    if (parsed.kind !== 'ok') return t.fail(parsed.problem);
    const before = process.cpuUsage();
    t.false(parsed.pattern.test(path), pattern);
    const ms = process.cpuUsage(before).user / 1000;
    t.true(ms < 2000, `${pattern} took ${ms} ms for ${path.length} characters`);
  }
});

test('a path is written as routers do, and its ends are told', t => {
  const path = [
    {kind: 'sequence', asns: [64512, 4200000000]},
    {kind: 'set', asns: [1, 2]},
    {kind: 'sequence', asns: [7]},
  ] as const;
  t.is(formatAsPath(path), '64512 4200000000 {1,2} 7');
  t.is(formatAsPath([]), '');
  t.is(firstAsn(path), 64512);
  t.is(lastAsn(path), 7);
  t.is(firstAsn(path.slice(1)), undefined);
  t.is(lastAsn(path.slice(0, 2)), undefined);
  t.is(firstAsn([]), undefined);
  t.is(lastAsn([]), undefined);
});

import test from 'ava';

import {
  asPathLength,
  decodeAsPath,
  encodeAsPath,
  mergeAs4Path,
  prependAsns,
  type AsPath,
} from './as-path.js';
import {Writer} from './bytes.js';
import {hex, toHex} from './vectors.js';

const WIDE = {asnOctets: 4, confederation: 'refuse'} as const;
const NARROW = {asnOctets: 2, confederation: 'refuse'} as const;

/** '1 2 {3 4} 5' as a path. */
function path(text: string): AsPath {
  const parts = text.match(/\{[^}]*\}|[^{}]+/g) ?? [];
  return parts
    .filter(part => part.trim() !== '')
    .map(part => ({
      kind: part.startsWith('{') ? 'set' : 'sequence',
      asns: (part.match(/\d+/g) ?? []).map(Number),
    }));
}

function read(text: string, form: Parameters<typeof decodeAsPath>[3]) {
  const bytes = hex(text);
  return decodeAsPath(bytes, 0, bytes.length, form);
}

function encode(of: AsPath, octets: 2 | 4): string {
  const out = new Writer();
  encodeAsPath(out, of, octets);
  return toHex(out.take());
}

test('paths of both widths read and are written as they were', t => {
  const wide = '0203 0000fde9 00061a80 00000001 0102 0000000a fffffffe';
  const narrow = '0202 fde9 5ba0 0101 000a';
  t.deepEqual(read(wide, WIDE), path('65001 400000 1 {10 4294967294}'));
  t.deepEqual(read(narrow, NARROW), path('65001 23456 {10}'));
  t.is(encode(path('65001 400000 1 {10 4294967294}'), 4), wide.replaceAll(' ', ''));
  t.deepEqual(read('', WIDE), []);
});

test('two octets have AS_TRANS for what does not fit', t => {
  t.is(encode(path('65000 400000 40001'), 2), '0203fde85ba09c41');
});

test('a segment of more than 255 is written as several', t => {
  const long: AsPath = [{kind: 'sequence', asns: Array.from({length: 600}, (_, i) => i + 1)}];
  const bytes = hex(encode(long, 4));
  t.is(bytes.length, 3 * 2 + 600 * 4);
  t.is(asPathLength(decodeAsPath(bytes, 0, bytes.length, WIDE) ?? []), 600);
});

test('a set counts as one hop', t => {
  t.is(asPathLength(path('1 2 {3 4 5} 6')), 4);
});

const malformed: readonly (readonly [string, string])[] = [
  ['a segment type 0', '0001 0000fde9'],
  ['a segment type 5', '0501 0000fde9'],
  ['a confederation sequence', '0301 0000fde9'],
  ['a confederation set', '0401 0000fde9'],
  ['a segment of no members', '0200'],
  ['a segment that overruns', '0202 0000fde9'],
  ['a segment that overruns by an octet', '0201 0000fd'],
  ['one octet behind', '0201 0000fde9 02'],
  ['AS 0', '0201 00000000'],
  ['AS 0 in a set', '0102 00000001 00000000'],
  ['2-octet numbers', '0203 fde9 fdea fdeb'],
];

for (const [what, text] of malformed) {
  test(`${what} is malformed`, t => {
    t.is(read(text, WIDE), undefined);
  });
}

test('AS4_PATH loses its confederation segments', t => {
  const bytes = '0301 0000fde9 0201 00061a80';
  t.deepEqual(read(bytes, {asnOctets: 4, confederation: 'drop'}), path('400000'));
});

/** The first seven are the cases that GoBGP's message_test.go has. */
const merges: readonly (readonly [string, string, string])[] = [
  ['65000 4000 23456 23456 40001', '400000 300000 40001', '65000 4000 400000 300000 40001'],
  [
    '65000 4000 {10 20 30} 23456 23456 40001',
    '400000 300000 40001',
    '65000 4000 {10 20 30} 400000 300000 40001',
  ],
  [
    '65000 4000 {10 20 30} 23456 23456 40001',
    '3000 400000 300000 40001',
    '65000 4000 3000 400000 300000 40001',
  ],
  [
    '65000 4000 23456 23456 40001',
    '400000 300000 40001 {10 20 30}',
    '65000 400000 300000 40001 {10 20 30}',
  ],
  [
    '65000 4000 23456 23456 40001',
    '{10 20 30} 400000 300000 40001',
    '65000 {10 20 30} 400000 300000 40001',
  ],
  [
    '65000 4000 23456 23456 40001',
    '100000 65000 4000 400000 300000 40001',
    '65000 4000 23456 23456 40001',
  ],
  ['65000 4000 23456 23456 40001', '300000 40001', '65000 4000 23456 300000 40001'],
  ['23456', '400000', '400000'],
  ['1 {2 3}', '400000 500000', '400000 500000'],
  ['1 2', '', '1 2'],
  ['', '', ''],
];

test('AS_PATH and AS4_PATH of an old peer make one path', t => {
  t.is(merges.length, 11);
  for (const [old, wide, merged] of merges) {
    t.deepEqual(mergeAs4Path(path(old), path(wide)), path(merged), `${old} + ${wide}`);
  }
});

test('AS numbers are prepended to the sequence in front, or as one before a set', t => {
  for (const [before, after] of [
    ['3 {4}', '1 2 3 {4}'],
    ['{3 4} 5', '1 2 {3 4} 5'],
    ['', '1 2'],
  ] as const) {
    t.deepEqual(prependAsns([1, 2], path(before)), path(after), before);
  }
});

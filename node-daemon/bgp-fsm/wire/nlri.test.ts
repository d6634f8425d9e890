import test from 'ava';
import fc from 'fast-check';

import {Writer} from './bytes.js';
import {
  addressOf,
  checkNlri,
  decodeNlri,
  encodeNlri,
  NlriCursor,
  wordsOf,
  type Nlri,
  type NlriForm,
} from './nlri.js';
import {hex} from './vectors.js';

const V4: NlriForm = {width: 4, hasPathId: false};
const V6: NlriForm = {width: 16, hasPathId: false};
const V4_PATHS: NlriForm = {width: 4, hasPathId: true};
const V6_PATHS: NlriForm = {width: 16, hasPathId: true};

const corpus: readonly (readonly [NlriForm, string, string])[] = [
  [V4, '00', '0.0.0.0/0'],
  [V4, '08 0a', '10.0.0.0/8'],
  [V4, '18 c00002', '192.0.2.0/24'],
  [V4, '20 ffffffff', '255.255.255.255/32'],
  [V4, '19 c0000280', '192.0.2.128/25'],
  [V4, '01 80', '128.0.0.0/1'],
  [V6, '00', '::/0'],
  [V6, '20 20010db8', '2001:db8::/32'],
  [V6, '7f 20010db8000000000000000000000002', '2001:db8::2/127'],
  [V6, '80 ff020000000000000000000000000001', 'ff02::1/128'],
  [V4_PATHS, 'fffffffe 10 ac10', '172.16.0.0/16 path 4294967294'],
  [V6_PATHS, '00000001 00', '::/0 path 1'],
];

test('prefixes of both families read and are written as they were', t => {
  t.is(corpus.length, 12);
  for (const [form, text, words] of corpus) {
    const [nlri] = all(text, form) ?? [];
    t.is(nlri === undefined ? undefined : show(nlri), words);
    const out = new Writer();
    if (nlri !== undefined) encodeNlri(out, nlri, form);
    t.deepEqual(out.take(), hex(text));
  }
});

test('octets after the prefix length count as zero', t => {
  t.deepEqual(all('09 0aff', V4), all('09 0a80', V4));
  t.deepEqual(all('21 20010db8ff', V6), all('21 20010db880', V6));
});

const malformed: readonly (readonly [string, NlriForm, string])[] = [
  ['33 bits of IPv4', V4, '21 0a00000000'],
  ['255 bits of IPv4', V4, 'ff'],
  ['129 bits of IPv6', V6, '81 20010db80000000000000000000000000000'],
  ['a prefix cut short', V4, '18 c000'],
  ['a prefix of no octets', V4, '08'],
  ['a second one cut short', V4, '08 0a 18 c0'],
  ['a path id cut short', V4_PATHS, '000000'],
  ['a path id alone', V4_PATHS, '00000001'],
  ['plain prefixes read with path ids', V4_PATHS, '18 c00002'],
];

for (const [what, form, text] of malformed) {
  test(`${what} is malformed`, t => {
    t.is(checkNlri(hex(text), 0, hex(text).length, form), -1);
    t.is(all(text, form), undefined);
  });
}

test('a cursor is opened again and again, and keeps no path id', t => {
  const cursor = new NlriCursor();
  const paths = hex('00000007 08 0a');
  t.true(cursor.open(paths, 0, paths.length, V4_PATHS).next());
  t.is(cursor.pathId, 7);
  t.false(cursor.next());
  const plain = hex('18 c00002 20 c0000201');
  cursor.open(plain, 0, plain.length, V4);
  t.true(cursor.next());
  t.deepEqual([cursor.pathId, cursor.bits, cursor.words[0]], [0, 24, 0xc0000200]);
  t.true(cursor.next());
  t.is(cursor.words[0], 0xc0000201);
  t.false(cursor.next());
});

test('an address and its words are the same', t => {
  const address = hex('20010db8000000000000000000000001');
  t.deepEqual(addressOf(wordsOf(address), 16), address);
  t.deepEqual(addressOf(wordsOf(hex('fffefdfc')), 4), hex('fffefdfc'));
});

test('what is checked can be walked to its end, and is canonical after one round', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  const form = fc.constantFrom(V4, V6, V4_PATHS, V6_PATHS);
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 64}), form, (octets, of) => {
      const count = checkNlri(octets, 0, octets.length, of);
      const read = decodeNlri(octets, 0, octets.length, of);
      if (read === undefined) return count === -1;
      const out = new Writer();
      for (const each of read) encodeNlri(out, each, of);
      const again = decodeNlri(out.take(), 0, out.length, of);
      return count === read.length && JSON.stringify(again) === JSON.stringify(read);
    }),
    {seed, numRuns: 2000},
  );
  t.pass();
});

function all(text: string, form: NlriForm): Nlri[] | undefined {
  const bytes = hex(text);
  return decodeNlri(bytes, 0, bytes.length, form);
}

function show({address, bits, pathId}: Nlri): string {
  const path = pathId === 0 ? '' : ` path ${pathId}`;
  if (address.length === 4) return `${address.join('.')}/${bits}${path}`;
  const groups = Array.from(wordsOf(address)).flatMap(word => [word >>> 16, word & 0xffff]);
  const text = groups.map(group => group.toString(16)).join(':');
  return `${text.replace(/(^|:)0(:0)+(:|$)/, '::')}/${bits}${path}`;
}

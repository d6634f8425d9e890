import test from 'ava';
import fc from 'fast-check';

import {contains, familyOfAddress, type Cidr} from '../wire/address.js';
import {wordsOf} from '../wire/nlri.js';
import {cidr, range} from './paper-rules.js';
import {PrefixSet, type PrefixRange} from './prefix-set.js';

function has(set: PrefixSet, {address, bits}: Cidr): boolean {
  return set.has(familyOfAddress(address), wordsOf(address), bits);
}

const corpus: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['10.0.0.0/8', ['10.0.0.0/8'], ['10.0.0.0/9', '10.0.0.0/7', '11.0.0.0/8', '0.0.0.0/0']],
  ['10.0.0.0/8 ge 24', ['10.0.0.0/24', '10.9.9.9/32'], ['10.0.0.0/23', '10.0.0.0/8', '9.0.0.0/24']],
  ['10.0.0.0/8 le 9', ['10.0.0.0/8', '10.128.0.0/9'], ['10.0.0.0/10', '10.0.0.0/7']],
  ['10.0.0.0/8 ge 24 le 25', ['10.1.0.0/24', '10.1.0.128/25'], ['10.1.0.0/26', '10.0.0.0/8']],
  ['0.0.0.0/0', ['0.0.0.0/0'], ['0.0.0.0/1', '::/0']],
  ['0.0.0.0/0 le 32', ['0.0.0.0/0', '255.255.255.255/32'], ['::/0', '2001:db8::/32']],
  ['192.0.2.1/32', ['192.0.2.1/32'], ['192.0.2.0/32', '192.0.2.0/31']],
  [
    '2001:db8::/32 le 128',
    ['2001:db8::/32', '2001:db8::1/128'],
    ['2001:db9::/32', '32.1.13.184/32'],
  ],
  ['::/0', ['::/0'], ['0.0.0.0/0', '8000::/1']],
  ['2001:db8:0:1::/64 ge 127', ['2001:db8:0:1::2/127'], ['2001:db8:0:1::/64', '2001:db8::2/127']],
];

test('an entry matches as a router prefix list has it', t => {
  t.is(corpus.length, 10);
  for (const [entry, inside, outside] of corpus) {
    const set = new PrefixSet([range(entry)]);
    for (const prefix of inside) t.true(has(set, cidr(prefix)), `${prefix} is in ${entry}`);
    for (const prefix of outside) t.false(has(set, cidr(prefix)), `${prefix} is in ${entry}`);
  }
});

test('an empty list and one that no length can meet have nothing', t => {
  t.false(has(new PrefixSet([]), cidr('0.0.0.0/0')));
  const set = new PrefixSet([range('10.0.0.0/8 ge 25 le 24')]);
  for (const bits of [8, 24, 25, 32]) t.false(has(set, {...cidr('10.0.0.0/8'), bits}));
});

/** Few distinct bits, so that prefixes nest, part and repeat. */
const cidrs = fc
  .record({octets: fc.constantFrom(4, 16), bits: fc.nat(128), seed: fc.nat(255), low: fc.nat(3)})
  .map(({octets, bits, seed, low}): Cidr => {
    const address = new Uint8Array(octets).fill(seed & 0x81);
    address[octets >> 1] = low << 6;
    address[octets - 1] = seed & 3;
    return {address, bits: bits % (octets * 8 + 1)};
  });

const ranges = fc
  .record({prefix: cidrs, ge: fc.option(fc.nat(128)), le: fc.option(fc.nat(128))})
  .map(({prefix, ge, le}): PrefixRange => ({prefix, ge: ge ?? undefined, le: le ?? undefined}));

test('a set says what a walk over its entries says', t => {
  fc.assert(
    fc.property(fc.array(ranges, {maxLength: 40}), fc.array(cidrs), (entries, asked) => {
      const set = new PrefixSet(entries);
      const all = [...asked, ...entries.map(({prefix}) => prefix)];
      for (const prefix of all) {
        t.is(
          has(set, prefix),
          entries.some(entry => naive(entry, prefix)),
        );
      }
    }),
    {numRuns: 300},
  );
});

function naive({prefix, ge, le}: PrefixRange, {address, bits}: Cidr): boolean {
  if (!contains(prefix, address) || bits < prefix.bits) return false;
  if (ge === undefined && le === undefined) return bits === prefix.bits;
  return bits >= (ge ?? prefix.bits) && bits <= (le ?? address.length * 8);
}

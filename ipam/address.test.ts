import test from 'ava';
import fc from 'fast-check';
import {Address6} from 'ip-address';
import {
  addressAt,
  addressFromNumber,
  addressToNumber,
  canonicalAddress,
  contains,
  formatAddress,
  formatPrefix,
  offsetOf,
  overlaps,
  parseAddress,
  parseInterface,
  parsePrefix,
  parsePrefixOrAddress,
  sizeOf,
} from './address.js';

/** RFC 5952: the spelling on the left is printed as the one on the right. */
const spellings: readonly (readonly [string, string])[] = [
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // §4.2.3, the first of two equal runs
  ['2001:0db8::0001', '2001:db8::1'], // §4.1
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // §4.2.2, one group is not shortened
  ['2001:DB8::ABCD', '2001:db8::abcd'], // §4.3
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'], // §5
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
];

test('an address has one spelling, that of RFC 5952', t => {
  t.true(spellings.length > 10);
  for (const [text, canonical] of spellings) t.is(canonicalAddress(text), canonical, text);
});

test('what is no address is undefined', t => {
  const texts = ['', '1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.0.0.1', ' 1.2.3.4', '1.2.3.4 '];
  texts.push(':', ':::', '1::2::3', 'g::', '1:2:3:4:5:6:7', 'fe80::1%eth0', '::/0', '1.2.3.4/8');
  for (const text of texts) t.is(parseAddress(text), undefined, text);
});

test('any octets survive print and parse, and IPv6 agrees with the ip-address package', t => {
  const octet = fc.oneof(fc.constant(0), fc.integer({min: 0, max: 255}));
  const address = fc.oneof(
    fc.array(octet, {minLength: 4, maxLength: 4}),
    fc.array(octet, {minLength: 16, maxLength: 16}),
  );
  fc.assert(
    fc.property(address, octets => {
      const bytes = Uint8Array.from(octets);
      const text = formatAddress(bytes);
      t.deepEqual(parseAddress(text), bytes);
      t.deepEqual(
        addressFromNumber(octets.length === 4 ? 'ipv4' : 'ipv6', addressToNumber(bytes)),
        bytes,
      );
      if (octets.length === 4) return;
      const peer = Address6.fromByteArray(octets);
      t.is(new Address6(text).bigInt(), peer.bigInt());
      t.deepEqual(parseAddress(peer.canonicalForm()), bytes);
      if (!text.includes('.')) t.is(text, peer.correctForm());
    }),
  );
});

test('a prefix has no host bits; an interface address may', t => {
  t.like(parsePrefix('10.0.0.0/8'), {family: 'ipv4', bits: 8});
  t.is(formatPrefix(parsePrefix('FD00:0::/64')!), 'fd00::/64');
  t.like(parsePrefix('0.0.0.0/0'), {bits: 0});
  for (const text of ['10.0.0.1/8', '10.0.0.0/33', '10.0.0.0', '10.0.0.0/', '10.0.0.0/08', '/8']) {
    t.is(parsePrefix(text), undefined, text);
  }
  t.like(parseInterface('10.0.0.1/8'), {bits: 8});
  t.like(parsePrefixOrAddress('10.0.0.1'), {bits: 32});
});

test('contains and overlaps keep the families apart', t => {
  const block = parsePrefix('10.0.0.64/26')!;
  t.true(contains(block, parseAddress('10.0.0.64')!));
  t.true(contains(block, parseAddress('10.0.0.127')!));
  t.false(contains(block, parseAddress('10.0.0.128')!));
  t.false(contains(parsePrefix('::/0')!, parseAddress('10.0.0.1')!));
  t.true(overlaps(block, parsePrefix('10.0.0.0/8')!));
  t.true(overlaps(parsePrefix('10.0.0.0/8')!, block));
  t.false(overlaps(block, parsePrefix('10.0.0.0/26')!));
});

test('offsets count through a block of any size', t => {
  const block = parsePrefix('fd00::/64')!;
  t.is(sizeOf(block), 1n << 64n);
  t.is(formatAddress(addressAt(block, 0xffffn)), 'fd00::ffff');
  t.is(offsetOf(block, parseAddress('fd00::1:0')!), 65_536n);
  t.throws(() => addressFromNumber('ipv4', 1n << 32n), {instanceOf: RangeError});
});

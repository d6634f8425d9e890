import {isIP} from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import {contains, formatAddress, isLinkLocal, parseAddress, parseCidr} from './address.js';

const spellings: readonly (readonly [string, string])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['::', '::'],
  ['::1', '::1'],
  ['FE80:0:0:0:0:0:0:1', 'fe80::1'],
  ['2001:db8::', '2001:db8::'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['1:0:0:2::3', '1:0:0:2::3'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ['10:0:0:0:0:0:0:10', '10::10'],
];

test('an address has one spelling', t => {
  t.plan(spellings.length);
  for (const [text, canonical] of spellings) {
    const address = parseAddress(text);
    t.is(address && formatAddress(address), canonical);
  }
});

test('text is an address exactly when node:net says so', t => {
  const part = fc.constantFrom(
    '0',
    '1',
    '255',
    '256',
    '01',
    'ffff',
    'fffff',
    '',
    '::',
    ':',
    '.',
    '1.2.3.4',
    '%e',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(part, {maxLength: 12}), fc.constantFrom(':', '.', ''), (parts, glue) => {
      const text = parts.join(glue);
      const isZoned = text.includes('%');
      return (parseAddress(text) !== undefined) === (isIP(text) !== 0 && !isZoned);
    }),
    {numRuns: 20_000},
  );
  t.pass();
});

test('what was printed is read back', t => {
  const octets = (length: number) =>
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), {minLength: length, maxLength: length});
  fc.assert(
    fc.property(fc.oneof(octets(4), octets(16)), drawn => {
      const address = Uint8Array.from(drawn);
      const text = formatAddress(address);
      const again = parseAddress(text);
      return isIP(text) !== 0 && again !== undefined && again.join() === address.join();
    }),
  );
  t.pass();
});

test('a prefix contains its addresses and no others', t => {
  const holds = (cidr: string, address: string) =>
    contains(parseCidr(cidr)!, parseAddress(address)!);
  t.true(holds('10.0.0.0/8', '10.255.0.1'));
  t.false(holds('10.0.0.0/8', '11.0.0.0'));
  t.true(holds('10.0.0.128/25', '10.0.0.255'));
  t.false(holds('10.0.0.128/25', '10.0.0.127'));
  t.true(holds('0.0.0.0/0', '1.2.3.4'));
  t.false(holds('::/0', '1.2.3.4'));
  t.true(holds('2001:db8::/33', '2001:db8:7fff::1'));
  t.false(holds('2001:db8::/33', '2001:db8:8000::1'));
  t.true(holds('10.0.0.1', '10.0.0.1'));
});

test('no prefix is read from what is none', t => {
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/08',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ]) {
    t.is(parseCidr(text), undefined, text);
  }
});

test('link-local is fe80::/10', t => {
  t.true(isLinkLocal(parseAddress('febf::1')!));
  t.false(isLinkLocal(parseAddress('fec0::1')!));
  t.false(isLinkLocal(parseAddress('169.254.0.1')!));
});

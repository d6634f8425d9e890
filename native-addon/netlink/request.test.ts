import test from 'ava';

import {formatIp, formatMac} from './request.js';

const ip = test.macro((t, octets: readonly number[], text: string) => {
  t.is(formatIp(Uint8Array.from(octets)), text);
});
const words = (...list: number[]) => list.flatMap(word => [word >> 8, word & 0xff]);

test('IPv4', ip, [10, 0, 0, 1], '10.0.0.1');
test('the unspecified address', ip, words(0, 0, 0, 0, 0, 0, 0, 0), '::');
test('loopback', ip, words(0, 0, 0, 0, 0, 0, 0, 1), '::1');
test('zeros at the end', ip, words(0xfe80, 0, 0, 0, 0, 0, 0, 0), 'fe80::');
test('a lone zero stays', ip, words(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1');
test('the first of equal runs', ip, words(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1');

test('MAC', t => {
  t.is(formatMac(Uint8Array.of(2, 0, 0xab, 0, 0, 9)), '02:00:ab:00:00:09');
});

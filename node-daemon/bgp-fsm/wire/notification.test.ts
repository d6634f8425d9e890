import test from 'ava';
import fc from 'fast-check';

import {describeNotification} from './notification-words.js';
import {
  decodeNotification,
  encodeNotification,
  hardResetReason,
  isHardCease,
  maxPrefixesNotice,
  notification,
  shutdownNotice,
  shutdownText,
  wrapHardReset,
} from './notification.js';
import {hex} from './vectors.js';

const MARKER = 'ffffffff ffffffff ffffffff ffffffff';

/** The table of design 1.1; the second column is the whole message. */
const vectors = [
  ['message header error: connection not synchronised', '0015 03 01 01'],
  ['message header error: bad message length', '0017 03 01 02 1001'],
  ['message header error: bad message type', '0016 03 01 03 09'],
  ['OPEN error: malformed optional parameter', '0015 03 02 00'],
  ['OPEN error: unsupported version number', '0017 03 02 01 0004'],
  ['OPEN error: bad peer AS', '0015 03 02 02'],
  ['OPEN error: bad BGP identifier', '0015 03 02 03'],
  ['OPEN error: unsupported optional parameter', '0015 03 02 04'],
  ['OPEN error: unacceptable hold time', '0015 03 02 06'],
  ['OPEN error: unsupported capability', '001b 03 02 07 41 04 0000fde9'],
  ['OPEN error: role mismatch', '0015 03 02 0b'],
  ['UPDATE error: malformed attribute list', '0015 03 03 01'],
  ['UPDATE error: unrecognised well-known attribute', '0018 03 03 02 407f00'],
  ['UPDATE error: missing well-known attribute', '0016 03 03 03 01'],
  ['UPDATE error: attribute flags error', '0015 03 03 04'],
  ['UPDATE error: attribute length error', '0015 03 03 05'],
  ['UPDATE error: invalid ORIGIN', '0015 03 03 06'],
  ['UPDATE error: invalid NEXT_HOP', '0015 03 03 08'],
  ['UPDATE error: optional attribute error', '0015 03 03 09'],
  ['UPDATE error: invalid network field', '0015 03 03 0a'],
  ['UPDATE error: malformed AS_PATH', '0015 03 03 0b'],
  ['hold timer expired', '0015 03 04 00'],
  ['FSM error', '0015 03 05 00'],
  ['FSM error: unexpected message in OpenSent', '0015 03 05 01'],
  ['FSM error: unexpected message in OpenConfirm', '0015 03 05 02'],
  ['FSM error: unexpected message in Established', '0015 03 05 03'],
  ['Cease: maximum number of prefixes reached', '0015 03 06 01'],
  ['Cease: maximum number of prefixes reached', '001b 03 06 01 0001 01 000003'],
  ['Cease: maximum number of prefixes reached', '001c 03 06 01 0019 41 000003e8'],
  [
    'Cease: maximum number of prefixes reached (ipv4, limit 1000)',
    '001c 03 06 01 0001 01 000003e8',
  ],
  [
    'Cease: hard reset (Cease: maximum number of prefixes reached (ipv6, limit 4294967295))',
    '001e 03 06 09 06 01 0002 01 ffffffff',
  ],
  ['Cease: administrative shutdown', '0015 03 06 02'],
  ['Cease: administrative shutdown, "né"', '0019 03 06 02 03 6ec3a9'],
  ['Cease: peer de-configured', '0015 03 06 03'],
  ['Cease: administrative reset', '0015 03 06 04'],
  ['Cease: connection rejected', '0015 03 06 05'],
  ['Cease: other configuration change', '0015 03 06 06'],
  ['Cease: connection collision resolution', '0015 03 06 07'],
  ['Cease: out of resources', '0015 03 06 08'],
  ['Cease: hard reset', '0015 03 06 09'],
  ['Cease: hard reset (Cease: administrative shutdown, "bye")', '001b 03 06 09 06 02 03 627965'],
  ['Cease: BFD down', '0015 03 06 0a'],
  ['ROUTE-REFRESH error: invalid message length', '0015 03 07 01'],
  ['send hold timer expired', '0015 03 08 00'],
  ['Cease: subcode 99', '0015 03 06 63'],
  ['code 9, subcode 1', '0015 03 09 01'],
] as const;

test('every NOTIFICATION of the table reads, says what it is, and is written as it was', t => {
  t.true(vectors.length > 40);
  for (const [words, text] of vectors) {
    const wire = hex(MARKER + text);
    const decoded = decodeNotification(wire, 0, wire.length);
    t.is(describeNotification(decoded), words);
    t.deepEqual(encodeNotification(decoded), wire);
  }
});

test('a bound on prefixes goes out with its family', t => {
  t.deepEqual(maxPrefixesNotice('ipv6', 1000).data, hex('0002 01 000003e8'));
});

test('a shutdown text is cut between characters to 255 octets', t => {
  const {data} = shutdownNotice(2, 'é'.repeat(200));
  t.is(data.length, 255);
  t.is(data[0], 254);
  t.is(shutdownText(shutdownNotice(4, 'é'.repeat(200))), 'é'.repeat(127));
  t.deepEqual(shutdownNotice(2).data, hex(''));
});

/** BIRD's CVE-2019-16159: this length octet was believed. */
const liars: readonly (readonly [string, string | undefined])[] = [
  ['', undefined],
  ['00', undefined],
  ['ff', undefined],
  ['ff 68 69', 'hi'],
  ['81 68', 'h'],
  ['01 68 69', 'h'],
  ['03 ff fe fd', '\ufffd\ufffd\ufffd'],
  ['02 c3', '\ufffd'],
];

test('a shutdown text with a false length or broken UTF-8 is read as far as it goes', t => {
  for (const [data, text] of liars) {
    t.is(shutdownText(notification(6, 2, hex(data))), text);
    t.is(shutdownText(notification(6, 9, hex(`06 04 ${data}`))), text);
  }
});

test('only Cease 2 and 4 have a text', t => {
  t.is(shutdownText(notification(6, 3, hex('01 68'))), undefined);
  t.is(shutdownText(notification(3, 2, hex('01 68'))), undefined);
});

test('a hard reset wraps its reason once, and a short one has none', t => {
  const inner = shutdownNotice(2, 'bye');
  const wrapped = wrapHardReset(inner);
  t.deepEqual(wrapped.data, hex('06 02 03 627965'));
  t.deepEqual(hardResetReason(wrapped), inner);
  t.is(wrapHardReset(wrapped), wrapped);
  t.is(hardResetReason(notification(6, 9)), undefined);
  t.is(hardResetReason(notification(6, 9, hex('06'))), undefined);
  t.is(hardResetReason(inner), undefined);
});

test('which Ceases are hard is the choice of FRR', t => {
  const hard = Array.from({length: 12}, (_, subcode) => subcode).filter(subcode =>
    isHardCease(notification(6, subcode)),
  );
  t.deepEqual(hard, [1, 2, 3, 4, 9, 10]);
  t.false(isHardCease(notification(4)));
});

test('hard resets inside hard resets are described to a depth of one', t => {
  const data = new Uint8Array(65514).map((_, index) => (index % 2 === 0 ? 6 : 9));
  t.is(describeNotification(notification(6, 9, data)), 'Cease: hard reset (Cease: hard reset)');
});

test('data too long for the message is cut', t => {
  t.is(encodeNotification(notification(1, 2, new Uint8Array(60_000))).length, 4096);
});

test('any octets are some NOTIFICATION', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(fc.uint8Array({minLength: 21, maxLength: 80}), octets => {
      const decoded = decodeNotification(octets, 0, octets.length);
      describeNotification(decoded);
      return encodeNotification(decoded).length === octets.length;
    }),
    {seed, numRuns: 500},
  );
  t.pass();
});

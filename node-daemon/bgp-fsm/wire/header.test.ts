import test from 'ava';

import {encodeKeepalive, nextMessage} from './header.js';
import {hex} from './vectors.js';

const MARKER = 'ffffffff ffffffff ffffffff ffffffff';

function frame(text: string, extended = false) {
  const bytes = hex(text);
  return nextMessage(bytes, 0, bytes.length, extended);
}

test('messages lie back to back in the buffer, and the last may be incomplete', t => {
  const bytes = hex(`00 ${MARKER} 0013 04 ${MARKER} 0017 02 00000000 ${MARKER} 0015 03`);
  t.deepEqual(nextMessage(bytes, 1, bytes.length), {kind: 'message', type: 4, at: 1, length: 19});
  t.deepEqual(nextMessage(bytes, 20, bytes.length), {kind: 'message', type: 2, at: 20, length: 23});
  t.deepEqual(nextMessage(bytes, 43, bytes.length), {kind: 'incomplete', needed: 21});
});

test('every truncation of a message is incomplete', t => {
  const bytes = hex(`${MARKER} 0017 02 00000000`);
  for (let cut = 0; cut < bytes.length; cut++) {
    const needed = cut < 19 ? 19 : 23;
    t.deepEqual(nextMessage(bytes, 0, cut), {kind: 'incomplete', needed});
  }
});

const faulty: readonly (readonly [string, string, number, number, string])[] = [
  ['a marker that is not all ones', `fe${'ff'.repeat(15)} 0013 04`, 1, 1, ''],
  ['a marker broken before the header is whole', 'ffff00', 1, 1, ''],
  ['a length of zero', `${MARKER} 0000 04`, 1, 2, '0000'],
  ['a length of 18', `${MARKER} 0012 04`, 1, 2, '0012'],
  ['a length of 4097', `${MARKER} 1001 02`, 1, 2, '1001'],
  ['a length of 65535', `${MARKER} ffff 02`, 1, 2, 'ffff'],
  ['an OPEN of 28', `${MARKER} 001c 01`, 1, 2, '001c'],
  ['an UPDATE of 22', `${MARKER} 0016 02`, 1, 2, '0016'],
  ['a NOTIFICATION of 20', `${MARKER} 0014 03`, 1, 2, '0014'],
  ['a KEEPALIVE of 20', `${MARKER} 0014 04 00`, 1, 2, '0014'],
  ['type 0', `${MARKER} 0013 00`, 1, 3, '00'],
  ['type 6', `${MARKER} 0013 06`, 1, 3, '06'],
  ['type 128, the old route refresh', `${MARKER} 0017 80`, 1, 3, '80'],
  [
    'a ROUTE-REFRESH of 22, with the message as data',
    `${MARKER} 0016 05 000101`,
    7,
    1,
    `${MARKER} 0016 05 000101`,
  ],
];

for (const [what, text, code, subcode, data] of faulty) {
  test(`${what} is ${code}/${subcode}`, t => {
    t.deepEqual(frame(text), {kind: 'error', notification: {code, subcode, data: hex(data)}});
  });
}

test('a bad ROUTE-REFRESH waits for all its octets, which the peer gets back', t => {
  t.deepEqual(frame(`${MARKER} 0018 05 0001`), {kind: 'incomplete', needed: 24});
});

test('with the extended message capability all but OPEN and KEEPALIVE may have 65535', t => {
  t.deepEqual(frame(`${MARKER} ffff 02`, true), {kind: 'incomplete', needed: 65535});
  t.deepEqual(frame(`${MARKER} 1001 03`, true), {kind: 'incomplete', needed: 4097});
  t.like(frame(`${MARKER} 1001 01`, true), {kind: 'error', notification: {code: 1, subcode: 2}});
  t.like(frame(`${MARKER} 1001 04`, true), {kind: 'error', notification: {code: 1, subcode: 2}});
  t.deepEqual(frame(`${MARKER} 1000 01`), {kind: 'incomplete', needed: 4096});
});

test('a KEEPALIVE is the header alone', t => {
  t.deepEqual(encodeKeepalive(), hex(`${MARKER} 0013 04`));
});

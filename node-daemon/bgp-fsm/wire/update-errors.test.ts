/**
 * The action table of RFC 7606 (design 1.5), row by row, for an external and an internal peer.
 * Each case stands in an UPDATE that is well otherwise: a prefix, ORIGIN, AS_PATH, NEXT_HOP.
 */
import test from 'ava';

import {decodeUpdate} from './update-message.js';
import type {WireSession} from './session.js';
import {
  AS_PATH,
  EBGP,
  hex,
  IBGP,
  LOCAL_PREF,
  MP_REACH6,
  MP_UNREACH6,
  NEXT_HOP,
  NEXT_HOP6,
  OLD_PEER,
  ORIGIN,
  toHex,
  update,
} from './vectors.js';

const PREFIX = '18 c00002';

function verdict(wire: Uint8Array, session: WireSession): string {
  const {verdict: found} = decodeUpdate(wire, 0, wire.length, session);
  if (found.kind === 'ok') return 'ok';
  if (found.kind !== 'reset') {
    return `${found.kind} ${found.faults.map(({type}) => type).join(',')}`;
  }
  const {code, subcode} = found.notification;
  return `reset ${code}/${subcode}`;
}

/** With well attributes of all the types that the case does not bring itself. */
function complete(attributes: string): Uint8Array {
  const brought = new Set(attributes.split('|').map(text => hex(text)[1]));
  const rest = [ORIGIN, AS_PATH, NEXT_HOP].filter(text => !brought.has(hex(text)[1]));
  return update({attributes: `${attributes.replaceAll('|', '')} ${rest.join('')}`, nlri: PREFIX});
}

/** What is wrong, the attributes (apart by |), as external peer, as internal peer. */
const rows: readonly (readonly [string, string, string, string])[] = [
  ['OTC', 'c0 23 04 0000fde9', 'ok', 'ok'],
  ['ORIGIN of 0 octets', '40 01 00', 'withdraw 1', 'withdraw 1'],
  ['ORIGIN of 2 octets', '40 01 02 0000', 'withdraw 1', 'withdraw 1'],
  ['ORIGIN 3', '40 01 01 03', 'withdraw 1', 'withdraw 1'],
  ['ORIGIN as optional', 'c0 01 01 00', 'withdraw 1', 'withdraw 1'],
  ['ORIGIN not transitive', '00 01 01 00', 'withdraw 1', 'withdraw 1'],
  ['ORIGIN partial', '60 01 01 00', 'withdraw 1', 'withdraw 1'],
  ['AS_PATH empty', '40 02 00', 'ok', 'ok'],
  ['AS_PATH with segment type 5', '40 02 06 0501 0000fde9', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH with an empty segment', '40 02 02 0200', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH with an overrun', '40 02 06 0202 0000fde9', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH with one octet', '40 02 01 02', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH with AS 0', '40 02 06 0201 00000000', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH of a confederation', '40 02 06 0301 0000fde9', 'withdraw 2', 'withdraw 2'],
  ['AS_PATH as optional', 'c0 02 00', 'withdraw 2', 'withdraw 2'],
  ['NEXT_HOP of 0 octets', '40 03 00', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP of 5 octets', '40 03 05 0a00000200', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP of 16 octets', `40 03 10 ${'20'.repeat(16)}`, 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 0.0.0.0', '40 03 04 00000000', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 127.0.0.1', '40 03 04 7f000001', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 224.0.0.1', '40 03 04 e0000001', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 239.1.1.1', '40 03 04 ef010101', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 255.255.255.255', '40 03 04 ffffffff', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP is our address', '40 03 04 0a000001', 'withdraw 3', 'withdraw 3'],
  ['NEXT_HOP 240.0.0.1, which clouds use', '40 03 04 f0000001', 'ok', 'ok'],
  ['NEXT_HOP as optional', '80 03 04 0a000002', 'withdraw 3', 'withdraw 3'],
  ['MED of 0 octets', '80 04 00', 'withdraw 4', 'withdraw 4'],
  ['MED of 3 octets', '80 04 03 000000', 'withdraw 4', 'withdraw 4'],
  ['MED of 5 octets', '80 04 05 0000000000', 'withdraw 4', 'withdraw 4'],
  ['MED as well-known', '40 04 04 00000000', 'withdraw 4', 'withdraw 4'],
  ['MED transitive', 'c0 04 04 00000000', 'withdraw 4', 'withdraw 4'],
  ['MED partial', 'a0 04 04 00000000', 'withdraw 4', 'withdraw 4'],
  ['LOCAL_PREF', LOCAL_PREF, 'discard 5', 'ok'],
  ['LOCAL_PREF of 0 octets', '40 05 00', 'discard 5', 'withdraw 5'],
  ['LOCAL_PREF of 5 octets', '40 05 05 0000000000', 'discard 5', 'withdraw 5'],
  ['LOCAL_PREF as optional', 'c0 05 04 00000064', 'discard 5', 'withdraw 5'],
  ['ATOMIC_AGGREGATE', '40 06 00', 'ok', 'ok'],
  ['ATOMIC_AGGREGATE of 1 octet', '40 06 01 00', 'discard 6', 'discard 6'],
  ['ATOMIC_AGGREGATE as optional', 'c0 06 00', 'withdraw 6', 'withdraw 6'],
  ['AGGREGATOR', 'c0 07 08 0000fde9 0a000001', 'ok', 'ok'],
  ['AGGREGATOR of 0 octets', 'c0 07 00', 'discard 7', 'discard 7'],
  ['AGGREGATOR of 6 octets', 'c0 07 06 fde9 0a000001', 'discard 7', 'discard 7'],
  ['AGGREGATOR of AS 0', 'c0 07 08 00000000 0a000001', 'discard 7', 'discard 7'],
  ['AGGREGATOR partial', 'e0 07 08 0000fde9 0a000001', 'ok', 'ok'],
  ['AGGREGATOR not transitive', '80 07 08 0000fde9 0a000001', 'withdraw 7', 'withdraw 7'],
  ['COMMUNITY of 0 octets', 'c0 08 00', 'withdraw 8', 'withdraw 8'],
  ['COMMUNITY of 6 octets', 'c0 08 06 fde900640000', 'withdraw 8', 'withdraw 8'],
  ['COMMUNITY not transitive', '80 08 04 fde90064', 'withdraw 8', 'withdraw 8'],
  ['ORIGINATOR_ID', '80 09 04 0a000007', 'discard 9', 'ok'],
  ['ORIGINATOR_ID of 0 octets', '80 09 00', 'discard 9', 'withdraw 9'],
  ['ORIGINATOR_ID of 5 octets', '80 09 05 0a00000700', 'discard 9', 'withdraw 9'],
  ['CLUSTER_LIST', '80 0a 04 0a000007', 'discard 10', 'ok'],
  ['CLUSTER_LIST of 0 octets', '80 0a 00', 'discard 10', 'withdraw 10'],
  ['CLUSTER_LIST of 6 octets', '80 0a 06 0a0000070000', 'discard 10', 'withdraw 10'],
  ['CLUSTER_LIST transitive', 'c0 0a 04 0a000007', 'discard 10', 'withdraw 10'],
  ['EXTENDED COMMUNITIES of 0 octets', 'c0 10 00', 'withdraw 16', 'withdraw 16'],
  [
    'EXTENDED COMMUNITIES of 12 octets',
    `c0 10 0c ${'00'.repeat(12)}`,
    'withdraw 16',
    'withdraw 16',
  ],
  ['LARGE_COMMUNITY of 0 octets', 'c0 20 00', 'withdraw 32', 'withdraw 32'],
  ['LARGE_COMMUNITY of 16 octets', `c0 20 10 ${'00'.repeat(16)}`, 'withdraw 32', 'withdraw 32'],
  ['AS4_PATH of a new peer', 'c0 11 06 0201 00061a80', 'discard 17', 'discard 17'],
  ['AS4_AGGREGATOR of a new peer', 'c0 12 08 00061a80 0a000001', 'discard 18', 'discard 18'],
  ['AIGP of 0 octets', '80 1a 00', 'discard 26', 'discard 26'],
  ['AIGP with a TLV of 0 octets', '80 1a 03 01 0000', 'discard 26', 'discard 26'],
  ['AIGP with a TLV of 10 octets', '80 1a 0a 01 000a 00000000000000', 'discard 26', 'discard 26'],
  ['AIGP with a TLV that overruns', '80 1a 04 02 0005 00', 'discard 26', 'discard 26'],
  ['AIGP transitive', 'c0 1a 0b 01 000b 0000000000000001', 'discard 26', 'discard 26'],
  ['OTC of 0 octets', 'c0 23 00', 'withdraw 35', 'withdraw 35'],
  ['OTC of 5 octets', 'c0 23 05 0000000000', 'withdraw 35', 'withdraw 35'],
  ['OTC not transitive', '80 23 04 0000fde9', 'withdraw 35', 'withdraw 35'],
  ['PREFIX_SID of 0 octets', 'c0 28 00', 'discard 40', 'discard 40'],
  ['PREFIX_SID cut in a TLV header', 'c0 28 02 0100', 'discard 40', 'discard 40'],
  ['PREFIX_SID with a TLV that overruns', 'c0 28 04 01 0007 00', 'discard 40', 'discard 40'],
  ['an unknown optional attribute', 'c0 63 00', 'ok', 'ok'],
  ['an unknown non-transitive attribute', '80 63 00', 'ok', 'ok'],
  ['an unknown well-known attribute', '40 63 00', 'reset 3/2', 'reset 3/2'],
  ['an attribute with flags 0', '00 63 00', 'reset 3/2', 'reset 3/2'],
  ['ORIGIN twice', '40 01 01 00 | 40 01 01 00', 'discard 1', 'discard 1'],
  ['ORIGIN twice, the second one wrong', '40 01 01 00 | 40 01 01 09', 'discard 1', 'discard 1'],
  [
    'MED twice, the second one malformed',
    '80 04 04 00000001 | 80 04 01 00',
    'discard 4',
    'discard 4',
  ],
  [
    'COMMUNITY twice, the first malformed',
    'c0 08 01 00 | c0 08 04 fde90064',
    'withdraw 8,8',
    'withdraw 8,8',
  ],
  ['a discard and a withdraw', '40 06 01 00 | 80 04 01 00', 'withdraw 6,4', 'withdraw 6,4'],
  [
    'a discard, a withdraw and a reset',
    '40 06 01 00 | 80 04 01 00 | 40 63 00',
    'reset 3/2',
    'reset 3/2',
  ],
  ['MP_REACH transitive', MP_REACH6.replace('80', 'c0'), 'withdraw 14', 'withdraw 14'],
  ['MP_UNREACH partial', MP_UNREACH6.replace('80', 'a0'), 'withdraw 15', 'withdraw 15'],
  ['MP_REACH twice', `${MP_REACH6} | ${MP_REACH6}`, 'reset 3/1', 'reset 3/1'],
  ['MP_UNREACH twice', `${MP_UNREACH6} | ${MP_UNREACH6}`, 'reset 3/1', 'reset 3/1'],
  ['MP_REACH of 0 octets', '80 0e 00', 'reset 3/1', 'reset 3/1'],
  ['MP_REACH of 4 octets', '80 0e 04 00020100', 'reset 3/1', 'reset 3/1'],
  ['MP_REACH with no next hop', '80 0e 05 0002 01 00 00', 'reset 3/1', 'reset 3/1'],
  [
    'MP_REACH with a next hop of 15',
    `80 0e 14 0002 01 0f ${'20'.repeat(15)} 00`,
    'reset 3/1',
    'reset 3/1',
  ],
  [
    'MP_REACH with a next hop of 4 for IPv6',
    '80 0e 09 0002 01 04 0a000002 00',
    'reset 3/1',
    'reset 3/1',
  ],
  ['MP_REACH whose next hop overruns', '80 0e 09 0002 01 10 20010db8 00', 'reset 3/1', 'reset 3/1'],
  [
    'MP_REACH with an IPv6 next hop for IPv4, not agreed',
    `80 0e 19 0001 01 10 ${'20'.repeat(16)} 00 18c00002`,
    'reset 3/1',
    'reset 3/1',
  ],
  [
    'MP_REACH with a prefix of 129 bits',
    `80 0e 16 0002 01 10 ${'20'.repeat(16)} 00 81`,
    'reset 3/1',
    'reset 3/1',
  ],
  [
    'MP_REACH with a prefix cut short',
    `80 0e 18 0002 01 10 ${'20'.repeat(16)} 00 20 2001`,
    'reset 3/1',
    'reset 3/1',
  ],
  [
    'MP_REACH with next hop ::1',
    `80 0e 15 0002 01 10 ${'00'.repeat(15)}01 00`,
    'withdraw 14',
    'withdraw 14',
  ],
  [
    'MP_REACH with next hop ff02::1',
    `80 0e 15 0002 01 10 ff02${'00'.repeat(13)}01 00`,
    'withdraw 14',
    'withdraw 14',
  ],
  [
    'MP_REACH with next hop :: and a link-local one',
    `80 0e 25 0002 01 20 ${'00'.repeat(16)} fe80${'00'.repeat(13)}02 00`,
    'ok',
    'ok',
  ],
  [
    'MP_REACH with next hop :: twice',
    `80 0e 25 0002 01 20 ${'00'.repeat(32)} 00`,
    'withdraw 14',
    'withdraw 14',
  ],
  ['MP_REACH of a family not agreed', '80 0e 09 0019 46 04 0a000002 00', 'ok', 'ok'],
  ['MP_UNREACH of 0 octets', '80 0f 00', 'reset 3/9', 'reset 3/9'],
  ['MP_UNREACH of 2 octets', '80 0f 02 0002', 'reset 3/9', 'reset 3/9'],
  ['MP_UNREACH with a prefix of 129 bits', '80 0f 04 0002 01 81', 'reset 3/9', 'reset 3/9'],
  ['MP_UNREACH of a family not agreed', '80 0f 04 0019 46 ff', 'ok', 'ok'],
];

test('the table has its rows', t => {
  t.true(rows.length > 100);
});

for (const [what, attributes, external, internal] of rows) {
  test(`${what}: ${external} as external peer, ${internal} as internal`, t => {
    t.is(verdict(complete(attributes), EBGP), external);
    t.is(verdict(complete(attributes), IBGP), internal);
  });
}

const both = [EBGP, IBGP];

test('an old peer: malformed AS4 attributes are discarded, AGGREGATOR has 6 octets', t => {
  const at2 = (attributes: string) =>
    update({attributes: `${ORIGIN} 40 02 04 0201 fde9 ${NEXT_HOP} ${attributes}`, nlri: PREFIX});
  t.is(verdict(at2('c0 07 06 fde9 0a000001'), OLD_PEER), 'ok');
  t.is(verdict(at2('c0 07 08 0000fde9 0a000001'), OLD_PEER), 'discard 7');
  t.is(verdict(at2('c0 11 00'), OLD_PEER), 'discard 17');
  t.is(verdict(at2('c0 11 06 0501 0000fde9'), OLD_PEER), 'discard 17');
  t.is(verdict(at2('c0 11 06 0202 0000fde9'), OLD_PEER), 'discard 17');
  t.is(verdict(at2('c0 11 06 0201 00000000'), OLD_PEER), 'discard 17');
  t.is(verdict(at2('c0 12 07 0000fde90a0000'), OLD_PEER), 'discard 18');
  t.is(verdict(at2('c0 12 08 00000000 0a000001'), OLD_PEER), 'discard 18');
  t.is(verdict(at2('80 11 06 0201 0000fde9'), OLD_PEER), 'withdraw 17');
});

test('a missing ORIGIN, AS_PATH or NEXT_HOP is a withdraw that names it', t => {
  const all = [ORIGIN, AS_PATH, NEXT_HOP];
  for (const session of both) {
    for (const [index, type] of [1, 2, 3].entries()) {
      const wire = update({attributes: all.toSpliced(index, 1).join(''), nlri: PREFIX});
      t.is(verdict(wire, session), `withdraw ${type}`);
      const {verdict: found} = decodeUpdate(wire, 0, wire.length, session);
      if (found.kind !== 'withdraw') return t.fail();
      t.like(found.faults[0], {subcode: 3, data: Uint8Array.of(type)});
    }
    t.is(verdict(update({nlri: PREFIX}), session), 'withdraw 1,2,3');
  }
});

test('MP_REACH needs ORIGIN and AS_PATH but no NEXT_HOP, and ignores one', t => {
  for (const session of both) {
    t.is(verdict(update({attributes: MP_REACH6 + ORIGIN + AS_PATH}), session), 'ok');
    t.is(verdict(update({attributes: MP_REACH6 + AS_PATH}), session), 'withdraw 1');
    t.is(verdict(update({attributes: MP_REACH6 + ORIGIN}), session), 'withdraw 2');
    const martian = '40 03 04 00000000';
    t.is(verdict(update({attributes: MP_REACH6 + ORIGIN + AS_PATH + martian}), session), 'ok');
  }
});

test('without prefixes nothing is missing', t => {
  for (const session of both) {
    t.is(verdict(update({}), session), 'ok');
    t.is(verdict(update({attributes: ORIGIN}), session), 'ok');
    t.is(verdict(update({withdrawn: PREFIX}), session), 'ok');
    t.is(verdict(update({attributes: MP_UNREACH6}), session), 'ok');
  }
});

test('attributes that are wrong without a prefix to withdraw reset the session', t => {
  for (const session of both) {
    const wrong = '40 01 01 09';
    t.is(verdict(update({attributes: wrong}), session), 'reset 3/6');
    t.is(verdict(update({attributes: wrong, withdrawn: PREFIX}), session), 'reset 3/6');
    t.is(verdict(update({attributes: wrong + MP_UNREACH6}), session), 'reset 3/6');
    t.is(verdict(update({attributes: '40 06 01 00'}), session), 'discard 6');
  }
  const wire = update({attributes: '80 04 01 07'});
  const {verdict: found} = decodeUpdate(wire, 0, wire.length, EBGP);
  if (found.kind !== 'reset') return t.fail();
  t.is(toHex(found.notification.data), '80040107'); // the attribute as it came
});

const tails: readonly (readonly [string, string])[] = [
  ['a length that overruns the block', '80 04 05 00000000'],
  ['an extended length that overruns', 'd0 08 ffff 00000000'],
  ['flags alone', 'c0'],
  ['flags and type alone', 'c0 08'],
  ['half of an extended length', 'd0 08 00'],
];

for (const [what, tail] of tails) {
  test(`${what}: the prefixes are found by the total length and withdrawn`, t => {
    for (const session of both) {
      const attributes = ORIGIN + AS_PATH + NEXT_HOP + tail;
      const wire = update({attributes, nlri: PREFIX});
      t.is(verdict(wire, session), 'withdraw 0');
      t.is(decodeUpdate(wire, 0, wire.length, session).announced.length, 1);
      t.is(
        verdict(update({attributes: MP_REACH6 + ORIGIN + AS_PATH + tail}), session),
        'withdraw 0',
      );
      t.is(verdict(update({attributes: ORIGIN + tail}), session), 'reset 3/1');
    }
  });
}

test('MP_REACH and MP_UNREACH that overrun the block reset the session', t => {
  for (const session of both) {
    const attributes = ORIGIN + AS_PATH + NEXT_HOP;
    t.is(
      verdict(update({attributes: `${attributes} 80 0e 40 0002`, nlri: PREFIX}), session),
      'reset 3/1',
    );
    t.is(verdict(update({attributes: `${attributes} 80 0f`, nlri: PREFIX}), session), 'reset 3/9');
  }
});

test('lengths that overrun the message reset the session with 3/1', t => {
  const header = 'ffffffff ffffffff ffffffff ffffffff';
  for (const session of both) {
    for (const text of [
      '0017 02 0001 0000',
      '0017 02 ffff 0000',
      '0017 02 0000 0001',
      '001b 02 0000 ffff 00000000',
      '001b 02 0004 18c00002 0000'.replace('0004', '0003'),
    ]) {
      t.is(verdict(hex(header + text), session), 'reset 3/1');
    }
  }
});

test('prefixes of the old fields that cannot be walked reset the session with 3/10', t => {
  const attributes = ORIGIN + AS_PATH + NEXT_HOP;
  for (const session of both) {
    for (const bad of ['21 0a00000000', '18 c000', '08', 'ff']) {
      t.is(verdict(update({attributes, nlri: PREFIX + bad}), session), 'reset 3/10');
      t.is(verdict(update({withdrawn: PREFIX + bad}), session), 'reset 3/10');
    }
  }
});

test('an IPv6 next hop for IPv4 is well where it is agreed', t => {
  const reach = `80 0e 19 0001 01 10 ${'20'.repeat(16)} 00 18c00002`;
  t.is(verdict(update({attributes: reach + ORIGIN + AS_PATH}), NEXT_HOP6), 'ok');
});

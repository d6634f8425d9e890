import test from 'ava';
import fc from 'fast-check';

import {capabilityBytes, findCapability, type Capability} from './capabilities.js';
import {decodeOpen, encodeOpen, type Open} from './open.js';
import {hex, message, toHex} from './vectors.js';

function read(body: string) {
  const wire = message(1, hex(body));
  return decodeOpen(wire, 0, wire.length);
}

function opened(body: string): Open | undefined {
  const result = read(body);
  return result.kind === 'open' ? result.open : undefined;
}

const FIXED = '04 fde9 005a 0a000001'; // AS 65001, hold time 90, identifier 10.0.0.1

const corpus: readonly (readonly [string, string, Capability])[] = [
  ['RFC 4760 multiprotocol', '01 04 0002 00 01', {kind: 'multiprotocol', afi: 2, safi: 1}],
  ['RFC 2918 route refresh', '02 00', {kind: 'route-refresh'}],
  [
    'RFC 8950 extended next hop',
    '05 06 0001 0001 0002',
    {kind: 'extended-next-hop', families: [{afi: 1, safi: 1, nextHopAfi: 2}]},
  ],
  ['RFC 8654 extended message', '06 00', {kind: 'extended-message'}],
  ['RFC 9234 role', '09 01 03', {kind: 'role', role: 3}],
  [
    'RFC 4724 and 8538 graceful restart',
    '40 0a c078 0001 01 80 0002 01 00',
    {
      kind: 'graceful-restart',
      restarting: true,
      notification: true,
      restartTimeSeconds: 120,
      families: [
        {afi: 1, safi: 1, forwarding: true},
        {afi: 2, safi: 1, forwarding: false},
      ],
    },
  ],
  [
    'graceful restart of a helper only',
    '40 02 0fff',
    {
      kind: 'graceful-restart',
      restarting: false,
      notification: false,
      restartTimeSeconds: 4095,
      families: [],
    },
  ],
  ['RFC 6793 4-octet AS', '41 04 fffffffe', {kind: 'as4', asn: 4294967294}],
  [
    'RFC 7911 ADD-PATH, with a mode to ignore',
    '45 08 0001 01 03 0002 01 07',
    {
      kind: 'add-path',
      families: [
        {afi: 1, safi: 1, mode: 3},
        {afi: 2, safi: 1, mode: 7},
      ],
    },
  ],
  ['RFC 7313 enhanced refresh', '46 00', {kind: 'enhanced-refresh'}],
  [
    'RFC 9494 long-lived restart',
    '47 07 0001 01 80 015180',
    {
      kind: 'llgr',
      families: [{afi: 1, safi: 1, forwarding: true, staleTimeSeconds: 86400}],
    },
  ],
  ['hostname', '49 05 03 746f72 00', {kind: 'hostname', hostname: 'tor', domain: ''}],
  ['software version', '4b 05 04 46525231', {kind: 'software-version', version: 'FRR1'}],
  ['one that nobody knows', 'c8 03 010203', {kind: 'unknown', code: 200, value: hex('010203')}],
  ['a broken hostname', '49 02 0574', {kind: 'unknown', code: 73, value: hex('0574')}],
  ['an empty version', '4b 00', {kind: 'unknown', code: 75, value: hex('')}],
];

test('every capability reads and is written as it was', t => {
  t.is(corpus.length, 16);
  for (const [what, text, capability] of corpus) {
    const tlv = hex(text);
    const parameter = `02 ${toHex(Uint8Array.of(tlv.length))} ${text}`;
    const total = toHex(Uint8Array.of(tlv.length + 2));
    t.deepEqual(opened(`${FIXED} ${total} ${parameter}`)?.capabilities, [capability], what);
    t.deepEqual(capabilityBytes(capability), tlv, what);
  }
});

test('several capabilities in one parameter and several parameters are the same', t => {
  const one = opened(`${FIXED} 0a 02 08 02 00 41 04 00010000`);
  const two = opened(`${FIXED} 0c 02 02 02 00 02 06 41 04 00010000`);
  t.is(one?.asn, 65536);
  t.deepEqual(one, two);
});

test('without parameters the peer is an old one', t => {
  t.deepEqual(opened(`${FIXED} 00`), {
    asn: 65001,
    holdTimeSeconds: 90,
    identifier: 0x0a000001,
    capabilities: [],
  });
});

test('an AS number above 65535 leaves AS_TRANS in the old field', t => {
  const wire = encodeOpen({
    asn: 4200000000,
    holdTimeSeconds: 9,
    identifier: 0xfffffffe,
    capabilities: [{kind: 'as4', asn: 4200000000}],
  });
  t.is(toHex(wire.subarray(19)), '045ba00009fffffffe' + '08' + '0206' + '4104fa56ea00');
  t.like(decodeOpen(wire, 0, wire.length), {open: {asn: 4200000000, identifier: 0xfffffffe}});
});

test('the last graceful restart capability counts', t => {
  const open = opened(`${FIXED} 0a 02 08 40 02 8001 40 02 0002`);
  t.like(findCapability(open?.capabilities ?? [], 'graceful-restart'), {restartTimeSeconds: 2});
});

test('RFC 9072: the extended form is read also when it is short', t => {
  t.is(opened(`${FIXED} ff ff 0009 02 0006 41 04 00010000`)?.asn, 65536);
  t.is(opened(`${FIXED} 04 ff 0009 02 0006 41 04 00010000`)?.asn, 65536);
  t.deepEqual(opened(`${FIXED} ff ff 0000`)?.capabilities, []);
});

test('RFC 9072: the extended form is written when the plain one is too short', t => {
  const filler = (octets: number): Capability[] => [
    {kind: 'unknown', code: 200, value: new Uint8Array(200)},
    {kind: 'unknown', code: 201, value: new Uint8Array(octets)},
  ];
  const open = (octets: number): Open => ({
    asn: 1,
    holdTimeSeconds: 90,
    identifier: 1,
    capabilities: filler(octets),
  });
  const plain = encodeOpen(open(49));
  t.deepEqual([...plain.subarray(28, 31)], [255, 2, 253]);
  const extended = encodeOpen(open(50));
  t.deepEqual([...extended.subarray(28, 35)], [255, 255, 1, 1, 2, 0, 254]);
  for (const [wire, octets] of [
    [plain, 49],
    [extended, 50],
  ] as const) {
    t.deepEqual(decodeOpen(wire, 0, wire.length), {kind: 'open', open: open(octets)});
  }
});

const refused: readonly (readonly [string, string, number, string])[] = [
  ['version 3', '03 fde9 005a 0a000001 00', 1, '0004'],
  ['AS 0', '04 0000 005a 0a000001 00', 2, ''],
  ['AS 0 in capability 65', `${FIXED} 08 02 06 41 04 00000000`, 2, ''],
  ['identifier 0', '04 fde9 005a 00000000 00', 3, ''],
  ['an authentication parameter', `${FIXED} 03 01 01 00`, 4, ''],
  ['parameter 7', `${FIXED} 02 07 00`, 4, ''],
  ['a hold time of 1', '04 fde9 0001 0a000001 00', 6, ''],
  ['a hold time of 2', '04 fde9 0002 0a000001 00', 6, ''],
  ['parameters longer than the message', `${FIXED} 05 02 02 02 00`, 0, ''],
  ['octets after the parameters', `${FIXED} 00 00`, 0, ''],
  ['a parameter cut after its type', `${FIXED} 01 02`, 0, ''],
  ['a parameter longer than the list', `${FIXED} 02 02 01`, 0, ''],
  ['a capability cut after its code', `${FIXED} 03 02 01 41`, 0, ''],
  ['a capability longer than its parameter', `${FIXED} 06 02 04 41 04 0000`, 0, ''],
  ['the extended form cut', `${FIXED} ff ff 00`, 0, ''],
  ['the extended form with a false total', `${FIXED} ff ff 0010 02 0002 02 00`, 0, ''],
  ['an extended parameter cut', `${FIXED} ff ff 0002 02 00`, 0, ''],
  ['multiprotocol of 3 octets', `${FIXED} 07 02 05 01 03 000200`, 0, ''],
  ['route refresh of 1 octet', `${FIXED} 05 02 03 02 01 00`, 0, ''],
  ['enhanced refresh of 1 octet', `${FIXED} 05 02 03 46 01 00`, 0, ''],
  ['extended message of 1 octet', `${FIXED} 05 02 03 06 01 00`, 0, ''],
  ['extended next hop of 5 octets', `${FIXED} 09 02 07 05 05 0001000100`, 0, ''],
  ['an empty role', `${FIXED} 04 02 02 09 00`, 0, ''],
  ['an empty graceful restart', `${FIXED} 04 02 02 40 00`, 0, ''],
  ['graceful restart of 5 octets', `${FIXED} 09 02 07 40 05 0078000101`, 0, ''],
  ['4-octet AS of 2 octets', `${FIXED} 06 02 04 41 02 fde9`, 0, ''],
  ['ADD-PATH of 3 octets', `${FIXED} 07 02 05 45 03 000101`, 0, ''],
  // FRR's CVE-2023-31489: the length of this one was not checked.
  ['long-lived restart of 6 octets', `${FIXED} 0a 02 08 47 06 000101800000`, 0, ''],
];

for (const [what, body, subcode, data] of refused) {
  test(`${what} is refused with 2/${subcode}`, t => {
    const notification = {code: 2, subcode, data: hex(data)};
    t.deepEqual(read(body), {kind: 'error', notification});
  });
}

const SAMPLE = encodeOpen({
  asn: 65001,
  holdTimeSeconds: 90,
  identifier: 1,
  capabilities: corpus.map(([, , capability]) => capability),
});

test('an OPEN with all capabilities makes the round trip', t => {
  const result = decodeOpen(SAMPLE, 0, SAMPLE.length);
  t.is(result.kind, 'open');
  if (result.kind === 'open') t.deepEqual(encodeOpen({...result.open, asn: 65001}), SAMPLE);
});

test('every truncation of an OPEN is an error', t => {
  for (let cut = 29; cut < SAMPLE.length; cut++) {
    t.is(decodeOpen(SAMPLE.slice(0, cut), 0, cut).kind, 'error', `cut at ${cut}`);
  }
});

test('a mutated OPEN is an OPEN or one of the errors, and what was read is written again', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  const change = fc.tuple(fc.integer({min: 19, max: SAMPLE.length - 1}), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, {minLength: 1, maxLength: 6}), changes => {
      const wire = SAMPLE.slice();
      for (const [at, octet] of changes) wire[at] = octet;
      const result = decodeOpen(wire, 0, wire.length);
      if (result.kind === 'error') return result.notification.code === 2;
      const again = encodeOpen(result.open);
      return decodeOpen(again, 0, again.length).kind === 'open';
    }),
    {seed, numRuns: 2000},
  );
  t.pass();
});

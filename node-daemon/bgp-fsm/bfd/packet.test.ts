import test from 'ava';
import fc from 'fast-check';
import {BFD_STATES, type BfdDiscard, type BfdPacket, decodeBfd, encodeBfd} from './packet.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Up, P, multiplier 3, 300 ms both ways, no echo: what BIRD sends first when Up. */
const wire = '20 e0 03 18  0000 0001  0000 0002  0004 93e0  0004 93e0  0000 0000';
const packet: BfdPacket = {
  diagnostic: 0,
  state: 'Up',
  poll: true,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMult: 3,
  myDiscriminator: 1,
  yourDiscriminator: 2,
  desiredMinTxUs: 300_000,
  requiredMinRxUs: 300_000,
  requiredMinEchoRxUs: 0,
};

test('a packet is read and written as RFC 5880 draws it', t => {
  t.deepEqual(decodeBfd(hex(wire)), {kind: 'packet', packet});
  t.deepEqual(encodeBfd(packet), hex(wire));
});

test('octets behind the length of the packet are no part of it', t => {
  t.deepEqual(decodeBfd(hex(`${wire} ffff`)), {kind: 'packet', packet});
});

/** Each is wrong in one place; two of them also in a later one, to show the order. */
const discards: readonly (readonly [BfdDiscard, string, string])[] = [
  ['version', 'version 0', '00 e0 03 18 00000001 00000002 000493e0 000493e0 00000000'],
  [
    'version',
    'version 2, multiplier 0',
    '40 e0 00 18 00000001 00000002 000493e0 000493e0 00000000',
  ],
  ['length', 'length 23', '20 e0 03 17 00000001 00000002 000493e0 000493e0 00000000'],
  [
    'length',
    'length beyond the payload',
    '20 e0 03 19 00000001 00000002 000493e0 000493e0 00000000',
  ],
  ['length', 'A with length 25', '20 e4 03 19 00000001 00000002 000493e0 000493e0 00000000 01'],
  ['detect-mult', 'multiplier 0, M', '20 e1 00 18 00000001 00000002 000493e0 000493e0 00000000'],
  ['multipoint', 'M', '20 e1 03 18 00000001 00000002 000493e0 000493e0 00000000'],
  ['my-discriminator', 'no sender', '20 e0 03 18 00000000 00000002 000493e0 000493e0 00000000'],
  [
    'your-discriminator',
    'Up to nobody',
    '20 e0 03 18 00000001 00000000 000493e0 000493e0 00000000',
  ],
  [
    'your-discriminator',
    'Init to nobody',
    '20 a0 03 18 00000001 00000000 000493e0 000493e0 00000000',
  ],
  ['authentication', 'A', '20 e4 03 1a 00000001 00000002 000493e0 000493e0 00000000 0102'],
];

for (const [reason, what, bytes] of discards) {
  test(`${what} is discarded: ${reason}`, t => {
    t.deepEqual(decodeBfd(hex(bytes)), {kind: 'discard', reason});
  });
}

test('Down and AdminDown may be sent to nobody yet', t => {
  for (const flags of ['40', '00']) {
    const decoded = decodeBfd(hex(`20 ${flags} 03 18 00000001 00000000 ${'00'.repeat(12)}`));
    t.is(decoded.kind, 'packet');
  }
});

test('every truncation is discarded for its length', t => {
  for (let cut = 0; cut < 24; cut++) {
    t.deepEqual(decodeBfd(hex(wire).subarray(0, cut)), {kind: 'discard', reason: 'length'});
  }
});

test('what is written is read as it was', t => {
  const u32 = fc.integer({min: 0, max: 0xffff_ffff});
  const anyPacket: fc.Arbitrary<BfdPacket> = fc.record({
    diagnostic: fc.integer({min: 0, max: 31}),
    state: fc.constantFrom(...BFD_STATES),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    demand: fc.boolean(),
    detectMult: fc.integer({min: 1, max: 255}),
    myDiscriminator: fc.integer({min: 1, max: 0xffff_ffff}),
    yourDiscriminator: fc.integer({min: 1, max: 0xffff_ffff}),
    desiredMinTxUs: u32,
    requiredMinRxUs: u32,
    requiredMinEchoRxUs: u32,
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(anyPacket, each => {
        const decoded = decodeBfd(encodeBfd(each));
        return decoded.kind === 'packet' && JSON.stringify(decoded.packet) === JSON.stringify(each);
      }),
    ),
  );
});

test('random octets never throw, and what is accepted can be written again', t => {
  let accepted = 0;
  const likely = fc
    .uint8Array({minLength: 24, maxLength: 24})
    .map(bytes =>
      Uint8Array.of(
        0x20 | (bytes[0]! & 0x1f),
        bytes[1]! & 0xfa,
        bytes[2]!,
        24,
        ...bytes.subarray(4),
      ),
    );
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({maxLength: 40})), bytes => {
      const decoded = decodeBfd(bytes);
      if (decoded.kind === 'discard' || bytes[3] !== 24) return true;
      accepted++;
      return Buffer.compare(encodeBfd(decoded.packet), bytes.subarray(0, 24)) === 0;
    }),
    {numRuns: 5_000},
  );
  t.true(accepted > 500, `only ${accepted} were accepted`);
});

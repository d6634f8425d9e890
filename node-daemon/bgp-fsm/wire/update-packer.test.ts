import test from 'ava';
import fc from 'fast-check';

import {encodeAttributes} from './attribute-encode.js';
import type {Family} from './family.js';
import {nextMessage} from './header.js';
import {wordsOf, type Nlri} from './nlri.js';
import {decodeUpdate, type UpdateMessage} from './update-message.js';
import {UpdatePacker} from './update-packer.js';
import {ADD_PATH, EBGP, hex, NEXT_HOP6, toHex} from './vectors.js';
import type {WireSession} from './session.js';

const MARKER = 'ff'.repeat(16);
const BLOCK = encodeAttributes({
  origin: 0,
  asPath: [{kind: 'sequence', asns: [65001, 65002, 65003]}],
  nextHop: 0x0a000002,
  communities: [0xfde90064],
});
const WITHOUT_NEXT_HOP = encodeAttributes({origin: 0, asPath: []});
const NEXT_HOP = hex('20010db8000000000000000000000002');

function unpack(bytes: Uint8Array, session: WireSession, extended = false): UpdateMessage[] {
  const found: UpdateMessage[] = [];
  for (let at = 0; at < bytes.length;) {
    const frame = nextMessage(bytes, at, bytes.length, extended);
    if (frame.kind !== 'message') throw new Error(`${frame.kind} at ${at}`);
    found.push(decodeUpdate(bytes, at, frame.length, session));
    at += frame.length;
  }
  return found;
}

function fill(packer: UpdatePacker, count: number, bits = 24): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    words[0] = (0x0b000000 + i * 2 ** (32 - bits)) >>> 0;
    packer.add(words, bits);
  }
}

test('one prefix of each kind is one message of known octets', t => {
  const packer = new UpdatePacker();
  packer.withdraw('ipv4');
  packer.add(wordsOf(hex('c0000200')), 24);
  t.is(toHex(packer.take()), `${MARKER}001b02000418c000020000`);

  const block = encodeAttributes({origin: 0, asPath: [], nextHop: 0x0a000002});
  t.true(packer.announce('ipv4', block));
  packer.add(wordsOf(hex('0a000000')), 8);
  const attributes = '400101004002004003040a000002';
  t.is(toHex(packer.take()), `${MARKER}00270200000` + `00e${attributes}080a`);

  t.true(packer.announce('ipv6', WITHOUT_NEXT_HOP, NEXT_HOP));
  packer.add(wordsOf(hex('20010db8')), 32);
  t.is(
    toHex(packer.take()),
    `${MARKER}003c020000` +
      '0025' +
      `900e001a00020110${toHex(NEXT_HOP)}002020010db8` +
      '40010100400200',
  );

  packer.withdraw('ipv6');
  packer.add(wordsOf(hex('20010db8')), 32);
  t.is(toHex(packer.take()), `${MARKER}0023020000000c900f00080002012020010db8`);
});

test('End-of-RIB of both families', t => {
  const packer = new UpdatePacker();
  packer.endOfRib('ipv4');
  packer.endOfRib('ipv6');
  t.is(packer.messages, 2);
  const found = unpack(packer.take(), EBGP);
  t.deepEqual(
    found.map(({endOfRib}) => endOfRib),
    ['ipv4', 'ipv6'],
  );
});

test('900 and more prefixes of /24 share a message, near to what 4096 octets can hold', t => {
  const packer = new UpdatePacker();
  t.true(packer.announce('ipv4', BLOCK));
  fill(packer, 100_000);
  const perMessage = Math.floor((4096 - 23 - BLOCK.length) / 4);
  t.true(perMessage >= 900);
  t.is(packer.messages, Math.ceil(100_000 / perMessage));
  const found = unpack(packer.take(), EBGP);
  t.is(
    found.reduce((sum, {announced}) => sum + announced.length, 0),
    100_000,
  );
  t.true(found.every(({verdict}) => verdict.kind === 'ok'));
});

test('with extended messages one holds sixteen times as many', t => {
  const packer = new UpdatePacker({maxLength: 65535});
  packer.announce('ipv4', BLOCK);
  fill(packer, 16_000);
  t.is(packer.messages, 1);
  const bytes = packer.take();
  t.is(unpack(bytes, EBGP, true)[0]?.announced.length, 16_000);
  t.is(nextMessage(bytes, 0, bytes.length).kind, 'error');
});

test('every message has one kind of prefixes', t => {
  const packer = new UpdatePacker();
  packer.withdraw('ipv4');
  fill(packer, 2000);
  packer.announce('ipv4', BLOCK);
  fill(packer, 2000);
  packer.withdraw('ipv6');
  fill(packer, 2000);
  packer.announce('ipv6', WITHOUT_NEXT_HOP, NEXT_HOP);
  fill(packer, 2000);
  const found = unpack(packer.take(), EBGP);
  for (const {withdrawn, announced, mpReach, mpUnreach, verdict} of found) {
    const kinds = [
      withdrawn.length,
      announced.length,
      mpReach?.nlri.length,
      mpUnreach?.nlri.length,
    ];
    t.is(kinds.filter(count => count !== undefined && count > 0).length, 1);
    t.is(verdict.kind, 'ok');
  }
  t.is(found.length, 8);
});

test('runs without prefixes leave nothing', t => {
  const packer = new UpdatePacker();
  packer.withdraw('ipv4');
  packer.announce('ipv4', BLOCK);
  packer.withdraw('ipv6');
  t.is(packer.take().length, 0);
});

test('a run goes on after take', t => {
  const packer = new UpdatePacker();
  packer.announce('ipv4', BLOCK);
  fill(packer, 3);
  t.is(unpack(packer.take(), EBGP)[0]?.announced.length, 3);
  fill(packer, 2);
  t.is(unpack(packer.take(), EBGP)[0]?.announced.length, 2);
});

test('attributes that leave no room for a prefix are refused, for each limit', t => {
  const block = (octets: number) => {
    const value = new Uint8Array(octets - 4);
    return encodeAttributes({unknown: [{type: 200, value}]});
  };
  const room = 4096 - 23 - 5;
  t.true(new UpdatePacker().announce('ipv4', block(room)));
  t.false(new UpdatePacker().announce('ipv4', block(room + 1)));
  t.true(new UpdatePacker({maxLength: 65535}).announce('ipv4', block(room + 1)));
  const room6 = 4096 - 23 - 9 - 16 - 17;
  t.true(new UpdatePacker().announce('ipv6', block(room6), NEXT_HOP));
  t.false(new UpdatePacker().announce('ipv6', block(room6 + 1), NEXT_HOP));
  const packer = new UpdatePacker();
  packer.announce('ipv6', block(room6), NEXT_HOP);
  packer.add(wordsOf(hex('ff'.repeat(16))), 128);
  packer.add(wordsOf(hex('ff'.repeat(16))), 128);
  const lengths = unpack(packer.take(), EBGP).map(({mpReach}) => mpReach?.nlri.length);
  t.deepEqual(lengths, [1, 1]);
});

test('whatever is packed is unpacked, in the same order', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  const runs = fc.array(anyRun(), {maxLength: 6});
  fc.assert(
    fc.property(runs, fc.boolean(), fc.integer({min: 128, max: 600}), (list, paths, maxLength) => {
      const packer = new UpdatePacker({maxLength, sendsPathIds: {ipv4: paths, ipv6: paths}});
      const expected: string[] = [];
      for (const {family, kind, prefixes} of list) {
        open(packer, family, kind);
        for (const {address, bits, pathId} of prefixes) {
          packer.add(wordsOf(address), bits, pathId);
          expected.push(`${kind} ${family} ${toHex(address)}/${bits} ${paths ? pathId : 0}`);
        }
      }
      const session = paths ? ADD_PATH : NEXT_HOP6;
      const bytes = packer.take();
      t.deepEqual(unpack(bytes, session).flatMap(show), expected);
      for (let at = 0; at < bytes.length;) {
        const frame = nextMessage(bytes, at, bytes.length);
        if (frame.kind !== 'message') return false;
        if (frame.length > maxLength) return false;
        at += frame.length;
      }
      return true;
    }),
    {seed, numRuns: 300},
  );
  t.pass();
});

type Kind = 'withdraw' | 'announce';

function open(packer: UpdatePacker, family: Family, kind: Kind): void {
  if (kind === 'withdraw') packer.withdraw(family);
  else if (family === 'ipv4') packer.announce(family, BLOCK);
  else packer.announce(family, WITHOUT_NEXT_HOP, NEXT_HOP);
}

function anyRun() {
  const run = (family: Family) => {
    const width = family === 'ipv4' ? 4 : 16;
    const prefix = fc.tuple(
      fc.uint8Array({minLength: width, maxLength: width}),
      fc.nat(width * 8),
      fc.nat(0xffffffff),
    );
    const nlri = prefix.map(([octets, bits, pathId]): Nlri => {
      const address = octets.map(
        (octet, i) => octet & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8))),
      );
      return {address, bits, pathId};
    });
    const kind = fc.constantFrom<Kind>('withdraw', 'announce');
    return fc.record({
      family: fc.constant(family),
      kind,
      prefixes: fc.array(nlri, {maxLength: 60}),
    });
  };
  return fc.oneof(run('ipv4'), run('ipv6'));
}

function show({withdrawn, announced, mpReach, mpUnreach}: UpdateMessage): string[] {
  const list = (kind: Kind, family: Family, nlri: readonly Nlri[] = []) =>
    nlri.map(({address, bits, pathId}) => `${kind} ${family} ${toHex(address)}/${bits} ${pathId}`);
  return [
    ...list('withdraw', 'ipv4', withdrawn),
    ...list('announce', 'ipv4', announced),
    ...list('announce', 'ipv6', mpReach?.nlri),
    ...list('withdraw', 'ipv6', mpUnreach?.nlri),
  ];
}

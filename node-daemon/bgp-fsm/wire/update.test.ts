import test from 'ava';

import {decodeAttributes} from './attributes.js';
import {NlriCursor} from './nlri.js';
import {decodeUpdate} from './update-message.js';
import {judgeUpdate, UpdateReader, type NlriField} from './update.js';
import {
  ADD_PATH,
  AS_PATH,
  EBGP,
  hex,
  IBGP,
  MP_REACH6,
  MP_UNREACH6,
  NEXT_HOP,
  NEXT_HOP6,
  OLD_PEER,
  ORIGIN,
  toHex,
  update,
} from './vectors.js';

const MARKER = 'ffffffff ffffffff ffffffff ffffffff';

function read(wire: Uint8Array, session = EBGP): UpdateReader {
  const reader = new UpdateReader(session);
  reader.read(wire, 0, wire.length);
  return reader;
}

function blockOf({block, blockAt, blockEnd}: UpdateReader): string {
  return toHex(block.subarray(blockAt, blockEnd));
}

function compact(text: string): string {
  return text.replaceAll(' ', '');
}

test('an UPDATE with withdrawn and announced prefixes is split, wherever it lies', t => {
  const wire = update({
    withdrawn: '18 c63364 08 0b',
    attributes: ORIGIN + AS_PATH + NEXT_HOP,
    nlri: '18 c00002 19 cb007180',
  });
  const padded = new Uint8Array(wire.length + 50).fill(0xee);
  padded.set(wire, 31);
  const reader = new UpdateReader(EBGP);
  t.is(reader.read(padded, 31, wire.length), undefined);

  const cursor = new NlriCursor();
  const list = (field: NlriField) => {
    const found: string[] = [];
    reader.open(cursor, field);
    while (cursor.next()) found.push(`${(cursor.words[0] ?? 0).toString(16)}/${cursor.bits}`);
    return found;
  };
  t.deepEqual(list(reader.withdrawn), ['c6336400/24', 'b000000/8']);
  t.deepEqual(list(reader.announced), ['c0000200/24', 'cb007180/25']);
  t.is(reader.announced.count, 2);
  t.is(blockOf(reader), compact(ORIGIN + AS_PATH + NEXT_HOP));
  t.is(reader.block, padded); // view, not copy
  t.is(reader.endOfRib, undefined);
});

test('RFC 4760: MP_REACH gives next hop and prefixes, and the reserved octet is ignored', t => {
  for (const reserved of ['00', 'ff']) {
    const attributes = MP_REACH6.replace('00 20 2001', `${reserved} 20 2001`) + ORIGIN + AS_PATH;
    const wire = update({attributes});
    const {verdict, mpReach} = decodeUpdate(wire, 0, wire.length, EBGP);
    t.is(verdict.kind, 'ok');
    t.deepEqual(mpReach, {
      family: 'ipv6',
      nextHop: hex('20010db8000000000000000000000002'),
      nlri: [{address: hex(`20010db8${'00'.repeat(12)}`), bits: 32, pathId: 0}],
    });
  }
});

test('RFC 2545: a next hop of 32 octets is global and link-local', t => {
  const nextHop = `20010db8${'00'.repeat(11)}02 fe80${'00'.repeat(13)}02`;
  const reach = `80 0e 29 0002 01 20 ${nextHop} 00 1820010d`;
  const reader = read(update({attributes: reach + ORIGIN + AS_PATH}));
  t.like(reader.mpReach, {family: 'ipv6', nextHopLength: 32, count: 1});
});

test('RFC 8950: IPv4 prefixes behind an IPv6 next hop', t => {
  const reach = `80 0e 19 0001 01 10 fe80${'00'.repeat(13)}02 00 18c00002`;
  const wire = update({attributes: reach + ORIGIN + AS_PATH});
  const {mpReach} = decodeUpdate(wire, 0, wire.length, NEXT_HOP6);
  t.like(mpReach, {family: 'ipv4'});
  t.deepEqual(mpReach?.nlri, [{address: hex('c0000200'), bits: 24, pathId: 0}]);
});

test('RFC 7911: every prefix of the family has a path id, the withdrawn too', t => {
  const reach = `80 0e 1e 0002 01 10 20010db8${'00'.repeat(11)}02 00 00000005 20 20010db8`;
  const unreach = '80 0f 0c 0002 01 00000006 20 20010db8';
  const wire = update({
    withdrawn: '00000001 18 c00002',
    attributes: reach + unreach + ORIGIN + AS_PATH + NEXT_HOP,
    nlri: '00000002 18 c00002 00000003 18 c00002',
  });
  const found = decodeUpdate(wire, 0, wire.length, ADD_PATH);
  t.is(found.verdict.kind, 'ok');
  t.deepEqual(
    found.withdrawn.map(({pathId}) => pathId),
    [1],
  );
  t.deepEqual(
    found.announced.map(({pathId}) => pathId),
    [2, 3],
  );
  t.deepEqual(
    found.mpReach?.nlri.map(({pathId}) => pathId),
    [5],
  );
  t.deepEqual(
    found.mpUnreach?.nlri.map(({pathId}) => pathId),
    [6],
  );
});

const blocks: readonly (readonly [string, string, string])[] = [
  ['alone', MP_REACH6, ''],
  ['in front', MP_REACH6 + ORIGIN + AS_PATH, ORIGIN + AS_PATH],
  ['at the end', ORIGIN + AS_PATH + MP_REACH6, ORIGIN + AS_PATH],
  ['in the middle', ORIGIN + MP_REACH6 + AS_PATH, ORIGIN + AS_PATH],
  ['both in front', MP_UNREACH6 + MP_REACH6 + ORIGIN, ORIGIN],
  ['at both ends', MP_UNREACH6 + ORIGIN + AS_PATH + MP_REACH6, ORIGIN + AS_PATH],
  ['before a tail that overruns', `${ORIGIN}${MP_REACH6} c0 08 09 00`, `${ORIGIN} c0 08 09 00`],
  ['before a tail of one octet', `${ORIGIN}${MP_REACH6} c0`, `${ORIGIN} c0`],
  ['absent', ORIGIN + AS_PATH, ORIGIN + AS_PATH],
];

for (const [where, attributes, block] of blocks) {
  test(`the block without MP attributes: ${where}`, t => {
    const reader = read(update({attributes}));
    t.is(blockOf(reader), compact(block));
    const {faults} = decodeAttributes(reader.block, reader.blockAt, reader.blockEnd, EBGP);
    t.is(faults.length, where.startsWith('before') ? 1 : 0);
  });
}

test('RFC 4724: End-of-RIB of both forms', t => {
  t.is(read(hex(`${MARKER} 0017 02 0000 0000`)).endOfRib, 'ipv4');
  t.is(read(hex(`${MARKER} 001d 02 0000 0006 800f03 0002 01`)).endOfRib, 'ipv6');
  t.is(read(hex(`${MARKER} 001e 02 0000 0007 900f0003 0002 01`)).endOfRib, 'ipv6');
  t.is(read(hex(`${MARKER} 001d 02 0000 0006 800f03 0001 01`)).endOfRib, 'ipv4');
});

test('what looks like End-of-RIB and is none', t => {
  t.is(read(hex(`${MARKER} 001d 02 0000 0006 800f03 0002 80`)).endOfRib, undefined); // VPN
  t.is(read(update({attributes: MP_UNREACH6})).endOfRib, undefined);
  t.is(read(update({attributes: `80 0f 03 000201 ${ORIGIN}`})).endOfRib, undefined);
  t.is(read(update({attributes: '80 0f 03 000201', withdrawn: '08 0a'})).endOfRib, undefined);
  t.is(read(update({attributes: ORIGIN})).endOfRib, undefined);
  const onlyV6 = {...EBGP, families: {ipv4: undefined, ipv6: EBGP.families.ipv6}};
  t.is(read(update({}), onlyV6).endOfRib, undefined);
});

test('a family that is not agreed is there, but not walked', t => {
  const onlyV4 = {...EBGP, families: {ipv4: EBGP.families.ipv4, ipv6: undefined}};
  const reader = read(update({attributes: MP_REACH6 + ORIGIN + AS_PATH}), onlyV4);
  t.like(reader.mpReach, {present: true, family: undefined, afi: 2, count: 0});
  t.true(reader.announces);
});

test('a reader keeps nothing of the message before', t => {
  const reader = new UpdateReader(IBGP);
  const first = update({attributes: MP_REACH6.replace('80', 'c0') + MP_UNREACH6 + ORIGIN});
  const second = update({attributes: ORIGIN + AS_PATH + NEXT_HOP, nlri: '08 0a'});
  reader.read(first, 0, first.length);
  t.is(reader.faults.length, 1);
  t.is(reader.read(second, 0, second.length), undefined);
  t.false(reader.mpReach.present || reader.mpUnreach.present);
  const decoded = decodeAttributes(reader.block, reader.blockAt, reader.blockEnd, IBGP);
  t.deepEqual(judgeUpdate(reader, decoded), {kind: 'ok'});
});

test('an UPDATE of an old peer has one path', t => {
  const attributes = `${ORIGIN} 40 02 06 0202 fde9 5ba0 ${NEXT_HOP} c0 11 06 0201 00061a80`;
  const wire = update({attributes, nlri: '08 0a'});
  const found = decodeUpdate(wire, 0, wire.length, OLD_PEER);
  t.is(found.verdict.kind, 'ok');
  t.deepEqual(found.attributes.asPath, [{kind: 'sequence', asns: [65001, 400000]}]);
});

import test from 'ava';
import fc from 'fast-check';

import {encodeAttributes} from './attribute-encode.js';
import {decodeAttributes, type PathAttributes} from './attributes.js';
import {linkBandwidth, linkBandwidthOf, isTransitive} from './communities.js';
import type {WireSession} from './session.js';
import {EBGP, hex, IBGP, OLD_PEER, toHex} from './vectors.js';

function decode(text: string, session: WireSession = IBGP) {
  const block = hex(text);
  return decodeAttributes(block, 0, block.length, session);
}

const corpus: readonly (readonly [string, string, PathAttributes])[] = [
  ['ORIGIN', '40 01 01 02', {origin: 2}],
  ['an empty AS_PATH', '40 02 00', {asPath: []}],
  ['AS_PATH', '40 02 06 0201 0000fde9', {asPath: [{kind: 'sequence', asns: [65001]}]}],
  ['NEXT_HOP', '40 03 04 c0000201', {nextHop: 0xc0000201}],
  ['MED', '80 04 04 ffffffff', {med: 4294967295}],
  ['LOCAL_PREF', '40 05 04 00000064', {localPref: 100}],
  ['ATOMIC_AGGREGATE', '40 06 00', {atomicAggregate: true}],
  ['AGGREGATOR', 'c0 07 08 00061a80 c0000201', {aggregator: {asn: 400000, address: 0xc0000201}}],
  ['COMMUNITY', 'c0 08 08 ffffff01 fde90064', {communities: [0xffffff01, 0xfde90064]}],
  ['ORIGINATOR_ID', '80 09 04 0a000007', {originatorId: 0x0a000007}],
  ['CLUSTER_LIST', '80 0a 08 0a000008 0a000009', {clusterList: [0x0a000008, 0x0a000009]}],
  [
    'EXTENDED COMMUNITIES',
    'c0 10 08 4004 fde9 4cee6b28',
    {extendedCommunities: [{high: 0x4004fde9, low: 0x4cee6b28}]},
  ],
  ['AIGP', '80 1a 0b 01 000b 0000000100000002', {aigp: 0x100000002n}],
  [
    'LARGE_COMMUNITY',
    'c0 20 0c 0000fde9 00000001 ffffffff',
    {largeCommunities: [{global: 65001, local1: 1, local2: 4294967295}]},
  ],
  ['OTC', 'c0 23 04 0000fde9', {otc: 65001}],
  ['PREFIX_SID', 'c0 28 0a 01 0007 00000000000064', {prefixSid: hex('01000700000000000064')}],
  ['one nobody knows', 'e0 63 02 0102', {unknown: [{type: 99, value: hex('0102')}]}],
  ['COMMUNITY with Partial', 'e0 08 04 fde90064', {communities: [0xfde90064], partialTypes: [8]}],
];

test('every attribute reads and is written as it was', t => {
  t.is(corpus.length, 18);
  for (const [what, text, attributes] of corpus) {
    t.deepEqual(decode(text), {attributes, faults: [], count: 1}, what);
    t.is(toHex(encodeAttributes(attributes)), text.replaceAll(' ', ''), what);
  }
});

test('attributes are read in any order and written by ascending type', t => {
  const reversed = corpus.map(([, text]) => text).reverse();
  const {attributes, faults} = decode(reversed.join(' '));
  t.is(faults.length, 2); // AS_PATH and COMMUNITY are twice in the corpus
  const types = typesOf(encodeAttributes(attributes));
  t.deepEqual(
    types,
    [...types].sort((a, b) => a - b),
  );
  t.deepEqual(types, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 26, 32, 35, 40, 99]);
});

test('an extended length is read for short values and written for long ones', t => {
  t.deepEqual(decode('50 01 0001 00').attributes, {origin: 0});
  const communities = Array.from({length: 64}, (_, i) => i);
  const block = encodeAttributes({communities});
  t.is(toHex(block.subarray(0, 4)), 'd0080100');
  t.deepEqual(decode(toHex(block)).attributes, {communities});
  t.is(encodeAttributes({communities: communities.slice(1)})[0], 0xc0);
});

test('an unknown optional attribute is kept with Partial when transitive, else dropped', t => {
  t.deepEqual(decode('c0 63 01 07').attributes.unknown, [{type: 99, value: hex('07')}]);
  t.deepEqual(decode('80 63 01 07'), {attributes: {}, faults: [], count: 1});
  t.is(toHex(encodeAttributes({unknown: [{type: 99, value: hex('07')}]})), 'e0630107');
});

test('what is decoded does not follow the receive buffer', t => {
  const block = hex('c0 63 02 0102');
  const {attributes} = decodeAttributes(block, 0, block.length, EBGP);
  block.fill(0);
  t.deepEqual(attributes.unknown, [{type: 99, value: hex('0102')}]);
});

test('empty lists are no attributes', t => {
  const empty = {communities: [], clusterList: [], extendedCommunities: [], largeCommunities: []};
  t.deepEqual(encodeAttributes(empty), hex(''));
});

test('repeated large communities become one', t => {
  const one = '0000fde9 00000001 00000002';
  t.is(
    decode(`c0 20 24 ${one} ${one} 0000fde9 00000001 00000003`).attributes.largeCommunities?.length,
    2,
  );
});

test('link bandwidth is a single in octets a second, transitive or not', t => {
  const community = linkBandwidth(65001, 125_000_000);
  t.deepEqual(community, {high: 0x4004fde9, low: 0x4cee6b28});
  t.is(linkBandwidthOf(community), 125_000_000);
  t.false(isTransitive(community));
  t.is(linkBandwidthOf({high: 0x0004fde9, low: 0x4cee6b28}), 125_000_000);
  for (const low of [0x7fc00000, 0x7f800000, 0xbf800000]) {
    t.is(linkBandwidthOf({high: 0x4004fde9, low}), undefined);
  }
  t.is(linkBandwidthOf({high: 0x0002fde9, low: 1}), undefined);
});

/** AS4_PATH 400000; AS_PATH of an old peer. */
const old = (rest: string) => decode(`40 02 06 0202 fde9 5ba0 ${rest}`, OLD_PEER);
const path = (...asns: number[]) => [{kind: 'sequence', asns}];

test('an old peer: AS4_PATH and AS4_AGGREGATOR are merged in', t => {
  const {attributes, faults} = old(
    'c0 07 06 5ba0 0a000009 c0 11 06 0201 00061a80 c0 12 08 00061a80 0a000009',
  );
  t.deepEqual(attributes.asPath, path(65001, 400000));
  t.deepEqual(attributes.aggregator, {asn: 400000, address: 0x0a000009});
  t.false('as4Path' in attributes || 'as4Aggregator' in attributes);
  t.is(faults.length, 0);
});

test('an old peer: an AGGREGATOR other than AS_TRANS makes both AS4 attributes void', t => {
  const {attributes} = old(
    'c0 07 06 fdea 0a000009 c0 11 06 0201 00061a80 c0 12 08 00061a80 0a000009',
  );
  t.deepEqual(attributes.asPath, path(65001, 23456));
  t.deepEqual(attributes.aggregator, {asn: 65002, address: 0x0a000009});
});

test('an old peer: AS4_PATH alone, one too long, and AS4_AGGREGATOR alone', t => {
  t.deepEqual(old('c0 11 06 0201 00061a80').attributes.asPath, path(65001, 400000));
  const long = old('c0 11 0e 0203 00000001 00000002 00061a80').attributes;
  t.deepEqual(long.asPath, path(65001, 23456));
  t.is(old('c0 12 08 00061a80 0a000009').attributes.aggregator, undefined);
});

test('a new peer: AS4 attributes are discarded', t => {
  const text = '40 02 06 0201 00005ba0 c0 11 06 0201 00061a80 c0 12 08 00061a80 0a000009';
  const {attributes, faults} = decode(text, EBGP);
  t.deepEqual(attributes, {asPath: [{kind: 'sequence', asns: [23456]}]});
  t.deepEqual(
    faults.map(({type, action}) => [type, action]),
    [
      [17, 'discard'],
      [18, 'discard'],
    ],
  );
});

test('to an old peer: AS_TRANS with the AS4 twins, only where they are needed', t => {
  const wide = encodeAttributes(
    {
      asPath: [{kind: 'sequence', asns: [65000, 4000, 400000, 300000, 40001]}],
      aggregator: {asn: 400000, address: 1},
    },
    2,
  );
  t.is(
    toHex(wide),
    '40020c0205fde80fa05ba05ba09c41' +
      'c007065ba000000001' +
      'c011160205' +
      '0000fde800000fa000061a80000493e000009c41' +
      'c0120800061a8000000001',
  );
  const narrow = encodeAttributes(
    {asPath: [{kind: 'sequence', asns: [65000]}], aggregator: {asn: 65000, address: 1}},
    2,
  );
  t.deepEqual(typesOf(narrow), [2, 7]);
});

test('any attributes make the round trip, to new peers and to old ones', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(anyAttributes(), fc.boolean(), (attributes, as4) => {
      const session = {...IBGP, as4};
      const block = encodeAttributes(attributes, as4 ? 4 : 2);
      const decoded = decodeAttributes(block, 0, block.length, session);
      t.is(decoded.faults.length, 0);
      t.deepEqual(decoded.attributes, attributes);
      t.deepEqual(encodeAttributes(decoded.attributes, as4 ? 4 : 2), block);
    }),
    {seed, numRuns: 300},
  );
  t.pass();
});

test('any octets decode, within the count of octets, and canonical after one round', t => {
  const seed = Date.now() | 0;
  t.log(`seed ${seed}`);
  const types = fc.constantFrom(
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    14,
    15,
    16,
    17,
    18,
    26,
    32,
    35,
    40,
    99,
  );
  const flags = fc.constantFrom(0x40, 0x80, 0xc0, 0xe0, 0x50, 0x90, 0xd0, 0x00, 0xff);
  const one = fc.tuple(flags, types, fc.uint8Array({maxLength: 26}), fc.integer({min: -1, max: 1}));
  fc.assert(
    fc.property(
      fc.array(one, {maxLength: 8}),
      fc.constantFrom(EBGP, IBGP, OLD_PEER),
      (list, of) => {
        const octets = Uint8Array.from(
          list.flatMap(([flag, type, value, lie]) => {
            const length = (value.length + lie) & 0xff;
            return (flag & 0x10) === 0
              ? [flag, type, length, ...value]
              : [flag, type, 0, length, ...value];
          }),
        );
        const {attributes, count} = decodeAttributes(octets, 0, octets.length, of);
        const block = encodeAttributes(attributes, of.as4 ? 4 : 2);
        const again = decodeAttributes(block, 0, block.length, of);
        t.deepEqual(again.attributes, attributes);
        return count <= octets.length;
      },
    ),
    {seed, numRuns: 3000},
  );
  t.pass();
});

/** What a decoder can return: lists not empty, sequences not side by side, no AS 0. */
function anyAttributes(): fc.Arbitrary<PathAttributes> {
  const word = fc.nat(0xffffffff);
  const asn = fc.integer({min: 1, max: 0xffffffff});
  const words = fc.array(word, {minLength: 1, maxLength: 70});
  const asns = fc.array(asn, {minLength: 1, maxLength: 255});
  const sequence = asns.map(list => ({kind: 'sequence' as const, asns: list}));
  const set = asns.map(list => ({kind: 'set' as const, asns: list}));
  return fc.record(
    {
      origin: fc.nat(2),
      asPath: fc.oneof(fc.constant([]), fc.tuple(sequence), fc.tuple(sequence, set)),
      nextHop: fc.integer({min: 0x01000000, max: 0x09ffffff}),
      med: word,
      localPref: word,
      atomicAggregate: fc.constant(true),
      aggregator: fc.record({asn: asn.filter(each => each !== 23456), address: word}),
      communities: words,
      originatorId: word,
      clusterList: words,
      extendedCommunities: fc.array(fc.record({high: word, low: word}), {minLength: 1}),
      aigp: fc.bigInt(0n, (1n << 64n) - 1n),
      largeCommunities: fc.uniqueArray(fc.record({global: word, local1: word, local2: word}), {
        minLength: 1,
        selector: each => `${each.global}:${each.local1}:${each.local2}`,
      }),
      otc: word,
      unknown: fc.constant([
        {type: 25, value: hex('00')},
        {type: 200, value: hex('')},
      ]),
    },
    {requiredKeys: []},
  );
}

function typesOf(block: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at < block.length; at += 3 + (block[at + 2] ?? 0))
    types.push(block[at + 1] ?? 0);
  return types;
}

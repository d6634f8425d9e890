import test from 'ava';

import {
  formatCommunity,
  matchesCommunity,
  parseCommunity,
  parseCommunityPattern,
} from './community-text.js';

/** Text, and the number or numbers it stands for. */
const corpus: readonly (readonly [string, number | readonly [number, number, number]])[] = [
  ['64512:1', 0xfc000001],
  ['0:0', 0],
  ['65535:1', 0xffff0001 - 0],
  ['no-export', 0xffffff01],
  ['no-advertise', 0xffffff02],
  ['no-export-subconfed', 0xffffff03],
  ['graceful-shutdown', 0xffff0000],
  ['llgr-stale', 0xffff0006],
  ['no-llgr', 0xffff0007],
  ['blackhole', 0xffff029a],
  ['no-peer', 0xffffff04],
  ['4200000000:1:4294967295', [4200000000, 1, 4294967295]],
];

test('communities read as their numbers, and are written with their names', t => {
  t.is(corpus.length, 12);
  for (const [text, numbers] of corpus) {
    const community = parseCommunity(text);
    if (typeof numbers === 'number') t.deepEqual(community, {kind: 'standard', value: numbers});
    else {
      const [global, local1, local2] = numbers;
      t.deepEqual(community, {kind: 'large', value: {global, local1, local2}});
    }
    if (community === undefined) continue;
    t.deepEqual(parseCommunity(formatCommunity(community)), community);
  }
  t.is(formatCommunity({kind: 'standard', value: 0xffffff01}), 'no-export');
  t.is(formatCommunity({kind: 'standard', value: 0xfc000001}), '64512:1');
});

const none = [
  '',
  ':',
  '1',
  '1:',
  ':1',
  '65536:1',
  '1:65536',
  '4294967296:1:1',
  '1:2:3:4',
  '01:1',
  '-1:1',
  '1.5:1',
  ' 1:1',
  'no export',
  'NO-EXPORT',
  '1:1:99999999999',
];

test('what is no community is none', t => {
  for (const text of none) t.is(parseCommunity(text), undefined, text);
  for (const text of none) t.is(parseCommunityPattern(text), undefined, text);
  for (const text of ['64512:*', '*:*', '1:2:*']) t.is(parseCommunity(text), undefined, text);
});

const matches: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['64512:1', ['64512:1'], ['64512:2', '64513:1', '64512:1:0', '0:64512:1']],
  ['64512:*', ['64512:0', '64512:65535'], ['64511:1', '64512:1:1']],
  ['*:666', ['1:666', 'blackhole'], ['666:1', '1:1:666']],
  ['*:*', ['0:0', 'no-export'], ['1:1:1']],
  ['*:*:*', ['1:1:1'], ['1:1']],
  ['4200000000:*:7', ['4200000000:9:7'], ['4200000000:9:8', '4200000001:9:7']],
];

test('a star is any number of its field, and the kinds are apart', t => {
  for (const [text, inside, outside] of matches) {
    const pattern = parseCommunityPattern(text);
    if (pattern === undefined) return t.fail(text);
    const says = (other: string) => {
      const community = parseCommunity(other);
      return community === undefined ? undefined : matchesCommunity(pattern, community);
    };
    for (const other of inside) t.is(says(other), true, `${text} ${other}`);
    for (const other of outside) t.is(says(other), false, `${text} ${other}`);
  }
});

import test from 'ava';
import {blockMarkKey} from '../keys.js';
import {findFreed, KEPT_MARKS, putMark} from './mark.js';

const prefix = '/twill/v1';

function markOf(cidr: string, modRevision: number) {
  const {key, value} = {value: '', ...putMark(prefix, cidr, 'a')};
  return {key, value, createRevision: 1, modRevision, leaseId: '0'};
}

test('freed is what is marked and not held, the oldest mark first', t => {
  const entries = [markOf('10.0.0.0/26', 9), markOf('fd00::/122', 3), markOf('10.0.0.64/26', 4)];
  const other = {...markOf('10.0.0.0/26', 1), key: `${prefix}/blocks/nonsense`};
  const {cidrs, deletes} = findFreed(prefix, [...entries, other], cidr => cidr === '10.0.0.64/26');
  t.deepEqual(cidrs, ['fd00::/122', '10.0.0.0/26']);
  t.deepEqual(deletes, []);
});

test('of too many marks the oldest go, some at a time, and those of held blocks never', t => {
  const cidrOf = (n: number) => `10.0.${n >> 8}.${n & 255}/32`;
  const entries = Array.from({length: KEPT_MARKS + 70}, (_, n) => markOf(cidrOf(n), n + 1));
  const {cidrs, deletes} = findFreed(prefix, entries, cidr => cidr === cidrOf(0));
  t.is(deletes.length, 50);
  t.deepEqual(deletes[0], {kind: 'delete', key: blockMarkKey(prefix, cidrOf(1))});
  t.is(cidrs[0], cidrOf(51));
  t.is(cidrs.length, KEPT_MARKS + 19);
});

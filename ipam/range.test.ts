import test from 'ava';
import {RangeWalk, type Occupancy} from './range.js';

/** Holders and freed addresses as plain collections. */
function occupied(taken: Set<string>, freed: Set<string>, trusts = true): Occupancy {
  return {
    isTaken: address => taken.has(address),
    wasFreed: address => freed.has(address),
    freed: () => freed,
    trustsUntouched: () => trusts,
  };
}

test('a freed address is handed out after every untouched one, the longest free first', t => {
  const walk = new RangeWalk({cidr: '10.0.0.0/29', family: 'ipv4', pool: 'p'});
  const taken = new Set<string>();
  const freed = new Set<string>();
  const take = () => {
    const address = walk.next(occupied(taken, freed));
    if (address !== undefined) taken.add(address);
    if (address !== undefined) freed.delete(address);
    return address;
  };
  const free = (address: string) => {
    taken.delete(address);
    freed.add(address);
  };
  t.deepEqual([take(), take(), take()], ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  free('10.0.0.2');
  free('10.0.0.1');
  t.deepEqual([take(), take(), take(), take()], ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7']);
  free('10.0.0.6');
  t.deepEqual([take(), take(), take(), take()], ['10.0.0.2', '10.0.0.1', '10.0.0.6', undefined]);
});

test('the first address and reserved ones are never handed out and are counted once', t => {
  const walk = new RangeWalk({
    cidr: 'fd00::/120',
    family: 'ipv6',
    pool: 'p',
    reserved: ['fd00::/121', 'fd00::1', 'fd00::fe', 'fd00::ff/128', '10.0.0.1'].slice(0, 5),
  });
  const taken = new Set<string>();
  for (;;) {
    const address = walk.next(occupied(taken, new Set()));
    if (address === undefined) break;
    taken.add(address);
  }
  t.is(taken.size, 126);
  t.true(taken.has('fd00::80'));
  t.true(walk.isReserved('fd00::fe'));
  t.true(walk.isReserved('fd00::'));
  t.like(walk.usage(taken), {size: 256, reserved: 130, used: 126});
});

test('a reserved half of a huge block is jumped over', t => {
  const walk = new RangeWalk({
    cidr: 'fd00::/64',
    family: 'ipv6',
    pool: 'p',
    reserved: ['fd00::/65'],
  });
  t.is(walk.next(occupied(new Set(), new Set())), 'fd00::8000:0:0:0');
});

test('a block that is reserved as a whole gives nothing', t => {
  const walk = new RangeWalk({
    cidr: '10.0.0.0/26',
    family: 'ipv4',
    pool: 'p',
    reserved: ['10.0.0.0/8'],
  });
  t.is(walk.next(occupied(new Set(), new Set())), undefined);
  t.like(walk.usage([]), {size: 64, reserved: 64});
});

test('in doubt only addresses that were seen to become free are handed out', t => {
  const walk = new RangeWalk({cidr: '10.0.0.0/26', family: 'ipv4', pool: 'p'});
  t.is(walk.next(occupied(new Set(), new Set(), false)), undefined);
  t.is(walk.next(occupied(new Set(), new Set(['10.0.0.9']), false)), '10.0.0.9');
});

test('a range that is no prefix is refused', t => {
  t.throws(() => new RangeWalk({cidr: '10.0.0.1/26', family: 'ipv4', pool: 'p'}), {
    instanceOf: RangeError,
  });
});

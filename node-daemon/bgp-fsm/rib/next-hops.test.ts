import test from 'ava';

import {octetsOf} from '../wire/bytes.js';
import {NextHops, NO_SET} from './next-hops.js';

test('next hops that come and go without end take no more and more room', t => {
  const hops = new NextHops();
  const kept = hops.internWord(0xc000_0201);
  hops.retain(kept);
  for (let word = 0x0a00_0000; word < 0x0a00_0000 + 50_000; word++) {
    const hop = hops.internWord(word);
    hops.retain(hop);
    const set = hops.single(hop);
    hops.retainSet(set);
    hops.releaseSet(set);
    hops.release(hop);
  }
  t.true(hops.count < 5000, `${hops.count}`);
  t.is(hops.internWord(0xc000_0201), kept);
  t.deepEqual(hops.address(kept), octetsOf(0xc000_0201));
});

test('what was said of a next hop holds when it comes back soon', t => {
  const hops = new NextHops();
  const address = octetsOf(0xc000_0201);
  const hop = hops.intern(address);
  hops.retain(hop);
  t.true(hops.setState({address, ifindex: 0, metric: undefined}));
  hops.release(hop);
  const again = hops.intern(address);
  t.is(again, hop);
  t.false(hops.isReachable(again));
});

test('a set of next hops keeps them, and is one object while somebody has it', t => {
  const hops = new NextHops();
  const hop = hops.internWord(0xc000_0201);
  const set = hops.single(hop);
  hops.retainSet(set);
  for (let word = 0x0a00_0000; word < 0x0a00_0000 + 10_000; word++) hops.internWord(word);
  t.deepEqual(hops.set(set), [{address: octetsOf(0xc000_0201), ifindex: 0, weight: 1}]);
  t.is(hops.set(hops.single(hop)), hops.set(set));
  t.is(hops.internWord(0xc000_0201), hop, 'its number is not another one’s');
  hops.releaseSet(set);
  t.deepEqual(hops.set(set), []);
  t.deepEqual(hops.set(NO_SET), []);
});

test('interest comes with the first and goes with the last', t => {
  const hops = new NextHops();
  const hop = hops.internWord(0xc000_0201);
  hops.retain(hop);
  hops.retain(hop);
  t.deepEqual(
    hops.takeInterest().map(({isUsed}) => isUsed),
    [true],
  );
  hops.release(hop);
  t.deepEqual(hops.takeInterest(), []);
  hops.release(hop);
  t.deepEqual(
    hops.takeInterest().map(({isUsed}) => isUsed),
    [false],
  );
});

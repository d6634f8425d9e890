import test from 'ava';

import {encodeAttributes} from '../wire/attribute-encode.js';
import {EBGP} from '../wire/vectors.js';
import {AttributeSets} from './attribute-sets.js';
import {NextHops} from './next-hops.js';
import {pathBy} from './paper-rib.js';

test('sessions with more own addresses than kinds can name still have sets of their own kind', t => {
  const sets = new AttributeSets(new NextHops());
  const kinds = new Set<number>();
  for (let n = 0; n < 2000; n++) {
    const localAddress = Uint8Array.of(10, 0, n >> 8, n & 255);
    kinds.add(sets.kindOf({...EBGP, localAddress}));
    kinds.add(sets.kindOf({...EBGP, peer: 'internal', localAddress}));
  }
  t.true(kinds.size <= 511);
  const [first = 0] = kinds;
  const last = sets.kindOf({...EBGP, localAddress: Uint8Array.of(10, 0, 7, 200)});
  const block = encodeAttributes(pathBy([65_001], {nextHop: 0x0a00_0000}), 4);
  const [own, other] = [first, last].map(kind => sets.intern(block, 0, block.length, kind));
  t.not(own, other);
  t.deepEqual(sets.attributes(other!).asPath, [{kind: 'sequence', asns: [65_001]}]);
});

test('as many communities as an attribute can have, also where a policy adds more', t => {
  const sets = new AttributeSets(new NextHops());
  const many = (count: number) => Array.from({length: count}, (_, n) => n + 1);
  const ids = [16_000, 20_000].map(count => {
    const id = sets.internOwn(pathBy([65_001], {communities: many(count)}), new Uint8Array(0));
    sets.retain(id);
    return id;
  });
  t.is(sets.attributes(ids[0]!).communities?.length, 16_000);
  t.is(sets.attributes(ids[1]!).communities?.length, 16_383);
});

import test from 'ava';
import {PrefixSlots} from './prefix-slots.js';

for (const octets of [4, 16] as const) {
  test(`${octets * 8} bits: slots agree with a Map through any order of additions and removals`, t => {
    const seed = Date.now() % 100_000;
    t.log(`seed ${seed}`);
    const random = lehmer(seed);
    const slots = new PrefixSlots(octets, 4);
    const naive = new Map<string, number>();
    for (let step = 0; step < 20_000; step++) {
      const address = new Uint8Array(octets);
      address[octets - 1] = random() % 40;
      address[0] = random() % 20;
      const bits = random() % 4;
      const key = `${address.join('.')}/${bits}`;
      const expected = naive.get(key);
      if (slots.find(address, bits) !== (expected ?? -1)) return t.fail(`${key} at ${step}`);
      if (random() % 2 === 0) {
        const slot = slots.add(address, bits);
        if (slot !== (expected ?? slot)) return t.fail(`${key} moved at ${step}`);
        naive.set(key, slot);
      } else if (expected !== undefined) {
        slots.remove(expected);
        naive.delete(key);
      }
    }
    t.is(slots.size, naive.size);
    t.is(new Set(naive.values()).size, naive.size, 'no two prefixes share one');
    for (const [key, slot] of naive)
      t.is(`${slots.address(slot).join('.')}/${slots.bits(slot)}`, key);
  });
}

test('a length of its own makes a prefix of its own', t => {
  const slots = new PrefixSlots(4);
  const ten = Uint8Array.of(10, 0, 0, 0);
  t.not(slots.add(ten, 8), slots.add(ten, 16));
  t.is(slots.find(ten, 24), -1);
});

function lehmer(seed: number): () => number {
  let state = seed + 1;
  return () => (state = Number((BigInt(state) * 48_271n) % 2_147_483_647n));
}

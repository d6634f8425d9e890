import test from 'ava';
import fc from 'fast-check';
import {addressFromNumber, maskAddress, overlaps, parsePrefix, type Prefix} from '#ipam';
import {Claims} from './claims.js';
import {PrefixIndex} from './prefix-index.js';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const claim = (rank: number, ...ranges: string[]) => ({rank, ranges: ranges.map(prefix)});

test('the older claim has the better right, whichever record came first', t => {
  for (const order of [
    ['old', 'new'],
    ['new', 'old'],
  ]) {
    const claims = new Claims();
    for (const owner of order) claims.put(owner, claim(owner === 'old' ? 5 : 9, '10.0.0.0/26'));
    t.is(claims.betterOwnerOfRange('new', prefix('10.0.0.0/26')), 'old');
    t.is(claims.betterOwnerOfRange('old', prefix('10.0.0.0/26')), undefined);
  }
});

test('of two claims of one age the name decides', t => {
  const claims = new Claims();
  claims.put('b', claim(5, '10.0.0.0/26'));
  claims.put('a', claim(5, '10.0.0.0/26'));
  t.is(claims.betterOwnerOfRange('b', prefix('10.0.0.0/26')), 'a');
  t.is(claims.betterOwnerOfRange('a', prefix('10.0.0.0/26')), undefined);
});

test('prefixes of different lengths overlap both ways', t => {
  const claims = new Claims();
  claims.put('wide', claim(1, '10.0.0.0/24'));
  claims.put('narrow', claim(2, '10.0.0.64/26'));
  claims.put('apart', claim(3, '10.0.1.0/26'));
  t.is(claims.betterOwnerOfRange('narrow', prefix('10.0.0.64/26')), 'wide');
  t.is(claims.betterOwnerOfRange('wide', prefix('10.0.0.0/24')), undefined);
  t.is(claims.betterOwnerOfRange('apart', prefix('10.0.1.0/26')), undefined);
});

test('contenders are told of each other when a claim comes, changes and goes', t => {
  const claims = new Claims();
  claims.put('a', claim(1, '10.0.0.0/26'));
  t.deepEqual([...claims.put('b', claim(2, '10.0.0.0/24'))], ['a']);
  t.deepEqual([...claims.put('c', claim(3, '10.9.0.0/24'))], []);
  t.deepEqual([...claims.put('b', claim(2, '10.8.0.0/24'))], ['a'], 'a is rid of b');
  t.deepEqual([...claims.put('b', claim(2, '10.9.0.0/16'))], ['c']);
  t.deepEqual([...claims.remove('b')], ['c']);
});

test('a VTEP MAC has one owner', t => {
  const claims = new Claims();
  claims.put('a', {rank: 2, ranges: [], mac: 'm'});
  t.deepEqual([...claims.put('b', {rank: 1, ranges: [], mac: 'm'})], ['a']);
  t.is(claims.betterOwnerOfMac('a', 'm'), 'b');
  t.is(claims.betterOwnerOfMac('b', 'm'), undefined);
  claims.remove('b');
  t.is(claims.betterOwnerOfMac('a', 'm'), undefined);
});

/** Few bits in use, so that overlaps are common. */
const anyPrefix = fc
  .record({
    isV6: fc.boolean(),
    number: fc.integer({min: 0, max: 255}),
    bits: fc.integer({min: 0, max: 8}),
  })
  .map(({isV6, number, bits}): Prefix => {
    const family = isV6 ? 'ipv6' : 'ipv4';
    const shift = isV6 ? 120n : 24n;
    const address = addressFromNumber(family, BigInt(number) << shift);
    return {family, address: maskAddress(address, bits), bits};
  });

test('the index agrees with comparing everything, after any additions and removals', t => {
  const steps = fc.array(fc.record({prefix: anyPrefix, isAddition: fc.boolean()}), {maxLength: 40});
  fc.assert(
    fc.property(steps, anyPrefix, (all, asked) => {
      const index = new PrefixIndex();
      const held: {prefix: Prefix; owner: string}[] = [];
      all.forEach(({prefix, isAddition}, step) => {
        const victim = held[step % Math.max(1, held.length)];
        if (isAddition || victim === undefined) {
          held.push({prefix, owner: `o${step}`});
          index.add(prefix, `o${step}`);
        } else {
          held.splice(held.indexOf(victim), 1);
          index.remove(victim.prefix, victim.owner);
        }
      });
      const wanted = held.filter(
        each => each.prefix.family === asked.family && overlaps(each.prefix, asked),
      );
      const found = new Set(index.overlapping(asked));
      t.deepEqual([...found].sort(), wanted.map(({owner}) => owner).sort());
    }),
    {numRuns: 1000},
  );
});

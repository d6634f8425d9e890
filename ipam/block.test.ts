import test from 'ava';
import {blockAt, blockCount, candidateBlocks, isBlockOf} from './block.js';
import {checkPool, overlappingPools, type Pool, type PoolSpec} from './pool.js';

function poolOf(name: string, spec: PoolSpec): Pool {
  const checked = checkPool(name, spec);
  if (checked.kind === 'faulty') throw new Error(JSON.stringify(checked.faults));
  return checked.pool;
}

function candidates(pool: Pool, options: Partial<Parameters<typeof candidateBlocks>[0]> = {}) {
  return candidateBlocks({pool, nodeUid: 'a', previous: [], isTaken: () => false, ...options});
}

test('a faulty pool names each field that is wrong', t => {
  const faults = (spec: PoolSpec) => {
    const checked = checkPool('p', spec);
    return checked.kind === 'ok' ? [] : checked.faults.map(({field}) => field);
  };
  t.deepEqual(faults({cidr: '10.0.0.0/16'}), []);
  t.deepEqual(faults({cidr: '10.0.0.1/16'}), ['spec.cidr']);
  t.deepEqual(faults({cidr: 'nonsense'}), ['spec.cidr']);
  t.deepEqual(faults({cidr: '10.0.0.0/16', blockSize: 15}), ['spec.blockSize']);
  t.deepEqual(faults({cidr: '10.0.0.0/16', blockSize: 32}), ['spec.blockSize']);
  t.deepEqual(faults({cidr: '10.0.0.0/16', blockSize: 26.5}), ['spec.blockSize']);
  t.deepEqual(faults({cidr: 'fd00::/32', blockSize: 48}), ['spec.blockSize']);
  t.deepEqual(faults({cidr: '10.0.0.0/16', reserved: ['10.0.0.1', 'x', '11.0.0.0/8', '::1']}), [
    'spec.reserved[1]',
    'spec.reserved[2]',
    'spec.reserved[3]',
  ]);
  t.deepEqual(faults({cidr: '10.0.0.0/16', blockSize: 99, reserved: ['x']}), [
    'spec.blockSize',
    'spec.reserved[0]',
  ]);
});

test('blocks are /26 and /122 unless said, never wider than the pool', t => {
  t.is(poolOf('p', {cidr: '10.0.0.0/16'}).blockSize, 26);
  t.is(poolOf('p', {cidr: 'fd00::/48'}).blockSize, 122);
  t.is(poolOf('p', {cidr: '10.0.0.0/28'}).blockSize, 28);
  t.is(blockCount(poolOf('p', {cidr: '10.0.0.0/16'})), 1024n);
  t.is(blockAt(poolOf('p', {cidr: 'fd00::/48'}), 1n), 'fd00::40/122');
  t.true(isBlockOf(poolOf('p', {cidr: '10.0.0.0/16'}), '10.0.1.64/26'));
  t.false(isBlockOf(poolOf('p', {cidr: '10.0.0.0/16'}), '10.0.1.0/24'));
  t.false(isBlockOf(poolOf('p', {cidr: '10.0.0.0/16'}), '10.1.0.0/26'));
});

test('every block is a candidate once, in an order of the host', t => {
  const pool = poolOf('p', {cidr: '10.0.0.0/16'});
  const orders = ['a', 'b', 'c'].map(nodeUid => [...candidates(pool, {nodeUid})]);
  for (const order of orders) {
    t.is(order.length, 1024);
    t.is(new Set(order).size, 1024);
  }
  t.deepEqual(orders[0], [...candidates(pool)]);
  t.is(new Set(orders.map(order => order.slice(0, 3).join())).size, 3);
});

test('previous blocks come first, freed ones last, taken and fully reserved ones never', t => {
  const pool = poolOf('p', {cidr: '10.0.0.0/23', reserved: ['10.0.1.0/25', '10.0.0.0']});
  const order = [
    ...candidates(pool, {
      previous: ['10.9.0.0/26', '10.0.0.192/26', '10.0.0.128/26'],
      freed: ['10.0.0.64/26'],
      isTaken: cidr => cidr === '10.0.0.128/26',
    }),
  ];
  t.is(order[0], '10.0.0.192/26');
  t.is(order.at(-1), '10.0.0.64/26');
  t.deepEqual([...order].sort(), [
    '10.0.0.0/26',
    '10.0.0.192/26',
    '10.0.0.64/26',
    '10.0.1.128/26',
    '10.0.1.192/26',
  ]);
});

test('of freed blocks the oldest is first; who was too late begins among ever more of all', t => {
  const pool = poolOf('p', {cidr: '10.0.0.0/24', blockSize: 29});
  const all = Array.from({length: 32}, (_, n) => `10.0.0.${n * 8}/29`);
  const freed = Array.from({length: 31}, (_, n) => all[(n * 7) % 31]!); // one was never used
  const hosts = Array.from({length: 400}, (_, n) => `host-${n}`);
  for (const [lostRaces, begins] of [
    [all[31]!],
    [all[31]!, ...freed.slice(0, 15)],
    all,
  ].entries()) {
    const orders = hosts.map(nodeUid => [...candidates(pool, {nodeUid, freed, lostRaces})]);
    const found = new Set(orders.map(([first]) => first!));
    t.deepEqual([...found].sort(), [...begins].sort(), `${lostRaces} lost`);
    for (const order of orders) t.deepEqual([...order].sort(), [...all].sort());
  }
  t.deepEqual([...candidates(pool, {freed})], [all[31], ...freed]);
});

test('a pool of 2^74 blocks gives its first candidate without counting them', t => {
  const pool = poolOf('p', {cidr: 'fd00::/48'});
  const first = candidates(pool).next().value;
  t.true(isBlockOf(pool, first as string));
});

test('pools that share addresses are named in pairs', t => {
  const pools = [
    poolOf('b', {cidr: '10.1.0.0/16'}),
    poolOf('a', {cidr: '10.0.0.0/8'}),
    poolOf('c', {cidr: 'fd00::/48'}),
  ];
  t.deepEqual(overlappingPools(pools), [['a', 'b']]);
});

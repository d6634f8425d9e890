import test from 'ava';
import {desireChains} from '../desired/nat.js';
import {FakeIptables} from '../kernel/iptables-fake.js';
import {IptablesError} from '../kernel/iptables.js';
import {ChainKeeper} from './chain-keeper.js';

const chains = desireChains({
  family: 'ipv4',
  pools: [{cidr: '10.0.0.0/16', natOutgoing: true}],
});
const theirs = `*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
COMMIT
`;
const theirsGone = `*filter
-D FORWARD -j KUBE-FORWARD
-X KUBE-FORWARD
COMMIT
`;

function setUp({isConfigured = false, resyncMs = 0} = {}) {
  const time = {nowMs: 0};
  const nft = new FakeIptables('nft');
  const legacy = new FakeIptables('legacy');
  const moves: string[] = [];
  const order: string[] = []; // of writes
  const saves = {nft: 0, legacy: 0};
  for (const each of [nft, legacy]) {
    each.onSave = () => void saves[each.backend]++;
    each.onRestore = (_family, text) =>
      void order.push(`${each.backend} ${text.includes('-X TWILL') ? 'removed' : 'written'}`);
  }
  const keeper = new ChainKeeper({
    openIptables: () =>
      Promise.resolve({iptables: nft, other: legacy, reason: 'a test', isConfigured}),
    onMove: ({iptables}) => moves.push(iptables.backend),
    ...{clock: {nowMs: () => time.nowMs}, resyncMs},
  });
  const has = (each: FakeIptables) =>
    each.rules('ipv4', 'nat', 'TWILL-POSTROUTING') !== undefined &&
    each.rules('ipv4', 'filter', 'TWILL-FORWARD') !== undefined;
  return {nft, legacy, moves, order, saves, time, keeper, has};
}

test('when others come, to the other backend alone, our chains follow: new first, then old', async t => {
  const {nft, legacy, moves, order, keeper, has} = setUp();
  await keeper.reconcile(chains);
  t.true(has(nft) && !has(legacy));
  await legacy.restore('ipv4', theirs);
  await keeper.reconcile(chains);
  t.deepEqual(moves, [], 'seen once');

  order.length = 0;
  await keeper.reconcile(chains);
  t.deepEqual(moves, ['legacy']);
  t.true(has(legacy) && !has(nft));
  t.deepEqual(order, ['legacy written', 'legacy written', 'nft removed', 'nft removed']);
  t.truthy(legacy.rules('ipv4', 'filter', 'KUBE-FORWARD'), 'theirs are left alone');

  await legacy.restore('ipv4', theirsGone);
  await nft.restore('ipv4', theirs);
  for (let pass = 0; pass < 7; pass++) await keeper.reconcile(chains);
  t.deepEqual(moves, ['legacy', 'nft'], 'and back');
  t.true(has(nft) && !has(legacy));
});

test('passes that follow each other quickly count as one look', async t => {
  const {legacy, moves, time, keeper} = setUp({resyncMs: 30_000});
  await keeper.reconcile(chains);
  await legacy.restore('ipv4', theirs);
  for (; time.nowMs < 30_000; time.nowMs += 1000) await keeper.reconcile(chains);
  t.deepEqual(moves, []);
  await keeper.reconcile(chains);
  t.deepEqual(moves, ['legacy']);
});

test('others who are away for one look, or in both, move nothing', async t => {
  const {nft, legacy, moves, saves, keeper, has} = setUp();
  await keeper.reconcile(chains);
  for (const text of [theirs, theirsGone, theirs, theirsGone]) {
    await legacy.restore('ipv4', text);
    await keeper.reconcile(chains);
  }
  await nft.restore('ipv4', theirs);
  await legacy.restore('ipv4', theirs);
  const before = saves.legacy;
  for (let pass = 0; pass < 20; pass++) await keeper.reconcile(chains);
  t.deepEqual(moves, []);
  t.true(has(nft) && !has(legacy));
  t.is(saves.legacy, before, 'with company here the other one is not even asked');
});

test('what is configured stays', async t => {
  const {legacy, moves, keeper} = setUp({isConfigured: true});
  await keeper.reconcile(chains);
  await legacy.restore('ipv4', theirs);
  for (let pass = 0; pass < 20; pass++) await keeper.reconcile(chains);
  t.deepEqual(moves, []);
});

test('when the new ones cannot be written the old ones stay until they can', async t => {
  const {nft, legacy, keeper, has} = setUp();
  await keeper.reconcile(chains);
  await legacy.restore('ipv4', theirs);
  legacy.onRestore = () => {
    throw new IptablesError('BUSY', 'held lock');
  };
  for (let pass = 0; pass < 5; pass++) await keeper.reconcile(chains);
  t.true(has(nft) && !has(legacy));
  legacy.onRestore = () => undefined;
  await keeper.reconcile(chains);
  t.true(has(legacy) && !has(nft));
});

test('what an earlier run left in the other backend goes after ours are written', async t => {
  const {nft, legacy, order, keeper, has} = setUp();
  const earlier = new ChainKeeper({
    openIptables: () =>
      Promise.resolve({iptables: legacy, other: nft, reason: 'then', isConfigured: false}),
    onMove: () => undefined,
    ...{clock: {nowMs: () => 0}, resyncMs: 0},
  });
  await earlier.reconcile(chains);
  order.length = 0;
  await keeper.reconcile(chains);
  t.true(has(nft) && !has(legacy));
  t.deepEqual(order, ['nft written', 'nft written', 'legacy removed', 'legacy removed']);
});

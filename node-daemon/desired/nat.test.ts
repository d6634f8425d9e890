import test from 'ava';
import {desireChains, ownsChain, type NatPool} from './nat.js';

const pool = (cidr: string, natOutgoing = true): NatPool => ({cidr, natOutgoing});

test('traffic that leaves the pools is masqueraded, traffic that stays inside returns first', t => {
  const pools = [pool('10.9.0.0/16', false), pool('10.244.0.0/16'), pool('fd00:244::/48')];
  const [nat] = desireChains({family: 'ipv4', pools});
  t.is(nat?.name, 'TWILL-POSTROUTING');
  t.deepEqual(nat?.rules, [
    '-d 10.9.0.0/16 -j RETURN',
    '-d 10.244.0.0/16 -j RETURN',
    '-d 224.0.0.0/4 -j RETURN',
    '-s 10.244.0.0/16 -j MASQUERADE --random-fully',
  ]);
  t.is(
    nat?.hook.rule,
    '-m comment --comment "twill: pod traffic that leaves the pools" -j TWILL-POSTROUTING',
  );
});

test('the same generator writes IPv6, in the spelling of RFC 5952', t => {
  const [nat, filter] = desireChains({family: 'ipv6', pools: [pool('FD00:0244:0:0::/48')]});
  t.deepEqual(nat?.rules, [
    '-d fd00:244::/48 -j RETURN',
    '-d ff00::/8 -j RETURN',
    '-s fd00:244::/48 -j MASQUERADE --random-fully',
  ]);
  t.deepEqual(filter?.rules, [
    '-i twl+ -j ACCEPT',
    '-o twl+ -j ACCEPT',
    '-s fd00:244::/48 -j ACCEPT',
    '-d fd00:244::/48 -j ACCEPT',
  ]);
});

test('without a natOutgoing pool there is no NAT chain, and without a pool there is nothing', t => {
  const tables = (pools: readonly NatPool[]) =>
    desireChains({family: 'ipv4', pools}).map(chain => chain.table);
  t.deepEqual(tables([pool('10.0.0.0/8', false)]), ['filter']);
  t.deepEqual(tables([pool('fd00::/48')]), []);
  t.deepEqual(tables([]), []);
});

test('pods with addresses of another ipam are forwarded without any pool', t => {
  const [filter, ...more] = desireChains({family: 'ipv4', pools: [], external: true});
  t.deepEqual(filter?.rules, ['-i twl+ -j ACCEPT', '-o twl+ -j ACCEPT']);
  t.is(more.length, 0);
});

test('the order in which pools are told does not show', t => {
  const pools = [pool('10.2.0.0/16'), pool('10.1.0.0/16'), pool('10.3.0.0/24', false)];
  const text = (order: readonly NatPool[]) =>
    JSON.stringify(desireChains({family: 'ipv4', pools: order}));
  t.is(text(pools), text([...pools].reverse()));
});

test('a pool inside another keeps its own natOutgoing', t => {
  const pools = [pool('10.0.0.0/8'), pool('10.1.0.0/16', false), pool('10.1.2.0/24')];
  const [nat] = desireChains({family: 'ipv4', pools});
  t.deepEqual(nat?.rules, [
    '-d 10.0.0.0/8 -j RETURN',
    '-d 224.0.0.0/4 -j RETURN',
    '-s 10.1.2.0/24 -j MASQUERADE --random-fully',
    '-s 10.1.0.0/16 -j RETURN',
    '-s 10.0.0.0/8 -j MASQUERADE --random-fully',
  ]);
});

test('chain names fit the kernel and comments keep to a strict alphabet', t => {
  const chains = desireChains({family: 'ipv4', pools: [pool('10.0.0.0/8')]});
  t.is(chains.length, 2);
  for (const {table, name, hook} of chains) {
    t.true(name.length <= 28 && ownsChain(table, name));
    t.regex(hook.rule, /^-m comment --comment "[a-z: ]+" -j TWILL-[A-Z]+$/);
  }
});

test("policy's chains in the filter table are not NAT's to remove", t => {
  t.false(ownsChain('filter', 'TWILL-POLICY'));
  t.false(ownsChain('nat', 'KUBE-POSTROUTING'));
  t.true(ownsChain('nat', 'TWILL-OF-AN-EARLIER-VERSION'));
});

import test, {type ExecutionContext} from 'ava';
import {type Chain, desireChains, type NatPool} from '../desired/nat.js';
import {FakeIptables} from '../kernel/iptables-fake.js';
import {IptablesError, createIptables} from '../kernel/iptables.js';
import {type Scratch, createScratch, kernelTest} from '../kernel/scratch-namespace.js';
import {reconcileNat} from './nat.js';

const pools: readonly NatPool[] = [
  {cidr: '10.244.0.0/16', natOutgoing: true},
  {cidr: '10.9.9.0/25', natOutgoing: false},
  {cidr: 'fd00:244::/48', natOutgoing: true},
];

function desireBoth(of: readonly NatPool[]): readonly Chain[] {
  return (['ipv4', 'ipv6'] as const).flatMap(family => desireChains({family, pools: of}));
}

const desired = desireBoth(pools);

test('a second pass writes nothing', async t => {
  const fake = new FakeIptables();
  t.is((await reconcileNat(fake, desired)).applied, 4);
  t.is(fake.writes.length, 4);
  t.is((await reconcileNat(fake, desired)).applied, 0);
  t.is(fake.writes.length, 4);
});

test('without ip6tables IPv4 is translated and IPv6 reported', async t => {
  const fake = new FakeIptables();
  fake.onSave = family => {
    if (family === 'ipv6') throw new IptablesError('MISSING', 'ip6tables-nft-save: not installed');
  };
  const {applied, failed} = await reconcileNat(fake, desired);
  t.is(applied, 2);
  t.deepEqual([...failed.keys()], ['ipv6 nat', 'ipv6 filter']);
  const onlyIpv4 = desired.filter(chain => chain.family === 'ipv4');
  t.is((await reconcileNat(fake, onlyIpv4)).failed.size, 0); // nothing wanted, nothing missed
});

test('a table that is refused does not stop the other', async t => {
  const fake = new FakeIptables();
  fake.onRestore = (_family, text) => {
    if (text.startsWith('*nat')) throw new IptablesError('REFUSED', 'no MASQUERADE here');
  };
  const {applied, failed} = await reconcileNat(fake, desired);
  t.is(applied, 2);
  t.deepEqual([...failed.keys()], ['ipv4 nat', 'ipv6 nat']);
  t.truthy(fake.rules('ipv4', 'filter', 'TWILL-FORWARD'));
});

test('what reads back otherwise than written is an error, not an endless rewrite in silence', async t => {
  const fake = new FakeIptables();
  const save = fake.save.bind(fake);
  fake.save = async family => (await save(family)).replaceAll(' --random-fully', '');
  const {failed} = await reconcileNat(fake, desired);
  t.deepEqual(
    [...failed].map(([key, {code}]) => [key, code]),
    [
      ['ipv4 nat', 'READBACK'],
      ['ipv6 nat', 'READBACK'],
    ],
  );
});

const programs = ['iptables-nft-restore', 'iptables-legacy-restore', 'ip6tables-legacy-restore'];

for (const backend of ['nft', 'legacy'] as const) {
  kernelTest(`${backend}: rules settle in one pass, heal, and vanish`, programs, async t => {
    const scratch = await createScratch(t);
    const iptables = createIptables(backend, scratch.run);
    await addForeignRules(scratch, backend);
    const foreign = await listRules(scratch, backend);

    assertReport(t, await reconcileNat(iptables, desired), 4);
    assertReport(t, await reconcileNat(iptables, desired), 0);
    const settled = await listRules(scratch, backend);
    t.deepEqual(settled.filter(isForeign), foreign);

    for (const program of [`iptables-${backend}`, `ip6tables-${backend}`]) {
      await scratch.run(program, ['-t', 'nat', '-F', 'TWILL-POSTROUTING']);
      await scratch.run(program, ['-t', 'nat', '-A', 'POSTROUTING', '-j', 'TWILL-POSTROUTING']);
      await scratch.run(program, ['-D', 'FORWARD', ...jumpWords('FORWARD')]);
    }
    assertReport(t, await reconcileNat(iptables, desired), 4);
    t.deepEqual(await listRules(scratch, backend), settled);

    const withoutNat = desireBoth(pools.map(pool => ({...pool, natOutgoing: false})));
    assertReport(t, await reconcileNat(iptables, withoutNat), 2);
    assertReport(t, await reconcileNat(iptables, []), 2);
    t.deepEqual(await listRules(scratch, backend), foreign);
  });
}

/*
 *    netns pod                    netns node                     netns outside (no route back)
 *   +-----------------+          +------------------------+      +------------------+
 *   | eth0 10.244.0.2 |---twl0---| FORWARD policy is DROP |------| eth0 192.0.2.2   |
 *   +-----------------+          | eth0 192.0.2.1         |      |      10.9.9.9    |
 *                                +------------------------+      +------------------+
 * 10.9.9.9 stands in a pool: there the pod's own address must arrive, so no answer can.
 */
kernelTest(
  'a pod reaches what is outside with the address of its host, pools with its own',
  [...programs, 'busybox'],
  async t => {
    const [pod, node, outside] = [
      await createScratch(t),
      await createScratch(t),
      await createScratch(t),
    ];
    await node.ip(`link add twl0 type veth peer name eth0 netns ${pod.name}`);
    await node.ip(`link add eth0 type veth peer name eth0 netns ${outside.name}`);
    await pod.ip('address add 10.244.0.2/24 dev eth0');
    await node.ip('address add 10.244.0.1/24 dev twl0');
    await node.ip('address add 192.0.2.1/24 dev eth0');
    await outside.ip('address add 192.0.2.2/24 dev eth0');
    await outside.ip('address add 10.9.9.9/32 dev eth0');
    for (const [scratch, device] of [
      [pod, 'eth0'],
      [node, 'twl0'],
      [node, 'eth0'],
      [outside, 'eth0'],
    ] as const) {
      await scratch.ip(`link set ${device} up`);
    }
    await pod.ip('route add default via 10.244.0.1');
    await node.ip('route add 10.9.9.9 via 192.0.2.2');
    await node.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await node.run('iptables-nft', ['-P', 'FORWARD', 'DROP']);
    const answers = async (address: string) => {
      const args = ['ping', '-c', '1', '-W', '1', address];
      return pod.run('busybox', args).then(
        () => true,
        () => false,
      );
    };

    t.false(await answers('192.0.2.2'));
    assertReport(t, await reconcileNat(createIptables('nft', node.run), desired), 4);
    t.true(await answers('192.0.2.2'));
    t.false(await answers('10.9.9.9'));
    await outside.ip('route add 10.244.0.0/16 via 192.0.2.1');
    t.true(await answers('10.9.9.9'));
  },
);

kernelTest(
  'chains left in the backend no longer used can be removed from there',
  programs,
  async t => {
    const scratch = await createScratch(t);
    const legacy = createIptables('legacy', scratch.run);
    await reconcileNat(legacy, desired);
    await reconcileNat(createIptables('nft', scratch.run), desired);
    assertReport(t, await reconcileNat(legacy, []), 4);
    t.deepEqual(
      (await listRules(scratch, 'legacy')).filter(line => line.includes('TWILL')),
      [],
    );
    t.not((await listRules(scratch, 'nft')).filter(line => line.includes('TWILL')).length, 0);
  },
);

function assertReport(
  t: ExecutionContext,
  {applied, failed}: Awaited<ReturnType<typeof reconcileNat>>,
  expected: number,
): void {
  t.deepEqual([...failed.values()].map(String), []);
  t.is(applied, expected);
}

async function addForeignRules({run}: Scratch, backend: string): Promise<void> {
  const stdin = [
    '*nat',
    ':KUBE-POSTROUTING - [0:0]',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    'COMMIT',
    '*filter',
    ':FORWARD DROP [0:0]',
    '-A FORWARD -i docker0 -j ACCEPT',
    '-A FORWARD -j REJECT',
    'COMMIT',
    '',
  ].join('\n');
  for (const program of ['iptables', 'ip6tables']) {
    await run(`${program}-${backend}-restore`, ['--noflush'], {stdin});
  }
}

async function listRules({run}: Scratch, backend: string): Promise<readonly string[]> {
  const texts = [
    await run(`iptables-${backend}-save`, []),
    await run(`ip6tables-${backend}-save`, []),
  ];
  const lines = texts.flatMap(text => text.split('\n'));
  return lines.filter(line => /^(-A|:)/.test(line)).map(line => line.replace(/ \[.*/, ''));
}

const isForeign = (line: string) => !line.includes('TWILL');

function jumpWords(chain: string): readonly string[] {
  const hook = desired.find(at => at.hook.chain === chain)?.hook;
  const [, comment = ''] = /--comment "(.*)"/.exec(hook?.rule ?? '') ?? [];
  return ['-m', 'comment', '--comment', comment, '-j', `TWILL-${chain}`];
}

/*
 *    host a                        host b
 *   +------------------+          +------------------+
 *   | p1               |-- br0 ---| p2               |
 *   | by hand: delete  |          |                  |
 *   +------------------+          +------------------+
 *
 * Claim: each of our kernel objects, deleted or changed behind the daemon's back, is back by itself.
 */
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {addPod, createCluster} from './cluster.js';
import {labTest} from './privileged.js';

/** How long an object may be missing, ms. Kernel events trigger the repair, so it is seconds at most. */
const boundMs = 5000;
const device = 'twill.4096';

interface Damage {
  readonly name: string;
  readonly harm: (host: Host) => Promise<unknown>;
}

labTest('every kernel object of ours that is deleted by hand comes back', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  await p2.listen();
  const sound = await objects(a);
  t.true(sound.length >= 10, sound.join('\n'));

  const [fdb] = (await a.json<{mac: string; dst?: string}>(`bridge fdb show dev ${device}`)).filter(
    ({dst}) => dst !== undefined,
  );
  const [nexthop] = await a.json<{id: number}>('ip nexthop show proto 84');
  const [overlay] = await a.json<{dst: string}>(`ip -4 route show dev ${device} proto 84`);
  const [overlay6] = await a.json<{dst: string}>(`ip -6 route show dev ${device} proto 84`);
  const [neighbour] = await a.json<{dst: string}>(`ip -4 neigh show dev ${device} nud permanent`);
  const [link] = await a.json<{dev: string}>(`ip route show ${p1.ipv4}`);
  const delegated = `route del ${p1.ipv4}`;

  const damages: readonly Damage[] = [
    {name: 'route of a pod', harm: host => host.ip(delegated)},
    {name: 'IPv6 route of a pod', harm: host => host.ip(`-6 route del ${p1.ipv6}`)},
    {name: 'neighbour of a pod', harm: host => host.ip(`neigh del ${p1.ipv4} dev ${link?.dev}`)},
    {name: 'route of a peer', harm: host => host.ip(`route del ${overlay?.dst}`)},
    {name: 'IPv6 route of a peer', harm: host => host.ip(`-6 route del ${overlay6?.dst}`)},
    {name: 'nexthop of a peer', harm: host => host.ip(`nexthop del id ${nexthop?.id}`)},
    {name: 'all nexthops', harm: host => host.ip('nexthop flush proto 84')},
    {
      name: 'neighbour of a peer',
      harm: host => host.ip(`neigh del ${neighbour?.dst} dev ${device}`),
    },
    {
      name: 'forwarding entry of a peer',
      harm: host =>
        host.run(['bridge', 'fdb', 'del', fdb?.mac ?? '', 'dev', device, 'dst', fdb?.dst ?? '']),
    },
    {name: 'overlay device down', harm: host => host.ip(`link set ${device} down`)},
    {name: 'overlay device', harm: host => host.ip(`link del ${device}`)},
    {
      name: 'address of the overlay device',
      harm: host => host.ip(`-4 address flush dev ${device}`),
    },
  ];

  for (const {name, harm} of damages) {
    await harm(a);
    const startedAt = performance.now();
    const whole = async () => {
      const now = await objects(a);
      const missing = sound.filter(object => !now.includes(object));
      if (missing.length > 0) throw new Error(`missing: ${missing.join('; ')}`);
      return true;
    };
    const healed = await eventually(whole, {withinMs: boundMs, everyMs: 5}).catch(
      (error: Error) => error.message,
    );
    t.is(healed, true, name);
    t.log(`${name}: ${Math.round(performance.now() - startedAt)} ms`);
  }
  for (const {ok, error} of await p1.echo([p2.ipv4, p2.ipv6])) t.true(ok, error);
});

labTest(
  'NAT rules and kernel settings that are changed by hand come back at the next resync',
  async t => {
    const lab = await createCluster(t, {hosts: ['a'], config: {resyncInterval: '1s'}});
    const a = lab.host('a');
    const settings = [
      '/proc/sys/net/ipv4/conf/all/forwarding',
      '/proc/sys/net/ipv6/conf/all/forwarding',
    ];
    const state = async () => {
      const rules = await Promise.all(
        ['iptables', 'ip6tables'].map(program => natRules(a, program)),
      );
      const values = await a.run(['cat', ...settings]);
      return {rules, values: values.stdout};
    };
    const sound = await state();
    for (const rules of sound.rules) t.true(rules.length >= 3, 'chain, jump and rule');

    const damages: readonly Damage[] = [
      ...['iptables', 'ip6tables'].flatMap((program, family) =>
        (sound.rules[family] ?? [])
          .filter(rule => rule.startsWith('-A '))
          .map(rule => ({
            name: `${program} ${rule}`,
            harm: (host: Host) =>
              host.run(['sh', '-c', `${program} -t nat ${rule.replace('-A', '-D')}`]),
          })),
      ),
      ...settings.map(file => ({
        name: file,
        harm: (host: Host) => host.run(['sh', '-c', `echo 0 >${file}`]),
      })),
    ];
    for (const {name, harm} of damages) {
      const {pid} = a.daemon.process; // it looks away while the harm is done and seen
      process.kill(pid, 'SIGSTOP');
      await harm(a);
      t.notDeepEqual(await state(), sound, `${name} does harm`);
      process.kill(pid, 'SIGCONT');
      a.daemon.process.wake();
      const startedAt = performance.now();
      const whole = async () => JSON.stringify(await state()) === JSON.stringify(sound);
      await eventually(whole, {withinMs: boundMs, what: `${name} back`});
      t.log(`${name}: ${Math.round(performance.now() - startedAt)} ms`);
    }
  },
);

/** Our chains, their rules and the jumps to them, as commands. */
async function natRules(host: Host, program: string): Promise<readonly string[]> {
  const {stdout} = await host.run([program, '-t', 'nat', '-S']);
  return stdout.split('\n').filter(line => line.includes('TWILL'));
}

/** Ours, one line each, without what differs when an object is made again. */
async function objects(host: Host): Promise<readonly string[]> {
  const dumps = [
    `ip -o link show dev ${device}`,
    `ip -o -4 address show dev ${device}`,
    'ip -4 route show proto 84',
    'ip -6 route show proto 84',
    'ip neigh show nud permanent',
    'ip nexthop show proto 84',
    `bridge fdb show dev ${device}`,
  ];
  const texts = await Promise.all(dumps.map(dump => host.run(dump.split(' '), {mayFail: true})));
  return texts
    .flatMap(({stdout}) => stdout.split('\n'))
    .map(line =>
      line
        .trim()
        .replace(/^\d+: /, '')
        .replace(/ +/g, ' '),
    )
    .filter(Boolean);
}

labTest("a pod's host end that is set down comes up at the next resync", async t => {
  const lab = await createCluster(t, {hosts: ['a'], config: {resyncInterval: '1s'}});
  const a = lab.host('a');
  const pod = await addPod(a, 'p1');
  const [route] = await a.json<{dev: string}>(`ip route show ${pod.ipv4}`);
  await a.ip(`link set ${route?.dev} down`);
  t.is(
    (await a.json(`ip route show ${pod.ipv4}`)).length,
    0,
    'the control: its route went with it',
  );
  const whole = async () => (await a.json(`ip route show ${pod.ipv4}`)).length === 1;
  t.true(await eventually(whole, {withinMs: 5000}));
  t.is((await a.cni('CHECK', pod)).exitCode, 0);
});

/*
 *    host a                           host b
 *   +-----------------------+        +--------------+
 *   | p1 --ptp--+           |        |              |
 *   | p2 --ptp--+-- eth0 ---|- br0 --|- eth0        |
 *   +-----------------------+        +--------------+
 *
 * Claim: the lab itself tells the truth. Debian's reference plugins stand in for ours.
 */
import {readlink} from 'node:fs/promises';

import type {Conflist} from './lab/cni.js';
import {eventually} from './lab/eventually.js';
import {LongProcess} from './lab/process.js';
import {Stream} from './lab/traffic.js';
import {createLab} from './lab.js';
import {labTest} from './privileged.js';

const referencePlugin = '/usr/lib/cni/ptp';
const conflist: Conflist = {
  cniVersion: '1.0.0',
  name: 'reference',
  plugins: [
    {
      type: 'ptp',
      ipam: {
        type: 'host-local',
        ranges: [[{subnet: '10.9.0.0/24'}], [{subnet: 'fd09::/64'}]],
        routes: [{dst: '0.0.0.0/0'}, {dst: '::/0'}],
      },
    },
  ],
};

labTest(
  'pods of a reference plugin reach each other, and every lost packet and deleted route is noticed',
  async t => {
    const lab = await createLab(t);
    const [a, b] = [lab.host('a'), lab.host('b')];
    const reach = await b.run(['busybox', 'ping', '-c1', '-W2', a.address], {mayFail: true});
    t.is(reach.code, 0, 'the underlay carries IPv4');
    const reach6 = await b.run(['busybox', 'ping', '-6', '-c1', '-W2', a.address6], {
      mayFail: true,
    });
    t.is(reach6.code, 0, 'the underlay carries IPv6');

    await a.installCni(conflist);
    await a.run(['sh', '-c', 'echo 1 | tee /proc/sys/net/ipv*/conf/all/forwarding']);
    const pods = await a.createPods(['p1', 'p2']);
    for (const pod of pods) await a.add(pod);
    const [p1, p2] = pods;
    if (!p1 || !p2) throw new Error('two pods were asked for');
    t.regex(p2.ipv4, /^10\.9\.0\./);
    t.true(await p1.ping(p2.ipv4, {bytes: 1400}));
    await p2.listen();
    for (const {ok, error} of await p1.echo([p2.ipv4], {bytes: 65_536})) t.true(ok, error);

    const stream = await Stream.open(p1, p2, p2.ipv4);
    await stream.flows(200);
    const clean = await stream.close();
    t.is(clean.lost, 0, JSON.stringify(clean));

    const monitor = await a.monitor();
    const cut = await Stream.open(p1, p2, p2.ipv4);
    const [device = ''] = (await a.json<{dev: string}>(`ip route show ${p2.ipv4}`)).map(
      ({dev}) => dev,
    );
    await a.ip(`route del ${p2.ipv4}`);
    await eventually(() => monitor.deletions().length > 0, {
      withinMs: 2000,
      what: 'a deletion seen',
    });
    t.true(monitor.deletions().some(line => line.includes(p2.ipv4)));
    await a.ip(`route add ${p2.ipv4} dev ${device}`);
    await cut.flows();
    const report = await cut.close();
    t.true(report.lost > 0, JSON.stringify(report));
    await monitor.close();

    for (const pod of pods) t.is((await a.cni('DEL', pod)).exitCode, 0);
    t.deepEqual(await a.json('ip link show type veth').then(links => links.length), 1);
    t.true((await a.writtenFiles()).some(path => path.startsWith('/var/lib/cni/')));
    t.deepEqual(
      await b.writtenFiles().then(files => files.filter(path => path.startsWith('/var'))),
      [],
    );
  },
  {programs: [referencePlugin]},
);

labTest('what outlives a lab is found', async t => {
  const undos: (() => Promise<void>)[] = [];
  const lab = await createLab({teardown: undo => undos.push(undo)}, {hosts: ['a']});
  const net = `--net=/proc/${lab.host('a').namespace.pid}/ns/net`;
  // in the host's network, but not among its processes: the end of the host does not end it
  const survivor = new LongProcess([
    'setpriv',
    '--pdeathsig',
    'KILL',
    'nsenter',
    net,
    'sleep',
    '60',
  ]);
  t.teardown(async () => void process.kill(survivor.outerPid, 'SIGKILL'));
  const inside = async () =>
    (await readlink(`/proc/${survivor.outerPid}/ns/net`)) ===
    (await readlink(net.slice('--net='.length)));
  await eventually(inside, {withinMs: 2000});
  for (const undo of undos.reverse()) {
    await t.throwsAsync(undo(), {
      message: new RegExp(`left behind .* process ${survivor.outerPid}$`),
    });
  }
});

/*
 *    host a                                   host b
 *   +-----------------------------+          +-----------+
 *   | p1 <- portmap :8080 - eth0 -|-- br0 ---|- client    |
 *   +-----------------------------+          +-----------+
 *
 * Claim: twill works as one link of a chain: before portmap and bandwidth, with another plugin's
 * addresses, and as the address plugin of another one.
 */
import {type Conflist, twillConflist} from './lab/cni.js';
import {createCluster, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

const reference = (...names: readonly string[]) => ({
  programs: names.map(name => `/usr/lib/cni/${name}`),
});
const [twill] = twillConflist.plugins;
if (!twill) throw new Error('the conflist names twill');

labTest(
  'portmap and bandwidth follow twill and work on its result',
  async t => {
    const lab = await createCluster(t);
    const [a, b] = [lab.host('a'), lab.host('b')];
    const conflist: Conflist = {
      ...twillConflist,
      plugins: [
        twill,
        {type: 'portmap', capabilities: {portMappings: true}},
        {type: 'bandwidth', capabilities: {bandwidth: true}},
      ],
    };
    await a.installCni(conflist);
    const pod = await a.pod('p1');
    const runtimeConfig = {
      portMappings: [{hostPort: 8080, containerPort: 7, protocol: 'tcp'}],
      bandwidth: {ingressRate: 8_000_000, ingressBurst: 80_000},
    };
    await a.add(pod, {runtimeConfig});
    t.true((pod.result?.ips ?? []).length === 2, 'the addresses pass through the chain');
    await pod.listen();

    const client = await b.add(await b.pod('client'));
    const byHost = await client.echo([a.address], {port: 8080});
    for (const {ok, error} of byHost) t.true(ok, error);
    t.regex((await a.ip('-o -d link show')) + (await a.run(['tc', 'qdisc', 'show'])).stdout, /tbf/);

    // without portmap: its 1.1.1 looks for IPv4 rules in ip6tables and the other way round
    const plugins = conflist.plugins.filter(({type}) => type !== 'portmap');
    const checked = await a.cni('CHECK', pod, {runtimeConfig, conflist: {...conflist, plugins}});
    t.is(checked.exitCode, 0, checked.stdout);
    t.is((await a.cni('DEL', pod, {runtimeConfig})).exitCode, 0);
    await t.notThrowsAsync(podsAreGone(a));
    t.is((await a.cni('DEL', pod, {runtimeConfig})).exitCode, 0, 'again');
  },
  reference('portmap', 'bandwidth'),
);

labTest(
  'twill attaches a pod with the address that another ipam plugin gives',
  async t => {
    const lab = await createCluster(t, {hosts: ['a']});
    const a = lab.host('a');
    const ipam = {type: 'host-local', subnet: '10.77.0.0/24'};
    const conflist: Conflist = {...twillConflist, plugins: [{...twill, ipam}]};
    await a.installCni(conflist);
    const [pod, other] = await Promise.all([a.add(await a.pod('p1')), a.add(await a.pod('p2'))]);
    t.regex(pod.ipv4, /^10\.77\.0\./);
    t.true(await pod.ping(other.ipv4));
    for (const one of [pod, other]) {
      t.is((await a.cni('DEL', one)).exitCode, 0);
      t.is((await a.cni('DEL', one)).exitCode, 0, 'again');
    }
    const kept = (await a.writtenFiles()).filter(path =>
      /networks\/twill\/10\.77\.0\.\d+$/.test(path),
    );
    t.deepEqual(kept, [], 'the other plugin was told');
    await t.notThrowsAsync(podsAreGone(a));
  },
  reference('host-local'),
);

labTest(
  'ptp takes its addresses from twill',
  async t => {
    const lab = await createCluster(t, {hosts: ['a']});
    const a = lab.host('a');
    const ipam = {type: 'twill', socket: '/run/twill/cni.sock'};
    const conflist: Conflist = {
      cniVersion: '1.0.0',
      name: 'chained',
      plugins: [{type: 'ptp', ipam}],
    };
    await a.installCni(conflist);
    const pods = await a.createPods(['p1', 'p2']);
    for (const pod of pods) await a.add(pod);
    t.is(new Set(pods.map(pod => pod.ipv4)).size, 2);
    t.regex(pods[0]?.ipv4 ?? '', /^10\.244\./);
    for (const pod of pods) t.is((await a.cni('DEL', pod)).exitCode, 0);
  },
  reference('ptp'),
);

/*
 *    host a: beside ours                           host b
 *   +------------------------------------------+  +----------+
 *   | vxlan flannel.1 with fdb and neighbour    |  |          |
 *   | bridge cni0, route proto static, nexthop  |  |          |
 *   | rule, address on lo, iptables chain       |  |          |
 *   +------------------------------------------+  +----------+
 *
 * Claim: what is not ours is never changed, whatever the daemon and the verbs do.
 */
import type {Host} from './lab/host.js';
import {addPods, createCluster} from './cluster.js';
import {labTest} from './privileged.js';

const foreign = [
  'link add flannel.1 type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472 nolearning',
  'link set flannel.1 addrgenmode none',
  'link set flannel.1 up',
  'neigh add 10.42.1.0 lladdr 02:00:00:00:00:01 dev flannel.1 nud permanent',
  'link add cni0 type bridge',
  'link set cni0 addrgenmode none',
  'link set cni0 up',
  'address add 10.42.0.1/24 dev cni0',
  'address add 198.51.100.1/32 dev lo',
  'route add 10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink proto static',
  // inside our pool, and longer than a block: still somebody else's
  'route add 10.244.255.0/28 via 192.0.2.2 proto static',
  'route add blackhole 10.244.254.0/26 proto bird',
  'nexthop add id 7 via 192.0.2.2 dev eth0 protocol static',
  'neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent',
  'rule add from 10.42.0.0/16 lookup 100 priority 500',
];
const rules = ['-N FOREIGN', '-A FOREIGN -d 203.0.113.9 -j DROP', '-A FORWARD -j FOREIGN'];
const natRules = ['-A POSTROUTING -s 10.42.0.0/16 ! -d 10.42.0.0/16 -j MASQUERADE'];

labTest(
  'foreign interfaces, routes, neighbours, nexthops, rules and chains stay as they are',
  async t => {
    const lab = await createCluster(t);
    const a = lab.host('a');
    await a.run(['ip', '-batch', '-'], {input: foreign.join('\n')});
    await a.run('bridge fdb append 02:00:00:00:00:01 dev flannel.1 dst 192.0.2.2'.split(' '));
    for (const rule of rules) await a.run(['iptables', ...rule.split(' ')]);
    for (const rule of natRules) await a.run(['iptables', '-t', 'nat', ...rule.split(' ')]);
    const before = await foreignState(a);
    t.true(before.length >= 15, before.join('\n'));

    const pods = await addPods(a, ['p1', 'p2', 'p3']);
    for (const pod of pods) t.is((await a.cni('DEL', pod)).exitCode, 0);
    await a.killDaemon('SIGKILL');
    await a.startDaemon();
    await lab.host('b').killDaemon('SIGTERM');
    await addPods(a, ['p4']);
    await a.killDaemon('SIGTERM');
    t.deepEqual(await foreignState(a), before);
  },
);

/** Everything the kernel holds that does not carry one of our marks. */
async function foreignState(host: Host): Promise<readonly string[]> {
  const dumps = [
    'ip -o -d link show dev flannel.1',
    'ip -o link show dev cni0',
    'bridge fdb show dev flannel.1',
    'ip -o address show dev cni0',
    'ip -o address show dev lo',
    'ip -4 route show table all',
    'ip neigh show nud permanent',
    'ip nexthop show',
    'ip rule show',
    'iptables -S',
    'iptables -t nat -S',
  ];
  const texts = await Promise.all(dumps.map(dump => host.run(dump.split(' '))));
  const ours = /twl|twill|TWILL|proto 84|tw-|eth0@/;
  const derived = /^(broadcast|local) /; // follows from addresses, ours among them
  const lines = texts.flatMap(({stdout}) => stdout.split('\n'));
  return lines
    .map(line => line.trim())
    .filter(line => line !== '' && !ours.test(line) && !derived.test(line))
    .sort();
}

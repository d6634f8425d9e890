/** What is on a host and not ours: as near to our own marks as it gets. Shell. */
import type {Host} from '../lab/host.js';

/** On links of their own: what hangs on eth0 goes by the kernel's own hand when that goes down. */
const commands = [
  'link add flannel.1 type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472 nolearning',
  'link set flannel.1 addrgenmode none',
  'link set flannel.1 up',
  'neigh add 10.42.1.0 lladdr 02:00:00:00:00:01 dev flannel.1 nud permanent',
  'link add cni0 type bridge',
  'link add vethtwi0 type veth peer name vethtwi1',
  'link set vethtwi1 addrgenmode none',
  'link set vethtwi1 up',
  'link set vethtwi0 addrgenmode none',
  'link set vethtwi0 up',
  'address add 10.42.0.1/24 dev vethtwi0',
  'address add fd00:42::1/64 dev vethtwi0 nodad',
  'address add 198.51.100.1/32 dev lo',
  'route add 10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink proto static',
  'route add 10.244.255.0/28 via 10.42.0.2 proto static',
  'route add blackhole 10.244.254.0/26 proto bird',
  // the metric of learnt routes, another protocol
  'route add 10.244.253.0/26 via 10.42.0.2 proto static metric 2084',
  'route add 198.18.0.0/24 via 10.42.0.2 proto static metric 2084',
  '-6 route add fd00:10:244::ffc0/122 via fd00:42::2 proto static metric 2084',
  // the ids of learnt next hops, another protocol
  'nexthop add id 1426063361 via 10.42.0.2 dev vethtwi0 protocol static',
  'nexthop add id 1426063364 via fd00:42::2 dev vethtwi0 protocol static',
  'nexthop add id 1426063366 group 1426063361 protocol static',
  'nexthop add id 7 via 10.42.0.2 dev vethtwi0 protocol static',
  'route add 198.18.2.0/24 nhid 1426063361 proto static',
  'neigh add 10.42.0.77 lladdr 02:00:00:00:00:77 dev vethtwi0 nud permanent',
  'rule add from 10.42.0.0/16 lookup 100 priority 500',
  '-6 rule add from fd00:42::/64 lookup 100 priority 500',
];
const rules = [
  '-N FOREIGN',
  '-A FOREIGN -d 203.0.113.9 -j DROP',
  '-A FORWARD -j FOREIGN',
  '-t nat -A POSTROUTING -s 10.42.0.0/16 ! -d 10.42.0.0/16 -j MASQUERADE',
];

export async function placeDecoys(host: Host): Promise<void> {
  for (const command of commands) await host.ip(command);
  await host.run('bridge fdb append 02:00:00:00:00:01 dev flannel.1 dst 192.0.2.2'.split(' '));
  for (const rule of rules) await host.run(['iptables', ...rule.split(' ')]);
}

const ours = /twl|twill|TWILL|proto 84|tw-/;
/** Follows from addresses, links and sysctls, ours among them. */
const derived = /^(broadcast|local|multicast|anycast|33:33|01:00:5e)|\beth0\b/;

/** Of what a kernel holds, everything that does not carry one of our marks. */
export function foreignLines(kernel: readonly string[]): readonly string[] {
  return kernel.filter(line => !ours.test(line) && !derived.test(line));
}

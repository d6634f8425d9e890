// Makes the vectors of this folder again: node native-addon/testdata/capture.mjs [NAME ...] (root,
// strace, ip). HERE is the namespace that it runs in, which iproute2 opens and names by descriptor.
// Each file: the command; then, per message, its direction and type, its payload (what follows the
// nlmsghdr) and what it means. Review the meaning against the command before committing.
import {execFileSync, spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import * as netlink from '../../dist/native-addon/index.js';
import {meaning, TYPES} from '../../dist/native-addon/netlink/vectors.js';

const COMMANDS = [
  ['link-vxlan', 'ip link add twill.4096 mtu 1450 address 02:11:22:33:44:55 type vxlan id 4096 local 192.0.2.1 dev lo dstport 4789 nolearning'],
  ['link-vxlan6', 'ip link add twill.6 address 02:00:00:00:00:06 type vxlan id 6 local 2001:db8::1 dstport 8472 udp6zerocsumtx udp6zerocsumrx gbp learning'],
  ['link-veth', 'ip link add twl0 index 10 mtu 1400 address ee:ee:ee:ee:ee:ee numtxqueues 1 numrxqueues 1 type veth peer name eth0 index 11 address 02:00:00:00:00:01 mtu 1400 numtxqueues 1 numrxqueues 1'],
  ['link-set', 'ip link set twl0 up mtu 1380 group 77 alias pod-a addrgenmode none'],
  ['link-peer-up', 'ip link set eth0 up'],
  ['link-bridge', 'ip link add br0 up address 02:00:00:00:00:b0 type bridge'],
  ['link-master', 'ip link set twill.6 master br0'],
  ['link-up', 'ip link set twill.4096 up'],
  ['link-lo-up', 'ip link set lo up'],
  ['address-add', 'ip address add 10.0.0.1/24 dev twl0 label twl0:1'],
  ['address-add6', 'ip address add fd00::1/64 dev twl0 nodad'],
  ['address-host', 'ip address add 10.244.0.0/32 dev twill.4096 scope link noprefixroute'],
  ['address-delete', 'ip address del 10.244.0.0/32 dev twill.4096'],
  ['route-link', 'ip route add 10.1.0.7/32 dev twl0 proto 84 scope link'],
  ['route-gateway', 'ip route add 10.2.0.0/26 via 10.0.0.9 dev twl0 proto 84 metric 50 src 10.0.0.1 mtu 1400'],
  ['route-onlink', 'ip route add 10.3.0.0/26 via 192.0.2.9 dev twl0 onlink proto 84 table 1000'],
  ['route-replace', 'ip route replace 10.2.0.0/26 via 10.0.0.10 dev twl0 proto 84 metric 50'],
  ['route-default6', 'ip route add default via fe80::1 dev twl0 proto 84'],
  ['route-multipath', 'ip route add 10.4.0.0/16 proto 84 nexthop via 10.0.0.9 dev twl0 weight 1 nexthop via 10.0.0.10 dev twl0 weight 5'],
  ['route-multipath6', 'ip route add fd01::/48 proto 84 nexthop via fd00::9 dev twl0 nexthop via fd00::10 dev twl0'],
  ['route-via-inet6', 'ip route add 10.5.0.0/26 via inet6 fe80::1 dev twl0 proto 84'],
  ['route-blackhole', 'ip route add blackhole 10.244.3.0/26 proto 84'],
  ['route-delete', 'ip route del 10.5.0.0/26'],
  ['nexthop-gateway', 'ip nexthop add id 7 via 10.0.0.9 dev twl0 onlink proto 84'],
  ['nexthop-gateway6', 'ip nexthop add id 8 via fd00::9 dev twl0 proto 84'],
  ['nexthop-second', 'ip nexthop add id 9 via 10.0.0.10 dev twl0 proto 84'],
  ['nexthop-group', 'ip nexthop add id 20 group 7,1/9,5 proto 84'],
  ['nexthop-blackhole', 'ip nexthop add id 21 blackhole proto 84'],
  ['route-nhid', 'ip route add 10.6.0.0/26 nhid 7 proto 84'],
  ['route-nhid6', 'ip route add fd02::/64 nhid 8 proto 84'],
  ['nexthop-delete', 'ip nexthop del id 21'],
  ['neighbour-add', 'ip neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev twl0 nud permanent protocol 84'],
  ['neighbour-add6', 'ip neigh replace fe80::1 lladdr ee:ee:ee:ee:ee:ee dev twl0 nud permanent router'],
  ['neighbour-delete', 'ip neigh del 169.254.1.1 dev twl0'],
  ['fdb-add', 'bridge fdb add 02:00:00:00:00:09 dev twill.4096 dst 192.0.2.9 self permanent'],
  ['fdb-replace', 'bridge fdb replace 02:00:00:00:00:09 dev twill.4096 dst 192.0.2.10 self permanent'],
  ['fdb-delete', 'bridge fdb del 02:00:00:00:00:09 dev twill.4096 dst 192.0.2.10 self'],
  ['rule-mark', 'ip rule add pref 100 fwmark 0x84/0xff lookup 1000 protocol 84'],
  ['rule-from-to', 'ip rule add pref 101 not from 10.0.0.0/8 to 192.0.2.0/24 iif twl0 lookup 84'],
  ['rule-suppress', 'ip -6 rule add pref 102 from fd00::/8 oif twl0 lookup main suppress_prefixlength 0'],
  ['rule-delete', 'ip rule del pref 100'],
  ['link-delete', 'ip link del twl0'],
  ['link-veth-netns', 'ip link add twl1 index 21 numtxqueues 1 numrxqueues 1 group 78 type veth peer name eth1 index 22 numtxqueues 1 numrxqueues 1 netns HERE'],
  ['link-delete-group', 'ip link del group 78'],
];
const wanted = process.argv.slice(2);

const space = `capture-${process.pid}`;
execFileSync('ip', ['netns', 'add', space]);
try {
  const heard = [];
  const monitor = await netlink.openMonitor({
    namespace: {path: `/run/netns/${space}`},
    groups: [1, 3, 5, 7, 8, 9, 11, 19, 32],
    onMessage: ({type, payload}) => heard.push({direction: 'notification', type, payload: payload.slice()}),
    onResync: why => { throw new Error(why); },
    onError: error => { throw error; },
  });
  for (const [name, command] of COMMANDS) {
    heard.length = 0;
    const messages = sent(command.replace('HERE', space));
    await sleep(20);
    const subject = type => TYPES[type]?.replace(/^RTM_(NEW|DEL|SET)/, '');
    const told = heard.filter(({type}) => subject(type) === subject(messages[0].type));
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    writeFileSync(new URL(`${name}.txt`, import.meta.url), [command, ...[...messages, ...told].flatMap(print)].join('\n') + '\n');
  }
  monitor.close();
} finally {
  execFileSync('ip', ['netns', 'del', space]);
}

/** The last message the command sent: those before it only look names up. */
function sent(command) {
  const words = ['ip', 'netns', 'exec', space, 'strace', '-e', 'trace=sendmsg', '-e', 'write=all', ...command.split(' ')];
  const {status, stderr: text} = spawnSync(words[0], words.slice(1), {encoding: 'utf8'});
  if (status !== 0) throw new Error(`${command}: ${text.split('\n').at(-3)}`);
  const calls = [];
  for (const line of text.split('\n')) {
    if (line.includes('sendmsg(')) calls.push('');
    const dump = /^ \| [0-9a-f]{5}  ((?:[0-9a-f]{2} +){1,16})/.exec(line);
    if (dump) calls[calls.length - 1] += dump[1].replaceAll(' ', '');
  }
  const bytes = Buffer.from(calls.at(-1), 'hex');
  return [{direction: 'request', type: bytes.readUInt16LE(4), payload: bytes.subarray(16)}];
}

function print({direction, type, payload}) {
  if (TYPES[type] === undefined) return [];
  const hex = Buffer.from(payload).toString('hex').replace(/(.{8})(?=.)/g, '$1 ');
  return [`${direction} ${TYPES[type]}`, hex, meaning(type, payload)];
}

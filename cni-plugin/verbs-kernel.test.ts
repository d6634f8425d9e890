/* The verbs on the real kernel. See test-lab.ts for the picture. */
import {open} from 'node:fs/promises';
import {namespaceOf, readSysctl, writeSysctl} from '#native-addon';
import {hostInterfaceName} from './names.js';
import {recover} from './recovery.js';
import {createLab, rooted} from './test-lab.js';
import {closeNode, networkConfig, openNode} from './test-node.js';

rooted('ADD wires both families, CHECK agrees, DEL leaves nothing', async t => {
  const {node, ip, pod} = await createLab(t);
  const {name, fd} = await pod();
  const added = await node.call({command: 'ADD'}, {descriptor: fd});
  t.is(added.exitCode, 0, JSON.stringify(added.json));
  t.deepEqual(
    added.json.ips.map(({address}: {address: string}) => address),
    ['10.244.3.1/32', 'fd00:3::1/128'],
  );

  const link = hostInterfaceName('c1', 'eth0');
  t.regex(await ip('host', `link show ${link}`), /state UP.*ee:ee:ee:ee:ee:ee/s);
  t.regex(
    await ip('host', 'route show proto 84'),
    new RegExp(`^10.244.3.1 dev ${link} scope link`),
  );
  t.regex(await ip('host', '-6 route show proto 84'), new RegExp(`^fd00:3::1 dev ${link} metric`));
  t.is(await ip('host', `-6 address show dev ${link}`), '');
  t.regex(await ip(name, 'route'), /^default via 169.254.1.1 dev eth0/m);
  t.regex(await ip(name, '-6 route'), /^default via fe80::1 dev eth0/m);
  t.regex(await ip(name, 'neigh'), /169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT/);
  t.regex(await ip(name, 'address show dev eth0'), /mtu 1450.*10.244.3.1\/32.*fd00:3::1\/128/s);
  t.regex(await ip(name, 'address show dev lo'), /127.0.0.1/);

  const checked = await node.call(
    {command: 'CHECK', stdin: networkConfig({prevResult: added.json})},
    {descriptor: fd},
  );
  t.deepEqual(checked.json, undefined);

  t.is((await node.call({command: 'DEL'}, {descriptor: fd})).exitCode, 0);
  t.is(await ip('host', 'route show proto 84'), '');
  t.is(await ip('host', '-6 route show proto 84'), '');
  await node.context.retirement.everyoneGone();
  t.deepEqual(node.book.list(), []);
  await t.throwsAsync(ip('host', `link show ${link}`));
  await t.throwsAsync(ip(name, 'link show eth0'));
  t.is((await node.call({command: 'DEL', netnsPath: ''})).exitCode, 0);
  t.deepEqual(node.problems, []);
});

const DAMAGES: readonly (readonly [string, 'host' | 'pod', string, RegExp])[] = [
  [
    'address',
    'pod',
    'address del 10.244.3.1/32 dev eth0',
    /address 10.244.3.1\/32 is missing on eth0/,
  ],
  ['address6', 'pod', 'address del fd00:3::1/128 dev eth0', /address fd00:3::1\/128 is missing/],
  ['default route', 'pod', 'route del default', /route 0.0.0.0\/0 via 169.254.1.1 is missing/],
  [
    'foreign route',
    'pod',
    'route replace default dev eth0',
    /route 0.0.0.0\/0 via 169.254.1.1 is missing/,
  ],
  [
    'neighbour',
    'pod',
    'neigh del 169.254.1.1 dev eth0',
    /neighbour 169.254.1.1 on eth0 is missing/,
  ],
  ['interface down', 'pod', 'link set eth0 down', /interface eth0 is down/],
  [
    'mac',
    'pod',
    'link set eth0 address 02:00:00:00:00:77',
    /MAC of interface eth0 is 02:00:00:00:00:77/,
  ],
  ['mtu', 'pod', 'link set eth0 mtu 1500', /mtu of eth0 is 1500, above 1450/],
  ['gone', 'pod', 'link del eth0', /interface eth0 is missing/],
  [
    'host route',
    'host',
    'route del 10.244.3.1 proto 84',
    /host route 10.244.3.1\/32 dev twl\w+ is missing/,
  ],
  [
    'host neighbour',
    'host',
    'neigh del 10.244.3.1 dev LINK',
    /neighbour 10.244.3.1 on twl\w+ is missing/,
  ],
];

for (const [what, where, command, finding] of DAMAGES) {
  rooted(`CHECK names the damage, and a second ADD heals it: ${what}`, async t => {
    const {node, ip, pod} = await createLab(t);
    const {name, fd} = await pod();
    const added = await node.call({command: 'ADD'}, {descriptor: fd});
    const link = hostInterfaceName('c1', 'eth0');
    await ip(where === 'pod' ? name : 'host', command.replace('LINK', link));
    const stdin = networkConfig({prevResult: added.json});

    const damaged = await node.call({command: 'CHECK', stdin}, {descriptor: fd});
    t.is(damaged.json.code, 100);
    t.regex(damaged.json.details, finding);

    const again = await node.call({command: 'ADD'}, {descriptor: fd});
    t.deepEqual(again.json, added.json);
    const healed = await node.call({command: 'CHECK', stdin}, {descriptor: fd});
    t.is(healed.json, undefined);
  });
}

rooted('an ADD turns IPv6 on where the namespace has it off', async t => {
  const {node, pod, ip} = await createLab(t);
  const {name, fd} = await pod();
  await writeSysctl({fd}, 'net/ipv6/conf/all/disable_ipv6', '1');
  await writeSysctl({fd}, 'net/ipv6/conf/default/disable_ipv6', '1');
  const added = await node.call({command: 'ADD'}, {descriptor: fd});
  t.is(added.exitCode, 0, JSON.stringify(added.json));
  t.regex(await ip(name, '-6 route'), /default via fe80::1/);
  t.is(await readSysctl({fd}, 'net/ipv6/conf/lo/disable_ipv6'), '0');
  t.is(
    (
      await node.call(
        {command: 'CHECK', stdin: networkConfig({prevResult: added.json})},
        {descriptor: fd},
      )
    ).json,
    undefined,
  );
});

rooted(
  'an interface of that name in the pod is an error that names it, and nothing is left',
  async t => {
    const {node, pod, ip} = await createLab(t);
    const {name, fd} = await pod();
    await ip(name, 'link add eth0 type veth peer name other');
    const refused = await node.call({command: 'ADD'}, {descriptor: fd});
    t.is(refused.json.code, 4);
    t.regex(refused.json.msg, /CNI_IFNAME: the pod's namespace has an interface eth0 already/);
    t.deepEqual(node.book.list(), []);
    t.is(await ip('host', 'route show proto 84'), '');
    t.notRegex(await ip('host', 'link'), /twl/);
    t.regex(await ip(name, 'link'), /eth0@other/);
  },
);

rooted('a host link left under our name is replaced', async t => {
  const {node, pod, ip} = await createLab(t);
  const {fd} = await pod();
  await ip('host', `link add ${hostInterfaceName('c1', 'eth0')} type veth peer name stale`);
  t.is((await node.call({command: 'ADD'}, {descriptor: fd})).exitCode, 0);
  t.notRegex(await ip('host', 'link'), /stale/);
});

rooted("the host's own namespace is refused", async t => {
  const {node} = await createLab(t);
  const file = await open(`/proc/self/ns/net`);
  t.teardown(() => file.close());
  const kernel = {...node.context.kernel, hostNamespace: namespaceOf({fd: file.fd})};
  const other = await openNode({kernel});
  t.teardown(() => closeNode(other));
  const refused = await other.call({command: 'ADD'}, {descriptor: file.fd});
  t.is(refused.json.code, 4);
  t.regex(refused.json.msg, /CNI_NETNS/);
});

rooted('a hundred pods come and go at once, no address twice, nothing left', async t => {
  const {node, ip, pod} = await createLab(t);
  node.context.book.setRanges([
    {cidr: '10.244.4.0/25', family: 'ipv4', pool: 'default'},
    {cidr: 'fd00:4::/121', family: 'ipv6', pool: 'default6'},
  ]);
  const pods = [];
  for (let at = 0; at < 20; at++) pods.push(await pod());
  // Five interfaces in each of twenty namespaces: a namespace costs more than what is tested.
  const calls = pods.flatMap(({fd}, at) =>
    [0, 1, 2, 3, 4].map(n => ({containerId: `c${at}`, ifName: `eth${n}`, fd})),
  );
  const answers = await Promise.all(
    calls.map(({containerId, ifName, fd}) => node.call({containerId, ifName}, {descriptor: fd})),
  );
  t.deepEqual(
    answers.filter(({exitCode}) => exitCode !== 0).map(({json}) => json),
    [],
  );
  const addresses = answers.flatMap(({json}) =>
    json.ips.map((each: {address: string}) => each.address),
  );
  t.is(new Set(addresses).size, 200);

  const gone = await Promise.all(
    calls.map(({containerId, ifName}) => node.call({command: 'DEL', containerId, ifName})),
  );
  t.true(gone.every(({exitCode}) => exitCode === 0));
  await node.context.retirement.everyoneGone();
  t.deepEqual(node.book.list(), []);
  t.notRegex(await ip('host', 'link'), /twl/);
  t.is(await ip('host', 'route show proto 84'), '');
  t.deepEqual(node.problems, []);
});

rooted('after a crash: whole pods stay, half-made and half-removed ones go, leaks go', async t => {
  const {node, ip, pod, reopen} = await createLab(t);
  const [whole, half, ending] = [await pod(), await pod(), await pod()];
  await node.call({containerId: 'whole'}, {descriptor: whole.fd});
  await node.call({containerId: 'half'}, {descriptor: half.fd});
  await node.call({containerId: 'ending'}, {descriptor: ending.fd});
  await ip('host', 'link add twl0123456789a type veth peer name leak');
  await ip('host', 'link add foreign type veth peer name foreign2');
  // The state that a crash leaves: the record of an ADD that never got to the pod's batch.
  await node.book.release('half', 'eth0');
  const {attachment} = await node.book
    .allocate({
      attachment: {
        containerId: 'half',
        ifName: 'eth0',
        network: 'twill',
        hostInterface: hostInterfaceName('half', 'eth0'),
        mac: '02:00:00:00:00:01',
        netns: '',
      },
      families: ['ipv4'],
    })
    .then(allocation => allocation as {attachment: {addresses: readonly string[]}});
  t.is(attachment.addresses.length, 1);
  await ip(half.name, 'link set eth0 down');
  await node.book.markDeleting({containerId: 'ending', ifName: 'eth0'});

  const again = await reopen();
  const plan = await recover(again.context);
  t.deepEqual(
    plan.keep.map(({containerId}) => containerId),
    ['whole'],
  );
  t.deepEqual(
    plan.undo.map(({containerId}) => containerId),
    ['half'],
  );
  t.deepEqual(
    plan.finish.map(({containerId}) => containerId),
    ['ending'],
  );
  t.deepEqual(plan.leaks, ['twl0123456789a']);
  await again.context.retirement.everyoneGone();
  t.deepEqual(
    again.book.list().map(({containerId}) => containerId),
    ['whole'],
  );
  const links = await ip('host', 'link');
  t.is(links.match(/twl/g)?.length, 1);
  t.regex(links, /foreign@foreign2/);
});

import {closeSync, openSync} from 'node:fs';

import test from 'ava';

import {countDescriptors, createNamespace, eventually, privileged} from '../test-lab.js';
import {decodeAddress, dumpAddresses, newAddress} from './address.js';
import {NUD_PERMANENT, RT_SCOPE_LINK, RTPROT_TWILL} from './constants.js';
import {decodeLink, deleteLink, deleteLinkGroup, dumpLinks, getLink, setLink} from './link.js';
import {decodeNeighbour, dumpFdb, dumpNeighbours, newFdb, newNeighbour} from './neighbour.js';
import {decodeNexthop, deleteNexthop, dumpNexthops, newNexthop} from './nexthop.js';
import {decodeRoute, deleteRoute, dumpRoutes, getRoute, newRoute, type Route} from './route.js';
import {decodeRule, deleteRule, dumpRules, newRule} from './rule.js';
import {openNetlink} from './socket.js';
import {newVeth} from './veth.js';
import {newVxlan} from './vxlan.js';

const HOST_MAC = Uint8Array.of(0xee, 0xee, 0xee, 0xee, 0xee, 0xee);
const POD_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const GATEWAY = Uint8Array.of(169, 254, 1, 1);
const vxlan = {
  name: 'twill.4096',
  index: 5,
  mac: POD_MAC,
  mtu: 1450,
  up: true,
  vxlan: {vni: 4096, port: 4789, learning: false, local: Uint8Array.of(192, 0, 2, 1)},
};
const route = (octets: readonly number[], bits: number, more: Partial<Route>): Route => ({
  family: 'ipv4',
  table: 254,
  protocol: RTPROT_TWILL,
  scope: 0,
  type: 1,
  destination: {address: Uint8Array.from(octets), bits},
  ...more,
});

test('a namespace that is none is refused with the errno of the call', async t => {
  await t.throwsAsync(openNetlink({namespace: {path: '/nowhere'}}), {code: 'ENOENT'});
  await t.throwsAsync(openNetlink({namespace: {path: '/dev/null'}}), {code: 'EINVAL'});
  await t.throwsAsync(openNetlink({namespace: {fd: 9999}}), {code: 'EBADF'});
  await t.throwsAsync(openNetlink({protocol: 99}), {code: 'EPROTONOSUPPORT'});
});

test('the own namespace needs no privilege to look at', async t => {
  const socket = await openNetlink();
  t.teardown(() => socket.close());
  const lo = await socket.get(getLink({name: 'lo'}));
  t.like(decodeLink(lo!.payload), {index: 1, name: 'lo'});
  t.is(await socket.get(getLink({name: 'no-such-link'})), undefined);
});

privileged('a pod is wired in two batches, as ip sees it', async t => {
  const [node, pod] = await Promise.all([createNamespace(t), createNamespace(t)]);
  const fd = openSync(pod.path, 'r');
  t.teardown(() => closeSync(fd));
  const host = await openNetlink({namespace: {path: node.path}});
  const inside = await openNetlink({namespace: {fd}});
  t.teardown(() => (host.close(), inside.close()));

  await host.must([
    newVeth({
      name: 'twl0',
      index: 100,
      mac: HOST_MAC,
      mtu: 1450,
      alias: 'pod',
      peer: {name: 'eth0', index: 2, mac: POD_MAC, mtu: 1450, netns: {fd}},
    }),
    setLink({index: 100, addrGenMode: 'none', up: true}),
    newRoute(route([10, 0, 0, 2], 32, {oif: 100, scope: RT_SCOPE_LINK}), 'add'),
  ]);
  const state = NUD_PERMANENT;
  const neighbour = {family: 'ipv4', index: 2, state, flags: 0, destination: GATEWAY} as const;
  await inside.must([
    setLink({index: 1, up: true}),
    setLink({index: 2, up: true}),
    newAddress({
      family: 'ipv4',
      index: 2,
      address: Uint8Array.of(10, 0, 0, 2),
      bits: 32,
      scope: 0,
      flags: 0,
    }),
    newNeighbour({...neighbour, mac: HOST_MAC}, 'add'),
    newRoute(route([169, 254, 1, 1], 32, {oif: 2, scope: RT_SCOPE_LINK}), 'add'),
    newRoute(route([0, 0, 0, 0], 0, {oif: 2, gateway: GATEWAY}), 'add'),
  ]);

  t.regex(await node.ip('-d link show twl0'), /veth addrgenmode none numtxqueues 1 numrxqueues 1/);
  t.is(await node.ip('route show 10.0.0.2'), '10.0.0.2 dev twl0 proto 84 scope link');
  t.regex(await node.ip('-6 address show dev twl0'), /^$/);
  t.regex(await pod.ip('address show eth0'), /link\/ether 02:00:00:00:00:01[^]*inet 10.0.0.2\/32/);
  t.is(
    (await pod.ip('route')).replaceAll(/ +\n/g, '\n'),
    'default via 169.254.1.1 dev eth0 proto 84\n169.254.1.1 dev eth0 proto 84 scope link',
  );
  t.is(await pod.ip('neigh'), '169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT');

  const reply = await inside.get(getRoute({family: 'ipv4', address: Uint8Array.of(1, 1, 1, 1)}));
  t.like(decodeRoute(reply!.payload), {oif: 2, gateway: GATEWAY});
  await host.must([deleteLink({name: 'twl0'})]);
  t.is(await inside.get(getLink({name: 'eth0'})), undefined);
});

privileged('every table is dumped as it was written, filtered by the kernel', async t => {
  const node = await createNamespace(t);
  const socket = await openNetlink({namespace: {path: node.path}});
  t.teardown(() => socket.close());
  t.deepEqual(await socket.dump(dumpRoutes({family: 'ipv4', table: 4711})), []);

  const entry = {index: 5, mac: POD_MAC, destination: Uint8Array.of(192, 0, 2, 9)};
  const via = Uint8Array.of(10, 9, 0, 1);
  const nexthop = {
    id: 7,
    family: 'ipv4',
    protocol: 84,
    oif: 5,
    gateway: via,
    onlink: true,
  } as const;
  const held = route([10, 9, 0, 0], 26, {nexthopId: 7});
  const other = route([10, 8, 0, 0], 26, {oif: 5, scope: RT_SCOPE_LINK, protocol: 4});
  const rule = {family: 'ipv4', priority: 9, table: 1000, action: 1, protocol: 84} as const;
  await socket.must([
    setLink({index: 1, up: true}), // without any address IPv4 knows no unicast gateway
    newVxlan(vxlan),
    newFdb(entry),
    newNexthop(nexthop, 'replace'),
    newRoute(held, 'replace'),
    newRoute(other, 'add'),
    newRule(rule),
    newNeighbour(
      {family: 'ipv4', index: 5, state: NUD_PERMANENT, flags: 0, destination: via, mac: POD_MAC},
      'replace',
    ),
  ]);
  const links = await socket.dump(dumpLinks({kind: 'vxlan'}));
  t.like(decodeLink(links[0]!.payload), {name: vxlan.name, vxlan: vxlan.vxlan, up: true});
  t.is(links.length, 1);
  const routes = await socket.dump(dumpRoutes({family: 'ipv4', protocol: 84}));
  t.deepEqual(
    routes.map(m => decodeRoute(m.payload)),
    [held],
  );
  const learnt = {...held, priority: 2084};
  await socket.must([newRoute(learnt, 'add')]);
  const ours = dumpRoutes({family: 'ipv4', protocol: 84});
  for (const [without, expected] of [
    [undefined, [held, learnt]],
    [{protocol: 84, metric: 2084}, [held]],
    [{protocol: 84, metric: 2085}, [held, learnt]],
    [{protocol: 4, metric: 2084}, [held, learnt]],
  ] as const) {
    const dumped = await socket.dump(ours, {...(without && {without})});
    t.deepEqual(
      dumped.map(m => decodeRoute(m.payload)),
      [...expected],
    );
  }
  await socket.must([deleteRoute(learnt)]);
  const nexthops = await socket.dump(dumpNexthops());
  t.deepEqual(
    nexthops.map(m => decodeNexthop(m.payload)),
    [nexthop],
  );
  const fdb = (await socket.dump(dumpFdb({index: 5}))).map(m => decodeNeighbour(m.payload));
  t.like(
    fdb.find(e => e.destination !== undefined),
    entry,
  );
  const neighbours = await socket.dump(dumpNeighbours({family: 'ipv4', index: 5}));
  t.like(decodeNeighbour(neighbours[0]!.payload), {destination: via, mac: POD_MAC});
  const rules = (await socket.dump(dumpRules({family: 'ipv4'}))).map(m => decodeRule(m.payload));
  t.deepEqual(
    rules.find(r => r.priority === 9),
    rule,
  );
  const addresses = await socket.dump(dumpAddresses({index: 5}));
  t.true(addresses.every(m => decodeAddress(m.payload).index === 5));

  await socket.must([deleteRule(rule), deleteRoute(held), deleteNexthop(7)]);
  t.is((await socket.dump(dumpNexthops())).length, 0);
});

privileged('each request has its own answer, with the words of the kernel', async t => {
  const node = await createNamespace(t);
  const socket = await openNetlink({namespace: {path: node.path}});
  t.teardown(() => socket.close());
  const lone = route([10, 1, 0, 0], 26, {oif: 5, gateway: Uint8Array.of(10, 9, 0, 1)});
  const requests = Array.from({length: 200}, (_, i) =>
    i === 150
      ? newRoute(lone, 'add')
      : newRoute(route([10, 2, i, 0], 26, {oif: 5, scope: 253}), 'add'),
  );
  const errors = await socket.send([newVxlan(vxlan), ...requests, deleteLinkGroup(99)]);
  t.is(errors.length, 202);
  t.deepEqual(
    errors.flatMap(error => error?.code ?? []),
    ['ENETUNREACH', 'ENODEV'],
  );
  t.like(errors[151], {
    op: 'add route 10.1.0.0/26 table 254',
    kernelMessage: 'Nexthop has invalid gateway',
    retry: 'backoff',
  });
  await t.throwsAsync(socket.must(requests), {code: 'EEXIST'});
});

privileged('changes go on while a dump runs, and a dump is whole in spite of them', async t => {
  const node = await createNamespace(t);
  const socket = await openNetlink({namespace: {path: node.path}});
  t.teardown(() => socket.close());
  const some = (from: number) =>
    Array.from({length: 2000}, (_, i) =>
      newRoute(route([10, from + (i >> 8), i & 0xff, 0], 32, {oif: 5, scope: 253}), 'replace'),
    );
  await socket.must([newVxlan(vxlan), ...some(0)]);
  const [dumped] = await Promise.all([
    socket.dump(dumpRoutes({family: 'ipv4', protocol: 84})),
    socket.must(some(100)),
    socket.dump(dumpLinks()), // waits for the first dump
  ]);
  const keys = new Set(dumped.map(m => decodeRoute(m.payload).destination.address.join('.')));
  for (let i = 0; i < 2000; i++) t.true(keys.has(`10.${i >> 8}.${i & 0xff}.0`));
});

for (const how of ['own', 'path', 'descriptor'] as const) {
  privileged.serial(`10,000 sockets leave no descriptor behind: namespace by ${how}`, async t => {
    const {path} = await createNamespace(t);
    const file = openSync(path, 'r');
    t.teardown(() => closeSync(file));
    const options = {own: {}, path: {namespace: {path}}, descriptor: {namespace: {fd: file}}}[how];
    const before = countDescriptors();
    for (let i = 0; i < 10_000; i++) (await openNetlink(options)).close();
    await t.notThrowsAsync(eventually(() => countDescriptors() <= before));
    const kept = await openNetlink(options); // the control: one that is open is seen
    t.true(countDescriptors() > before);
    kept.close();
  });
}

privileged.serial('a refused opening leaves no descriptor behind', async t => {
  const before = countDescriptors();
  for (let i = 0; i < 100; i++) {
    await t.throwsAsync(openNetlink({namespace: {path: '/dev/null'}}), {code: 'EINVAL'});
  }
  await eventually(() => countDescriptors() <= before);
});

test('closing rejects what is pending, and twice is once', async t => {
  const socket = await openNetlink();
  const pending = [socket.send([getLink({index: 1})]), socket.dump(dumpLinks())];
  socket.close();
  socket.close();
  for (const result of await Promise.allSettled(pending)) {
    if (result.status === 'rejected') t.like(result.reason, {code: 'ECANCELED'});
  }
  await t.throwsAsync(socket.send([getLink({index: 1})]), {code: 'ECANCELED'});
  await t.throwsAsync(socket.dump(dumpLinks()), {code: 'ECANCELED'});
});

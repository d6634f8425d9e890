import test from 'ava';

import {newAddress} from './address.js';
import {NUD_PERMANENT, RTPROT_TWILL} from './constants.js';
import {FakeKernel} from './fake-kernel.js';
import {decodeLink, deleteLink, deleteLinkGroup, dumpLinks, getLink, setLink} from './link.js';
import {decodeNeighbour, deleteFdb, dumpFdb, newFdb, newNeighbour} from './neighbour.js';
import {deleteNexthop, newNexthop} from './nexthop.js';
import {decodeRoute, deleteRoute, dumpRoutes, newRoute, type Route} from './route.js';
import {newVeth} from './veth.js';
import {newVxlan} from './vxlan.js';

const MAC = Uint8Array.of(0xee, 0xee, 0xee, 0xee, 0xee, 0xee);
const veth = (name: string, group = 0) =>
  newVeth({name, up: true, group, mac: MAC, peer: {name: 'eth0', netns: {fd: 9}}});
const vxlan = newVxlan({
  name: 'twill.1',
  mac: MAC,
  up: true,
  vxlan: {vni: 1, port: 4789, learning: false},
});
const route = (third: number, more: Partial<Route>): Route => ({
  family: 'ipv4',
  table: 254,
  protocol: RTPROT_TWILL,
  scope: 0,
  type: 1,
  destination: {address: Uint8Array.of(10, 0, third, 0), bits: 26},
  ...more,
});
const codes = (errors: readonly ({code: string} | undefined)[]) => errors.map(e => e?.code);

test('a veth appears on both sides and goes from both', async t => {
  const host = new FakeKernel();
  await host.must([veth('twl0')]);
  t.is(
    host.print(),
    `link lo mac 00:00:00:00:00:00 mtu 65536 state down
link twl0 kind veth mac ee:ee:ee:ee:ee:ee mtu 1500 state up`,
  );
  t.regex(host.namespaceAt(9).print(), /link eth0 kind veth .* state down/);

  t.deepEqual(codes(await host.send([veth('twl0'), veth('twl1')])), ['EEXIST', 'EEXIST']);
  await host.must([deleteLink({name: 'twl0'})]);
  t.notRegex(host.namespaceAt(9).print(), /eth0/);
  t.deepEqual(codes(await host.send([deleteLink({name: 'twl0'})])), ['ENODEV']);
});

test('a group of links is deleted at once', async t => {
  const host = new FakeKernel();
  const peer = {name: 'p', index: 0};
  await host.must([
    newVeth({name: 'a', group: 7, peer}),
    newVeth({name: 'b', group: 7, peer: {name: 'q'}}),
  ]);
  await host.must([deleteLinkGroup(7)]);
  t.deepEqual([...host.state.links.keys()], [1]);
});

test('answers are the bytes of the kernel', async t => {
  const kernel = new FakeKernel();
  await kernel.must([vxlan, setLink({index: 1, up: true})]);
  const links = await kernel.dump(dumpLinks({kind: 'vxlan'}));
  const [link] = links.map(message => decodeLink(message.payload));
  t.like(link, {index: 2, name: 'twill.1', up: true, vxlan: {vni: 1, port: 4789}});
  t.is(await kernel.get(getLink({name: 'absent'})), undefined);

  const entry = {index: 2, mac: MAC, destination: Uint8Array.of(192, 0, 2, 9)};
  await kernel.must([newFdb(entry)]);
  const fdb = await kernel.dump(dumpFdb({index: 2}));
  t.like(decodeNeighbour(fdb[0]!.payload), {family: 'bridge', destination: entry.destination});
  const other = {...entry, destination: Uint8Array.of(192, 0, 2, 8)};
  t.deepEqual(codes(await kernel.send([deleteFdb(other), deleteFdb(entry)])), [
    'ENOENT',
    undefined,
  ]);
});

test('routes are refused as the kernel refuses them', async t => {
  const kernel = new FakeKernel();
  await kernel.must([vxlan]);
  const gateway = Uint8Array.of(10, 9, 0, 1);
  const results = await kernel.send([
    newRoute(route(0, {oif: 77}), 'add'),
    newRoute(route(0, {oif: 1}), 'add'), // lo is down
    newRoute(route(0, {oif: 2, gateway}), 'add'),
    newRoute(route(0, {nexthopId: 5}), 'add'),
    newRoute(route(0, {oif: 2, gateway, onlink: true}), 'add'),
    newRoute(route(0, {oif: 2, gateway, onlink: true}), 'add'),
    newRoute(route(0, {oif: 2, scope: 253}), 'replace'),
    deleteRoute(route(0, {oif: 1})),
    deleteRoute(route(0, {oif: 2})),
    deleteRoute(route(0, {})),
  ]);
  t.deepEqual(codes(results), [
    'ENODEV',
    'ENETDOWN',
    'ENETUNREACH',
    'EINVAL',
    undefined,
    'EEXIST',
    undefined,
    'ESRCH',
    undefined,
    'ESRCH',
  ]);
});

test('a nexthop takes its routes along, a link that goes down its nexthops', async t => {
  const kernel = new FakeKernel();
  const nexthop = {id: 5, protocol: 84, oif: 2, gateway: Uint8Array.of(10, 9, 0, 1), onlink: true};
  const all = [newNexthop(nexthop, 'add'), newRoute(route(1, {nexthopId: 5}), 'add')];
  await kernel.must([vxlan, ...all]);
  t.is((await kernel.dump(dumpRoutes({family: 'ipv4', protocol: 84}))).length, 1);
  t.is((await kernel.dump(dumpRoutes({family: 'ipv4', protocol: 85}))).length, 0);

  await kernel.must([deleteNexthop(5)]);
  t.is(kernel.state.routes.size, 0);
  await kernel.must([...all, setLink({index: 2, up: false})]);
  t.is(kernel.state.routes.size + kernel.state.nexthops.size, 0);
});

test('addresses and neighbours hang on their link', async t => {
  const kernel = new FakeKernel();
  const address = Uint8Array.of(10, 0, 0, 1);
  const neighbour = {family: 'ipv4', index: 2, state: NUD_PERMANENT, flags: 0} as const;
  const requests = [
    newAddress({family: 'ipv4', index: 2, address, bits: 32, scope: 0, flags: 0}),
    newNeighbour({...neighbour, destination: address, mac: MAC}, 'add'),
  ];
  t.deepEqual(codes(await kernel.send(requests)), ['ENODEV', 'ENODEV']);
  await kernel.must([vxlan, ...requests]);
  t.deepEqual(codes(await kernel.send(requests)), ['EEXIST', 'EEXIST']);
  await kernel.must([deleteLink({index: 2})]);
  t.is(kernel.print(), 'link lo mac 00:00:00:00:00:00 mtu 65536 state down');
});

test('faults: one request refused, a dump interrupted, a socket broken', async t => {
  const kernel = new FakeKernel();
  kernel.inject({kind: 'refuse', op: /^add vxlan/, code: 'ENOMEM'});
  t.deepEqual(codes(await kernel.send([vxlan, vxlan])), ['ENOMEM', undefined]);

  kernel.inject({kind: 'interrupt', times: 5});
  t.is((await kernel.dump(dumpLinks())).length, 2);
  kernel.inject({kind: 'interrupt', times: 6});
  await t.throwsAsync(kernel.dump(dumpLinks()), {code: 'EINTR'});

  kernel.inject({kind: 'fail', code: 'ENOBUFS'});
  const error = await t.throwsAsync(kernel.send([vxlan]), {code: 'ENOBUFS'});
  t.like(error, {retry: 'resync'});
  kernel.close();
  await t.throwsAsync(kernel.must([vxlan]), {code: 'ECANCELED'});
});

test('a monitor hears of changes with the object as it is', async t => {
  const kernel = new FakeKernel();
  const heard: string[] = [];
  const monitor = kernel.monitor({
    onMessage: ({type, payload}) => heard.push(`${type} ${decodeLink(payload).name}`),
    onResync: why => heard.push(why),
  });
  await kernel.must([vxlan, setLink({index: 2, up: false}), deleteLink({index: 2})]);
  kernel.overrun();
  monitor.close();
  await kernel.must([vxlan]);
  t.deepEqual(heard, ['16 twill.1', '16 twill.1', '17 twill.1', 'overrun']);
});

test('a route comes back as it was given', async t => {
  const kernel = new FakeKernel();
  await kernel.must([vxlan]);
  const given = route(3, {oif: 2, scope: 253, priority: 7, mtu: 1400});
  await kernel.must([newRoute(given, 'add')]);
  const [held] = await kernel.dump(dumpRoutes({family: 'ipv4'}));
  t.deepEqual(decodeRoute(held!.payload), given);
});

import test from 'ava';

import {createNamespace, eventually, privileged} from '../test-lab.js';
import {RTM_DELLINK, RTM_NEWLINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_LINK} from './constants.js';
import {decodeLink, deleteLink, setLink} from './link.js';
import {openMonitor} from './monitor.js';
import {decodeRoute, newRoute} from './route.js';
import {openNetlink} from './socket.js';
import {newVxlan} from './vxlan.js';

const vxlan = newVxlan({
  name: 'twill.1',
  index: 5,
  up: true,
  vxlan: {vni: 1, port: 4789, learning: false},
});
const unexpected = (why: unknown) => {
  throw new Error(`unexpected: ${String(why)}`);
};
const manyRoutes = Array.from({length: 5000}, (_, i) =>
  newRoute(
    {
      family: 'ipv4',
      table: 254,
      protocol: 84,
      scope: 253,
      type: 1,
      destination: {address: Uint8Array.of(10, i >> 8, i & 0xff, 0), bits: 32},
      oif: 5,
    },
    'add',
  ),
);

privileged('a monitor hears of links in its namespace', async t => {
  const node = await createNamespace(t);
  const namespace = {path: node.path};
  const heard: string[] = [];
  const monitor = await openMonitor({
    namespace,
    groups: [RTNLGRP_LINK],
    onMessage: ({type, payload}) => heard.push(`${type} ${decodeLink(payload).name}`),
    onResync: unexpected,
    onError: unexpected,
  });
  t.teardown(() => monitor.close());
  const socket = await openNetlink({namespace});
  t.teardown(() => socket.close());
  await socket.must([vxlan, setLink({index: 5, up: false}), deleteLink({index: 5})]);
  await eventually(() => heard.includes(`${RTM_DELLINK} twill.1`));
  t.is(heard[0], `${RTM_NEWLINK} twill.1`);
});

privileged('what one socket changes can be left out, and nothing else is', async t => {
  const node = await createNamespace(t);
  const namespace = {path: node.path};
  const heard: number[] = [];
  const monitor = await openMonitor({
    namespace,
    groups: [RTNLGRP_IPV4_ROUTE],
    onMessage: ({payload}) => heard.push(decodeRoute(payload).destination.address[2] ?? -1),
    onResync: unexpected,
    onError: unexpected,
  });
  t.teardown(() => monitor.close());
  const own = await openNetlink({namespace});
  const other = await openNetlink({namespace});
  t.teardown(() => [own, other].forEach(socket => socket.close()));
  t.not(own.port, other.port);
  const route = (n: number) => manyRoutes.slice(n, n + 1); // 10.0.n.0/32
  await own.must([vxlan]);

  monitor.ignore(own.port);
  await own.must(route(5));
  await other.must(route(6));
  await eventually(() => heard.includes(6));
  t.false(heard.includes(5));

  monitor.ignore(0);
  await own.must(route(7));
  await eventually(() => heard.includes(7));

  await node.ip('link set lo up');
  const withMetric = (n: number, metric: number) =>
    node.ip(`route add 10.0.${n}.0/24 dev lo metric ${metric}`);
  monitor.ignore(own.port, 2084);
  await withMetric(8, 2084);
  await own.must(route(9));
  await withMetric(10, 2083);
  await eventually(() => heard.includes(10));
  await node.ip('route delete 10.0.8.0/24 metric 2084');
  await node.ip('route add 10.0.11.0/24 dev lo');
  await eventually(() => heard.includes(11));
  t.deepEqual(
    heard.filter(n => n === 8 || n === 9),
    [],
  );
  monitor.close();
  t.throws(() => monitor.ignore(own.port), {code: 'ECANCELED'});
});

privileged('an overrun is told as a resync, and the monitor goes on', async t => {
  const node = await createNamespace(t);
  const namespace = {path: node.path};
  const state = {messages: 0, resyncs: 0};
  const monitor = await openMonitor({
    namespace,
    groups: [RTNLGRP_IPV4_ROUTE],
    receiveBufferBytes: 1,
    onMessage: () => state.messages++,
    onResync: () => state.resyncs++,
    onError: unexpected,
  });
  t.teardown(() => monitor.close());
  const socket = await openNetlink({namespace});
  t.teardown(() => socket.close());
  await socket.must([vxlan, ...manyRoutes]);
  await eventually(() => state.resyncs > 0);
  const before = state.messages;
  await socket.must([setLink({index: 5, up: false}), deleteLink({index: 5}), vxlan]);
  await socket.must(manyRoutes.slice(0, 1));
  await eventually(() => state.messages > before);
  t.true(state.messages > 0);
});

privileged('a listener that blocks the event loop loses nothing up to the buffer', async t => {
  const node = await createNamespace(t);
  const namespace = {path: node.path};
  let messages = 0;
  const monitor = await openMonitor({
    namespace,
    groups: [RTNLGRP_IPV4_ROUTE],
    onMessage: () => messages++,
    onResync: unexpected,
    onError: unexpected,
  });
  t.teardown(() => monitor.close());
  const socket = await openNetlink({namespace});
  t.teardown(() => socket.close());
  const sent = socket.must([vxlan, ...manyRoutes]);
  const until = Date.now() + 300;
  while (Date.now() < until); // nobody takes what arrives
  await sent;
  await eventually(() => messages >= manyRoutes.length);
  t.is(messages, manyRoutes.length);
});

test('a group that does not exist is refused', async t => {
  const options = {groups: [9999], onMessage: unexpected, onResync: unexpected};
  await t.throwsAsync(openMonitor({...options, onError: unexpected}), {code: 'EINVAL'});
});

test('a namespace that does not exist is refused', async t => {
  const options = {groups: [], onMessage: unexpected, onResync: unexpected, onError: unexpected};
  await t.throwsAsync(openMonitor({...options, namespace: {path: '/nowhere'}}), {code: 'ENOENT'});
});

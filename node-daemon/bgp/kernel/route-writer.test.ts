import type {NetlinkSocket, RequestBatch} from '#native-addon';
import test from 'ava';

import {systemClock} from '../../datastore/clock.js';
import {RightOfWay} from '../right-of-way.js';
import {RouteWriter} from './route-writer.js';
import {LearntRoutes} from './routes.js';

const NEVER_MS = 60_000;

// a wait for another thread keeps no process alive, the port of a worker does
const alive = setInterval(() => undefined, NEVER_MS);
test.after.always(() => clearInterval(alive));

const GATEWAY = Uint8Array.of(192, 0, 2, 2);
const hop = [{address: GATEWAY, ifindex: 0, weight: 1}];

/** A kernel that says yes, and how many routes it was given. */
function paperSocket() {
  const written = {objects: 0, routes: 0};
  const socket = {
    send(requests: readonly unknown[]) {
      written.objects += requests.length;
      return Promise.resolve(requests.map(() => undefined));
    },
    sendBatch({length}: RequestBatch) {
      written.routes += length;
      return Promise.resolve(new Array<undefined>(length).fill(undefined));
    },
  } as unknown as NetlinkSocket;
  return {written, socket};
}

function setUp(mostMs = NEVER_MS) {
  const {written, socket} = paperSocket();
  const routes = new LearntRoutes(() => ({ifindex: 1, gateway: GATEWAY}));
  const verbs = new RightOfWay();
  const writer = new RouteWriter(routes, {
    clock: systemClock,
    useSocket: action => action(socket),
    onRefused: () => undefined,
    onIdle: () => undefined,
    othersPass: () => verbs.passed(mostMs),
  });
  let selected = 0;
  const select = (count: number) => {
    for (const end = selected + count; selected < end; selected++) {
      const address = Uint8Array.of(10, selected >>> 8, selected & 0xff, 0);
      routes.select({family: 'ipv4', address, bits: 24, nextHops: hop, attributes: undefined});
    }
    writer.wake();
  };
  return {written, verbs, writer, routes, select};
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}

test('much waits until no verb is under way', async t => {
  const {written, verbs, writer, select} = setUp();
  select(1);
  writer.start();
  await writer.settled();
  verbs.enter();
  select(5000);
  const settled = writer.settled();
  await turns();
  t.is(written.routes, 1);
  verbs.leave();
  await settled;
  t.is(written.routes, 5001);
  await writer.stop();
});

test('a next hop that changes for many routes does not wait, the routes that are new do', async t => {
  const {written, verbs, writer, routes, select} = setUp();
  select(5000);
  writer.start();
  await writer.settled();
  t.is(written.objects, 1);
  verbs.enter();
  routes.resolveAll(() => ({ifindex: 2, gateway: GATEWAY}));
  select(5000);
  await turns();
  t.is(written.objects, 2);
  t.true(written.routes < 10_000);
  verbs.leave();
  await writer.settled();
  t.is(written.routes, 10_000);
  await writer.stop();
});

test('little does not wait: what BFD takes away is gone at once', async t => {
  const {written, verbs, writer, select} = setUp();
  verbs.enter();
  select(100);
  writer.start();
  await writer.settled();
  t.is(written.routes, 100);
  await writer.stop();
});

test('verbs without end hold up nothing for ever', async t => {
  const {written, verbs, writer, select} = setUp(1);
  verbs.enter();
  select(5000);
  writer.start();
  await writer.settled();
  t.is(written.routes, 5000);
  await writer.stop();
});

test('it can be stopped as it waits', async t => {
  const {written, verbs, writer, select} = setUp(50);
  verbs.enter();
  select(5000);
  writer.start();
  await writer.stop();
  t.true(written.routes < 5000);
});

import test from 'ava';
import {ManualClock} from '../datastore/clock.js';
import type {StoreEvent} from '../datastore/store-event.js';
import {FakeKernel, no} from '../kernel/fake-kernel.js';
import type {StateEvent} from '../state/transition.js';
import {createNodeCore} from './loop.js';
import type {KernelPass} from './pass-meter.js';
import {fleet, nodeEvent, nodeKey, rangesOf} from './paper-fleet.js';

const underlay: StateEvent = {
  kind: 'underlay',
  underlay: {
    ifindex: 2,
    name: 'eth0',
    mtu: 1500,
    addresses: {ipv4: {address: Uint8Array.of(192, 0, 2, 1), bits: 24}},
  },
};
const synced: StoreEvent = {kind: 'synced'};

function setUp() {
  const kernel = new FakeKernel();
  const clock = new ManualClock();
  const warnings: object[] = [];
  const log = {info: () => undefined, warn: (fields: object) => warnings.push(fields)};
  const passes: KernelPass[] = [];
  const onPass = (pass: KernelPass) => passes.push(pass);
  const core = createNodeCore({self: {name: 'n0', uid: 'uid-0'}, kernel, clock, log, onPass});
  const dispatch = (...events: StateEvent[]) => events.forEach(event => core.dispatch(event));
  const store = (...events: StoreEvent[]) => core.dispatch({kind: 'store', events});
  let isReady = false;
  void core.firstPassDone.then(() => (isReady = true));
  return {kernel, clock, core, warnings, passes, dispatch, store, isReady: () => isReady};
}

async function setUpReady(peers = 3) {
  const scene = setUp();
  const attachments: StateEvent = {kind: 'attachments', attachments: []};
  scene.dispatch(underlay, {kind: 'ranges', ranges: rangesOf(0)}, attachments);
  scene.store(...fleet(peers), synced);
  await scene.core.start();
  await scene.clock.advance(0);
  return scene;
}

test('nothing is made or deleted before etcd was read completely', async t => {
  const {kernel, clock, core, dispatch, store, isReady} = setUp();
  const {routes} = (await setUpReady()).kernel;
  kernel.routes = routes; // of an earlier life
  dispatch(underlay, {kind: 'attachments', attachments: []});
  await core.start();
  store(nodeEvent(1));
  await clock.advance(100_000);
  t.deepEqual(kernel.tried, []);
  t.false(isReady());
  store(synced);
  await clock.advance(0);
  t.true(isReady());
  t.true(kernel.tried.includes('delete-route'), 'the control');
});

test('the first pass is done when the last thing it needs is known, in whatever order they come', async t => {
  const events: StateEvent[] = [
    underlay,
    {kind: 'attachments', attachments: []},
    {kind: 'store', events: [...fleet(2), synced]},
  ];
  for (let first = 0; first < events.length; first++) {
    const {clock, core, dispatch, isReady} = setUp();
    await core.start();
    for (let at = 0; at < events.length; at++) {
      t.false(isReady());
      dispatch(events[(first + at) % events.length]!);
      await clock.advance(1);
    }
    t.true(isReady());
    await core.stop();
  }
});

test('a change of one node among thousands costs that node: no dump, four operations', async t => {
  const {kernel, clock, core, store} = await setUpReady(3000);
  t.is(kernel.routes.length, 6000);
  kernel.tried.length = 0;
  kernel.dumpError = new Error('not now');
  store({kind: 'delete', key: nodeKey(1234)});
  await clock.advance(0);
  t.is(kernel.tried.length, 7);
  store(nodeEvent(1234));
  await clock.advance(0);
  t.is(kernel.tried.length, 14);
  t.like(core.health(), {resyncs: 1, updates: 2});
});

test('an unparsable record is a problem; the last good one keeps working, and so do all others', async t => {
  const {kernel, clock, core, store} = await setUpReady();
  const whole = kernel.print();
  store(
    {kind: 'problem', key: nodeKey(2), problems: ['expected JSON']},
    {kind: 'problem', key: nodeKey(9), problems: ['spec']},
  );
  await clock.advance(0);
  t.deepEqual(kernel.print(), whole);
  t.deepEqual([...core.health().problems.keys()], [nodeKey(2), nodeKey(9)]);
  store(nodeEvent(2), {kind: 'delete', key: nodeKey(9)});
  await clock.advance(0);
  t.is(core.health().problems.size, 0);
});

test('a node that cannot be reached is told of once, until it changes', async t => {
  const {clock, core, warnings, store} = await setUpReady();
  const clash = nodeEvent(1);
  if (clash.kind !== 'put') return t.fail();
  const twin = {
    ...clash,
    key: nodeKey(50),
    createRevision: 900,
    record: {...clash.record, metadata: {...clash.record.metadata, name: 'n50'}},
  } as StoreEvent;
  store(twin);
  await clock.advance(0);
  store(twin);
  await clock.advance(0);
  t.is(warnings.length, 1);
  t.regex(core.health().problems.get('node n50')?.join() ?? '', /overlaps one of node n1/);
});

test('an underlay that goes away for a while changes nothing', async t => {
  const {kernel, clock, dispatch} = await setUpReady();
  const whole = kernel.print();
  dispatch({kind: 'underlay', underlay: undefined});
  await clock.advance(60_000);
  t.deepEqual(kernel.print(), whole);
});

test('news of a loss are healed after the debounce, not at the next resync', async t => {
  const {kernel, clock} = await setUpReady();
  const route = kernel.routes.splice(0, 1)[0]!;
  kernel.tell({table: 'routes', isGone: true, route});
  await clock.advance(50);
  t.is(kernel.routes.length, 5);
  await clock.advance(60);
  t.is(kernel.routes.length, 6);
});

test("others' news and echoes cost no resync", async t => {
  const {kernel, clock, core} = await setUpReady();
  const [route, nexthop, neighbour, entry, link] = [
    kernel.routes[0]!,
    kernel.nexthops[0]!,
    kernel.neighbours[0]!,
    kernel.fdb[0]!,
    kernel.links[0]!,
  ];
  const elsewhere = {...route, address: Uint8Array.of(1, 2, 3, 0), protocol: 3};
  kernel.tell({table: 'routes', isGone: false, route: elsewhere});
  kernel.tell({table: 'routes', isGone: true, route: elsewhere});
  kernel.tell({table: 'nexthops', isGone: false, nexthop});
  kernel.tell({
    table: 'nexthops',
    isGone: true,
    nexthop: {...nexthop, id: 3, protocol: 3, index: 1},
  });
  kernel.tell({table: 'neighbours', isGone: false, neighbour});
  kernel.tell({table: 'neighbours', isGone: true, neighbour: {...neighbour, index: 1}});
  kernel.tell({table: 'fdb', isGone: false, entry});
  kernel.tell({table: 'links', isGone: false, link});
  kernel.tell({table: 'links', isGone: true, link: {...link, name: 'eth7', index: 7}});
  await clock.advance(5000);
  t.is(core.health().resyncs, 1);
  kernel.tell({table: 'fdb', isGone: true, entry});
  await clock.advance(5000);
  t.is(core.health().resyncs, 2, 'the control');
});

test('a loss that was wanted by the time it is looked at costs no resync', async t => {
  const {kernel, clock, core, store} = await setUpReady();
  const route = kernel.routes.find(({bits, address}) => bits === 26 && address[3] === 64)!;
  kernel.tell({table: 'routes', isGone: true, route});
  store({kind: 'delete', key: nodeKey(1)});
  await clock.advance(5000);
  t.is(core.health().resyncs, 1);
});

test('lost news and the timer lead to a resync', async t => {
  const {kernel, clock, core} = await setUpReady();
  kernel.fdb.length = 0;
  kernel.loseNews();
  await clock.advance(200);
  t.is(kernel.fdb.length, 3);
  kernel.neighbours.length = 0;
  await clock.advance(30_000);
  t.is(kernel.neighbours.length, 6);
  t.is(core.health().resyncs, 3);
});

test('a kernel that cannot be read is asked again with growing waits; nothing is lost meanwhile', async t => {
  const {kernel, clock, core, store} = await setUpReady();
  kernel.dumpError = new Error('no memory');
  kernel.loseNews();
  await clock.advance(200);
  t.like(core.health().dumpError, {message: 'no memory', sinceMs: 100});
  await clock.advance(1000);
  t.like(core.health().dumpError, {sinceMs: 100}, 'since it began');
  kernel.tried.length = 0;
  store(nodeEvent(8));
  await clock.advance(0);
  t.deepEqual(kernel.tried, [], 'without a picture of the kernel there is no plan');
  kernel.dumpError = undefined;
  await clock.advance(5000);
  t.is(kernel.routes.length, 8);
  t.is(core.health().dumpError, undefined);
});

test('health counts what is as desired and names what is not', async t => {
  const scene = setUp();
  scene.kernel.refuse = op => (op.kind === 'replace-fdb' ? no('ENOMEM') : undefined);
  scene.dispatch(
    underlay,
    {kind: 'ranges', ranges: rangesOf(0)},
    {kind: 'attachments', attachments: []},
  );
  scene.store(...fleet(3), synced);
  await scene.core.start();
  await scene.clock.advance(0);
  const {fdb, routes, device} = scene.core.health().tables;
  t.like(fdb, {desired: 3, applied: 0});
  t.is(fdb.failed.length, 3);
  t.like(fdb.failed[0], {code: 'ENOMEM'});
  t.like(routes, {desired: 6, applied: 6, operations: 6});
  t.like(device, {desired: 1, applied: 1});
  t.true(scene.isReady(), 'a failing table does not keep the node from being ready');
});

test('each pass is told with what it did, table by table; one with nothing to do is not', async t => {
  const {kernel, clock, passes, store} = await setUpReady();
  const whole = passes.at(-1);
  t.is(whole?.kind, 'resync');
  t.is(whole?.tables.routes.operations, 6); // two families
  t.is(whole?.tables.fdb.operations, 3);

  kernel.refuse = op => (op.kind === 'replace-fdb' ? no('ENOMEM') : undefined);
  store(nodeEvent(4));
  await clock.advance(0);
  t.is(passes.at(-1)?.kind, 'update');
  t.deepEqual(passes.at(-1)?.tables.fdb, {operations: 0, failed: 1});
  t.deepEqual(passes.at(-1)?.tables.routes, {operations: 2, failed: 0});

  kernel.refuse = () => undefined;
  await clock.advance(1000);
  t.deepEqual(passes.at(-1)?.tables.fdb, {operations: 1, failed: 0});
  const count = passes.length;
  store(nodeEvent(4)); // as it is
  await clock.advance(0);
  t.is(passes.length, count);
});

test('stop leaves the kernel as it is', async t => {
  const {kernel, clock, core, store} = await setUpReady();
  const whole = kernel.print();
  await core.stop();
  store({kind: 'delete', key: nodeKey(1)});
  await clock.advance(100_000);
  t.deepEqual(kernel.print(), whole);
  t.is(clock.pending, 0);
});

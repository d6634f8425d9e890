import test from 'ava';
import fc from 'fast-check';
import {ManualClock} from '../datastore/clock.js';
import {createDirtyKeys, Desired} from '../desired/desired.js';
import type {Contribution} from '../desired/tables.js';
import {fdbKey, gatewayKey, routeKey} from '../kernel/key.js';
import {FakeKernel, no} from '../kernel/fake-kernel.js';
import {PROTOCOL_TWILL, type KernelOp} from '../kernel/port.js';
import {Reconciler} from './reconciler.js';

const device = 'twill.4096';
const withOverlay = true;

const desiredDevice = {
  ...{name: device, vni: 4096, port: 4789, local: Uint8Array.of(192, 0, 2, 1), underlay: 2},
  ...{mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1450},
};

const gatewayOf = (n: number) => Uint8Array.of(10, 244, n, 0);
const macOf = (n: number) => Uint8Array.of(2, 0, 0, 0, 1, n);

/** What a peer needs: the n-th range behind the g-th host. */
function peer(n: number, host = n): Contribution {
  const gateway = gatewayOf(host);
  const mac = macOf(host);
  const nexthop = gatewayKey(gateway, device);
  const address = gatewayOf(n);
  const route = {key: routeKey(address, 26), family: 'ipv4' as const, address, bits: 26};
  return {
    nexthops: [{key: nexthop, device, gateway, onlink: true}],
    neighbours: [{key: nexthop, device, address: gateway, mac}],
    fdb: [{key: fdbKey(mac, device), device, mac, destination: Uint8Array.of(192, 0, 2, 1 + host)}],
    routes: [{...route, via: {kind: 'nexthop', key: nexthop}}],
  };
}

function setUp(peers: readonly number[] = [1, 2, 3]) {
  const kernel = new FakeKernel();
  const clock = new ManualClock();
  const desired = new Desired();
  desired.device = desiredDevice;
  desired.update(
    peers.map(n => [`n${n}`, peer(n)] as const),
    createDirtyKeys(),
  );
  return {kernel, clock, desired, reconciler: new Reconciler(kernel, clock)};
}

type Change = readonly [string, Contribution | undefined];

async function change({desired, reconciler}: ReturnType<typeof setUp>, changes: readonly Change[]) {
  const dirty = createDirtyKeys();
  desired.update(changes, dirty);
  await reconciler.update(desired, dirty);
}

const ofProtocol = (kernel: FakeKernel, protocol: number) =>
  kernel.print().filter(line => line.includes(`proto ${protocol}`));

test('a resync makes everything, a second one does nothing', async t => {
  const {kernel, desired, reconciler} = setUp();
  await reconciler.resync(desired, {withOverlay});
  t.is(kernel.routes.length, 3);
  t.is(kernel.nexthops.length, 3);
  t.is(kernel.neighbours.length, 3);
  t.is(kernel.fdb.length, 3);
  const {length} = kernel.tried;
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.tried.slice(length), []);
});

test('stale routes go first, then things come in the order they need each other, leftovers go last', async t => {
  const setup = setUp([1, 2]);
  const {kernel, desired, reconciler} = setup;
  await reconciler.resync(desired, {withOverlay});
  kernel.tried.length = 0;
  desired.update(
    [
      ['n1', undefined],
      ['n4', peer(4)],
    ],
    createDirtyKeys(),
  );
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.tried, [
    'delete-route',
    'add-nexthop',
    'replace-neighbour',
    'replace-fdb',
    'add-route',
    'delete-nexthop',
    'delete-neighbour',
    'delete-fdb',
  ]);
});

test('an update touches the keys of its node and no other', async t => {
  const setup = setUp(Array.from({length: 50}, (_, n) => n + 1));
  await setup.reconciler.resync(setup.desired, {withOverlay});
  setup.kernel.tried.length = 0;
  setup.kernel.dumpError = new Error('an update does not dump');
  await change(setup, [['n7', undefined]]);
  t.deepEqual(setup.kernel.tried, [
    'delete-route',
    'delete-nexthop',
    'delete-neighbour',
    'delete-fdb',
  ]);
  setup.kernel.tried.length = 0;
  await change(setup, [['n7', peer(7)]]);
  t.is(setup.kernel.tried.length, 4);
  t.is(setup.kernel.routes.length, 50);
});

test('a range that moves to another host is replaced in place', async t => {
  const setup = setUp();
  await setup.reconciler.resync(setup.desired, {withOverlay});
  setup.kernel.tried.length = 0;
  await change(setup, [['n1', peer(1, 9)]]);
  t.true(setup.kernel.tried.includes('replace-route'));
  t.false(setup.kernel.tried.includes('delete-route'));
  t.is(setup.kernel.routes.length, 3);
});

test('a nexthop keeps the id it has; ids of others are never used', async t => {
  const {kernel, desired, reconciler} = setUp([1]);
  const link = kernel.addLink({...toLink(), isUp: true});
  const firstFree = PROTOCOL_TWILL * 2 ** 24;
  kernel.nexthops.push(
    {id: 17, protocol: PROTOCOL_TWILL, index: link.index, gateway: gatewayOf(1), onlink: true},
    {id: firstFree, protocol: 3, index: link.index, gateway: gatewayOf(77), onlink: true},
  );
  desired.update([['n2', peer(2)]], createDirtyKeys());
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(
    kernel.nexthops.map(({id}) => id).sort((a, b) => a - b),
    [17, firstFree, firstFree + 1],
  );
});

test('a nexthop with the right gateway and a wrong flag is replaced under its id', async t => {
  const {kernel, desired, reconciler} = setUp([1]);
  const {index} = kernel.addLink({...toLink(), isUp: true});
  const gateway = gatewayOf(1);
  kernel.nexthops.push({id: 17, protocol: PROTOCOL_TWILL, index, gateway, onlink: false});
  await reconciler.resync(desired, {withOverlay});
  t.true(kernel.tried.includes('replace-nexthop'));
  t.like(kernel.nexthops, [{id: 17, onlink: true}]);
});

test('a resync does not hurry what waits to be tried again', async t => {
  const {kernel, clock, desired, reconciler} = setUp([1]);
  kernel.refuse = op => (op.kind === 'replace-fdb' ? no('ENOMEM') : undefined);
  await reconciler.resync(desired, {withOverlay});
  kernel.tried.length = 0;
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.tried, []);
  await clock.advance(250);
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.tried, ['replace-fdb']);
});

test('what two sources share stays until both are gone', async t => {
  const setup = setUp([1]);
  await setup.reconciler.resync(setup.desired, {withOverlay});
  const {nexthops = []} = peer(1);
  await change(setup, [['other', {nexthops}]]);
  await change(setup, [['n1', undefined]]);
  t.is(setup.kernel.nexthops.length, 1);
  await change(setup, [['other', undefined]]);
  t.is(setup.kernel.nexthops.length, 0);
});

test('a second nexthop of ours for one gateway is taken away, and a second destination of a MAC', async t => {
  const {kernel, desired, reconciler} = setUp([1]);
  await reconciler.resync(desired, {withOverlay});
  const whole = kernel.print();
  const [{index = 0} = {}] = kernel.nexthops;
  const twin = {id: 2 ** 31, protocol: PROTOCOL_TWILL, index, gateway: gatewayOf(1), onlink: true};
  kernel.nexthops.push(twin);
  kernel.fdb.push({
    index,
    mac: macOf(1),
    destination: Uint8Array.of(1, 2, 3, 4),
    isPermanent: true,
  });
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.print(), whole);
});

test('one bad object never stops the rest; its key is tried again with growing waits', async t => {
  const {kernel, clock, desired, reconciler} = setUp(Array.from({length: 20}, (_, n) => n + 1));
  let tries = 0;
  kernel.refuse = op => {
    if (op.kind !== 'add-nexthop' || op.nexthop.gateway?.[2] !== 5) return undefined;
    tries++;
    return no('EINVAL');
  };
  await reconciler.resync(desired, {withOverlay});
  t.is(kernel.routes.length, 19);
  t.deepEqual([...reconciler.ledgers.nexthops.failed.keys()], ['10.244.5.0 dev twill.4096']);
  t.deepEqual([...reconciler.ledgers.routes.blocked.keys()], ['10.244.5.0/26']);

  for (let step = 0; step < 40; step++) {
    await clock.advance(100);
    if (reconciler.nextRetryAtMs() <= clock.nowMs())
      await reconciler.update(desired, createDirtyKeys());
  }
  t.is(tries, 5, 'at 0, 250, 750, 1750 and 3750 ms');

  kernel.refuse = () => undefined;
  await clock.advance(30_000);
  await reconciler.update(desired, createDirtyKeys());
  t.is(kernel.routes.length, 20, 'the route waited for its nexthop');
  t.is(reconciler.ledgers.nexthops.failed.size + reconciler.ledgers.routes.blocked.size, 0);
});

test('what failed and is no longer wanted is forgotten', async t => {
  const setup = setUp([1, 2]);
  setup.kernel.refuse = op => (op.kind === 'replace-fdb' ? no('EINVAL') : undefined);
  await setup.reconciler.resync(setup.desired, {withOverlay});
  t.is(setup.reconciler.ledgers.fdb.failed.size, 2);
  await change(setup, [['n1', undefined]]);
  t.is(setup.reconciler.ledgers.fdb.failed.size, 1);
  setup.desired.update([['n2', undefined]], createDirtyKeys());
  await setup.reconciler.resync(setup.desired, {withOverlay});
  t.is(setup.reconciler.ledgers.fdb.failed.size, 0);
});

test('a dump that fails changes nothing', async t => {
  const {kernel, desired, reconciler} = setUp();
  await reconciler.resync(desired, {withOverlay});
  const whole = kernel.print();
  kernel.tried.length = 0;
  desired.update([['n1', undefined]], createDirtyKeys());
  kernel.dumpError = new Error('interrupted');
  await t.throwsAsync(reconciler.resync(desired, {withOverlay}), {message: 'interrupted'});
  t.deepEqual(kernel.tried, []);
  t.deepEqual(kernel.print(), whole);
});

test('without the overlay nothing is deleted and no device is made', async t => {
  const {kernel, desired, reconciler} = setUp([]);
  const link = kernel.addLink({...toLink(), isUp: true});
  kernel.nexthops.push({
    id: 5,
    protocol: PROTOCOL_TWILL,
    index: link.index,
    gateway: gatewayOf(1),
    onlink: true,
  });
  kernel.routes.push({
    ...{family: 'ipv4', address: gatewayOf(1), bits: 26, metric: 0},
    ...{protocol: PROTOCOL_TWILL, nexthopId: 5},
  });
  desired.device = undefined;
  await reconciler.resync(desired, {withOverlay: false});
  t.deepEqual(kernel.tried, []);
  await reconciler.resync(desired, {withOverlay: true});
  t.deepEqual(kernel.tried, ['delete-route', 'delete-nexthop', 'delete-link'], 'the control');
});

test('a device with wrong fixed attributes is made anew with all that hangs on it', async t => {
  const {kernel, desired, reconciler} = setUp();
  await reconciler.resync(desired, {withOverlay});
  kernel.links[0] = {...kernel.links[0]!, vxlan: {...kernel.links[0]!.vxlan!, port: 8472}};
  await reconciler.resync(desired, {withOverlay});
  t.is(kernel.links.length, 1);
  t.is(kernel.links[0]?.vxlan?.port, 4789);
  t.is(kernel.routes.length, 3);
});

test('one with wrong changeable attributes is set right in place', async t => {
  const {kernel, desired, reconciler} = setUp();
  await reconciler.resync(desired, {withOverlay});
  kernel.tried.length = 0;
  kernel.links[0] = {...kernel.links[0]!, mtu: 9000};
  await reconciler.resync(desired, {withOverlay});
  t.deepEqual(kernel.tried, ['set-link']);
});

/** Objects of ours and of others, with and without flaws, that a kernel may be found with. */
const debris = fc.record({
  ours: fc.uniqueArray(fc.integer({min: 1, max: 12}), {maxLength: 8}),
  wrongTarget: fc.uniqueArray(fc.integer({min: 1, max: 12}), {maxLength: 4}),
  foreignRoutes: fc.uniqueArray(fc.integer({min: 20, max: 30}), {maxLength: 4}),
  foreignIds: fc.uniqueArray(fc.integer({min: 1, max: 40}), {maxLength: 4}),
  deviceIsWrong: fc.boolean(),
});

test('from any kernel to any desired: ours is as desired, foreign objects are untouched', async t => {
  const peers = fc.uniqueArray(fc.integer({min: 1, max: 12}), {maxLength: 10});
  const property = fc.asyncProperty(peers, debris, peers, async (wanted, found, later) => {
    const setup = setUp(wanted);
    const {kernel, desired, reconciler} = setup;
    await litter(kernel, found);
    const foreign = ofProtocol(kernel, 3);
    await reconciler.resync(desired, {withOverlay});
    await expectWhole(wanted);

    await change(setup, [
      ...wanted.map(n => [`n${n}`, undefined] as const),
      ...later.map(n => [`n${n}`, peer(n)] as const),
    ]);
    await expectWhole(later);

    async function expectWhole(numbers: readonly number[]) {
      const clean = setUp(numbers);
      await clean.reconciler.resync(clean.desired, {withOverlay});
      t.deepEqual(withoutIndex(kernel, 84), withoutIndex(clean.kernel, 84));
      t.deepEqual(tail(kernel), tail(clean.kernel));
      t.deepEqual(ofProtocol(kernel, 3), foreign);
      const {length} = kernel.tried;
      await reconciler.resync(desired, {withOverlay});
      t.is(kernel.tried.length, length, 'and then there is nothing to do');
    }
  });
  await fc.assert(property, {numRuns: 300});
});

test('whatever the kernel refuses on the way, it comes right when it no longer does', async t => {
  const peers = fc.uniqueArray(fc.integer({min: 1, max: 12}), {minLength: 1, maxLength: 10});
  const refused = fc.infiniteStream(fc.boolean());
  const property = fc.asyncProperty(peers, debris, refused, async (wanted, found, refusals) => {
    const {kernel, clock, desired, reconciler} = setUp(wanted);
    await litter(kernel, found);
    kernel.refuse = () => (refusals.next().value ? no('ENOBUFS') : undefined);
    await reconciler.resync(desired, {withOverlay});
    kernel.refuse = () => undefined;
    await clock.advance(60_000);
    await reconciler.resync(desired, {withOverlay});
    const clean = setUp(wanted);
    await clean.reconciler.resync(clean.desired, {withOverlay});
    t.deepEqual(withoutIndex(kernel, 84), withoutIndex(clean.kernel, 84));
    t.deepEqual(tail(kernel), tail(clean.kernel));
    t.is(
      Object.values(reconciler.ledgers).reduce((sum, {failed}) => sum + failed.size, 0),
      0,
    );
  });
  await fc.assert(property, {numRuns: 200});
});

function toLink() {
  const {name, mac, mtu, vni, port, local, underlay} = desiredDevice;
  return {name, mac, mtu, kind: 'vxlan', vxlan: {vni, port, local, underlay, learning: false}};
}

async function litter(
  kernel: FakeKernel,
  found: typeof debris extends fc.Arbitrary<infer T> ? T : never,
) {
  const uplink = kernel.addLink({name: 'uplink', mtu: 1500, isUp: true});
  const link = kernel.addLink({...toLink(), isUp: true, mtu: found.deviceIsWrong ? 1300 : 1450});
  const ops: KernelOp[] = [];
  for (const n of found.foreignIds) {
    const nexthop = {id: n, protocol: 3, index: uplink.index, gateway: gatewayOf(n), onlink: false};
    ops.push({kind: 'add-nexthop', nexthop});
  }
  for (const n of found.foreignRoutes) {
    const route = {
      family: 'ipv4' as const,
      address: gatewayOf(n),
      bits: 26,
      metric: 0,
      protocol: 3,
    };
    ops.push({kind: 'add-route', route: {...route, index: uplink.index}});
  }
  for (const n of new Set([...found.ours, ...found.wrongTarget])) {
    const isWrong = found.wrongTarget.includes(n);
    const [index, id] = [link.index, 1000 + n];
    const gateway = gatewayOf(isWrong ? n + 50 : n);
    const destination = Uint8Array.of(192, 0, 2, isWrong ? 250 : 1 + n);
    const nexthop = {id, protocol: PROTOCOL_TWILL, index, gateway, onlink: !isWrong};
    const route = {family: 'ipv4' as const, address: gatewayOf(n), bits: 26, metric: 0};
    ops.push({kind: 'add-nexthop', nexthop});
    ops.push({
      kind: 'replace-neighbour',
      neighbour: {index, address: gateway, mac: macOf(n), isPermanent: true},
    });
    ops.push({kind: 'replace-fdb', entry: {index, mac: macOf(n), destination, isPermanent: true}});
    ops.push({kind: 'add-route', route: {...route, protocol: PROTOCOL_TWILL, nexthopId: id}});
  }
  await kernel.apply(ops);
  kernel.tried.length = 0;
}

/** Interface numbers differ between two kernels. */
function withoutIndex(kernel: FakeKernel, protocol: number): string[] {
  return ofProtocol(kernel, protocol).map(line => line.replace(/on \d+/g, 'on'));
}

function tail(kernel: FakeKernel): string[] {
  const lines = kernel.print().filter(line => /^(neighbour|fdb)/.test(line));
  return lines.map(line => line.replace(/on \d+/g, 'on'));
}

import test from 'ava';
import {addressText} from '../../kernel/key.js';
import {firstBgpNexthopId} from '../../kernel/bgp-objects.js';
import {no} from './paper-kernel.js';
import {gateways, lehmer, sets, World} from './paper-world.js';
import {LearntRoutes} from './routes.js';
import {route} from './scratch-kernel.js';

test('one batch: objects, then routes; nothing to do afterwards', t => {
  const world = new World();
  for (let n = 0; n < 10; n++) world.select(`10.0.${n}.0/24`, sets[n % 4]!);
  world.step();
  t.deepEqual(world.kernel.print(), world.expected());
  const {operations} = world.kernel;
  t.is(operations, 10 + 3 + 2, 'ten routes, three next hops, two groups');
  world.settle();
  t.is(world.kernel.operations, operations);
});

test('a batch is as long as it may be, and the rest comes in the next', t => {
  const world = new World();
  for (let n = 0; n < 10; n++) world.select(`10.0.${n}.0/24`, sets[0]!);
  t.is(world.routes.plan(4, 0).routes.length, 4);
  t.is(world.routes.queued, 6);
});

test('what changes twice before it is written is written once', t => {
  const world = new World();
  world.select('10.0.0.0/24', sets[0]!);
  world.select('10.0.0.0/24', sets[1]!);
  world.select('10.0.1.0/24', sets[1]!);
  world.select('10.0.1.0/24', []);
  world.step();
  t.deepEqual(world.kernel.print(), ['10.0.0.0/24 via 192.0.2.2 dev 4']);
  t.is(world.kernel.operations, 2);
});

test('a next hop that becomes unreachable leaves its groups by one operation for all routes', t => {
  const world = new World();
  for (let n = 0; n < 50; n++) world.select(`10.0.${n}.0/24`, sets[2]!);
  world.step();
  const before = world.kernel.operations;
  world.unreachable.add(gateways[0]!);
  world.routes.resolveAll(world.resolve);
  world.step();
  t.is(world.kernel.operations, before + 1);
  t.deepEqual(world.kernel.print(), world.expected());
  world.unreachable.clear();
  world.routes.resolveAll(world.resolve);
  world.step();
  t.is(world.kernel.operations, before + 2);
  t.deepEqual(world.kernel.print(), world.expected());
});

test('routes of a next hop that cannot be reached wait, and nothing is refused', t => {
  const world = new World();
  world.unreachable.add(gateways[0]!);
  world.select('10.0.0.0/24', sets[0]!);
  world.select('fd00::/48', sets[4]!);
  world.settle();
  t.deepEqual(world.kernel.print(), ['fd00::/48 via 2001:db8::1 dev 4']);
  world.unreachable.clear();
  world.routes.resolveAll(world.resolve);
  world.step();
  t.is(world.kernel.print().length, 2);
  t.is(world.routes.refusals.total, 0);
});

for (const looks of [false, true]) {
  test(`what is refused is tried again later each time, by itself, and holds up nothing${looks ? ', however often it is looked at' : ''}`, t => {
    const world = new World();
    world.kernel.routes.set('10.0.0.0/24', {...route('10.0.0.0/24', []), target: 0}); // foreign
    world.select('10.0.0.0/24', sets[0]!);
    world.select('10.0.1.0/24', sets[0]!);
    world.step();
    t.true(world.kernel.routes.has('10.0.1.0/24'));
    const tries: number[] = [];
    for (world.nowMs = 0; world.nowMs < 4000; world.nowMs += 10) {
      const before = world.kernel.operations;
      world.step();
      if (world.kernel.operations > before) tries.push(world.nowMs);
      if (looks) world.look();
    }
    t.deepEqual(tries, [250, 750, 1750, 3750]);
    world.kernel.routes.delete('10.0.0.0/24');
    world.settle();
    t.deepEqual(world.kernel.print(), world.expected());
    t.is(world.routes.refusals.size, 0);
  });
}

test('an id that somebody else has is never named by a route, known before or by the refusal', t => {
  for (const isKnown of [true, false]) {
    const world = new World();
    for (const id of [0, 2, 3]) world.kernel.foreign.add(firstBgpNexthopId + id);
    if (isKnown) world.look();
    for (let n = 0; n < 20; n++) world.select(`10.0.${n}.0/24`, sets[n % 4]!);
    world.step();
    if (isKnown) t.is(world.routes.refusals.total, 0);
    else while (world.kernel.print().some(line => line.includes('stranger'))) world.step();
    t.is(world.nowMs, 0, 'at once');
    world.settle();
    t.deepEqual(world.kernel.print(), world.expected());
    t.is(world.routes.refusals.size, 0);
  }
});

test('a restart takes over objects of equal content by the routes that name them', t => {
  const world = new World();
  world.ways.set(gateways[0]!, '192.0.2.9').set(gateways[1]!, '192.0.2.9'); // two, alike
  const select = () => {
    for (let n = 0; n < 20; n++) world.select(`10.0.${n}.0/24`, sets[n % 4]!);
    for (let n = 0; n < 20; n++) world.select(`fd00:${n + 1}::/48`, sets[4 + (n % 2)]!);
  };
  select();
  world.settle();
  const {operations} = world.kernel;
  world.routes = new LearntRoutes(world.resolve);
  world.look();
  t.is(world.routes.count('ipv4').stale, 20);
  select();
  for (const family of ['ipv4', 'ipv6'] as const) world.routes.sweep(family);
  world.settle();
  t.is(world.kernel.operations, operations, 'not one operation');
  t.deepEqual(world.kernel.print(), world.expected());
});

test('stale routes stay until the sweep of their family, and their objects with them', t => {
  const world = new World();
  world.select('10.0.0.0/24', sets[2]!);
  world.select('fd00::/48', sets[4]!);
  world.settle();
  const whole = world.kernel.print();
  world.routes = new LearntRoutes(world.resolve);
  world.look();
  world.settle();
  world.look();
  t.deepEqual(world.kernel.print(), whole);
  world.routes.sweep('ipv4');
  world.settle();
  t.deepEqual(world.kernel.print(), ['fd00::/48 via 2001:db8::1 dev 4']);
  world.routes.sweep('ipv6');
  world.settle();
  t.is(world.kernel.objects.size, 0);
});

test('a route that waits for its next hop is written when that takes over what an earlier process left', t => {
  for (const nextHops of [sets[0]!, sets[2]!]) {
    const world = new World();
    world.select('10.0.0.0/24', nextHops);
    world.settle();
    for (const {address} of nextHops) world.unreachable.add(addressText(address));
    world.routes = new LearntRoutes(world.resolve);
    world.look();
    world.select('10.0.1.0/24', nextHops);
    world.settle();
    t.is(world.kernel.routes.size, 1, 'control: it waits');
    world.unreachable.clear();
    world.routes.resolveAll(world.resolve);
    world.select('10.0.0.0/24', nextHops);
    world.settle();
    t.deepEqual(world.kernel.print(), world.expected());
    t.is(world.kernel.objects.size, nextHops.length === 1 ? 1 : 3);
  }
});

test('routes that are not to be installed go, what is selected meanwhile does not come, and all is there again', t => {
  const world = new World();
  world.select('10.0.0.0/24', sets[0]!);
  world.settle();
  world.install(false);
  world.select('10.0.1.0/24', sets[0]!);
  world.settle();
  t.deepEqual(world.kernel.print(), []);
  t.is(world.kernel.objects.size, 0);
  world.install(true);
  world.settle();
  t.deepEqual(world.kernel.print(), world.expected());
  t.is(world.kernel.routes.size, 2);
});

test('what an earlier process left goes with the sweep where none is to be installed, and is kept, unwritten, if it is again before', t => {
  for (const isBack of [true, false]) {
    const world = new World();
    world.select('10.0.0.0/24', sets[2]!);
    world.settle();
    const {operations} = world.kernel;
    const whole = world.kernel.print();
    world.routes = new LearntRoutes(world.resolve);
    world.look();
    world.install(false);
    world.select('10.0.0.0/24', sets[2]!);
    world.settle();
    t.deepEqual(world.kernel.print(), whole);
    if (isBack) world.install(true);
    world.routes.sweep('ipv4');
    world.settle();
    t.deepEqual(world.kernel.print(), world.expected());
    t.is(world.kernel.operations === operations, isBack);
    world.install(true);
    world.settle();
    t.deepEqual(world.kernel.print(), whole);
  }
});

test('whatever happens in whatever order, in the end the kernel has what is wanted', t => {
  for (let round = 0; round < 60; round++) {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000) + round;
    const random = lehmer(seed);
    const world = new World();
    for (let step = 0; step < 300; step++) happen(world, random);
    world.kernel.refuse = () => undefined;
    world.unreachable.clear();
    world.routes.resolveAll(world.resolve);
    world.routes.sweep('ipv4');
    world.routes.sweep('ipv6');
    world.settle();
    world.look();
    world.settle();
    t.deepEqual(world.kernel.print(), world.expected(), `seed ${seed}`);
    const needed = world.expected().length === 0 ? 0 : 1;
    t.true(world.kernel.objects.size >= needed && world.kernel.objects.size <= 9, `seed ${seed}`);
    t.is(world.routes.refusals.size, 0, `seed ${seed}`);
  }
});

function happen(world: World, random: (below: number) => number): void {
  const n = random(40);
  const family = random(2) === 0 ? 'ipv4' : 'ipv6';
  const prefix = family === 'ipv4' ? `10.0.${n}.0/24` : `fd00:${n + 1}::/48`;
  const of = family === 'ipv4' ? sets.slice(0, 4) : sets.slice(4);
  const ids = [...world.kernel.objects.keys()];
  const id = ids[random(Math.max(1, ids.length))] ?? 0;
  const gateway = gateways[random(gateways.length)]!;
  if (random(100) === 0) return world.install(!world.isInstalling);
  if (random(150) === 0) return world.restart();
  if (random(8) === 0) return random(3) === 0 ? void world.land() : world.send(random(10) + 1);
  switch (random(12)) {
    case 0:
      return void world.step(random(10));
    case 1:
      world.kernel.refuse =
        random(3) > 0 ? () => undefined : () => (random(4) ? undefined : no('ENOMEM'));
      return;
    case 2: // somebody deletes a route; we may hear of it, or not
      if (world.kernel.routes.delete(prefix) && random(2) === 0) {
        world.routes.lostRoute(family, route(prefix, []));
      }
      return;
    case 3:
      world.kernel.deleteObject(id);
      if (id !== 0 && random(2) === 0) world.routes.lostObject(id);
      return;
    case 4:
      if (random(2) === 0) world.unreachable.add(gateway);
      else world.unreachable.delete(gateway);
      return world.routes.resolveAll(world.resolve);
    case 5:
      world.ways.set(gateway, gateway.includes(':') ? '2001:db8::9' : '192.0.2.9');
      return world.routes.resolveAll(world.resolve);
    case 6:
      return world.look();
    case 7:
      for (let at = firstBgpNexthopId; at < firstBgpNexthopId + 9; at++) {
        if (random(9) === 0 && !world.kernel.objects.has(at)) world.kernel.foreign.add(at);
        else world.kernel.foreign.delete(at);
      }
      world.nowMs += random(1000);
      return;
    default:
      return world.select(prefix, random(3) === 0 ? [] : of[random(of.length)]!);
  }
}

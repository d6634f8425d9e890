import test from 'ava';
import fc from 'fast-check';
import {PaperFabric, type FabricConfig} from './paper-fabric.js';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const mesh: FabricConfig = {hasMesh: true, reflectors: undefined};
const byOne: FabricConfig = {hasMesh: true, reflectors: ['a']};
const byTwo: FabricConfig = {hasMesh: true, reflectors: ['a', 'b']};
const byOthers: FabricConfig = {hasMesh: false, reflectors: ['c', 'd']};
const configs = [mesh, byOne, byTwo, byOthers];

/** Rounds in which every node looks around, in the order that is given. */
function settle(fabric: PaperFabric, rounds = 30): void {
  for (let round = 0; round < rounds; round++) {
    for (const name of fabric.names) fabric.derive(name);
    fabric.tick();
  }
}

function started(config: FabricConfig, isForgetful = false): PaperFabric {
  const fabric = new PaperFabric(names, config, isForgetful);
  settle(fabric);
  return fabric;
}

test('each configuration has just the sessions that it needs, and all routes', t => {
  const sessions = configs.map(config => {
    const fabric = started(config);
    t.deepEqual(fabric.missing(), []);
    t.deepEqual(fabric.kept(), []);
    return fabric.sessions();
  });
  t.deepEqual(sessions, [15, 5, 9, 9]);
});

const moves = configs.flatMap(from => configs.filter(to => to !== from).map(to => ({from, to})));

/** What reaches whom next; a node that is named more often is faster. */
const schedules = fc.array(
  fc.oneof(
    {weight: 4, arbitrary: fc.constantFrom(...names.map(name => `derive ${name}`))},
    {weight: 2, arbitrary: fc.constant('tick')},
    {weight: 2, arbitrary: fc.constantFrom(...names.map(name => `configure ${name}`))},
    {weight: 1, arbitrary: fc.constantFrom(...names.map(name => `restart ${name}`))},
  ),
  {minLength: 40, maxLength: 120},
);

/** Losses on the way from one configuration to another, in the order of a schedule, and to its end. */
function move(
  fabric: PaperFabric,
  to: FabricConfig,
  schedule: readonly string[],
): readonly string[] {
  const lost: string[] = [];
  for (const step of schedule) {
    const [what, name = ''] = step.split(' ');
    if (what === 'configure') fabric.configure(name, to);
    if (what === 'derive') fabric.derive(name);
    if (what === 'restart') fabric.restart(name);
    if (what === 'forget') fabric.restart(name, true);
    if (what === 'tick') fabric.tick();
    lost.push(...fabric.missing());
  }
  for (const name of names) fabric.configure(name, to);
  for (let round = 0; round < 40; round++) {
    for (const name of names) {
      fabric.derive(name);
      lost.push(...fabric.missing());
    }
    fabric.tick();
    lost.push(...fabric.missing());
  }
  return lost;
}

test('no route is lost on the way from any configuration to any other, in any order of news and restarts', t => {
  t.is(moves.length, 12);
  fc.assert(
    fc.property(fc.constantFrom(...moves), schedules, ({from, to}, schedule) => {
      const fabric = started(from);
      t.deepEqual(move(fabric, to, schedule), [], JSON.stringify({from, to}));
      t.deepEqual(fabric.kept(), [], 'what was kept is given up in the end');
      t.is(fabric.sessions(), started(to).sessions());
    }),
    {numRuns: 200},
  );
});

test('control: without a memory routes are lost wherever no reflector stays', t => {
  const hasCommonReflector = ({from, to}: (typeof moves)[number]) =>
    from.reflectors?.some(name => to.reflectors?.includes(name)) ?? false;
  for (const {from, to} of moves.filter(each => !hasCommonReflector(each))) {
    const orders = [names, names.toReversed()].map(order =>
      order.flatMap(name => [`configure ${name}`, `derive ${name}`, 'tick']),
    );
    const lost = orders.map(schedule => move(started(from, true), to, schedule).length);
    t.true(
      lost.some(count => count > 0),
      JSON.stringify({from, to}),
    );
  }
});

test('control: where restarted daemons forget what they had, routes are lost', t => {
  const schedule = (what: string) =>
    names
      .toReversed() // the reflector is the last to hear of it
      .flatMap(name => [`configure ${name}`, `${what} ${name}`, `derive ${name}`, 'tick']);
  t.deepEqual(move(started(mesh), byOne, schedule('restart')), []);
  t.true(move(started(mesh), byOne, schedule('forget')).length > 0);
});

test('a node that does not reach the reflectors keeps its sessions, and only these stay', t => {
  const fabric = started(mesh);
  for (const name of names) if (name !== 'f') fabric.configure(name, byOne);
  // f never hears of the change: it dials a as before, but names no reflector in its record
  settle(fabric);
  t.deepEqual(fabric.missing(), []);
  t.is(fabric.sessions(), 5 + 4, 'the star of a, and f with b, c, d and e');
  fabric.configure('f', byOne);
  settle(fabric);
  t.is(fabric.sessions(), 5);
});

test('what nobody asks for is not told', t => {
  t.deepEqual(started(mesh).record('a'), {});
  const fabric = started(byTwo);
  t.deepEqual(fabric.record('a'), {reflectors: ['b'], reflector: true});
  t.deepEqual(fabric.record('c'), {reflectors: ['a', 'b']});
});

test('a selector that finds nobody leaves the mesh', t => {
  t.is(started({hasMesh: true, reflectors: []}).sessions(), 15);
  t.is(started({hasMesh: false, reflectors: []}).sessions(), 15);
});

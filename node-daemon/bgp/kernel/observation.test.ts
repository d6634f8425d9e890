/*
 * A picture takes its time: what it tells was read a while ago. Meanwhile routes are selected and written,
 * things are lost and heard of, and dumps are interrupted. What is believed afterwards has to be what is
 * there, without another look: a belief that is wrong shows as a refusal, or as a route that is not there.
 */
import test, {type ExecutionContext} from 'ava';
import type {Family} from '#bgp-fsm';
import type {Hops} from './scratch-kernel.js';
import {lehmer, sets, World} from './paper-world.js';
import {RouteColumns} from './route-columns.js';
import {families, LearntRoutes, type ObservedRoute} from './routes.js';
import {route} from './scratch-kernel.js';

type Random = (below: number) => number;
type News = (isRepeated: boolean) => void;

/** Hears of what is lost, at once, and again when a picture is taken meanwhile. */
class NewsWorld extends World {
  newsSincePicture: News[] | undefined;

  hear(news: News): void {
    this.newsSincePicture?.push(news);
    news(false);
  }

  loseRoute(prefix: string): void {
    if (!this.kernel.routes.delete(prefix)) return;
    const gone = route(prefix, []);
    this.hear(isRepeated => this.routes.lostRoute(gone.family, gone, isRepeated));
  }

  loseObject(id: number): void {
    this.loses(() => this.kernel.deleteObject(id));
  }

  /** Its objects go, and groups that are empty then; nothing is said but of the link. */
  loseLink(ifindex: number): void {
    for (const [id, object] of [...this.kernel.objects]) {
      if (object.kind === 'hop' && object.ifindex === ifindex) this.kernel.deleteObject(id);
    }
    this.hear(isRepeated => void this.routes.lostLink(ifindex, isRepeated));
  }

  loses(action: () => void): void {
    const before = [...this.kernel.objects.keys()];
    action();
    for (const id of before) {
      if (this.kernel.objects.has(id)) continue;
      this.hear(isRepeated => this.routes.lostObject(id, isRepeated));
    }
  }

  /** Each step lets the world go on; routes are told a step after they were read. */
  *picture(random: Random): Generator<void, void> {
    const news: News[] = (this.newsSincePicture = []);
    this.routes.beginObservation();
    this.land();
    yield;
    const objects = new Map(this.kernel.objects);
    yield;
    const failsAt = random(12); // of what is read
    if (failsAt !== 0) this.routes.observeObjects(objects, new Set());
    if (failsAt > 1) yield* this.dump('ipv4', random);
    if (failsAt > 2) yield* this.dump('ipv6', random);
    this.newsSincePicture = undefined;
    for (const each of news) each(true);
    this.routes.endObservation();
  }

  *dump(family: Family, random: Random): Generator<void, void> {
    for (let isInterrupted = true; isInterrupted;) {
      this.routes.beginRoutes(family);
      isInterrupted = random(3) === 0;
      let after = isInterrupted ? `1${random(9)}` : '';
      for (;;) {
        const piece = this.kernel.dump(family, {after, limit: random(4) + 1});
        yield;
        for (const [, each] of piece) this.routes.observeRoute(each);
        if (piece.length === 0) break;
        after = piece.at(-1)![0];
      }
    }
    this.routes.endRoutes(family);
  }
}

const prefixes = Array.from({length: 24}, (_, n) =>
  n % 2 ? `10.0.${n}.0/24` : `fd00:${n + 1}::/48`,
);

function happen(world: NewsWorld, random: Random): void {
  const prefix = prefixes[random(prefixes.length)]!;
  const of = prefix.startsWith('10.') ? sets.slice(0, 4) : sets.slice(4);
  switch (random(12)) {
    case 0: // of what is on its way somebody else's news would come before or after it, as luck has it
      world.land();
      return world.loseRoute(prefix);
    case 1: {
      world.land();
      const ids = [...world.kernel.objects.keys()];
      return random(2) > 0 ? world.loseLink(4) : world.loseObject(ids[random(ids.length)] ?? 0);
    }
    case 2:
    case 3:
      return void world.land();
    case 4:
    case 5:
    case 6:
      return world.send(random(6) + 1);
    default:
      return world.select(prefix, random(3) === 0 ? [] : of[random(of.length)]!);
  }
}

test('whatever happens while a picture is taken, what is believed after it is what is there', t => {
  for (let round = 0; round < 400; round++) {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000) + round;
    const random = lehmer(seed);
    const world = new NewsWorld();
    for (const prefix of prefixes) world.select(prefix, ofFamily(prefix, random));
    world.settle();
    if (random(2) > 0) world.restart();
    if (random(2) > 0) for (const family of families) world.routes.sweep(family);
    for (let picture = 0; picture < 3; picture++) {
      for (const step of world.picture(random)) {
        void step;
        for (let n = random(4); n > 0; n--) happen(world, random);
      }
      writeAll(world);
      const {total} = world.routes.refusals;
      t.is(total, 0, `seed ${seed}: nothing is refused`);
      t.deepEqual(world.kernel.print(), world.expected(), `seed ${seed}`);
      if (total > 0) return;
    }
  }
});

function ofFamily(prefix: string, random: Random): Hops {
  return prefix.startsWith('10.') ? sets[random(4)]! : sets[4 + random(2)]!;
}

/** Without looking: but the sweep. */
function writeAll(world: World): void {
  for (const family of families) world.routes.sweep(family);
  for (let round = 0; round < 100; round++) world.step();
}

const shown: ObservedRoute = {...observed('10.0.0.0/24'), nexthopId: 0};

test('what an interrupted dump showed and the whole one does not is gone', t => {
  for (const isInterrupted of [true, false]) {
    const routes = new LearntRoutes(() => undefined);
    routes.beginObservation();
    routes.beginRoutes('ipv4');
    routes.observeRoute(shown);
    if (isInterrupted) routes.beginRoutes('ipv4');
    routes.endRoutes('ipv4');
    routes.endObservation();
    t.is(routes.heldCount('ipv4'), isInterrupted ? 0 : 1);
  }
});

test('what one of several dumps shows is there, and is missed only before', t => {
  const world = believing(t, '10.0.0.0/24');
  const [[, known] = ['', shown]] = world.kernel.dump('ipv4');
  world.routes.beginObservation();
  world.routes.beginRoutes('ipv4');
  t.true(world.routes.misses('ipv4'));
  world.routes.observeRoute(known);
  t.false(world.routes.misses('ipv4'));
  world.routes.endRoutes('ipv4');
  world.routes.endObservation();
  t.is(world.routes.heldCount('ipv4'), 1);
});

test('a dump that does not come to its end takes nothing away', t => {
  const world = believing(t, '10.0.0.0/24');
  world.routes.beginObservation();
  world.routes.beginRoutes('ipv4');
  world.routes.endObservation();
  t.is(world.routes.heldCount('ipv4'), 1);
  t.is(world.routes.queued, 0);
  world.routes.beginObservation();
  world.routes.beginRoutes('ipv4');
  world.routes.endRoutes('ipv4');
  t.is(world.routes.heldCount('ipv4'), 0, 'control: one that does, does');
});

test('a route that was deleted while a dump was made is not believed because the dump shows it', t => {
  const world = believing(t, '10.0.0.0/24');
  const [[, before] = ['', shown]] = world.kernel.dump('ipv4');
  world.routes.beginObservation();
  world.routes.beginRoutes('ipv4');
  world.select('10.0.0.0/24', []);
  world.step();
  t.is(world.kernel.routes.size, 0);
  world.routes.observeRoute(before);
  t.is(world.routes.heldCount('ipv4'), 0);
  world.routes.endRoutes('ipv4');
  world.routes.endObservation();
  world.select('10.0.0.0/24', sets[0]!);
  world.step();
  t.deepEqual(world.kernel.print(), world.expected());
});

test('the slot of a route that was deleted while a dump was made is known until its end, and free then', t => {
  const columns = new RouteColumns(4);
  const {octets, bits} = shown;
  columns.beginObservation();
  const slot = columns.slotOf(octets, bits);
  columns.free(slot);
  t.is(columns.find(octets, bits), slot);
  columns.endObservation();
  t.is(columns.find(octets, bits), -1);
});

test('objects that were found are not deleted before it is known which routes need them', t => {
  const world = believing(t, '10.0.0.0/24');
  const found = new Map(world.kernel.objects);
  world.routes = new LearntRoutes(world.resolve);
  const garbage = () => world.routes.plan(9, 0).garbage.length;
  for (const failsAt of families) {
    world.routes.beginObservation();
    world.routes.observeObjects(found, new Set());
    if (failsAt === 'ipv6') world.routes.endRoutes('ipv4');
    t.is(garbage(), 0);
    world.routes.endObservation();
    t.is(garbage(), 0, 'it failed');
  }
  world.routes.beginObservation();
  world.routes.observeObjects(found, new Set());
  for (const family of families) world.routes.endRoutes(family);
  world.routes.endObservation();
  t.is(garbage(), 1, 'control: no route needs it');
});

test("a route by an object that turns out to be somebody else's gets another, though it is as it was", t => {
  const world = believing(t, '10.0.0.0/24');
  const [[id] = [0]] = world.kernel.objects;
  world.routes.objects.noteRefused(id); // so it is not known what the kernel has
  world.kernel.objects.clear();
  world.kernel.foreign.add(id);
  t.deepEqual(world.kernel.print(), ['10.0.0.0/24 via a stranger']);
  world.look();
  world.step();
  world.look();
  world.step();
  t.deepEqual(world.kernel.print(), world.expected());
});

test('a dump that shows what is believed leaves nothing to do', t => {
  const world = believing(t, '10.0.0.0/24');
  world.look();
  t.is(world.routes.queued, 0);
  world.restart();
  t.is(world.routes.queued, 1, 'control: what is selected anew is looked at');
});

function believing(t: ExecutionContext, prefix: string): World {
  const world = new World();
  world.select(prefix, sets[0]!);
  world.settle();
  t.is(world.routes.heldCount('ipv4'), 1);
  t.is(world.routes.queued, 0);
  return world;
}

function observed(prefix: string): Omit<ObservedRoute, 'nexthopId'> {
  const {family, address, bits} = route(prefix, []);
  return {family, octets: address, addressAt: 0, bits};
}

/*
 * A picture of many learnt routes in a real kernel, in a namespace of its own: others have their turns of the
 * event loop meanwhile, and a route that is selected is written before the picture is whole.
 */
import {openNetlink, type Family} from '#native-addon';
import {kernelTest} from '../../kernel/scratch-namespace.js';
import {takePicture} from './picture.js';
import type {ObservedRoute} from './routes.js';
import {createLinks, hops, prefixes, route, startKernel} from './scratch-kernel.js';

const COUNTS = {ipv4: 50_000, ipv6: 10_000};
/** A piece of a dump with its last datagram (src/channel.cc), in the shortest routes. */
const MOST_AT_ONCE = ((128 + 64) * 1024) / 44;

/** Counts what is told in each turn of the event loop. */
class Turns {
  readonly routes = new Map<number, number>(); // by turn
  readonly ended: Family[] = [];
  turn = 0;
  #next: NodeJS.Immediate | undefined;

  run = (): void => {
    this.turn++;
    this.#next = setImmediate(this.run);
  };
  stop = (): void => clearImmediate(this.#next);
  observeObjects = (): void => undefined;
  beginRoutes = (): void => undefined;
  misses = (): boolean => false;
  endRoutes = (family: Family): void => void this.ended.push(family);
  observeRoute = (_route: ObservedRoute): void => {
    this.routes.set(this.turn, (this.routes.get(this.turn) ?? 0) + 1);
  };
}

kernelTest('the event loop goes on while a picture of 60,000 routes is taken', [], async t => {
  const scratch = await createLinks(t);
  const {kernel} = await startKernel(t, scratch);
  const [four, six] = [hops('192.0.2.2'), hops('2001:db8::2')];
  await kernel.select(prefixes('ipv4', COUNTS.ipv4).map(prefix => route(prefix, four)));
  await kernel.select(prefixes('ipv6', COUNTS.ipv6).map(prefix => route(prefix, six)));
  await kernel.settled();

  const socket = await openNetlink({namespace: {path: scratch.path}});
  t.teardown(() => socket.close());
  const turns = new Turns();
  turns.run();
  t.teardown(turns.stop);
  const picture = takePicture(socket, turns);
  let endedBefore: number | undefined;
  await kernel.select([route('172.16.0.0/24', four)]);
  void kernel.settled().then(() => (endedBefore = turns.ended.length));
  await picture;
  t.deepEqual(turns.ended, ['ipv4', 'ipv6']);
  const told = [...turns.routes.values()];
  const total = told.reduce((sum, each) => sum + each, 0);
  t.true(total >= COUNTS.ipv4 + COUNTS.ipv6, `${total}`);
  t.true(Math.max(...told) <= MOST_AT_ONCE, `${Math.max(...told)} in one turn`);
  t.is(endedBefore, 0, 'a route is written before the first family is through');

  await kernel.stop();
  const second = await startKernel(t, scratch);
  t.deepEqual(second.stale, {ipv4: COUNTS.ipv4 + 1, ipv6: COUNTS.ipv6});
  t.is(second.kernel.status().written, 0);
});

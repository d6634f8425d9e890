/**
 * The whole of what the kernel shows that concerns BGP: how next hops are reached, and what is ours.
 * Shell: four dumps, each read as it comes, a piece at a time, so that the event loop goes on.
 *
 * Learnt routes may be a million: they are observed where they lie. All others become objects.
 */
import {
  decodeLink,
  decodeNexthop,
  decodeRoute,
  dumpLinks,
  dumpNexthops,
  dumpRoutes,
  RouteView,
  type NetlinkSocket,
} from '#native-addon';
import type {Family} from '#bgp-fsm';
import {isBgpNexthopId} from '../../kernel/bgp-objects.js';
import type {KernelObject} from './objects.js';
import {isBgpRoute, toKernelObject} from './requests.js';
import {families, type LearntRoutes} from './routes.js';
import {Underlay} from './underlay.js';

/** Hears of what is ours while the picture is taken. */
export type Observer = Pick<
  LearntRoutes,
  'observeObjects' | 'beginRoutes' | 'observeRoute' | 'misses' | 'endRoutes'
>;

type DumpSource = Pick<NetlinkSocket, 'read'>;

/**
 * Answers how next hops are reached.
 * @throws NetlinkError when a dump fails: then nothing may be concluded but what `observer` heard.
 */
export async function takePicture(socket: DumpSource, observer: Observer): Promise<Underlay> {
  const underlay = new Underlay();
  await socket.read(dumpLinks(), {
    onBegin: () => underlay.forgetLinks(),
    onObject(frames) {
      const {index, up, running, bridgePort} = decodeLink(frames.message().payload);
      if (bridgePort !== true) underlay.setLink(index, up && running);
    },
  });
  await readNexthops(socket, underlay, observer);
  for (const family of families) await readRoutes(socket, {family, underlay, observer});
  return underlay;
}

async function readNexthops(
  socket: DumpSource,
  underlay: Underlay,
  observer: Observer,
): Promise<void> {
  const objects = new Map<number, KernelObject>();
  const foreign = new Set<number>();
  await socket.read(dumpNexthops(), {
    onBegin() {
      underlay.forgetNexthops();
      objects.clear();
      foreign.clear();
    },
    onObject(frames) {
      const nexthop = decodeNexthop(frames.message().payload);
      const object = toKernelObject(nexthop);
      if (object !== undefined) return void objects.set(nexthop.id, object);
      underlay.setNexthop(nexthop);
      if (isBgpNexthopId(nexthop.id)) foreign.add(nexthop.id);
    },
  });
  observer.observeObjects(objects, foreign);
}

interface RouteReading {
  readonly family: Family;
  readonly underlay: Underlay;
  readonly observer: Observer;
}

/**
 * An IPv6 dump goes on by count where the kernel's tree changed between two datagrams (fib6_dump_table), and
 * does not call it interrupted: while some routes come and go it leaves out others. So what is missing is
 * looked for again, and gone if none of these dumps shows it.
 */
const MOST_DUMPS = {ipv4: 1, ipv6: 3};

async function readRoutes(socket: DumpSource, reading: RouteReading): Promise<void> {
  const {family, observer} = reading;
  await readRoutesOnce(socket, reading, () => observer.beginRoutes(family));
  for (let dumps = 1; dumps < MOST_DUMPS[family] && observer.misses(family); dumps++) {
    await readRoutesOnce(socket, reading);
  }
  observer.endRoutes(family);
}

async function readRoutesOnce(
  socket: DumpSource,
  {family, underlay, observer}: RouteReading,
  onBegin: () => void = () => undefined,
): Promise<void> {
  const view = new RouteView();
  await socket.read(dumpRoutes({family}), {
    onBegin() {
      underlay.forgetRoutes(family);
      onBegin();
    },
    onObject(frames) {
      view.read(frames);
      if (isBgpRoute(view)) observer.observeRoute(view);
      else underlay.setRoute(decodeRoute(frames.message().payload), false);
    },
  });
}

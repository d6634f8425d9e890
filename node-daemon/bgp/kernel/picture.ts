/**
 * The whole of what the kernel shows that concerns BGP: how next hops are reached, and what is ours.
 * Shell: four dumps, decoded a slice at a time so that the event loop goes on.
 */
import {
  decodeLink,
  decodeNexthop,
  decodeRoute,
  dumpLinks,
  dumpNexthops,
  dumpRoutes,
  type NetlinkSocket,
  type Request,
} from '#native-addon';
import {isBgpNexthopId} from '../../kernel/bgp-objects.js';
import type {KernelObject} from './objects.js';
import {isBgpRoute, toKernelObject, toObservedRoute} from './requests.js';
import {families, type Observation, type ObservedRoute} from './routes.js';
import {Underlay} from './underlay.js';

export interface Picture {
  readonly underlay: Underlay;
  readonly observation: Observation;
}

const DECODED_AT_ONCE = 1024;

/** @throws NetlinkError when a dump fails: then nothing may be concluded. */
export async function takePicture(socket: NetlinkSocket): Promise<Picture> {
  const underlay = new Underlay();
  const objects = new Map<number, KernelObject>();
  const foreign = new Set<number>();
  const routes: ObservedRoute[] = [];

  await each(socket, dumpLinks(), payload => {
    const {index, up, running, bridgePort} = decodeLink(payload);
    if (bridgePort !== true) underlay.setLink(index, up && running);
  });
  await each(socket, dumpNexthops(), payload => {
    const nexthop = decodeNexthop(payload);
    const object = toKernelObject(nexthop);
    if (object !== undefined) return void objects.set(nexthop.id, object);
    underlay.setNexthop(nexthop);
    if (isBgpNexthopId(nexthop.id)) foreign.add(nexthop.id);
  });
  for (const family of families) {
    await each(socket, dumpRoutes({family}), payload => {
      const route = decodeRoute(payload);
      if (isBgpRoute(route)) routes.push(toObservedRoute(route));
      else underlay.setRoute(route, false);
    });
  }
  return {underlay, observation: {objects, foreign, routes}};
}

async function each(
  socket: NetlinkSocket,
  request: Request,
  take: (payload: Uint8Array) => void,
): Promise<void> {
  const messages = await socket.dump(request);
  for (const [at, {payload}] of messages.entries()) {
    if (at > 0 && at % DECODED_AT_ONCE === 0) await new Promise(resolve => setImmediate(resolve));
    take(payload);
  }
}

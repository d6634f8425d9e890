/**
 * Routes on paper into a kernel on paper, for the thread that writes real ones next: why, ../rehearsal.ts says.
 * Nothing is sent to anybody.
 */
import type {SelectedColumns, SelectedNextHop} from '#bgp-fsm';
import {NLM_F_ACK, NLM_F_REQUEST, type NetlinkSocket, type RequestBatch} from '#native-addon';
import {systemClock} from '../../datastore/clock.js';
import {RouteWriter} from './route-writer.js';
import {LearntRoutes} from './routes.js';

const ROUTES = 8000;
const AT_ONCE = 1000;
const GATEWAY = Uint8Array.of(192, 0, 2, 2);
const hop: readonly SelectedNextHop[] = [{address: GATEWAY, ifindex: 0, weight: 1}];

/** Takes 0.1 s. Answers how many operations the paper kernel carried out. */
export async function rehearseWrites(): Promise<number> {
  return (await writeAll()) + (await writeAll()); // two: their closures differ
}

async function writeAll(): Promise<number> {
  const routes = new LearntRoutes(() => ({ifindex: 1, gateway: GATEWAY}));
  const socket = paperSocket();
  const writer = new RouteWriter(routes, {
    clock: systemClock,
    useSocket: action => action(socket),
    onRefused: () => undefined,
    onIdle: () => undefined,
  });
  writer.start();
  for (const nextHops of [hop, []]) {
    for (let from = 0; from < ROUTES; from += AT_ONCE) {
      routes.selectColumns(structuredClone(columnsOf(from, nextHops))); // as from another thread
      await writer.taken();
    }
    await writer.settled();
  }
  await writer.stop();
  return routes.written;
}

function columnsOf(from: number, nextHops: readonly SelectedNextHop[]): SelectedColumns {
  const addresses = new Uint8Array(AT_ONCE * 4);
  const words = new DataView(addresses.buffer);
  for (let at = 0; at < AT_ONCE; at++) words.setUint32(at * 4, 0x0a00_0000 + (from + at) * 256);
  return {
    families: new Uint8Array(AT_ONCE).fill(4),
    bits: new Uint8Array(AT_ONCE).fill(24),
    addresses,
    nextHops: new Uint32Array(AT_ONCE),
    sets: [nextHops],
  };
}

/** Says yes to everything. */
function paperSocket(): NetlinkSocket {
  const unasked = () => Promise.reject(new Error('the paper kernel is only written to'));
  return {
    port: 0,
    send: requests => Promise.resolve(requests.map(() => undefined)),
    sendBatch(batch: RequestBatch) {
      batch.encode(1, NLM_F_REQUEST, NLM_F_ACK);
      return Promise.resolve(new Array<undefined>(batch.length).fill(undefined));
    },
    must: unasked,
    dump: unasked,
    read: unasked,
    get: unasked,
    close() {},
  };
}

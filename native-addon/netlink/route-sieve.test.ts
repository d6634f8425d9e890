/* Routes of one protocol and metric are left out of a dump; nothing else of it may be lost with them. */
import test from 'ava';

import {binding} from '../binding.js';
import {NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE, RTM_NEWROUTE, RTN_UNICAST} from './constants.js';
import {encodeBatch, Frames, type Request} from './message.js';
import {newRoute} from './route.js';

const BGP = 2084;
const DONE: Request = {
  op: 'done',
  type: NLMSG_DONE,
  flags: NLM_F_MULTI,
  payload: new Uint8Array(4),
};

function routeOf(octet: number, priority: number, protocol = 84): Request {
  const destination = {address: Uint8Array.of(10, octet, 0, 0), bits: 16};
  const fields = {family: 'ipv4', table: 254, protocol, scope: 0, type: RTN_UNICAST} as const;
  const route = {...fields, destination, priority, nexthopId: 7};
  return {...newRoute(route, 'add'), flags: NLM_F_MULTI};
}

function interrupted(request: Request): Request {
  return {...request, flags: request.flags | NLM_F_DUMP_INTR};
}

function sift(...datagrams: readonly (readonly Request[])[]) {
  const bytes = datagrams.map(requests => encodeBatch(requests, 1, 0).bytes);
  const frames = new Frames(binding.siftRoutes(84, BGP, ...bytes));
  const left: {type: number; octet: number | undefined; isInterrupted: boolean}[] = [];
  while (frames.next()) {
    const {type, payload} = frames.message();
    const octet = type === RTM_NEWROUTE ? payload[17] : undefined; // of RTA_DST
    left.push({type, octet, isInterrupted: (frames.flags & NLM_F_DUMP_INTR) !== 0});
  }
  return left;
}

const kept = (octet: number, isInterrupted = false) => ({type: RTM_NEWROUTE, octet, isInterrupted});
const end = (isInterrupted = false) => ({type: NLMSG_DONE, octet: undefined, isInterrupted});

test('routes of protocol and metric go, those before, between and behind them stay as they were', t => {
  const some = [routeOf(1, 0), routeOf(2, BGP), routeOf(3, 1024), routeOf(4, BGP)];
  t.deepEqual(sift([...some, routeOf(5, 0), DONE]), [kept(1), kept(3), kept(5), end()]);
  t.deepEqual(sift([routeOf(2, BGP)], [routeOf(4, BGP)], [DONE]), [end()]);
  t.deepEqual(sift([routeOf(6, BGP, 4), DONE]), [kept(6), end()], 'of another protocol');
  t.deepEqual(sift([DONE]), [end()]);
});

test('an interruption that was told with a route that went is told with what comes next', t => {
  const lost = interrupted(routeOf(2, BGP));
  t.deepEqual(sift([lost, routeOf(3, 0), DONE]), [kept(3, true), end()]);
  t.deepEqual(sift([routeOf(1, 0), lost], [routeOf(4, BGP)], [DONE]), [kept(1), end(true)]);
  t.deepEqual(sift([interrupted(routeOf(1, 0)), routeOf(2, BGP), DONE]), [kept(1, true), end()]);
});

test('what is cut short stays for who reads it to complain', t => {
  const {bytes} = encodeBatch([routeOf(1, 0), routeOf(2, BGP)], 1, 0);
  const cut = bytes.subarray(0, bytes.length - 4);
  t.deepEqual(binding.siftRoutes(84, BGP, cut), cut);
});

/** Routes and nexthop objects of the fake kernel. No lookup, no metrics of its own. */
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTN_UNICAST,
  RT_SCOPE_LINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
} from './constants.js';
import {removeIf, routeKey, type FakeState, type Verdict} from './fake-state.js';
import type {Prefix} from './family.js';
import type {Request} from './message.js';
import {decodeNexthop} from './nexthop.js';
import {formatIp} from './request.js';
import {decodeRoute, type Route} from './route.js';

export function changeRoute(state: FakeState, request: Request): Verdict {
  const route = decodeRoute(request.payload);
  if (request.type !== RTM_NEWROUTE) return removeRoute(state, route);
  const refusal = refuseRoute(state, route);
  if (refusal !== undefined) return refusal;
  const key = routeKey(route);
  const verdict = mayWrite(state.routes.has(key), request.flags);
  if (verdict === undefined) state.routes.set(key, withDefaults(route));
  return verdict;
}

export function changeNexthop(state: FakeState, request: Request): Verdict {
  const nexthop = decodeNexthop(request.payload);
  if (request.type !== RTM_NEWNEXTHOP) {
    if (!state.nexthops.delete(nexthop.id)) return 'ENOENT';
    removeIf(state.routes, route => route.nexthopId === nexthop.id);
    return undefined;
  }
  const isHop = nexthop.group === undefined && nexthop.blackhole !== true;
  const refusal = isHop ? refuseLink(state, nexthop.oif) : undefined;
  if (refusal !== undefined) return refusal;
  if (nexthop.group?.some(member => !state.nexthops.has(member.id))) return 'EINVAL';
  const verdict = mayWrite(state.nexthops.has(nexthop.id), request.flags);
  if (verdict === undefined) state.nexthops.set(nexthop.id, nexthop);
  return verdict;
}

/** What the flags of a request say when the object is there already, or is not. */
export function mayWrite(exists: boolean, flags: number): Verdict {
  if (exists)
    return (flags & (NLM_F_EXCL | NLM_F_REPLACE)) === NLM_F_REPLACE ? undefined : 'EEXIST';
  return (flags & NLM_F_CREATE) !== 0 ? undefined : 'ENOENT';
}

export function refuseLink(state: FakeState, index: number | undefined): Verdict {
  const link = index === undefined ? undefined : state.links.get(index);
  if (link === undefined) return 'ENODEV';
  return link.up ? undefined : 'ENETDOWN';
}

/** The first that agrees in every field the request names. */
function removeRoute(state: FakeState, wanted: Route): Verdict {
  for (const [key, route] of state.routes) {
    const same =
      route.family === wanted.family &&
      route.table === wanted.table &&
      samePrefix(route.destination, wanted.destination) &&
      agrees(wanted.priority, route.priority) &&
      agrees(wanted.oif, route.oif) &&
      agrees(wanted.nexthopId, route.nexthopId) &&
      agrees(text(wanted.gateway), text(route.gateway)) &&
      (wanted.protocol === 0 || wanted.protocol === route.protocol);
    if (!same) continue;
    state.routes.delete(key);
    return undefined;
  }
  return 'ESRCH';
}

function refuseRoute(state: FakeState, route: Route): Verdict {
  if (route.nexthopId !== undefined)
    return state.nexthops.has(route.nexthopId) ? undefined : 'EINVAL';
  if (route.type !== RTN_UNICAST) return undefined;
  for (const hop of route.multipath ?? [route]) {
    const refusal = hop.oif === undefined ? undefined : refuseLink(state, hop.oif);
    if (refusal !== undefined) return refusal;
    const onlink = hop.onlink === true || hop.gateway === undefined;
    if (!onlink && !isOnLink(state, route, hop.gateway as Uint8Array)) return 'ENETUNREACH';
  }
  return undefined;
}

/** A gateway must lie on a link: of a route without gateway, an address, or be link-local. */
function isOnLink(state: FakeState, {table, family}: Route, gateway: Uint8Array): boolean {
  if (family === 'ipv6' && gateway[0] === 0xfe && ((gateway[1] ?? 0) & 0xc0) === 0x80) return true;
  for (const route of state.routes.values()) {
    const direct = route.gateway === undefined && route.nexthopId === undefined;
    const near = family === 'ipv6' || route.scope >= RT_SCOPE_LINK;
    if (direct && near && route.table === table && covers(route.destination, gateway)) return true;
  }
  return [...state.addresses.values()].some(address => covers(address, gateway));
}

/** IPv6 has no routes of metric 0, and universe is the only scope it knows. */
function withDefaults(route: Route): Route {
  if (route.family === 'ipv4') return route;
  return {...route, scope: 0, priority: route.priority ?? 1024};
}

function covers({address, bits}: Prefix, inner: Uint8Array): boolean {
  if (address.length !== inner.length) return false;
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((address[bit >> 3] ?? 0) & mask) !== ((inner[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.bits === b.bits && text(a.address) === text(b.address);
}

function agrees<T>(wanted: T | undefined, held: T | undefined): boolean {
  return wanted === undefined || wanted === held;
}

function text(address: Uint8Array | undefined): string | undefined {
  return address && formatIp(address);
}

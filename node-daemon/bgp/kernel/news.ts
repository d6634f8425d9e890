/**
 * What a notification of the kernel means for BGP. Pure: a message in, a piece of news out.
 *
 * The kernel says nothing of IPv4 routes and nexthop objects that go with their link, and nothing of
 * routes that go with an address (fib_flush, nexthop_flush_dev): those are concluded from the link, or
 * looked for.
 */
import {
  decodeAddress,
  decodeLink,
  decodeNexthop,
  decodeRoute,
  DecodeError,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  type Message,
  type Nexthop,
  type Route,
} from '#native-addon';
import {isBgpMetric, isBgpNexthopId} from '../../kernel/bgp-objects.js';
import {isBgpRoute} from './requests.js';

export type News =
  | {
      readonly kind: 'link';
      readonly ifindex: number;
      readonly state: 'usable' | 'no-carrier' | 'down';
    }
  | {
      readonly kind: 'route';
      readonly isGone: boolean;
      readonly route: Route;
      readonly isOnly: boolean;
    }
  | {readonly kind: 'nexthop'; readonly isGone: boolean; readonly nexthop: Nexthop}
  /** Somebody deleted what is ours. */
  | {readonly kind: 'lost-route'; readonly route: Route}
  | {readonly kind: 'lost-object'; readonly id: number}
  /** Something that is ours may have changed; look at all of it. */
  | {readonly kind: 'doubt'; readonly why: string};

/** Undefined: nothing that matters. */
export function toNews(message: Message): News | undefined {
  try {
    return decode(message);
  } catch (error) {
    if (error instanceof DecodeError) return {kind: 'doubt', why: error.message};
    throw error;
  }
}

function decode({type, flags, payload}: Message): News | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const {index: ifindex, up, running, bridgePort} = decodeLink(payload);
      if (bridgePort === true) return undefined;
      const isUp = type === RTM_NEWLINK && up;
      return {kind: 'link', ifindex, state: !isUp ? 'down' : running ? 'usable' : 'no-carrier'};
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeNews(decodeRoute(payload), type === RTM_DELROUTE, (flags & NLM_F_REPLACE) !== 0);
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return nexthopNews(decodeNexthop(payload), type === RTM_DELNEXTHOP);
    case RTM_DELADDR: {
      const isGlobal = decodeAddress(payload).scope === RT_SCOPE_UNIVERSE;
      return isGlobal ? {kind: 'doubt', why: 'an address went, maybe with routes'} : undefined;
    }
    default:
      return undefined;
  }
}

function routeNews(route: Route, isGone: boolean, isReplaced: boolean): News {
  if (isBgpRoute(route)) {
    if (isGone) return {kind: 'lost-route', route};
    return {kind: 'doubt', why: 'somebody wrote a route of ours'};
  }
  if (isReplaced && isBgpMetric(route.priority)) {
    return {kind: 'doubt', why: 'a route took the place of ours'};
  }
  // IPv6 tells all hops of a multipath route at once
  const isOnly = isReplaced || route.family === 'ipv6';
  return {kind: 'route', isGone, route, isOnly};
}

function nexthopNews(nexthop: Nexthop, isGone: boolean): News {
  const {id} = nexthop;
  if (!isBgpNexthopId(id)) return {kind: 'nexthop', isGone, nexthop};
  if (isGone) return {kind: 'lost-object', id};
  return {kind: 'doubt', why: 'somebody wrote a nexthop of ours'};
}

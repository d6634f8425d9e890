/**
 * News of the kernel. Shell: multicast groups in, KernelChange out.
 *
 * What the port's own socket changed is not even queued by the kernel (Monitor.ignore): after a start
 * with 10,000 nodes that is nearly all. Nor are routes that BGP has learnt, which may be a million. Routes
 * that appear with our own protocol number are left out before they are decoded. What cannot be decoded
 * is not for us.
 */
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  DecodeError,
  openMonitor,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_NEXTHOP,
  type Message,
  type Monitor,
  type Namespace,
} from '#native-addon';
import {systemClock} from '../datastore/clock.js';
import {isBgpNexthopId, isBgpRoute, METRIC_BGP} from './bgp-objects.js';
import {PROTOCOL_TWILL, type KernelChange, type MonitorHandlers} from './port.js';
import {
  toKernelAddress,
  toKernelFdbEntry,
  toKernelLink,
  toKernelNeighbour,
  toKernelNexthop,
  toKernelRoute,
} from './rtnetlink-object.js';

const groups = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_NEXTHOP,
];

const reopenAfterMs = 1000;
const rtmProtocolOffset = 5; // of struct rtmsg

/** Opens again whenever it fails later on. @throws NetlinkError when it cannot be opened at first. */
export async function startMonitor(
  handlers: MonitorHandlers,
  namespace?: Namespace,
): Promise<Monitor> {
  let closed = false;
  let ignored = 0;
  let current: Monitor | undefined;

  const open = async () => {
    const monitor = await openMonitor({
      groups,
      ...(namespace && {namespace}),
      onMessage: message => {
        if (isBulk(message) && handlers.isBusy?.() === true) return;
        const change = toChange(message);
        if (change !== undefined) handlers.onChange(change);
      },
      onResync: handlers.onResync,
      onError: error => reopen(error),
    });
    if (closed) return monitor.close();
    current = monitor;
    monitor.ignore(ignored, METRIC_BGP);
  };

  const reopen = (error: unknown) => {
    if (closed) return;
    const why = `kernel news broke off: ${error instanceof Error ? error.message : String(error)}`;
    systemClock.after(reopenAfterMs, () => {
      if (!closed) open().then(() => handlers.onResync(why), reopen);
    });
  };

  await open();
  return {
    ignore(port) {
      ignored = port;
      if (!closed) current?.ignore(port, METRIC_BGP);
    },
    close() {
      closed = true;
      current?.close();
    },
  };
}

/** What a start with many hosts makes tens of thousands of. */
function isBulk({type}: Message): boolean {
  return type === RTM_NEWNEIGH || type === RTM_NEWNEXTHOP;
}

/** Undefined: nothing for us. */
export function toChange(message: Message): KernelChange | undefined {
  try {
    return decodeChange(message);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function decodeChange({type, payload}: Message): KernelChange | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return {
        table: 'links',
        isGone: type === RTM_DELLINK,
        link: toKernelLink(decodeLink(payload)),
      };
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = toKernelAddress(decodeAddress(payload));
      return {table: 'addresses', isGone: type === RTM_DELADDR, address};
    }
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP: {
      const nexthop = toKernelNexthop(decodeNexthop(payload));
      if (isBgpNexthopId(nexthop.id)) return undefined;
      return {table: 'nexthops', isGone: type === RTM_DELNEXTHOP, nexthop};
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return decodeNeighbourChange(payload, type === RTM_DELNEIGH);
    case RTM_NEWROUTE:
      if (payload[rtmProtocolOffset] === PROTOCOL_TWILL) return undefined;
      return decodeRouteChange(payload, false);
    case RTM_DELROUTE:
      return decodeRouteChange(payload, true);
    default:
      return undefined;
  }
}

function decodeNeighbourChange(payload: Uint8Array, isGone: boolean): KernelChange | undefined {
  const decoded = decodeNeighbour(payload);
  const neighbour = toKernelNeighbour(decoded);
  if (neighbour !== undefined) return {table: 'neighbours', isGone, neighbour};
  const entry = toKernelFdbEntry(decoded);
  return entry && {table: 'fdb', isGone, entry};
}

function decodeRouteChange(payload: Uint8Array, isGone: boolean): KernelChange | undefined {
  const route = toKernelRoute(decodeRoute(payload));
  return route && !isBgpRoute(route) ? {table: 'routes', isGone, route} : undefined;
}

/** Answers of the fake kernel to dumps and to requests for one object, in the kernel's bytes. */
import {newAddress} from './address.js';
import {
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_LINK_NETNSID,
  NLA_F_NESTED,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETNEXTHOP,
  RTM_GETROUTE,
  RTM_GETRULE,
  AF_BRIDGE,
  NDA_IFINDEX,
} from './constants.js';
import {Cursor} from './cursor.js';
import {findLink} from './fake-links.js';
import type {FakeState} from './fake-state.js';
import {toAf} from './family.js';
import {decodeLink, IFINFOMSG_BYTES, setFlags, writeAttributes, type Link} from './link.js';
import type {Message, Request} from './message.js';
import {newNeighbour} from './neighbour.js';
import {decodeNexthop, newNexthop} from './nexthop.js';
import {decodeRoute, newRoute} from './route.js';
import {newRule} from './rule.js';
import {writeVxlanInfo} from './vxlan-info.js';
import {writer} from './writer.js';

/** Undefined for a request that is no dump this kernel knows. */
export function answerDump(state: FakeState, request: Request): Message[] | undefined {
  const {payload} = request;
  const af = payload[0] ?? 0;
  const ofFamily = (value: {family?: 'ipv4' | 'ipv6'}) =>
    af === 0 || (value.family !== undefined && toAf(value.family) === af);
  switch (request.type) {
    case RTM_GETLINK: {
      const {kind} = decodeLink(payload);
      return links(state)
        .filter(link => kind === undefined || link.kind === kind)
        .map(encodeLink);
    }
    case RTM_GETADDR: {
      const index = new Cursor(payload, 8, 'filter').headerU32(4);
      const held = [...state.addresses.values()].filter(ofFamily);
      return held.filter(a => index === 0 || a.index === index).map(a => answer(newAddress(a)));
    }
    case RTM_GETROUTE: {
      const {table, protocol} = decodeRoute(payload);
      const wanted = [...state.routes.values()].filter(ofFamily);
      return wanted
        .filter(
          r => (table === 0 || r.table === table) && (protocol === 0 || r.protocol === protocol),
        )
        .map(route => answer(newRoute(route, 'add')));
    }
    case RTM_GETNEXTHOP: {
      const {oif} = decodeNexthop(payload);
      const held = [...state.nexthops.values()].filter(n => oif === undefined || n.oif === oif);
      return held.map(nexthop => answer(newNexthop(nexthop, 'add')));
    }
    case RTM_GETNEIGH:
      return dumpNeighbours(state, payload);
    case RTM_GETRULE:
      return [...state.rules.values()].filter(ofFamily).map(rule => answer(newRule(rule)));
    default:
      return undefined;
  }
}

/** One object, or undefined. Routes are matched exactly: this kernel looks nothing up. */
export function answerGet(state: FakeState, request: Request): Message | undefined {
  switch (request.type) {
    case RTM_GETLINK: {
      const link = findLink(state, decodeLink(request.payload));
      return link && encodeLink(link);
    }
    case RTM_GETNEXTHOP: {
      const nexthop = state.nexthops.get(decodeNexthop(request.payload).id);
      return nexthop && answer(newNexthop(nexthop, 'add'));
    }
    case RTM_GETROUTE: {
      const {destination} = decodeRoute(request.payload);
      const route = [...state.routes.values()].find(
        held =>
          held.destination.bits === destination.bits &&
          held.destination.address.join() === destination.address.join(),
      );
      return route && answer(newRoute(route, 'add'));
    }
    default:
      return undefined;
  }
}

export function encodeLink(link: Link): Message {
  const w = writer.start(IFINFOMSG_BYTES).setU32(4, link.index);
  if (link.bridgePort === true) w.setU8(0, AF_BRIDGE);
  setFlags(w, link.flags, 0);
  writeAttributes(w, {...link, ...(link.txQueues === undefined ? {} : {queues: link.txQueues})});
  if (link.peerIndex !== undefined) w.u32(IFLA_LINK, link.peerIndex);
  if (link.linkNetnsId !== undefined) w.u32(IFLA_LINK_NETNSID, link.linkNetnsId);
  if (link.kind !== undefined) {
    const info = w.open(IFLA_LINKINFO | NLA_F_NESTED);
    w.text(IFLA_INFO_KIND, link.kind);
    if (link.vxlan !== undefined) {
      const data = w.open(IFLA_INFO_DATA | NLA_F_NESTED);
      writeVxlanInfo(w, link.vxlan);
      w.close(data);
    }
    w.close(info);
  }
  return {type: RTM_GETLINK - 2, flags: 0, payload: w.finish()};
}

function dumpNeighbours(state: FakeState, payload: Uint8Array): Message[] {
  const cursor = new Cursor(payload, 12, 'filter');
  const af = cursor.headerU8(0);
  let index = cursor.headerU32(4);
  while (cursor.next()) if (cursor.type === NDA_IFINDEX) index = cursor.u32('index');
  return [...state.neighbours.values()]
    .filter(held => af === 0 || af === (held.family === 'bridge' ? AF_BRIDGE : toAf(held.family)))
    .filter(held => index === 0 || held.index === index)
    .map(held => answer(newNeighbour(held, 'add')));
}

function links(state: FakeState): Link[] {
  return [...state.links.values()];
}

function answer({type, payload}: Request): Message {
  return {type, flags: 0, payload};
}

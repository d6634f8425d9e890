/** Links of the fake kernel: creation, change, removal with everything that hangs on them. */
import {IFF_LOWER_UP, IFF_UP, IFLA_GROUP, NLM_F_CREATE, NLM_F_EXCL} from './constants.js';
import {Cursor} from './cursor.js';
import {removeIf, type FakeState, type Verdict} from './fake-state.js';
import {decodeLink, IFINFOMSG_BYTES, type Link, type Mutable} from './link.js';
import type {Request} from './message.js';
import {decodeVethPeer, type VethPeer} from './veth.js';

/** Where the second end of a veth goes; the descriptor names the namespace. */
export type PeerNamespace = (netns: {readonly fd: number} | undefined) => FakeState;

export function addLink(state: FakeState, request: Request, namespaceOf: PeerNamespace): Verdict {
  const wanted = decodeLink(request.payload);
  const existing = findLink(state, wanted);
  if (existing !== undefined) {
    if ((request.flags & NLM_F_EXCL) !== 0) return 'EEXIST';
    return changeLink(state, request);
  }
  if ((request.flags & NLM_F_CREATE) === 0) return 'ENODEV';
  const peer = wanted.kind === 'veth' ? decodeVethPeer(request.payload) : undefined;
  const there = peer === undefined ? undefined : namespaceOf(peer.netns);
  if (wanted.index !== 0 && state.links.has(wanted.index)) return 'EBUSY';
  if (peer !== undefined && there !== undefined) {
    if (findLink(there, {name: peer.name, index: 0}) !== undefined) return 'EEXIST';
    if (wanted.index !== 0 && peer.index !== undefined && there.links.has(peer.index)) {
      return 'EBUSY';
    }
  }

  const link = insertLink(state, wanted);
  if (peer !== undefined && there !== undefined) addPeer(state, there, link, peer);
  return undefined;
}

export function changeLink(state: FakeState, request: Request): Verdict {
  const change = decodeLink(request.payload);
  const link = findLink(state, change);
  if (link === undefined) return 'ENODEV';
  const view = new Cursor(request.payload, IFINFOMSG_BYTES, 'link');
  const next: Mutable<Link> = {...link};
  if (change.name !== '') next.name = change.name;
  if (change.mac !== undefined) next.mac = change.mac;
  if (change.mtu !== 0) next.mtu = change.mtu;
  if (change.alias !== undefined) next.alias = change.alias;
  if (change.addrGenMode !== undefined) next.addrGenMode = change.addrGenMode;
  while (view.next()) if (view.type === IFLA_GROUP) next.group = view.u32('group');
  const changesUp = (view.headerU32(12) & IFF_UP) !== 0;
  state.links.set(link.index, changesUp ? withUp(next, change.up) : next);
  if (changesUp && !change.up) forgetHops(state, link.index);
  return undefined;
}

export function removeLink(state: FakeState, request: Request): Verdict {
  const wanted = decodeLink(request.payload);
  const byGroup = wanted.index === 0 && wanted.name === '';
  const found = byGroup
    ? [...state.links.values()].filter(link => link.group === wanted.group)
    : [findLink(state, wanted)].filter(link => link !== undefined);
  if (found.length === 0) return 'ENODEV';
  for (const {index} of found) {
    const peer = state.peers.get(index);
    dropLink(state, index);
    if (peer !== undefined) dropLink(peer.state, peer.index);
  }
  return undefined;
}

export function findLink(state: FakeState, by: {index: number; name: string}): Link | undefined {
  if (by.index !== 0) return state.links.get(by.index);
  return [...state.links.values()].find(link => link.name === by.name);
}

/** As the kernel numbers and fills in what the request leaves open. */
export function insertLink(state: FakeState, wanted: Link): Link {
  const index = wanted.index === 0 ? Math.max(0, ...state.links.keys()) + 1 : wanted.index;
  const link = withUp(
    {
      ...wanted,
      index,
      mtu: wanted.mtu === 0 ? 1500 : wanted.mtu,
      mac: wanted.mac ?? Uint8Array.of(2, 0, 0, 0, index >> 8, index & 0xff),
      addrGenMode: wanted.addrGenMode ?? 'eui64',
    },
    wanted.up,
  );
  state.links.set(index, link);
  return link;
}

function addPeer(here: FakeState, there: FakeState, link: Link, peer: VethPeer): void {
  const second = insertLink(there, {
    index: peer.index ?? 0,
    name: peer.name,
    mtu: peer.mtu ?? 0,
    ...(peer.mac === undefined ? {} : {mac: peer.mac}),
    ...{kind: 'veth', txQueues: 1, rxQueues: 1},
    ...{up: false, running: false, flags: 0, group: 0},
  });
  const away = here === there ? {} : {linkNetnsId: 0};
  here.links.set(link.index, {...link, ...away, peerIndex: second.index});
  there.links.set(second.index, {...second, ...away, peerIndex: link.index});
  here.peers.set(link.index, {state: there, index: second.index});
  there.peers.set(second.index, {state: here, index: link.index});
}

function withUp(link: Link, up: boolean): Link {
  const flags = up ? link.flags | IFF_UP | IFF_LOWER_UP : link.flags & ~(IFF_UP | IFF_LOWER_UP);
  return {...link, up, running: up, flags};
}

function dropLink(state: FakeState, index: number): void {
  state.links.delete(index);
  state.peers.delete(index);
  removeIf(state.addresses, address => address.index === index);
  removeIf(state.neighbours, neighbour => neighbour.index === index);
  forgetHops(state, index);
}

/** A link that goes down or away takes its nexthops and routes along. */
function forgetHops(state: FakeState, index: number): void {
  for (const [id, nexthop] of state.nexthops) {
    if (nexthop.oif !== index) continue;
    state.nexthops.delete(id);
    removeIf(state.routes, route => route.nexthopId === id);
  }
  removeIf(
    state.routes,
    route => route.oif === index || (route.multipath?.every(hop => hop.oif === index) ?? false),
  );
}

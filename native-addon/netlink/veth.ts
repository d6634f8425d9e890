/**
 * A pair of veth ends, the second created directly in another namespace. Pure.
 *
 * Never create both ends here and move one: the move waits in rcu_barrier under RTNL and stalls
 * every netlink writer of the node for about 20 ms. One queue each way skips a synchronize_rcu.
 *
 *   IFLA_LINKINFO { IFLA_INFO_KIND "veth", IFLA_INFO_DATA { VETH_INFO_PEER {
 *       struct ifinfomsg (index), IFLA_IFNAME, IFLA_NET_NS_FD, … }}}       linux/veth.h
 *
 * The peer cannot be created up: the kernel refuses its flags. Its index is honoured only where the
 * first end's is given too (veth_newlink, drivers/net/veth.c). IPv6's addr_gen_mode cannot be chosen
 * at creation (EAFNOSUPPORT): create down, then setLink({name, addrGenMode, up}) in the same batch.
 */
import {
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  NLA_F_NESTED,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from './constants.js';
import {Cursor} from './cursor.js';
import {IFINFOMSG_BYTES, setFlags, writeAttributes, type Mutable} from './link.js';
import type {Request} from './message.js';
import {request} from './request.js';
import {writer} from './writer.js';

export interface NewVeth {
  readonly name: string;
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly index?: number;
  readonly group?: number;
  readonly alias?: string;
  readonly up?: boolean;
  readonly queues?: number; // 1
  readonly peer: VethPeer;
}

export interface VethPeer {
  readonly name: string;
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly index?: number; // only together with the first end's
  readonly queues?: number; // 1
  readonly netns?: {readonly fd: number}; // open while the request is sent
}

export function newVeth(veth: NewVeth): Request {
  const w = writer.start(IFINFOMSG_BYTES).setU32(4, veth.index ?? 0);
  if (veth.up === true) setFlags(w, IFF_UP, IFF_UP);
  writeAttributes(w, {...veth, queues: veth.queues ?? 1});

  const {peer} = veth;
  const info = w.open(IFLA_LINKINFO | NLA_F_NESTED);
  w.text(IFLA_INFO_KIND, 'veth');
  const data = w.open(IFLA_INFO_DATA | NLA_F_NESTED);
  const inner = w.open(VETH_INFO_PEER | NLA_F_NESTED);
  const header = w.skip(IFINFOMSG_BYTES);
  w.setU32(header + 4, peer.index ?? 0);
  writeAttributes(w, {...peer, queues: peer.queues ?? 1});
  if (peer.netns !== undefined) w.u32(IFLA_NET_NS_FD, peer.netns.fd);
  w.close(inner).close(data).close(info);

  const op = () => `add veth ${veth.name}`;
  return request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, w.finish(), op);
}

/** The peer inside a request that creates a veth; undefined in anything else. */
export function decodeVethPeer(payload: Uint8Array): VethPeer | undefined {
  const link = new Cursor(payload, IFINFOMSG_BYTES, 'link');
  while (link.next()) {
    if (link.type !== IFLA_LINKINFO) continue;
    let kind = '';
    const info = link.nested('info');
    while (info.next()) {
      if (info.type === IFLA_INFO_KIND) kind = info.text('kind');
      if (info.type !== IFLA_INFO_DATA || kind !== 'veth') continue;
      const data = info.nested('veth');
      while (data.next()) if (data.type === VETH_INFO_PEER) return decodePeer(data);
    }
  }
  return undefined;
}

function decodePeer(data: Cursor): VethPeer {
  const peer: Mutable<VethPeer> = {name: ''};
  const cursor = data.nested('peer', IFINFOMSG_BYTES);
  const index = cursor.headerU32(data.offset + 4);
  if (index !== 0) peer.index = index;
  while (cursor.next()) {
    switch (cursor.type) {
      case IFLA_IFNAME:
        peer.name = cursor.text('name');
        break;
      case IFLA_ADDRESS:
        peer.mac = cursor.bytes();
        break;
      case IFLA_MTU:
        peer.mtu = cursor.u32('mtu');
        break;
      case IFLA_NET_NS_FD:
        peer.netns = {fd: cursor.u32('netns')};
        break;
    }
  }
  return peer;
}

/**
 * A vxlan device. Pure. Codec of its own part: vxlan-info.ts.
 * IPv6's addr_gen_mode cannot be chosen at creation (EAFNOSUPPORT): setLink() in the same batch.
 */
import {
  IFF_UP,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  NLA_F_NESTED,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_NEWLINK,
} from './constants.js';
import {IFINFOMSG_BYTES, setFlags, writeAttributes} from './link.js';
import type {Request} from './message.js';
import {request} from './request.js';
import {writeVxlanInfo, type VxlanInfo} from './vxlan-info.js';
import {writer} from './writer.js';

export interface NewVxlan {
  readonly name: string;
  readonly index?: number;
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly group?: number;
  readonly alias?: string;
  readonly up?: boolean;
  readonly vxlan: VxlanInfo;
}

export function newVxlan(link: NewVxlan): Request {
  const w = writer.start(IFINFOMSG_BYTES).setU32(4, link.index ?? 0);
  if (link.up === true) setFlags(w, IFF_UP, IFF_UP);
  writeAttributes(w, link);
  const info = w.open(IFLA_LINKINFO | NLA_F_NESTED);
  w.text(IFLA_INFO_KIND, 'vxlan');
  const data = w.open(IFLA_INFO_DATA | NLA_F_NESTED);
  writeVxlanInfo(w, link.vxlan);
  w.close(data).close(info);
  const op = () => `add vxlan ${link.name}`;
  return request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, w.finish(), op);
}

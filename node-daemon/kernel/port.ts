/**
 * The kernel as reconcilers see it: objects out (dump), small operations in (apply), news (monitor).
 * Types only. rtnetlink.ts is the real one, fake-kernel.ts the one of tests.
 *
 * Only what Twill deals in: unicast routes of the main table, permanent neighbours, VXLAN devices.
 * Addresses are octets in network order, MACs six octets; both are views or copies that nobody
 * writes to.
 */
import type {Family} from '#ipam';

/** Marks our routes and nexthops (rtm_protocol, nh_protocol); in `ip route` it reads "proto 84". */
export const PROTOCOL_TWILL = 84;

export interface KernelLink {
  readonly index: number;
  readonly name: string;
  readonly kind?: string; // 'vxlan', 'veth'…
  readonly mac?: Uint8Array;
  readonly mtu: number;
  readonly isUp: boolean; // administratively
  readonly vxlan?: KernelVxlan;
}

export interface KernelVxlan {
  readonly vni: number;
  readonly port: number;
  readonly local?: Uint8Array;
  readonly underlay?: number; // ifindex
  readonly learning: boolean;
}

export interface KernelAddress {
  readonly index: number;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly isGlobal: boolean; // scope; IPv6 link-local ones are the kernel's own
}

export interface KernelNexthop {
  readonly id: number;
  readonly protocol: number;
  readonly index?: number; // of its interface; absent: a group, a blackhole
  readonly gateway?: Uint8Array;
  readonly onlink: boolean; // the gateway is reachable on the interface whatever routes say
}

export interface KernelNeighbour {
  readonly index: number;
  readonly address: Uint8Array;
  readonly mac?: Uint8Array;
  readonly isPermanent: boolean;
}

/** One forwarding entry of a VXLAN device: frames to `mac` go to the host `destination`. */
export interface KernelFdbEntry {
  readonly index: number;
  readonly mac: Uint8Array;
  readonly destination?: Uint8Array;
  readonly isPermanent: boolean;
}

export interface KernelRoute {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly metric: number;
  readonly protocol: number;
  readonly nexthopId?: number;
  readonly index?: number; // of its interface
  readonly gateway?: Uint8Array;
  readonly isUnreachable?: true; // it leads nowhere, on purpose
}

export interface NewVxlan {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly vxlan: Required<KernelVxlan>;
}

export interface LinkSettings {
  readonly index: number;
  readonly name: string;
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly isUp?: true;
}

export type KernelOp =
  | {readonly kind: 'add-vxlan'; readonly link: NewVxlan} // comes up at once
  | {readonly kind: 'set-link'; readonly link: LinkSettings}
  | {readonly kind: 'delete-link'; readonly link: Pick<KernelLink, 'index' | 'name'>}
  | {readonly kind: 'add-address' | 'delete-address'; readonly address: KernelAddress}
  | {
      readonly kind: 'add-nexthop' | 'replace-nexthop' | 'delete-nexthop'; // 'delete': and its routes
      readonly nexthop: KernelNexthop;
    }
  | {readonly kind: 'replace-neighbour' | 'delete-neighbour'; readonly neighbour: KernelNeighbour}
  | {readonly kind: 'replace-fdb' | 'delete-fdb'; readonly entry: KernelFdbEntry}
  /** 'add' refuses (EEXIST) where the kernel has a route of this prefix and metric, whoever's. */
  | {readonly kind: 'add-route' | 'replace-route' | 'delete-route'; readonly route: KernelRoute};

/** What the kernel said no with. A NetlinkError is one. */
export interface KernelError {
  readonly code: string; // 'EEXIST'
  readonly message: string;
}

export type KernelChange =
  | {readonly table: 'links'; readonly isGone: boolean; readonly link: KernelLink}
  | {readonly table: 'addresses'; readonly isGone: boolean; readonly address: KernelAddress}
  | {readonly table: 'nexthops'; readonly isGone: boolean; readonly nexthop: KernelNexthop}
  | {readonly table: 'neighbours'; readonly isGone: boolean; readonly neighbour: KernelNeighbour}
  | {readonly table: 'fdb'; readonly isGone: boolean; readonly entry: KernelFdbEntry}
  | {readonly table: 'routes'; readonly isGone: boolean; readonly route: KernelRoute};

export interface MonitorHandlers {
  /** Ours and everybody's, but for routes that appear with our own protocol. */
  readonly onChange: (change: KernelChange) => void;
  /** While true, neighbours, fdb entries and nexthops that appear are left out: most are our own. */
  readonly isBusy?: () => boolean;
  /** News may have been lost: look at everything. */
  readonly onResync: (why: string) => void;
}

/**
 * What BGP has put there (bgp-objects.ts) is not shown, by dumps or as news: it has an owner of its own.
 * Every call rejects with a NetlinkError when the socket fails; a dump also when it was interrupted.
 */
export interface KernelPort {
  dumpLinks(): Promise<readonly KernelLink[]>;
  dumpAddresses(): Promise<readonly KernelAddress[]>;
  dumpNexthops(): Promise<readonly KernelNexthop[]>;
  dumpNeighbours(): Promise<readonly KernelNeighbour[]>;
  /** Empty when there is no such device. */
  dumpFdb(index: number): Promise<readonly KernelFdbEntry[]>;
  /** Of the main table and protocol 84, both families. */
  dumpRoutes(): Promise<readonly KernelRoute[]>;
  /** All are tried, in order; index i of the answer is the error of operation i. */
  apply(ops: readonly KernelOp[]): Promise<readonly (KernelError | undefined)[]>;
  monitor(handlers: MonitorHandlers): Promise<{close(): void}>;
  close(): void;
}

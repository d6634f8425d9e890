/**
 * What the kernel should hold, by key. Pure.
 *
 * Interfaces are named, not numbered: a device that is made anew gets another number, and that
 * changes nothing here. Likewise routes name their nexthop by its key, not by the id it has today.
 */
import type {Family} from '#ipam';

export interface DesiredDevice {
  readonly name: string; // twill.<vni>
  readonly vni: number;
  readonly port: number;
  readonly local: Uint8Array; // underlay address of this node
  readonly underlay: number; // ifindex
  readonly mac: Uint8Array;
  readonly mtu: number;
}

export interface DesiredAddress {
  readonly key: string;
  readonly device: string;
  readonly address: Uint8Array;
  readonly bits: number;
}

export interface DesiredNexthop {
  readonly key: string;
  readonly device: string;
  readonly gateway: Uint8Array;
  readonly onlink: boolean;
}

export interface DesiredNeighbour {
  readonly key: string;
  readonly device: string;
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
}

export interface DesiredFdbEntry {
  readonly key: string;
  readonly device: string;
  readonly mac: Uint8Array;
  readonly destination: Uint8Array;
}

export interface DesiredRoute {
  readonly key: string;
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly via: RouteTarget;
}

export type RouteTarget =
  | {readonly kind: 'nexthop'; readonly key: string}
  | {readonly kind: 'device'; readonly name: string}
  | {readonly kind: 'unreachable'}; // whoever asks is told so

export interface DesiredTables {
  readonly addresses: ReadonlyMap<string, DesiredAddress>;
  readonly nexthops: ReadonlyMap<string, DesiredNexthop>;
  readonly neighbours: ReadonlyMap<string, DesiredNeighbour>;
  readonly fdb: ReadonlyMap<string, DesiredFdbEntry>;
  readonly routes: ReadonlyMap<string, DesiredRoute>;
}

export const keyedTables = ['addresses', 'nexthops', 'neighbours', 'fdb', 'routes'] as const;
export type KeyedTable = (typeof keyedTables)[number];

/** What one source (a peer, a pod, this node itself) adds to the tables. */
export type Contribution = {
  readonly [Table in KeyedTable]?: readonly EntryOf<Table>[];
};

export type EntryOf<Table extends KeyedTable> =
  DesiredTables[Table] extends ReadonlyMap<string, infer Entry> ? Entry : never;

/**
 * All that the daemon knows, as one set of tables. Types, and how it begins.
 *
 * Immutable in spirit: only transition.ts writes, and the loop owns the one State there is. The
 * tables are changed in place, because copying 10,000 nodes for each change would cost more than
 * everything that is done with it.
 */
import type {Prefix} from '#ipam';
import {networkSettings, type NetworkSettings} from '../datastore/records/network.js';
import type {Resource} from '../datastore/records/kind.js';
import type {PoolSettings} from '../datastore/records/pool.js';
import {toVtepMac} from '../overlay/vtep-mac.js';
import type {AttachedPod} from './attached-pod.js';
import {Claims, macKey} from './claims.js';
import type {ByFamily, Peer} from './peer.js';

export interface Self {
  readonly name: string;
  readonly uid: string;
}

/** The interface that carries what goes to other hosts, and our addresses on it. */
export interface Underlay {
  readonly ifindex: number;
  readonly name: string;
  readonly mtu: number;
  readonly addresses: ByFamily<InterfaceAddress>; // one at least
}

export interface InterfaceAddress {
  readonly address: Uint8Array;
  readonly bits: number; // of the subnet
}

export interface State {
  readonly self: Self & {readonly vtepMac: Uint8Array};
  readonly synced: boolean; // etcd's content was told completely, once at least
  readonly network: NetworkSettings;
  readonly pools: ReadonlyMap<string, PoolSettings>;
  readonly nodes: ReadonlyMap<string, Peer>; // without this one
  /** Other resources by etcd key: policies, BGP, namespaces. Not for this file's tables. */
  readonly resources: ReadonlyMap<string, Resource>;
  /** What etcd holds and we cannot use, by key; the last good value stays in the tables above. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
  readonly claims: Claims;
  readonly underlay: Underlay | undefined;
  readonly ranges: readonly Prefix[] | undefined; // our leased ones; undefined: not told yet
  readonly pods: ReadonlyMap<string, AttachedPod> | undefined; // undefined: journal not read yet
}

export type MutableState = {-readonly [Key in keyof State]: Mutable<State[Key]>};
type Mutable<T> = T extends ReadonlyMap<infer K, infer V> ? Map<K, V> : T;

/** Our own among the claims: not the name of any node, those begin with a letter or digit. */
export const ownClaim = '-';

export function createState(self: Self): State {
  const vtepMac = toVtepMac(self.uid);
  const claims = new Claims();
  claims.put(ownClaim, {rank: -1, ranges: [], mac: macKey(vtepMac)});
  return {
    self: {...self, vtepMac},
    synced: false,
    network: networkSettings(),
    pools: new Map(),
    nodes: new Map(),
    resources: new Map(),
    problems: new Map(),
    claims,
    underlay: undefined,
    ranges: undefined,
    pods: undefined,
  };
}

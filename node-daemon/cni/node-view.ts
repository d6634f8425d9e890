/** What the CNI verbs may know of the node. Pure. */
import type {Family, LeaseView} from '#ipam';
import type {NodeState} from '../../cni-plugin/port.js';
import {toPodMtu} from '../overlay/mtu.js';
import type {State} from '../state/state.js';

/** The smallest link that IPv6 allows (RFC 8200 §5); only while nothing is known about the underlay. */
const SMALLEST_MTU = 1280;

export interface NodeFacts {
  readonly state: State;
  readonly lease: LeaseView;
  readonly isReady: boolean;
  /** Of the enabled pools that select this node: a pod gets an address of each, or none at all. */
  readonly poolFamilies: readonly Family[];
  readonly underlayReason: string | undefined;
}

/**
 * A restarted daemon that finds etcd away is not ready in the sense of /readyz, and yet can do all a
 * pod needs: its ranges are safe by the saved deadline, and the kernel still has the routes.
 */
export function toNodeState(facts: NodeFacts): NodeState {
  const {state, lease, isReady} = facts;
  const reason = reasonOf(facts);
  const ranges = rangesOf(lease);
  return {
    ready: isReady,
    canServe: isReady || (ranges === 'held' && state.underlay !== undefined),
    ranges,
    ...(reason !== undefined && {reason}),
    mtu: podMtu(facts.state),
    families: [...new Set([...facts.poolFamilies, ...lease.ranges.map(({family}) => family)])],
  };
}

function rangesOf({state, ranges}: LeaseView): NodeState['ranges'] {
  if (state === 'unsafe' || state === 'fenced') return 'unsafe';
  return state === 'held' && ranges.length > 0 ? 'held' : 'none';
}

export function podMtu({network, underlay}: State): number {
  if (underlay === undefined) return SMALLEST_MTU;
  const outer = underlay.addresses.ipv4 === undefined ? 'ipv6' : 'ipv4';
  return toPodMtu(network, underlay.mtu, outer);
}

function reasonOf({state, lease, isReady, underlayReason}: NodeFacts): string | undefined {
  if (lease.reason !== undefined) return lease.reason;
  if (lease.ranges.length === 0 && state.synced) {
    return state.pools.size === 0
      ? 'there is no Pool: apply one with twillctl apply'
      : 'no enabled Pool selects this node, or none has a free block';
  }
  if (underlayReason !== undefined) return underlayReason;
  if (!isReady) return state.synced ? 'the first reconcile is under way' : 'etcd was not read yet';
  return undefined;
}

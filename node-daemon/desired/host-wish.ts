/** What the host's settings have to serve: from state and the node's ranges. Pure. */
import type {Family} from '#ipam';
import type {State} from '../state/state.js';
import type {NatPool} from './nat.js';
import type {SysctlInput} from './sysctls.js';

export interface HostWish {
  readonly sysctls: SysctlInput;
  /** Undefined: not known yet. */
  readonly pools: readonly NatPool[] | undefined;
}

export function toHostWish(
  {synced, pools, network, underlay}: State,
  ranges: readonly {readonly family: Family}[],
): HostWish {
  const {backend, vxlan} = network;
  return {
    sysctls: {
      families: [...new Set(ranges.map(({family}) => family))],
      underlays: underlay === undefined ? [] : [underlay.name],
      ...(synced && backend === 'vxlan' && {overlay: `twill.${vxlan.vni}`}),
    },
    pools: synced ? [...pools.values()] : undefined,
  };
}

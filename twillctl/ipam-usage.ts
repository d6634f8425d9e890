/**
 * Who holds which block of which pool, and how much of it pods use. Pure.
 */
import {contains, parseAddress, parsePrefix, type Prefix} from '#ipam';
import type {Endpoint} from '../node-daemon/datastore/records/endpoint.js';
import type {Lease} from '../node-daemon/datastore/records/lease.js';
import {poolSettings, type Pool} from '../node-daemon/datastore/records/pool.js';

export interface IpamUsage {
  readonly pools: readonly PoolUsage[];
  readonly blocks: readonly BlockUsage[];
}

export interface PoolUsage {
  readonly name: string;
  readonly cidr: string;
  readonly blockSize: number; // prefix length
  readonly blocks: string; // how many there are: a number, or 2^n where it is large
  readonly leased: number;
  readonly nodes: number; // that lease any
  readonly used: number; // addresses
  readonly disabled: boolean;
}

export interface BlockUsage {
  readonly cidr: string;
  readonly pool: string;
  readonly node: string;
  readonly claimedAt?: string;
  readonly size: string;
  readonly used: number;
}

export function findUsage(
  pools: readonly Pool[],
  leases: readonly Lease[],
  endpoints: readonly Endpoint[],
): IpamUsage {
  const blocks = findBlockUsage(leases, endpoints);
  const inPool = new Map<string, BlockUsage[]>();
  for (const block of blocks) {
    const known = inPool.get(block.pool);
    if (known === undefined) inPool.set(block.pool, [block]);
    else known.push(block);
  }
  return {
    blocks,
    pools: pools.map(pool => toPoolUsage(pool, inPool.get(pool.metadata.name) ?? [])),
  };
}

function toPoolUsage(pool: Pool, blocks: readonly BlockUsage[]): PoolUsage {
  const {name, cidr, blockSize, disabled} = poolSettings(pool);
  return {
    name,
    cidr,
    blockSize,
    blocks: formatPowerOfTwo(blockSize - (parsePrefix(cidr)?.bits ?? 0)),
    leased: blocks.length,
    nodes: new Set(blocks.map(({node}) => node)).size,
    used: blocks.reduce((sum, {used}) => sum + used, 0),
    disabled,
  };
}

/** An endpoint's addresses lie in the blocks of its own node; with ten thousand nodes no others are tried. */
function findBlockUsage(
  leases: readonly Lease[],
  endpoints: readonly Endpoint[],
): readonly BlockUsage[] {
  const addressesOf = new Map<string, Uint8Array[]>(); // by node
  for (const {spec} of endpoints) {
    const addresses = spec.addresses.map(parseAddress).filter(address => address !== undefined);
    const known = addressesOf.get(spec.node);
    if (known === undefined) addressesOf.set(spec.node, addresses);
    else known.push(...addresses);
  }
  return leases.map(({spec}) => {
    const prefix = parsePrefix(spec.cidr);
    const addresses = addressesOf.get(spec.node) ?? [];
    return {
      cidr: spec.cidr,
      pool: spec.pool,
      node: spec.node,
      ...(spec.claimedAt !== undefined && {claimedAt: spec.claimedAt}),
      size: prefix === undefined ? '' : formatPowerOfTwo(widthOf(prefix) - prefix.bits),
      used: prefix === undefined ? 0 : addresses.filter(each => contains(prefix, each)).length,
    };
  });
}

function widthOf(prefix: Prefix): number {
  return prefix.address.length * 8;
}

function formatPowerOfTwo(exponent: number): string {
  return exponent <= 20 ? String(2 ** exponent) : `2^${exponent}`;
}

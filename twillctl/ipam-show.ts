/**
 * `twillctl ipam show`. Shell.
 */
import type {Store, Terminal} from './command.js';
import {findUsage, type IpamUsage} from './ipam-usage.js';
import {formatValue} from './output.js';
import {readAll} from './read.js';
import {formatAge, formatTable} from './table.js';

export interface IpamShowOptions {
  readonly output?: 'json' | 'yaml';
}

/** @throws StoreError */
export async function runIpamShow(
  store: Store,
  terminal: Terminal,
  {output}: IpamShowOptions,
): Promise<void> {
  const [pools, leases, endpoints] = await Promise.all([
    readAll(store, 'Pool', terminal),
    readAll(store, 'Lease', terminal),
    readAll(store, 'Endpoint', terminal),
  ]);
  const usage = findUsage(pools, leases, endpoints);
  if (output !== undefined) return terminal.out(await formatValue(usage, output));
  if (usage.pools.length === 0 && usage.blocks.length === 0) {
    return terminal.err('No resources found.\n');
  }
  terminal.out(formatUsage(usage, terminal.now()));
}

export function formatUsage({pools, blocks}: IpamUsage, nowMs: number): string {
  const known = new Set(pools.map(({name}) => name));
  const poolTable = formatTable(
    ['POOL', 'CIDR', 'BLOCK-SIZE', 'BLOCKS', 'LEASED', 'NODES', 'USED', 'STATE'],
    pools.map(pool => [
      pool.name,
      pool.cidr,
      `/${pool.blockSize}`,
      pool.blocks,
      String(pool.leased),
      String(pool.nodes),
      String(pool.used),
      pool.disabled ? 'disabled' : 'enabled',
    ]),
  );
  if (blocks.length === 0) return poolTable;
  const blockTable = formatTable(
    ['BLOCK', 'POOL', 'NODE', 'USED', 'SIZE', 'AGE'],
    blocks.map(block => [
      block.cidr,
      known.has(block.pool) ? block.pool : `${block.pool} (gone)`,
      block.node,
      String(block.used),
      block.size,
      formatAge(block.claimedAt, nowMs),
    ]),
  );
  return `${poolTable}\n${blockTable}`;
}

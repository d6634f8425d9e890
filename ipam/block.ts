import {createHash} from 'node:crypto';
import {addressAt, bitsOf, contains, formatPrefix, parsePrefix, type Prefix} from './address.js';
import type {Pool} from './pool.js';
import {RangeWalk} from './range.js';

/**
 * Blocks of a pool, and the order in which a host tries to claim them. Pure.
 *
 *   1. blocks the host had before: its peers, flows and firewalls may still know them
 *   2. a walk from a place and with a stride that a hash of the host gives. Hosts that start at
 *      once begin in different places and part again after a collision; with one stride for all
 *      they would queue behind each other. The number of blocks is a power of two and the stride
 *      odd, so the walk meets every block once.
 *   3. blocks that were freed a short while ago, as far as the caller knows
 *
 * Blocks without a single usable address are left out.
 */
export interface CandidateOptions {
  readonly pool: Pool;
  readonly nodeUid: string;
  readonly previous: readonly string[]; // CIDRs
  readonly recentlyFreed?: ReadonlySet<string> | undefined; // CIDRs
  isTaken(cidr: string): boolean;
}

export function* candidateBlocks(options: CandidateOptions): Generator<string> {
  const {pool, previous, recentlyFreed} = options;
  const usable = (cidr: string) => !options.isTaken(cidr) && hasUsableAddress(pool, cidr);
  const first = previous.filter(cidr => isBlockOf(pool, cidr));
  const tried = new Set(first);
  for (const cidr of first) if (usable(cidr)) yield cidr;
  const late: string[] = [];
  for (const cidr of walkBlocks(pool, options.nodeUid)) {
    if (tried.has(cidr) || !usable(cidr)) continue;
    if (recentlyFreed?.has(cidr)) late.push(cidr);
    else yield cidr;
  }
  yield* late;
}

export function blockCount(pool: Pool): bigint {
  return 1n << BigInt(pool.blockSize - pool.prefix.bits);
}

/** The `index`th block of the pool as a CIDR. */
export function blockAt(pool: Pool, index: bigint): string {
  const shift = BigInt(bitsOf(pool.family) - pool.blockSize);
  return formatPrefix({address: addressAt(pool.prefix, index << shift), bits: pool.blockSize});
}

/** True when the pool, cut as it is now, has this block. */
export function isBlockOf(pool: Pool, cidr: string): boolean {
  const block = parsePrefix(cidr);
  return block?.bits === pool.blockSize && contains(pool.prefix, block.address);
}

/** The host's own address in a block: its first. */
export function ownAddress(block: Prefix): Uint8Array {
  return addressAt(block, 0n);
}

function* walkBlocks(pool: Pool, nodeUid: string): Generator<string> {
  const count = blockCount(pool);
  const hash = createHash('sha256').update(`${nodeUid}\0${pool.cidr}`).digest('hex');
  const start = BigInt(`0x${hash.slice(0, 32)}`);
  const stride = BigInt(`0x${hash.slice(32)}`) | 1n;
  for (let step = 0n; step < count; step++) {
    yield blockAt(pool, (start + step * stride) % count);
  }
}

function hasUsableAddress(pool: Pool, cidr: string): boolean {
  if (pool.reserved.length === 0) return true;
  const walk = new RangeWalk({...pool, pool: pool.name, cidr});
  return walk.next(untouched) !== undefined;
}

const untouched = {
  isTaken: () => false,
  wasFreed: () => false,
  freed: () => [],
  trustsUntouched: () => true,
};

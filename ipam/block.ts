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
 *   3. blocks that were freed, the one that was longest ago first
 *
 * Hosts that come at once, when few are left of 2, all want the same. So each time a host was too late
 * it begins anywhere among sixteen times as many of 2 and 3.
 *
 * Blocks without a single usable address are left out.
 */
const LARGEST_HEAD = 4096;

export interface CandidateOptions {
  readonly pool: Pool;
  readonly nodeUid: string;
  readonly previous: readonly string[]; // CIDRs
  readonly freed?: readonly string[] | undefined; // CIDRs, the one that was freed longest ago first
  readonly lostRaces?: number | undefined; // how often another host was faster
  isTaken(cidr: string): boolean;
}

export function* candidateBlocks(options: CandidateOptions): Generator<string> {
  const {pool, previous, nodeUid, lostRaces = 0} = options;
  const first = new Set(previous.filter(cidr => isBlockOf(pool, cidr)));
  for (const cidr of first) if (isUsable(options, cidr)) yield cidr;

  const later = laterBlocks(options, first);
  const head = take(later, Math.min(16 ** lostRaces, LARGEST_HEAD));
  const {start} = hashOf(nodeUid, `${pool.cidr}\0${lostRaces}`);
  const at = Number(start % BigInt(Math.max(1, head.length)));
  yield* head.slice(at);
  yield* head.slice(0, at);
  yield* later;
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

/** Of the walk, then the freed ones. */
function* laterBlocks(options: CandidateOptions, first: ReadonlySet<string>): Generator<string> {
  const {pool, nodeUid, freed = []} = options;
  const isWanted = (cidr: string) => !first.has(cidr) && isUsable(options, cidr);
  const late = new Set(freed);
  for (const cidr of walkBlocks(pool, nodeUid)) if (!late.has(cidr) && isWanted(cidr)) yield cidr;
  for (const cidr of late) if (isBlockOf(pool, cidr) && isWanted(cidr)) yield cidr;
}

/** At most `count`; the source goes on after them. */
function take(source: Generator<string>, count: number): readonly string[] {
  const taken: string[] = [];
  while (taken.length < count) {
    const next = source.next();
    if (next.done) break;
    taken.push(next.value as string);
  }
  return taken;
}

function* walkBlocks(pool: Pool, nodeUid: string): Generator<string> {
  const count = blockCount(pool);
  const {start, stride} = hashOf(nodeUid, pool.cidr);
  for (let step = 0n; step < count; step++) {
    yield blockAt(pool, (start + step * stride) % count);
  }
}

function hashOf(nodeUid: string, text: string): {start: bigint; stride: bigint} {
  const hash = createHash('sha256').update(`${nodeUid}\0${text}`).digest('hex');
  return {start: BigInt(`0x${hash.slice(0, 32)}`), stride: BigInt(`0x${hash.slice(32)}`) | 1n};
}

function isUsable({pool, isTaken}: CandidateOptions, cidr: string): boolean {
  return !isTaken(cidr) && hasUsableAddress(pool, cidr);
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

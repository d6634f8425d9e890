import {bitsOf, formatPrefix, overlaps, parsePrefix, parsePrefixOrAddress} from './address.js';
import type {Family, Prefix} from './address.js';

/**
 * A pool: the prefix that blocks are cut from. Pure. Which nodes may use it (nodeSelector) and
 * what leaves it translated (natOutgoing) is decided elsewhere.
 */
export interface PoolSpec {
  readonly cidr: string;
  readonly blockSize?: number | undefined; // prefix length of a block, default 26 or 122
  readonly disabled?: boolean | undefined;
  readonly reserved?: readonly string[] | undefined; // addresses or CIDRs
}

export interface Pool {
  readonly name: string;
  readonly cidr: string; // canonical
  readonly family: Family;
  readonly prefix: Prefix;
  readonly blockSize: number;
  readonly disabled: boolean;
  readonly reserved: readonly string[]; // canonical CIDRs
}

export interface PoolFault {
  readonly field: string; // 'spec.cidr', 'spec.reserved[2]'
  readonly message: string;
}

export type CheckedPool =
  | {readonly kind: 'ok'; readonly pool: Pool}
  | {readonly kind: 'faulty'; readonly faults: readonly PoolFault[]};

/** A block with more host bits than this would make its walk and its report pointless. */
const MAX_BLOCK_HOST_BITS = 64;

/** All faults at once, each with its field. Types are the schema's business; values are ours. */
export function checkPool(name: string, spec: PoolSpec): CheckedPool {
  const prefix = parsePrefix(spec.cidr);
  if (prefix === undefined) {
    const message = `${JSON.stringify(spec.cidr)} is no prefix (an address without host bits, then /length)`;
    return {kind: 'faulty', faults: [{field: 'spec.cidr', message}]};
  }
  const faults: PoolFault[] = [];
  const width = bitsOf(prefix.family);
  const blockSize = spec.blockSize ?? Math.max(prefix.bits, width - 6);
  const smallest = Math.max(prefix.bits, width - MAX_BLOCK_HOST_BITS);
  if (!Number.isInteger(blockSize) || blockSize < smallest || blockSize >= width) {
    const message = `${blockSize} is outside ${smallest}..${width - 1} for ${spec.cidr}`;
    faults.push({field: 'spec.blockSize', message});
  }
  const reserved: string[] = [];
  for (const [index, text] of (spec.reserved ?? []).entries()) {
    const each = parsePrefixOrAddress(text);
    const field = `spec.reserved[${index}]`;
    if (each === undefined) {
      faults.push({field, message: `${JSON.stringify(text)} is neither an address nor a prefix`});
    } else if (!overlaps(prefix, each)) {
      faults.push({field, message: `${text} is outside ${spec.cidr}`});
    } else {
      reserved.push(formatPrefix(each));
    }
  }
  if (faults.length > 0) return {kind: 'faulty', faults};
  const {family} = prefix;
  const disabled = spec.disabled ?? false;
  const cidr = formatPrefix(prefix);
  return {kind: 'ok', pool: {name, cidr, family, prefix, blockSize, disabled, reserved}};
}

/** Pairs of pools that share addresses: the names, the first one's name being the smaller. */
export function overlappingPools(pools: readonly Pool[]): readonly (readonly [string, string])[] {
  const sorted = [...pools].sort(byName);
  return sorted.flatMap((pool, at) =>
    sorted
      .slice(at + 1)
      .filter(other => overlaps(pool.prefix, other.prefix))
      .map(other => [pool.name, other.name] as const),
  );
}

/** By code point, the same on every host and in every locale. */
export function byName(a: {readonly name: string}, b: {readonly name: string}): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

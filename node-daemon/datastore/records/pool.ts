/**
 * Pool: addresses for pods, cut into blocks that hosts lease. Pure.
 */
import * as v from 'valibot';
import {contains, parsePrefix, parsePrefixOrAddress, type Family, type Prefix} from '#ipam';
import {addressOrPrefix, integer, list, mapping, optional, prefix, yesOrNo} from './fields.js';
import {metadata} from './metadata.js';
import {problemAt, type Parsed, type Problem} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector, type LabelSelector} from './selector.js';

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('Pool', 'Pool'),
  metadata,
  spec: mapping({
    cidr: prefix,
    blockSize: optional(integer(1, 128, 'a prefix length')),
    natOutgoing: optional(yesOrNo),
    nodeSelector: optional(labelSelector), // hosts that may lease from it; absent: all
    namespaceSelector: optional(labelSelector), // pods that may get addresses of it; absent: all
    disabled: optional(yesOrNo), // no new blocks; leased ones stay
    reserved: optional(list(addressOrPrefix)),
  }),
});

export type Pool = Value<typeof schema>;

/** A Pool with every default filled in. */
export interface PoolSettings {
  readonly name: string;
  readonly cidr: string;
  readonly family: Family;
  readonly blockSize: number; // prefix length of a block
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  readonly reserved: readonly string[];
  readonly nodeSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
}

export function parsePool(input: unknown): Parsed<Pool> {
  const parsed = parseSchema(schema, input);
  if (parsed.kind === 'invalid') return parsed;
  const problems = checkPool(parsed.value);
  return problems.length > 0 ? {kind: 'invalid', problems} : parsed;
}

export function poolSettings({metadata, spec}: Pool): PoolSettings {
  const family = familyOfCidr(spec.cidr);
  return {
    name: metadata.name,
    cidr: spec.cidr,
    family,
    blockSize: spec.blockSize ?? defaultBlockSize(spec.cidr),
    natOutgoing: spec.natOutgoing ?? true,
    disabled: spec.disabled ?? false,
    reserved: spec.reserved ?? [],
    ...(spec.nodeSelector && {nodeSelector: spec.nodeSelector}),
    ...(spec.namespaceSelector && {namespaceSelector: spec.namespaceSelector}),
  };
}

function familyOfCidr(cidr: string): Family {
  return cidr.includes(':') ? 'ipv6' : 'ipv4';
}

/** 64 addresses, or the whole pool where it is smaller. */
function defaultBlockSize(cidr: string): number {
  const usual = familyOfCidr(cidr) === 'ipv4' ? 26 : 122;
  return Math.max(usual, parsePrefix(cidr)?.bits ?? 0);
}

function checkPool(pool: Pool): readonly Problem[] {
  const {cidr, blockSize, reserved} = poolSettings(pool);
  const prefix = parsePrefix(cidr);
  if (prefix === undefined) return []; // the schema has said so
  return [...checkBlockSize(prefix, blockSize), ...checkReserved(prefix, cidr, reserved)];
}

/** As ipam's: a block holds the host's own address and one for a pod, and no more than an IPv6 subnet does. */
function checkBlockSize({bits, address}: Prefix, blockSize: number): readonly Problem[] {
  const width = address.length * 8;
  const lowest = Math.max(bits, width - 64);
  const highest = width - 1;
  if (blockSize >= lowest && blockSize <= highest) return [];
  const expected =
    lowest > highest
      ? 'a cidr of two addresses or more'
      : `a prefix length from ${lowest} to ${highest}`;
  return [problemAt(['spec', 'blockSize'], `expected ${expected}, got ${blockSize}`)];
}

function checkReserved(
  pool: Prefix,
  cidr: string,
  reserved: readonly string[],
): readonly Problem[] {
  return reserved.flatMap((text, index) => {
    const entry = parsePrefixOrAddress(text);
    if (entry !== undefined && entry.bits >= pool.bits && contains(pool, entry.address)) return [];
    return [
      problemAt(
        ['spec', 'reserved', index],
        `expected a part of ${cidr}, got ${JSON.stringify(text)}`,
      ),
    ];
  });
}

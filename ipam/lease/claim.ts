import {parsePrefix} from '../address.js';
import {candidateBlocks} from '../block.js';
import type {Compare, KeyValue, Op} from '../etcd/store.js';
import {leaseKey, parseLeaseKey} from '../keys.js';
import {byName, type Pool} from '../pool.js';
import type {Range} from '../range.js';
import {putMark} from './mark.js';
import {createLeaseRecord, parseLeaseRecord} from './record.js';

/**
 * What one transaction has to do so that etcd says what this node wants it to say. Pure.
 *
 * For each block the node had (`ranges`), by what etcd holds under the block's key:
 *
 *   nothing                 claim again, condition: still nothing
 *   ours, this etcd lease   in order
 *   ours, another lease     bind to this lease, condition: unchanged since
 *   somebody else's         conflict: the node is fenced. The range is not given up, pods use it.
 *                           After a reboot none does: then it is forgotten, and another claimed
 *
 * "Ours" means name and uid: a cloned machine has the uid and another name, a reinstalled one the
 * name and another uid. A copied disk that takes over the name of its original has both; so what hangs on
 * the lease of another machine that had the name is never ours. Blocks that are ours in etcd and unknown here (state directory lost) are
 * taken back. Then, for each family without a range, one block of the first enabled pool by name that
 * has a free one; one that was never used, before one that was freed.
 * Several blocks a family need only another rule in `wantedPools`.
 */
export interface ClaimInput {
  readonly prefix: string; // of our keys in etcd
  readonly node: {readonly name: string; readonly uid: string};
  readonly leaseId: string;
  readonly ranges: readonly Range[];
  readonly inherited: boolean; // `ranges` are of a boot before, nobody uses them
  /** Undefined while pools are not known: nothing new is claimed. */
  readonly pools: readonly Pool[] | undefined;
  /** Another machine goes by the node's name. Then nothing new is claimed, nor taken back by that name. */
  readonly isNameTaken?: boolean | undefined;
  readonly strangerLeaseId?: string | undefined; // of another machine that had the name
  readonly entries: readonly KeyValue[]; // everything below leases/
  readonly freed?: readonly string[] | undefined; // CIDRs, to be claimed when there are no others
  readonly lostRaces?: number | undefined;
  /** Blocks that are in order are marked too, not only those that are claimed. */
  readonly areMarksDue?: boolean | undefined;
  readonly claimedAt: string;
}

export interface Conflict {
  readonly cidr: string;
  readonly holder: string;
}

export interface ClaimPlan {
  readonly compare: readonly Compare[];
  readonly success: readonly Op[];
  readonly marks: readonly Op[]; // of the blocks that are ours (mark.ts)
  readonly ranges: readonly Range[]; // the node's, once the transaction is done
  readonly conflicts: readonly Conflict[];
  readonly exhausted: readonly string[]; // names of pools without a free block
}

export function planClaims(input: ClaimInput): ClaimPlan {
  const held = new Map<string, KeyValue>();
  for (const entry of input.entries) {
    const cidr = parseLeaseKey(input.prefix, entry.key);
    if (cidr !== undefined) held.set(cidr, entry);
  }
  const mine = input.isNameTaken ? inUse(input) : [...input.ranges, ...adopted(input, held)];
  const ranges: Range[] = [];
  const compare: Compare[] = [];
  const success: Op[] = [];
  const marks: Op[] = [];
  const conflicts: Conflict[] = [];
  const mark = ({cidr}: Range) => marks.push(putMark(input.prefix, cidr, input.node.name));
  const put = (range: Range, condition: Compare) => {
    compare.push(condition);
    success.push(toPut(input, range));
    mark(range);
  };

  for (const range of mine) {
    const entry = held.get(range.cidr);
    const key = leaseKey(input.prefix, range.cidr);
    const foreign = entry !== undefined && !isOurs(input, entry);
    if (foreign && input.inherited) continue;
    ranges.push(range);
    if (foreign) conflicts.push({cidr: range.cidr, holder: holderOf(entry)});
    else if (entry === undefined) put(range, {key, createRevision: 0});
    else if (entry.leaseId !== input.leaseId) put(range, {key, modRevision: entry.modRevision});
    else if (input.areMarksDue) mark(range);
  }

  const exhausted: string[] = [];
  for (const pool of wantedPools(poolsOf(input), ranges)) {
    if (ranges.some(({family}) => family === pool.family)) continue; // an earlier pool had a block
    const cidr = firstFree(pool, input, held);
    if (cidr === undefined) {
      exhausted.push(pool.name);
      continue;
    }
    const range = {cidr, family: pool.family, pool: pool.name};
    ranges.push(range);
    put(range, {key: leaseKey(input.prefix, cidr), createRevision: 0});
  }
  const lacking = exhausted.filter(name => {
    const family = input.pools?.find(pool => pool.name === name)?.family;
    return !ranges.some(range => range.family === family);
  });
  return {compare, success, marks, ranges, conflicts, exhausted: lacking};
}

/** The pools to try, in this order: the enabled ones of each family that has no range yet, by name. */
export function wantedPools(pools: readonly Pool[], ranges: readonly Range[]): readonly Pool[] {
  const has = new Set(ranges.map(({family}) => family));
  return [...pools].sort(byName).filter(({disabled, family}) => !disabled && !has.has(family));
}

function firstFree(pool: Pool, input: ClaimInput, held: ReadonlyMap<string, KeyValue>) {
  const blocks = candidateBlocks({
    pool,
    nodeUid: input.node.uid,
    previous: [],
    ...{freed: input.freed, lostRaces: input.lostRaces},
    isTaken: cidr => held.has(cidr),
  });
  for (const cidr of blocks) return cidr;
  return undefined;
}

/** Those that pods of this boot have addresses of. */
function inUse({inherited, ranges}: ClaimInput): readonly Range[] {
  return inherited ? [] : ranges;
}

function poolsOf({pools, isNameTaken}: ClaimInput): readonly Pool[] {
  return isNameTaken ? [] : (pools ?? []);
}

/** Ours in etcd, and unknown here. */
function adopted(input: ClaimInput, held: ReadonlyMap<string, KeyValue>): readonly Range[] {
  const known = new Set(input.ranges.map(({cidr}) => cidr));
  const ranges: Range[] = [];
  for (const [cidr, entry] of held) {
    if (known.has(cidr)) continue;
    const prefix = mayAdopt(input, entry) ? parsePrefix(cidr) : undefined;
    if (prefix === undefined) continue;
    const pool = parseLeaseRecord(entry.value)?.spec.pool ?? '';
    ranges.push({cidr, family: prefix.family, pool});
  }
  return ranges;
}

/** A copied disk cannot tell what its original claims, on whatever lease, from what it has claimed itself. */
function mayAdopt(input: ClaimInput, entry: KeyValue): boolean {
  const isSingle = input.strangerLeaseId === undefined || entry.leaseId === input.leaseId;
  return isSingle && isOurs(input, entry);
}

function isOurs({node, strangerLeaseId}: ClaimInput, entry: KeyValue): boolean {
  if (entry.leaseId === strangerLeaseId) return false;
  if (!entry.value.includes(node.uid)) return false; // spares parsing everybody else's
  const spec = parseLeaseRecord(entry.value)?.spec;
  return spec !== undefined && spec.node === node.name && spec.nodeUid === node.uid;
}

function holderOf(entry: KeyValue): string {
  const spec = parseLeaseRecord(entry.value)?.spec;
  return spec === undefined ? 'an unreadable record' : `${spec.node} (${spec.nodeUid})`;
}

function toPut({prefix, node, leaseId, claimedAt}: ClaimInput, {cidr, pool}: Range): Op {
  const record = createLeaseRecord({cidr, pool, node: node.name, nodeUid: node.uid, claimedAt});
  return {kind: 'put', key: leaseKey(prefix, cidr), value: JSON.stringify(record), leaseId};
}

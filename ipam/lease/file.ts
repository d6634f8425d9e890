import {readFile} from 'node:fs/promises';
import {parsePrefix} from '../address.js';
import {replaceFile} from '../journal/disk.js';
import type {Range} from '../range.js';
import type {HeldLease} from './state.js';

/**
 * <stateDir>/lease.json: what a restarted daemon must know of its lease before it reaches etcd.
 * Shell. A file that cannot be read or understood counts as none: etcd knows our blocks too.
 */
export interface SavedLease {
  readonly bootId: string;
  readonly nodeUid: string;
  readonly lease: HeldLease | undefined; // expiresAtMs on CLOCK_BOOTTIME of that boot
  readonly ranges: readonly Range[];
  readonly inherited: boolean; // not yet confirmed in that boot
  readonly safeUntilMs: number;
  readonly strangerLeaseId?: string | undefined;
}

export async function readLeaseFile(path: string): Promise<SavedLease | undefined> {
  try {
    return decode(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** @throws the system's error. */
export async function writeLeaseFile(path: string, saved: SavedLease): Promise<void> {
  const text = JSON.stringify({version: 1, ...saved}, undefined, 2);
  await replaceFile(path, Buffer.from(`${text}\n`));
}

function decode(value: unknown): SavedLease | undefined {
  const saved = value as Partial<SavedLease> & {version?: unknown};
  if (saved.version !== 1 || typeof saved.bootId !== 'string') return undefined;
  if (typeof saved.nodeUid !== 'string' || !Array.isArray(saved.ranges)) return undefined;
  const ranges: Range[] = [];
  for (const {cidr, pool} of saved.ranges as Partial<Range>[]) {
    const prefix = typeof cidr === 'string' ? parsePrefix(cidr) : undefined;
    if (prefix === undefined || cidr === undefined || typeof pool !== 'string') return undefined;
    ranges.push({cidr, family: prefix.family, pool});
  }
  const {bootId, nodeUid, lease} = saved;
  const known = isLease(lease) ? lease : undefined;
  const safeUntilMs = typeof saved.safeUntilMs === 'number' ? saved.safeUntilMs : 0;
  const inherited = saved.inherited === true;
  const id = saved.strangerLeaseId;
  const strangerLeaseId = typeof id === 'string' ? id : undefined;
  return {bootId, nodeUid, lease: known, ranges, inherited, safeUntilMs, strangerLeaseId};
}

function isLease(lease: HeldLease | undefined): lease is HeldLease {
  return (
    /^\d+$/.test(lease?.id ?? '') &&
    Number.isFinite(lease?.ttlSeconds) &&
    Number.isFinite(lease?.expiresAtMs)
  );
}

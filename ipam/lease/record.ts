import {formatPrefix, parsePrefix} from '../address.js';
import {leaseName} from '../keys.js';

/**
 * The Lease record: who holds a block. Pure.
 *
 * It lives at leases/<name> and is bound to the etcd lease of its node, so it is gone when the node
 * has not been heard of for the lease's time to live. Unknown fields are let through: a later
 * version may have written them.
 */
export interface LeaseRecord {
  readonly apiVersion: 'twill.io/v1';
  readonly kind: 'Lease';
  readonly metadata: {readonly name: string};
  readonly spec: {
    readonly cidr: string;
    readonly pool: string;
    readonly node: string;
    readonly nodeUid: string;
    readonly claimedAt: string; // ISO 8601
  };
}

export function createLeaseRecord(spec: LeaseRecord['spec']): LeaseRecord {
  return {
    apiVersion: 'twill.io/v1',
    kind: 'Lease',
    metadata: {name: leaseName(spec.cidr)},
    spec,
  };
}

/** Undefined when the text is no Lease record. */
export function parseLeaseRecord(text: string): LeaseRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const {kind, spec} = (value ?? {}) as {kind?: unknown; spec?: Record<string, unknown>};
  if (kind !== 'Lease' || typeof spec !== 'object' || spec === null) return undefined;
  const {cidr, pool, node, nodeUid, claimedAt} = spec;
  if (typeof pool !== 'string' || typeof node !== 'string') return undefined;
  if (typeof nodeUid !== 'string' || typeof cidr !== 'string') return undefined;
  const prefix = parsePrefix(cidr);
  if (prefix === undefined) return undefined;
  return createLeaseRecord({
    cidr: formatPrefix(prefix),
    ...{pool, node, nodeUid, claimedAt: typeof claimedAt === 'string' ? claimedAt : ''},
  });
}

/**
 * Which endpoint records to write so that etcd shows what the journal holds. Pure.
 *
 * A record lives under the node's lease; one that hangs on an older lease is written again, or it
 * would vanish with that lease while its pod still runs.
 */
import type {Op} from '#ipam';

/** What etcd holds under one key. */
export interface StoredEndpoint {
  readonly value: string;
  readonly leaseId: string;
}

export type EndpointTable = ReadonlyMap<string, string>; // etcd key -> JSON

export function planEndpoints(
  desired: EndpointTable,
  stored: ReadonlyMap<string, StoredEndpoint>,
  leaseId: string,
): readonly Op[] {
  const ops: Op[] = [];

  for (const key of stored.keys()) {
    if (!desired.has(key)) ops.push({kind: 'delete', key});
  }

  for (const [key, value] of desired) {
    const current = stored.get(key);
    if (current === undefined || current.value !== value || current.leaseId !== leaseId) {
      ops.push({kind: 'put', key, value, leaseId});
    }
  }

  return ops;
}

/** Changes `stored` to what it holds once `ops` are done. */
export function noteApplied(stored: Map<string, StoredEndpoint>, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.kind === 'delete') stored.delete(op.key);
    if (op.kind === 'put') stored.set(op.key, {value: op.value, leaseId: op.leaseId ?? '0'});
  }
}

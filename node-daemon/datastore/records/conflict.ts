/**
 * What only shows when records are put side by side. Pure. Asked before anything is applied, and by
 * the daemon for what lies in etcd all the same.
 */
import {overlaps, parsePrefix} from '#ipam';
import type {Resource} from './kind.js';
import type {Pool} from './pool.js';
import {problemAt, type Problem} from './problem.js';

export interface Conflict {
  readonly kind: Resource['kind'];
  readonly name: string; // the record that is at fault
  readonly problem: Problem;
}

/** `existing` are the records as they will lie beside the applied ones: those they replace left out. */
export function findConflicts(
  applied: readonly Resource[],
  existing: readonly Resource[],
): readonly Conflict[] {
  const pools = [...existing, ...applied].filter(record => record.kind === 'Pool');
  return applied
    .filter(record => record.kind === 'Pool')
    .flatMap(pool => poolConflicts(pool, pools.slice(0, pools.indexOf(pool))));
}

/** Two pools that overlap would lease one address twice. */
export function poolConflicts(pool: Pool, others: readonly Pool[]): readonly Conflict[] {
  const own = parsePrefix(pool.spec.cidr);
  return others.flatMap(other => {
    const taken = parsePrefix(other.spec.cidr);
    if (other.metadata.name === pool.metadata.name) return [];
    if (own === undefined || taken === undefined || !overlaps(own, taken)) return [];
    const expected = `expected a prefix apart from ${other.spec.cidr} of Pool ${other.metadata.name}`;
    const problem = problemAt(['spec', 'cidr'], `${expected}, got ${pool.spec.cidr}`);
    return [{kind: 'Pool' as const, name: pool.metadata.name, problem}];
  });
}

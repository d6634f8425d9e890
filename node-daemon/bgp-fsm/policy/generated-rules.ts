/**
 * The rules of a node for which nobody wrote any, and those that stand before everybody's. Pure.
 */
import type {Cidr} from '../wire/address.js';
import type {PolicyRule} from './rule.js';

export const ACCEPT_ALL: PolicyRule = {action: 'accept'};

/** What a neighbour never tells us, whoever wrote the filter. */
export interface Guarded {
  /** Our own ranges: a route to them would lead our pods' traffic away. With all inside them. */
  readonly ownRanges: readonly Cidr[];
  /** Hosts and etcd, each for itself: a wrong one cuts the node off. */
  readonly hosts: readonly Cidr[];
  /** Subnets that our interfaces are in: only what is longer could win over the link's own route. */
  readonly ownSubnets: readonly Cidr[];
}

export function guardRules({ownRanges, hosts, ownSubnets}: Guarded): readonly PolicyRule[] {
  const prefixes = [
    ...[...ownRanges, ...ownSubnets].map(inside),
    ...hosts.map(prefix => ({prefix})),
  ];
  return prefixes.length === 0 ? [] : [{match: {prefixes}, action: 'reject'}];
}

/** Without `import`: all inside pools and service ranges, but for `except` and all inside of it. */
export function defaultImportRules(
  pools: readonly Cidr[],
  except: readonly Cidr[],
): readonly PolicyRule[] {
  if (pools.length === 0) return [];
  const refused: readonly PolicyRule[] =
    except.length === 0 ? [] : [{match: {prefixes: except.map(inside)}, action: 'reject'}];
  return [...refused, {match: {prefixes: pools.map(inside)}, action: 'accept'}];
}

/** Without `export`: what the node originates and, where it is a reflector, what it reflects. */
export const DEFAULT_EXPORT_RULES: readonly PolicyRule[] = [
  {match: {sources: ['local', 'reflected']}, action: 'accept'},
];

function inside(prefix: Cidr): {prefix: Cidr; le: number} {
  return {prefix, le: prefix.address.length * 8};
}

/**
 * The iptables chains that pod traffic needs, beside network policy. Pure.
 *
 *   nat POSTROUTING ──first──> TWILL-POSTROUTING   traffic that leaves the pools takes the host's address
 *   filter FORWARD  ──last───> TWILL-FORWARD       pod traffic passes where nobody else has decided
 *
 * Family is a value: the text differs in nothing but prefixes. Rules are written in the very words
 * that iptables-save prints, so that a second look finds nothing to do. Why the one chain comes first
 * and the other last: docs/decisions/0003-nat-and-forward.md.
 */
import {type Family, type Prefix, contains, formatPrefix, parsePrefix} from '#ipam';

/** A disabled pool counts like any other: its addresses are still in use, here or on other hosts. */
export interface NatPool {
  readonly cidr: string;
  readonly natOutgoing: boolean;
}

export interface NatInput {
  readonly family: Family;
  readonly pools: readonly NatPool[]; // of both families
  /** There are pods of this family here without a pool: their addresses come from another ipam. */
  readonly external?: boolean;
}

export interface Chain {
  readonly family: Family;
  readonly table: 'nat' | 'filter';
  readonly name: string; // at most 28 characters
  readonly rules: readonly string[]; // without `-A NAME`
  readonly hook: Hook;
}

/** The one rule outside our chain that leads to it. */
export interface Hook {
  readonly chain: 'POSTROUTING' | 'FORWARD';
  /** last: after the host's own rules, yet before a rule that refuses everything. */
  readonly place: 'first' | 'last';
  readonly rule: string;
}

/** What is ours in a table, from this version or an earlier one. Policy's chains in `filter` are not NAT's. */
export function ownsChain(table: string, name: string): boolean {
  return table === 'nat'
    ? name.startsWith('TWILL-')
    : table === 'filter' && name === 'TWILL-FORWARD';
}

export function desireChains({family, pools, external = false}: NatInput): readonly Chain[] {
  const ours = poolsOf(family, pools);
  const chains: Chain[] = [];
  if (ours.some(pool => pool.natOutgoing)) {
    const hook = hookOf('POSTROUTING', 'first', 'twill: pod traffic that leaves the pools');
    const rules = masqueradeRules(family, ours);
    chains.push({family, table: 'nat', name: 'TWILL-POSTROUTING', rules, hook});
  }
  if (external || ours.length > 0) {
    const hook = hookOf('FORWARD', 'last', 'twill: pod traffic nobody else decided on');
    chains.push({family, table: 'filter', name: 'TWILL-FORWARD', rules: forwardRules(ours), hook});
  }
  return chains;
}

interface ParsedPool {
  readonly prefix: Prefix;
  readonly natOutgoing: boolean;
}

/** Most specific first, then by address: the same pools in any order give the same text. */
function poolsOf(family: Family, pools: readonly NatPool[]): readonly ParsedPool[] {
  const byPrefix = new Map<string, ParsedPool>();
  for (const {cidr, natOutgoing} of pools) {
    const prefix = parsePrefix(cidr);
    if (prefix?.family === family) byPrefix.set(formatPrefix(prefix), {prefix, natOutgoing});
  }
  return [...byPrefix.values()].sort(
    (a, b) => b.prefix.bits - a.prefix.bits || Buffer.compare(a.prefix.address, b.prefix.address),
  );
}

/**
 * What stays inside the pools returns, with its own address. So does multicast: its receivers tell
 * senders apart by address. Link-local destinations have no rule of their own: IPv6's are never
 * forwarded (RFC 4291 §2.5.6), and IPv4's take the host's address like any other outside the pools: a
 * cloud's metadata service answers nobody else (decision 0003).
 */
function masqueradeRules(family: Family, pools: readonly ParsedPool[]): readonly string[] {
  const multicast = family === 'ipv4' ? '224.0.0.0/4' : 'ff00::/8';
  const outgoing = pools.filter(pool => pool.natOutgoing);
  return [
    ...outermost(pools).map(({prefix}) => rule(match('-d', prefix), '-j RETURN')),
    rule(`-d ${multicast}`, '-j RETURN'),
    ...pools.flatMap(({prefix, natOutgoing}) => {
      if (natOutgoing) return [rule(match('-s', prefix), '-j MASQUERADE --random-fully')];
      const nested = outgoing.some(outer => isInside(prefix, outer.prefix));
      return nested ? [rule(match('-s', prefix), '-j RETURN')] : [];
    }),
  ];
}

/** twl+ is any pod of this host, also one whose pool is gone; the pools are pods of other hosts in transit. */
function forwardRules(pools: readonly ParsedPool[]): readonly string[] {
  return [
    '-i twl+ -j ACCEPT',
    '-o twl+ -j ACCEPT',
    ...outermost(pools).flatMap(({prefix}) => [
      rule(match('-s', prefix), '-j ACCEPT'),
      rule(match('-d', prefix), '-j ACCEPT'),
    ]),
  ];
}

function outermost(pools: readonly ParsedPool[]): readonly ParsedPool[] {
  return pools.filter(({prefix}) => !pools.some(outer => isInside(prefix, outer.prefix)));
}

/** Strictly inside: no pool is inside itself. */
function isInside(inner: Prefix, outer: Prefix): boolean {
  return inner.bits > outer.bits && contains(outer, inner.address);
}

/** iptables-save leaves out a match on everything. */
function match(option: '-s' | '-d', prefix: Prefix): string {
  return prefix.bits === 0 ? '' : `${option} ${formatPrefix(prefix)}`;
}

function rule(...parts: readonly string[]): string {
  return parts.filter(part => part !== '').join(' ');
}

/** Comments are ours alone: no name from a record or a pod ever reaches one. */
function hookOf(chain: Hook['chain'], place: Hook['place'], comment: string): Hook {
  return {chain, place, rule: `-m comment --comment "${comment}" -j TWILL-${chain}`};
}

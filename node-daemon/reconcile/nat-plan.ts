/**
 * From chains wanted and rules found to the text of `iptables-restore --noflush`. Pure.
 *
 * A plan is per table, because a table is what the kernel replaces as a whole. In it, a chain whose
 * rules differ is written anew (declaring it empties it); a chain that is right is not mentioned.
 * A rule that jumps to a chain of ours is ours wherever it stands; every other rule is somebody
 * else's and is never named. Ours are deleted by their text, never by number: numbers move when
 * others insert between our look and our write.
 */
import {type Chain, type Hook, ownsChain} from '../desired/nat.js';
import {
  type RuleSet,
  type Table,
  refusesEverything,
  sameRule,
  sameRules,
  targetOf,
} from '../kernel/iptables-save.js';

export interface TablePlan {
  readonly table: Chain['table'];
  readonly chains: readonly string[]; // ours that are written, hooked or deleted
  readonly text: string;
}

/** `desired` and `observed` are of one family. Tables with nothing to do are left out. */
export function planChains(desired: readonly Chain[], observed: RuleSet): readonly TablePlan[] {
  return (['nat', 'filter'] as const).flatMap(table => {
    const chains = desired.filter(chain => chain.table === table);
    return planTable(table, chains, observed.get(table) ?? new Map());
  });
}

interface Jump {
  readonly chain: string; // where it stands
  readonly rule: string;
  readonly target: string;
}

function planTable(table: Chain['table'], chains: readonly Chain[], found: Table): TablePlan[] {
  const jumps = findJumps(table, found);
  const wanted = new Set(chains.map(chain => chain.name));
  const stale = [...found.keys()].filter(name => ownsChain(table, name) && !wanted.has(name));
  const changed = chains.filter(({name, rules}) => !isWritten(found.get(name), rules));
  const unhooked = chains.filter(({name, hook}) => !isHooked({name, hook, jumps, found}));

  const misplaced = new Set([...stale, ...unhooked.map(chain => chain.name)]);
  const lines = [
    ...[...changed.map(chain => chain.name), ...stale].map(name => `:${name} - [0:0]`),
    ...jumps
      .filter(jump => misplaced.has(jump.target))
      .map(jump => `-D ${jump.chain} ${jump.rule}`),
    ...changed.flatMap(({name, rules}) => rules.map(rule => `-A ${name} ${rule}`)),
    ...unhooked.map(({hook}) => hookLine(hook, foreignRules(table, found.get(hook.chain)))),
    ...stale.map(name => `-X ${name}`),
  ];
  if (lines.length === 0) return [];
  const names = new Set([...changed.map(chain => chain.name), ...misplaced]);
  return [{table, chains: [...names], text: [`*${table}`, ...lines, 'COMMIT', ''].join('\n')}];
}

function findJumps(table: string, found: Table): readonly Jump[] {
  return [...found].flatMap(([chain, rules]) => {
    if (ownsChain(table, chain)) return [];
    return rules.flatMap(rule => {
      const target = rule.includes('TWILL-') ? targetOf(rule) : undefined; // few of 50,000 do
      return target !== undefined && ownsChain(table, target) ? [{chain, rule, target}] : [];
    });
  });
}

function isWritten(found: readonly string[] | undefined, rules: readonly string[]): boolean {
  return found !== undefined && sameRules(found, rules);
}

/** Exactly one jump, the right one, in a place where it works. */
function isHooked(at: {name: string; hook: Hook; jumps: readonly Jump[]; found: Table}): boolean {
  const [jump, ...more] = at.jumps.filter(({target}) => target === at.name);
  if (jump === undefined || more.length > 0 || jump.chain !== at.hook.chain) return false;
  if (!sameRule(jump.rule, at.hook.rule)) return false;
  const rules = at.found.get(jump.chain) ?? [];
  const before = rules.slice(0, rules.indexOf(jump.rule));
  return at.hook.place === 'first' ? before.length === 0 : !before.some(refusesEverything);
}

function foreignRules(table: string, rules: readonly string[] = []): readonly string[] {
  return rules.filter(rule => !ownsChain(table, targetOf(rule) ?? ''));
}

/** `rules` are those that stay: positions count from 1 after our deletions. */
function hookLine({chain, place, rule}: Hook, rules: readonly string[]): string {
  if (place === 'first') return `-I ${chain} 1 ${rule}`;
  const refusal = rules.findIndex(refusesEverything);
  return refusal < 0 ? `-A ${chain} ${rule}` : `-I ${chain} ${refusal + 1} ${rule}`;
}

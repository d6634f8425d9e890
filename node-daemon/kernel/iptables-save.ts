/**
 * What `iptables-save` prints, and the two questions asked of a rule. Pure.
 *
 *   *nat                                        a table
 *   :POSTROUTING ACCEPT [0:0]                   a chain, built in: with its policy
 *   :TWILL-POSTROUTING - [0:0]                  a chain, made by somebody
 *   -A POSTROUTING -j TWILL-POSTROUTING         a rule
 *   COMMIT
 *
 * Rules keep the text they were printed in, because that is the text `-D` takes. Two rules are equal
 * when their words are: whether a version puts quotes around a word says nothing.
 */
export type RuleSet = ReadonlyMap<string, Table>; // by table name

/** Chain name to rules, in order, each without its `-A CHAIN`. */
export type Table = ReadonlyMap<string, readonly string[]>;

export function parseSave(text: string): RuleSet {
  const tables = new Map<string, Map<string, string[]>>();
  let table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = new Map();
      tables.set(line.slice(1).trim(), table);
    } else if (line.startsWith(':')) {
      rulesOf(table, line.slice(1, line.indexOf(' ')));
    } else {
      const at = line.startsWith('[') ? line.indexOf(' ') + 1 : 0; // after the counters
      if (!line.startsWith('-A ', at)) continue; // a remark, COMMIT, an empty line
      const end = `${line} `.indexOf(' ', at + 3);
      rulesOf(table, line.slice(at + 3, end)).push(line.slice(end + 1));
    }
  }
  return tables;
}

/** Built-in chains whose policy lets nothing through. */
export function countRefusals(text: string): number {
  return text.match(/^:\S+ DROP /gm)?.length ?? 0;
}

function rulesOf(table: Map<string, string[]>, chain: string): string[] {
  const rules = table.get(chain) ?? [];
  table.set(chain, rules);
  return rules;
}

/** The words of a rule, without the quotes and backslashes they were written with. */
export function wordsOf(rule: string): readonly string[] {
  const words: string[] = [];
  for (const match of rule.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    words.push(match[1] === undefined ? match[2]! : match[1].replace(/\\(.)/g, '$1'));
  }
  return words;
}

export function sameRule(a: string, b: string): boolean {
  return a === b || JSON.stringify(wordsOf(a)) === JSON.stringify(wordsOf(b));
}

export function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, at) => sameRule(rule, b[at]!));
}

/** The chain or target that the rule jumps or goes to. */
export function targetOf(rule: string): string | undefined {
  const words = withoutComment(wordsOf(rule));
  const at = words.findIndex(word => word === '-j' || word === '-g');
  return at < 0 ? undefined : words[at + 1];
}

/** Takes every packet and lets none through: what a chain's policy DROP does, written as a rule. */
export function refusesEverything(rule: string): boolean {
  const [option, target] = withoutComment(wordsOf(rule));
  return option === '-j' && (target === 'DROP' || target === 'REJECT');
}

function withoutComment(words: readonly string[]): readonly string[] {
  const at = words.indexOf('--comment');
  if (at < 0) return words;
  const from = words[at - 1] === 'comment' ? at - 2 : at; // -m comment --comment TEXT
  return withoutComment([...words.slice(0, from), ...words.slice(at + 2)]);
}

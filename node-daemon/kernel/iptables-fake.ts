/**
 * An Iptables that holds its rules in memory, for tests. It does what iptables-restore --noflush does
 * with the lines we write, refuses what that would refuse, and changes a table wholly or not at all.
 */
import type {Family} from '#ipam';
import type {Backend} from './iptables-backend.js';
import {type Iptables, IptablesError} from './iptables.js';
import {sameRule} from './iptables-save.js';

type Rules = Map<string, string[]>;

export class FakeIptables implements Iptables {
  readonly backend: Backend;
  readonly writes: string[] = [];
  /** Called first; may throw. */
  onSave: (family: Family) => void = () => undefined;
  onRestore: (family: Family, text: string) => void = () => undefined;
  readonly #tables = new Map<string, Rules>();

  constructor(backend: Backend = 'nft') {
    this.backend = backend;
  }

  save(family: Family): Promise<string> {
    return settle(() => {
      this.onSave(family);
      return [...this.#tables]
        .filter(([key]) => key.startsWith(family))
        .map(([key, rules]) => print(key.split(' ')[1]!, rules))
        .join('');
    });
  }

  restore(family: Family, text: string): Promise<void> {
    return settle(() => {
      this.onRestore(family, text);
      this.writes.push(text);
      for (const block of text.split(/(?<=^COMMIT\n)/m)) this.#commit(family, block);
    });
  }

  rules(family: Family, table: string, chain: string): readonly string[] | undefined {
    return this.#tables.get(`${family} ${table}`)?.get(chain);
  }

  #commit(family: Family, block: string): void {
    const [head = '', ...lines] = block.trimEnd().split('\n');
    const key = `${family} ${head.slice(1)}`;
    const current = this.#tables.get(key) ?? emptyTable(head.slice(1));
    const next: Rules = new Map([...current].map(([name, rules]) => [name, [...rules]]));
    for (const line of lines.slice(0, -1)) change(next, line);
    this.#tables.set(key, next);
  }
}

function emptyTable(name: string): Rules {
  const builtIn = name === 'nat' ? ['PREROUTING', 'POSTROUTING'] : ['INPUT', 'FORWARD', 'OUTPUT'];
  return new Map(builtIn.map(chain => [chain, []]));
}

function change(table: Rules, line: string): void {
  const [verb = '', name = '', ...rest] = line.split(' ');
  if (verb.startsWith(':')) return void table.set(verb.slice(1), []);
  const rules = table.get(name);
  if (rules === undefined) throw refused(`no chain ${name}`);
  const spec = rest.join(' ');
  if (verb === '-A') rules.push(spec);
  else if (verb === '-I') rules.splice(Number(rest[0]) - 1, 0, rest.slice(1).join(' '));
  else if (verb === '-X') table.delete(name);
  else if (verb === '-D') {
    const at = rules.findIndex(rule => sameRule(rule, spec));
    if (at < 0) throw refused(`no rule ${spec}`);
    rules.splice(at, 1);
  } else throw refused(line);
}

function print(table: string, rules: Rules): string {
  const names = [...rules.keys()].map(name => `:${name} - [0:0]\n`);
  const lines = [...rules].flatMap(([name, specs]) => specs.map(spec => `-A ${name} ${spec}\n`));
  return `*${table}\n${names.join('')}${lines.join('')}COMMIT\n`;
}

function refused(why: string): IptablesError {
  return new IptablesError('REFUSED', why);
}

function settle<T>(work: () => T): Promise<T> {
  return new Promise(resolve => resolve(work()));
}

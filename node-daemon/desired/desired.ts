/**
 * The desired tables, put together from what each source contributes, and which keys changed. No I/O.
 *
 * A source is a peer, a pod, or the node itself. Replacing one source costs only its own entries.
 * Sources that share a key want the same under it: a nexthop of the underlay.
 */
import {keyedTables, type Contribution, type DesiredDevice, type KeyedTable} from './tables.js';
import type {
  DesiredAddress,
  DesiredFdbEntry,
  DesiredNeighbour,
  DesiredNexthop,
  DesiredRoute,
  DesiredTables,
} from './tables.js';

export type DirtyKeys = {readonly [Table in KeyedTable]: Set<string>};

export function createDirtyKeys(): DirtyKeys {
  return {
    addresses: new Set(),
    nexthops: new Set(),
    neighbours: new Set(),
    fdb: new Set(),
    routes: new Set(),
  };
}

export class Desired implements DesiredTables {
  device: DesiredDevice | undefined;
  readonly addresses = new Map<string, DesiredAddress>();
  readonly nexthops = new Map<string, DesiredNexthop>();
  readonly neighbours = new Map<string, DesiredNeighbour>();
  readonly fdb = new Map<string, DesiredFdbEntry>();
  readonly routes = new Map<string, DesiredRoute>();
  readonly #sources = new Map<string, Contribution>();
  /** How many sources hold a key, where it is more than one. */
  readonly #holders = new Map<string, number>();

  /** Replaces what these sources contribute; undefined takes a source out. */
  update(
    changes: Iterable<readonly [source: string, Contribution | undefined]>,
    dirty: DirtyKeys,
  ): void {
    const all = [...changes];
    for (const [source] of all) this.#remove(source, dirty);
    for (const [source, contribution] of all) {
      if (contribution !== undefined) this.#add(source, contribution, dirty);
    }
  }

  sources(): Iterable<string> {
    return this.#sources.keys();
  }

  #add(source: string, contribution: Contribution, dirty: DirtyKeys): void {
    this.#sources.set(source, contribution);
    for (const table of keyedTables) {
      const entries = this[table] as Map<string, {readonly key: string}>;
      for (const entry of contribution[table] ?? noEntries) {
        const {key} = entry;
        if (entries.has(key)) this.#hold(table, key);
        entries.set(key, entry);
        dirty[table].add(key);
      }
    }
  }

  #remove(source: string, dirty: DirtyKeys): void {
    const contribution = this.#sources.get(source);
    if (contribution === undefined) return;
    this.#sources.delete(source);
    for (const table of keyedTables) {
      for (const {key} of contribution[table] ?? noEntries) {
        this.#release(table, key);
        dirty[table].add(key);
      }
    }
  }

  #hold(table: KeyedTable, key: string): void {
    const holder = `${table} ${key}`;
    this.#holders.set(holder, (this.#holders.get(holder) ?? 1) + 1);
  }

  #release(table: KeyedTable, key: string): void {
    const holder = `${table} ${key}`;
    const count = this.#holders.size === 0 ? undefined : this.#holders.get(holder);
    if (count === undefined) this[table].delete(key);
    else if (count > 2) this.#holders.set(holder, count - 1);
    else this.#holders.delete(holder);
  }
}

const noEntries: readonly {readonly key: string}[] = [];

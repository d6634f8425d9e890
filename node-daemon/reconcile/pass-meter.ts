/**
 * What each pass over the kernel did, for those who count. No I/O.
 */
import {tableNames, type Ledgers, type TableName} from './reconciler.js';

export interface KernelPass {
  readonly kind: 'resync' | 'update';
  readonly durationMs: number;
  readonly tables: Readonly<
    Record<TableName, {readonly operations: number; readonly failed: number}>
  >;
}

/** Ledgers count from the start; this one tells the passes apart. */
export class PassMeter {
  readonly #ledgers: Ledgers;
  readonly #onPass: ((pass: KernelPass) => void) | undefined;
  readonly #seen = new Map<TableName, {operations: number; refusals: number}>();

  constructor(ledgers: Ledgers, onPass: ((pass: KernelPass) => void) | undefined) {
    this.#ledgers = ledgers;
    this.#onPass = onPass;
  }

  /** An update that changed nothing is not told: a timer that looked is no news. */
  end(kind: KernelPass['kind']): void {
    if (this.#onPass === undefined) return;
    const tables = Object.fromEntries(tableNames.map(name => [name, this.#since(name)]));
    const isIdle = Object.values(tables).every(({operations, failed}) => operations + failed === 0);
    if (kind === 'update' && isIdle) return;
    const durationMs = this.#ledgers.routes.lastPassMs ?? 0;
    this.#onPass({kind, durationMs, tables: tables as KernelPass['tables']});
  }

  #since(name: TableName): {operations: number; failed: number} {
    const {operations, refusals} = this.#ledgers[name];
    const seen = this.#seen.get(name) ?? {operations: 0, refusals: 0};
    this.#seen.set(name, {operations, refusals});
    return {operations: operations - seen.operations, failed: refusals - seen.refusals};
  }
}

import type {JournalDisk} from './disk.js';
import {JournalError} from './error.js';
import type {Ledger, LedgerRecord} from './ledger.js';
import {encodeLine} from './line.js';

/**
 * Group commit. Shell.
 *
 *   append ──> waiting ──┐ one write, one fdatasync          ┌─> ledger.apply, promise resolves
 *   append ──> waiting ──┼──────────────────────────────────>┤
 *   append ──> waiting ──┘ (meanwhile the next ones gather)  └─> on error: promises reject
 *
 * The ledger changes only when the record is durable. After a failed write or sync nobody can know
 * what is on disk (a failed fsync may drop the pages it could not write), so the next batch first
 * puts a whole new file in place, made from the ledger. The same is done when the file has grown.
 */
export interface WriterOptions {
  readonly disk: JournalDisk;
  readonly ledger: Ledger;
  readonly lastNumber: number;
  readonly bytes: number; // length of the file
  /** Begin with a whole new file. */
  readonly replaceFirst: boolean;
  readonly compactAboveBytes: number;
}

interface Waiting {
  readonly record: LedgerRecord;
  resolve(): void;
  reject(error: JournalError): void;
}

export class JournalWriter {
  readonly #disk: JournalDisk;
  readonly #ledger: Ledger;
  readonly #compactAboveBytes: number;
  #number: number;
  #bytes: number;
  #replaceNext: boolean;
  #waiting: Waiting[] = [];
  #loop: Promise<void> | undefined;
  #flushes = 0;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#disk = options.disk;
    this.#ledger = options.ledger;
    this.#number = options.lastNumber;
    this.#bytes = options.bytes;
    this.#replaceNext = options.replaceFirst;
    this.#compactAboveBytes = options.compactAboveBytes;
  }

  /** How many times the disk was asked to sync. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Resolves when the record is durable and in the ledger. @throws JournalError. */
  append(record: LedgerRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new JournalError('write', new Error('it is closed')));
    return new Promise((resolve, reject) => {
      this.#waiting.push({record, resolve, reject});
      this.#loop ??= this.#run();
    });
  }

  /** Waits for what is under way, then closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#loop;
    await this.#disk.close();
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate); // everybody who asks in this turn shares the flush
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#flush(batch);
    }
    this.#loop = undefined;
  }

  async #flush(batch: readonly Waiting[]): Promise<void> {
    const records = batch.map(({record}) => record);
    try {
      if (this.#replaceNext || this.#bytes > this.#compactAboveBytes) await this.#replace(records);
      else await this.#append(records);
    } catch (error) {
      this.#replaceNext = true;
      const failure = new JournalError('write', error);
      for (const {reject} of batch) reject(failure);
      return;
    }
    for (const {record, resolve} of batch) {
      this.#ledger.apply(record);
      resolve();
    }
  }

  async #append(records: readonly LedgerRecord[]): Promise<void> {
    const bytes = Buffer.concat(records.map(record => encodeLine(++this.#number, record)));
    this.#flushes++;
    await this.#disk.append(bytes);
    this.#bytes += bytes.length;
  }

  async #replace(records: readonly LedgerRecord[]): Promise<void> {
    const all = [...this.#ledger.snapshot(), ...records];
    const bytes = Buffer.concat(all.map((record, index) => encodeLine(index + 1, record)));
    this.#flushes++;
    await this.#disk.replace(bytes);
    this.#number = all.length;
    this.#bytes = bytes.length;
    this.#replaceNext = false;
  }
}

import type {JournalDisk} from './disk.js';
import {JournalError, JournalFormatError} from './error.js';
import {Ledger, type LedgerRecord} from './ledger.js';
import {scanJournal, type ScannedItem} from './line.js';
import {JournalWriter} from './writer.js';

/**
 * From a file that may be anything to a ledger that can be trusted. Shell around a pure replay.
 *
 *   no file              empty
 *   torn last line       cut off: nobody was told that it had been written
 *   damage, same boot    what is valid before and after counts, and the ledger is in doubt
 *   another boot         all attachments are over; the order of re-use stays
 *
 * Within one boot the kernel is a witness that no damage reaches: if it can be asked (`inUse`), it is
 * asked at every start. Its answer ends a doubt, and makes good even for a journal that was deleted
 * or cut at a line's end, which the file itself cannot show.
 *
 * In every case but an undisturbed restart a fresh file is written at once; if the disk is full,
 * with the first write that succeeds. A damaged file is kept beside it as ipam.journal.damaged.
 */
export interface Recovery {
  readonly found: 'nothing' | 'journal';
  readonly newBoot: boolean;
  readonly tornBytes: number;
  readonly damagedLines: number;
  readonly lostRecords: number;
  /** Attachments of the boot before, now over. */
  readonly droppedAttachments: number;
  /** Addresses the kernel uses and the journal does not know. */
  readonly orphans: readonly string[];
  /** Records were lost and nobody could say what is in use. */
  readonly inDoubt: boolean;
  /** The fresh file could not be written yet. */
  readonly writeError?: JournalError | undefined;
}

export interface OpenOptions {
  readonly disk: JournalDisk;
  readonly bootId: string;
  readonly inUse: (() => Promise<readonly string[]>) | undefined;
  readonly compactAboveBytes: number;
}

export interface OpenJournal {
  readonly ledger: Ledger;
  readonly writer: JournalWriter;
  readonly recovery: Recovery;
}

/** @throws JournalError when the file cannot be read, JournalFormatError when it is not ours. */
export async function openJournal(options: OpenOptions): Promise<OpenJournal> {
  const {disk, bootId, compactAboveBytes} = options;
  const bytes = await attempt('read', () => disk.read());
  const scan = scanJournal(bytes ?? Buffer.alloc(0));
  const ledger = replay(scan.items);
  // A file is put in place whole, with a first line; one that ends within it was cut by others.
  if (scan.items.length === 0 && scan.tornBytes > 0) ledger.apply({kind: 'doubt'});
  const lost = ledger.inDoubt;
  if (scan.damagedLines > 0 || scan.lostRecords > 0) await disk.keepCopy().catch(() => undefined);

  const newBoot = ledger.bootId !== undefined && ledger.bootId !== bootId;
  const before = {attachments: ledger.list().length, orphans: ledger.orphans().join()};
  ledger.apply({kind: 'open', version: 1, bootId});
  const droppedAttachments = before.attachments - ledger.list().length;
  if (options.inUse !== undefined && !newBoot) {
    ledger.apply({kind: 'settled', inUse: await options.inUse()});
  }

  const same =
    !newBoot && !lost && scan.items.length > 0 && before.orphans === ledger.orphans().join();
  const undisturbed = same && scan.validBytes < compactAboveBytes;
  const opened = undisturbed && (await tryOpen(disk, scan.validBytes));
  const writer = new JournalWriter({
    disk,
    ledger,
    lastNumber: scan.lastNumber,
    bytes: scan.validBytes,
    replaceFirst: !opened,
    compactAboveBytes,
  });
  const writeError = opened ? undefined : await writeFresh(writer, bootId);
  return {
    ledger,
    writer,
    recovery: {
      found: bytes === undefined ? 'nothing' : 'journal',
      newBoot,
      tornBytes: scan.tornBytes,
      damagedLines: scan.damagedLines,
      lostRecords: scan.lostRecords,
      droppedAttachments,
      orphans: ledger.orphans(),
      inDoubt: ledger.inDoubt,
      writeError,
    },
  };
}

/** Pure. @throws JournalFormatError. */
export function replay(items: readonly ScannedItem[]): Ledger {
  const ledger = new Ledger();
  const first = items[0];
  if (first?.kind === 'record' && (first.record as LedgerRecord).kind !== 'open') {
    ledger.apply({kind: 'doubt'}); // the beginning is missing
  }
  for (const item of items) {
    ledger.apply(item.kind === 'damage' ? {kind: 'doubt'} : checkRecord(item.record));
  }
  return ledger;
}

const KINDS = ['open', 'add', 'state', 'free', 'order', 'doubt', 'settled', 'forget'];

/** The checksum held, so these are our own words; only a newer Twill could have others. */
function checkRecord(value: unknown): LedgerRecord {
  const record = value as LedgerRecord;
  if (!KINDS.includes(record.kind) || (record.kind === 'open' && record.version !== 1)) {
    throw new JournalFormatError(
      `address journal: unknown record ${JSON.stringify(value).slice(0, 200)}`,
    );
  }
  return record;
}

async function tryOpen(disk: JournalDisk, length: number): Promise<boolean> {
  try {
    await disk.open(length);
    return true;
  } catch {
    return false; // then a whole new file is tried
  }
}

async function writeFresh(
  writer: JournalWriter,
  bootId: string,
): Promise<JournalError | undefined> {
  try {
    await writer.append({kind: 'open', version: 1, bootId});
    return undefined;
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
}

async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new JournalError(doing, error);
  }
}

import {crc32} from 'node:zlib';

/**
 * Lines of the journal. Pure.
 *
 *   3f1a09bc 17 {"kind":"free","containerId":"…","ifName":"eth0"}\n
 *   |        |  `- the record, JSON without line feeds
 *   |        `---- its number; each line has the number of the one before plus one
 *   `------------- CRC-32 (zlib) of everything between it and the line feed, 8 hex digits
 *
 * Two kinds of harm are told apart, because they mean different things:
 *
 *   torn      the last line has no line feed: a write was cut short by a crash. Nobody was told that
 *             it had been written, so it may be dropped.
 *   damaged   a whole line that is wrong, or numbers that are missing: records that somebody relied
 *             on may be lost.
 */
export interface ScannedJournal {
  readonly items: readonly ScannedItem[]; // in the order of the file
  readonly validBytes: number; // up to here the file ends in a line feed
  readonly tornBytes: number; // after that
  readonly damagedLines: number;
  readonly lostRecords: number; // numbers that are missing between two good lines
  readonly lastNumber: number; // 0 when there is no good line
}

/** `damage` stands where records are missing. */
export type ScannedItem =
  {readonly kind: 'record'; readonly record: unknown} | {readonly kind: 'damage'};

const LINE_FEED = 0x0a;

export function encodeLine(number: number, record: object): Buffer {
  const body = `${number} ${JSON.stringify(record)}`;
  return Buffer.from(`${checksum(Buffer.from(body))} ${body}\n`);
}

export function scanJournal(bytes: Buffer): ScannedJournal {
  const items: ScannedItem[] = [];
  let at = 0;
  let damagedLines = 0;
  let lostRecords = 0;
  let lastNumber = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, at);
    if (end < 0) break;
    const line = decodeLine(bytes.subarray(at, end));
    at = end + 1;
    if (line === undefined) {
      damagedLines++;
      if (items.at(-1)?.kind !== 'damage') items.push({kind: 'damage'});
      continue;
    }
    const missing = lastNumber === 0 ? 0 : line.number - lastNumber - 1;
    if (missing !== 0) {
      lostRecords += Math.max(0, missing);
      if (items.at(-1)?.kind !== 'damage') items.push({kind: 'damage'});
    }
    if (missing < 0) continue; // an old line again: its content is known
    lastNumber = line.number;
    items.push({kind: 'record', record: line.record});
  }
  return {
    items,
    validBytes: at,
    tornBytes: bytes.length - at,
    damagedLines,
    lostRecords,
    lastNumber,
  };
}

function decodeLine(line: Buffer): {number: number; record: unknown} | undefined {
  const text = line.toString('latin1', 0, 9);
  if (!/^[0-9a-f]{8} $/.test(text)) return undefined;
  const body = line.subarray(9);
  if (checksum(body) !== text.slice(0, 8)) return undefined;
  const match = /^([1-9]\d{0,15}) (.*)$/.exec(body.toString());
  if (match === null) return undefined;
  try {
    return {number: Number(match[1]), record: JSON.parse(match[2]!)};
  } catch {
    return undefined;
  }
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

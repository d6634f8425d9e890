/**
 * DELs that found no daemon, written down by the binary in <stateDir>/pending-del/. Shell.
 *
 * A file with a final name is whole (written, synced, renamed); names with a leading dot are being
 * written. To be replayed after recovery and before serving, and once more when the socket listens:
 * a DEL may have found nobody in between. A file that cannot be read as a DEL is put aside under
 * `.bad`, so that one bad thing is looked at by a person and never by us again.
 */
import {readFile, readdir, rename, stat, unlink} from 'node:fs/promises';
import {join} from 'node:path';
import type {CniContext} from './context.js';
import {CNI_CODE} from './error.js';
import {decodeFrame, type Frame} from './frame.js';
import {serve} from './server.js';

const BAD = '.bad';

export interface ReplayReport {
  readonly done: readonly string[];
  /** Left where they are, to be tried again. */
  readonly failed: readonly string[];
  /** Put aside. */
  readonly bad: readonly string[];
}

/** Never rejects: a missing directory is an empty one, what fails is reported and left. */
export async function replayTombstones(context: CniContext, dir: string): Promise<ReplayReport> {
  const report = {done: [] as string[], failed: [] as string[], bad: [] as string[]};
  for (const name of await listTombstones(context, dir)) {
    const outcome = await replay(context, dir, name).catch((error: unknown) => {
      context.report({what: `tombstone ${name} could not be replayed`, error});
      return 'failed' as const;
    });
    report[outcome].push(name);
  }
  return report;
}

async function listTombstones(context: CniContext, dir: string): Promise<readonly string[]> {
  try {
    const names = await readdir(dir);
    return names.filter(name => !name.startsWith('.') && !name.endsWith(BAD)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      context.report({what: 'tombstones could not be listed', error});
    }
    return [];
  }
}

async function replay(context: CniContext, dir: string, name: string): Promise<keyof ReplayReport> {
  const path = join(dir, name);
  const [data, {mtimeMs}] = await Promise.all([readFile(path), stat(path)]);
  const frame = decodeDel(data);
  if (frame === undefined) return await putAside(context, path, 'is no DEL');
  if (isOvertaken(context, frame, mtimeMs)) {
    await unlink(path);
    return 'done';
  }
  const {served, settled} = await serve(context, {data, descriptor: undefined});
  await settled;
  if (served.code === 0) {
    await unlink(path);
    return 'done';
  }
  if (isHopeless(served.code)) return await putAside(context, path, served.error);
  throw served.error;
}

function decodeDel(data: Uint8Array): Frame | undefined {
  try {
    const frame = decodeFrame(data);
    return frame.command === 'DEL' ? frame : undefined;
  } catch {
    return undefined;
  }
}

/** The runtime has added the same container again since: that attachment is not the one meant. */
function isOvertaken({book}: CniContext, frame: Frame, mtimeMs: number): boolean {
  const attachment = book.get(frame.containerId, frame.ifName);
  return attachment !== undefined && Date.parse(attachment.createdAt) > mtimeMs;
}

/** The request itself is at fault: it will not get better. */
function isHopeless(code: number): boolean {
  const hopeless: readonly number[] = [
    CNI_CODE.incompatibleVersion,
    CNI_CODE.invalidEnvironment,
    CNI_CODE.undecodable,
    CNI_CODE.invalidConfig,
  ];
  return hopeless.includes(code);
}

async function putAside(context: CniContext, path: string, why: unknown): Promise<'bad'> {
  await rename(path, `${path}${BAD}`);
  context.report({what: `tombstone ${path} was put aside`, error: why});
  return 'bad';
}

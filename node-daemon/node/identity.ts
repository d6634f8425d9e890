/**
 * Who this node is: a uuid made at the first start and kept in `<stateDir>/node-uid`. Shell.
 *
 * Leases, the VTEP's MAC and the Node record hang on it, so a file that cannot be understood is an
 * error and never replaced: a new identity would make this node a stranger to its own ranges.
 *
 * The file appears complete or not at all: written aside, flushed, then linked to its name. A link
 * does not overwrite, as a rename would: of two daemons that start at once, both keep the first one's.
 */
import {link, mkdir, open, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';

export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly code: 'CORRUPT' | 'UNREADABLE' | 'UNWRITABLE';
  readonly retry = 'never';
  readonly file: string;

  constructor(code: IdentityError['code'], file: string, why: string, cause?: unknown) {
    super(`${file}: ${why}`, {cause});
    this.code = code;
    this.file = file;
  }
}

export interface Identity {
  readonly uid: string;
  readonly createdAt: string; // ISO 8601
}

/** @throws IdentityError which names the file. */
export async function readIdentity(stateDir: string): Promise<Identity> {
  const uid = await readNodeUid(stateDir);
  const {mtime} = await stat(join(stateDir, 'node-uid'));
  return {uid, createdAt: mtime.toISOString()};
}

/** @throws IdentityError which names the file. */
export async function readNodeUid(stateDir: string): Promise<string> {
  const file = join(stateDir, 'node-uid');
  const kept = await readUid(file);
  if (kept !== undefined) return kept;

  try {
    await mkdir(stateDir, {recursive: true, mode: 0o700});
    await createOnce(file, `${crypto.randomUUID()}\n`);
    await flushDirectory(stateDir);
  } catch (error) {
    throw new IdentityError('UNWRITABLE', file, messageOf(error), error);
  }
  const uid = await readUid(file);
  if (uid === undefined)
    throw new IdentityError('UNREADABLE', file, 'gone right after it was made');
  return uid;
}

/** A new one after each boot. Our journal holds nothing that outlives the pods of one. */
export async function readBootId(file = '/proc/sys/kernel/random/boot_id'): Promise<string> {
  const id = await readUid(file);
  if (id === undefined) throw new IdentityError('UNREADABLE', file, 'there is no such file');
  return id;
}

async function readUid(file: string): Promise<string | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const uid = text.trim();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uid)) return uid;
  const found = text === '' ? 'an empty file' : JSON.stringify(text.slice(0, 60));
  throw new IdentityError(
    'CORRUPT',
    file,
    `expected a uuid in lower case, got ${found}; put the node's uid back, or remove the file to start as a new node`,
  );
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw new IdentityError('UNREADABLE', file, messageOf(error), error);
  }
}

async function createOnce(file: string, text: string): Promise<void> {
  const aside = `${file}.${crypto.randomUUID()}`;
  try {
    const handle = await open(aside, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(aside, file);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error; // somebody else was first
  } finally {
    await rm(aside, {force: true});
  }
}

async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

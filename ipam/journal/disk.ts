import {open, readFile, rename, rm, copyFile, mkdir, type FileHandle} from 'node:fs/promises';
import {dirname} from 'node:path';

/**
 * The journal's file. Shell. An interface, so that tests can put a disk under the journal that
 * loses power, fills up or fails to sync.
 */
export interface JournalDisk {
  /** The whole file, undefined when there is none. */
  read(): Promise<Buffer | undefined>;
  /** Later appends go behind the first `length` octets; what follows them is cut off. */
  open(length: number): Promise<void>;
  /** Durable when it resolves. When it rejects, any part may or may not be on disk. */
  append(bytes: Buffer): Promise<void>;
  /** The file has this content, durably, or is as it was. Later appends go behind it. */
  replace(bytes: Buffer): Promise<void>;
  /** Puts a copy of the file aside for a person to look at. Best effort. */
  keepCopy(): Promise<void>;
  close(): Promise<void>;
}

export class FileDisk implements JournalDisk {
  readonly path: string;
  #handle: FileHandle | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async read(): Promise<Buffer | undefined> {
    try {
      return await readFile(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async open(length: number): Promise<void> {
    await this.close();
    this.#handle = await open(this.path, 'a', 0o600);
    await this.#handle.truncate(length);
    await this.#handle.datasync();
  }

  async append(bytes: Buffer): Promise<void> {
    if (this.#handle === undefined) throw new Error('the journal is not open');
    await writeAll(this.#handle, bytes);
    await this.#handle.datasync();
  }

  async replace(bytes: Buffer): Promise<void> {
    await replaceFile(this.path, bytes);
    await this.close();
    this.#handle = await open(this.path, 'a', 0o600);
  }

  async keepCopy(): Promise<void> {
    await copyFile(this.path, `${this.path}.damaged`);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Whole content or the old one, whatever happens: temporary file, fsync, rename, fsync of the directory. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), {recursive: true, mode: 0o700});
  const temporary = `${path}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await writeAll(handle, bytes);
    await handle.sync();
  } catch (error) {
    await rm(temporary, {force: true}).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** write(2) may write less than asked, as it does when the disk fills up. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const {bytesWritten} = await handle.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

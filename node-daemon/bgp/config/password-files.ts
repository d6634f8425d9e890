/**
 * Passwords out of files, kept up to date. Shell.
 *
 * A file is watched by way of its folder, because a password is changed by a rename more often than by a
 * write: editors do that, and kubelet turns a symbolic link (`..data`) under mounted Secrets. What a
 * watch misses a slow look finds. A file that cannot be read any more keeps the password before: a
 * session must not go down, or go on without a key, because somebody is just writing.
 */
import {watch, type FSWatcher} from 'node:fs';
import {open} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {PasswordRead} from './input.js';

export interface PasswordFilesOptions {
  /** What `passwords` says has changed. */
  readonly onChange: () => void;
  readonly pollMs?: number;
}

const POLL_MS = 30_000;
const MAX_OCTETS = 80; // linux/tcp.h TCP_MD5SIG_MAXKEYLEN

export class PasswordFiles {
  readonly #onChange: () => void;
  readonly #reads = new Map<string, PasswordRead>();
  readonly #watchers = new Map<string, FSWatcher | undefined>(); // by folder; undefined: it is not there
  readonly #poll: NodeJS.Timeout;
  #wanted: readonly string[] = [];
  #running: Promise<void> | undefined;
  #isStale = false;
  #isClosed = false;

  constructor({onChange, pollMs = POLL_MS}: PasswordFilesOptions) {
    this.#onChange = onChange;
    this.#poll = setInterval(() => this.#look(), pollMs);
    this.#poll.unref();
  }

  /** By path; a file that was not read yet is not in it. */
  get passwords(): ReadonlyMap<string, PasswordRead> {
    return this.#reads;
  }

  /** All of them; those that are new are read at once. */
  want(files: readonly string[]): void {
    const same =
      files.length === this.#wanted.length && files.every(file => this.#wanted.includes(file));
    if (same) return;
    this.#wanted = [...files];
    for (const file of this.#reads.keys()) if (!files.includes(file)) this.#reads.delete(file);
    this.#watchFolders();
    this.#look();
  }

  /** Resolves when each wanted file was looked at once at least. */
  async looked(): Promise<void> {
    while (this.#running !== undefined && !this.#wanted.every(file => this.#reads.has(file))) {
      await this.#running;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#poll);
    this.#wanted = [];
    this.#watchFolders();
  }

  #watchFolders(): void {
    const folders = new Set(this.#wanted.map(file => dirname(file)));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder) && watcher !== undefined) continue;
      watcher?.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (!this.#watchers.has(folder)) this.#watchers.set(folder, this.#watchFolder(folder));
    }
  }

  #watchFolder(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, {persistent: false}, () => this.#look());
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.set(folder, undefined); // tried again with the next look
      });
      return watcher;
    } catch {
      return undefined;
    }
  }

  /** One pass at a time; news that come meanwhile make one more. */
  #look(): void {
    if (this.#isClosed) return;
    this.#isStale = true;
    this.#running ??= this.#passes().finally(() => (this.#running = undefined));
  }

  async #passes(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      this.#watchFolders();
      const files = this.#wanted;
      const found = await Promise.all(files.map(readPassword));
      const changes = files.map((file, at) => this.#take(file, found[at]));
      if (changes.includes(true) && !this.#isClosed) this.#onChange();
    }
  }

  #take(file: string, found: PasswordRead | undefined): boolean {
    if (found === undefined || !this.#wanted.includes(file)) return false;
    const before = this.#reads.get(file);
    const next: PasswordRead =
      found.kind === 'unreadable' && before?.kind === 'ok'
        ? {kind: 'ok', password: before.password, problem: found.problem}
        : found;
    if (JSON.stringify(before) === JSON.stringify(next)) return false;
    this.#reads.set(file, next);
    return true;
  }
}

/** The first line of the file: a line feed at its end is nobody's password. */
export async function readPassword(file: string): Promise<PasswordRead> {
  try {
    const handle = await open(file, 'r');
    try {
      const {buffer, bytesRead} = await handle.read({buffer: Buffer.alloc(MAX_OCTETS + 3)});
      return judge(buffer.subarray(0, bytesRead).toString('utf8'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    return {kind: 'unreadable', problem: why};
  }
}

function judge(text: string): PasswordRead {
  const password = text.replace(/\r?\n$/, '');
  const octets = Buffer.byteLength(password);
  if (octets === 0) return {kind: 'unreadable', problem: 'it is empty'};
  if (octets > MAX_OCTETS || /[\r\n]/.test(password)) {
    return {kind: 'unreadable', problem: `expected one line of at most ${MAX_OCTETS} octets`};
  }
  return {kind: 'ok', password};
}

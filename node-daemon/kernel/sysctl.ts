/**
 * Files below /proc/sys. Shell. Those of net/ belong to the network namespace of whoever opens them.
 *
 * In a container /proc/sys is read-only unless it is privileged: that is EROFS, with the setting's
 * name, and everything else goes on.
 */
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {type SysctlPath, sysctlKey} from '../desired/sysctls.js';

export interface SysctlKernel {
  /** Undefined when there is no such setting. @throws SysctlError */
  read(path: SysctlPath): Promise<string | undefined>;
  /** @throws SysctlError */
  write(path: SysctlPath, value: string): Promise<void>;
}

export class SysctlError extends Error {
  override readonly name = 'SysctlError';
  readonly code: string; // an errno such as EROFS, EACCES, ENOENT; READBACK
  readonly retry = 'backoff';
  readonly key: string;

  constructor(path: SysctlPath, code: string, why: string, cause?: unknown) {
    super(`${sysctlKey(path)}: ${why}`, {cause});
    this.code = code;
    this.key = sysctlKey(path);
  }
}

export function openSysctls(root = '/proc/sys'): SysctlKernel {
  return {
    async read(path) {
      try {
        return (await readFile(fileOf(root, path), 'utf8')).trim();
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw toSysctlError(path, error);
      }
    },
    async write(path, value) {
      try {
        await writeFile(fileOf(root, path), value, {flag: 'r+'}); // never creates a file
      } catch (error) {
        throw toSysctlError(path, error);
      }
    },
  };
}

/** The kernel allows no '/' in an interface name; the check is for names that never were one. */
function fileOf(root: string, path: SysctlPath): string {
  for (const segment of path) {
    if (segment === '' || segment === '.' || segment === '..' || /[/\0]/.test(segment)) {
      throw new SysctlError(path, 'EINVAL', `${JSON.stringify(segment)} is no part of a setting`);
    }
  }
  return join(root, ...path);
}

function toSysctlError(path: SysctlPath, error: unknown): SysctlError {
  if (error instanceof SysctlError) return error;
  const code = errnoOf(error);
  if (code === undefined) throw error;
  const hint = code === 'EROFS' ? ' (is the container privileged?)' : '';
  return new SysctlError(path, code, `${(error as Error).message}${hint}`, error);
}

function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Checks the kernel settings that pod traffic needs and repairs those that differ.
 *
 * planSysctl is pure; reconcileSysctls is the shell. One at a time and in order: what a later one
 * wants may hang on what an earlier one found.
 */
import {type Sysctl, type SysctlPath, isOfInterface, sysctlKey} from '../desired/sysctls.js';
import {SysctlError, type SysctlKernel} from '../kernel/sysctl.js';

export interface SysctlReport {
  readonly applied: readonly SysctlChange[];
  readonly failed: ReadonlyMap<string, SysctlError>; // by sysctlKey
}

export interface SysctlChange {
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

/** What to write, undefined for nothing. `other` is the second setting some kinds look at. */
export function planSysctl(sysctl: Sysctl, found: string, other: string): string | undefined {
  switch (sysctl.kind) {
    case 'value':
      return found === sysctl.value ? undefined : sysctl.value;
    case 'looseRpFilter':
      return Math.max(Number(found), Number(other)) === 1 ? '2' : undefined;
    case 'keepAdvertisements':
      return found === '1' && other === '0' ? '2' : undefined;
    default:
      return sysctl satisfies never;
  }
}

/** Rejects for bugs only. */
export async function reconcileSysctls(
  kernel: SysctlKernel,
  desired: readonly Sysctl[],
): Promise<SysctlReport> {
  const applied: SysctlChange[] = [];
  const failed = new Map<string, SysctlError>();
  for (const sysctl of desired) {
    try {
      const change = await repair(kernel, sysctl);
      if (change !== undefined) applied.push(change);
    } catch (error) {
      if (!(error instanceof SysctlError)) throw error;
      failed.set(sysctlKey(sysctl.path), error);
    }
  }
  return {applied, failed};
}

async function repair(kernel: SysctlKernel, sysctl: Sysctl): Promise<SysctlChange | undefined> {
  const {path} = sysctl;
  const found = await kernel.read(path);
  if (found === undefined) {
    if (isOfInterface(path)) return undefined; // it gets its settings when it is there
    throw new SysctlError(path, 'ENOENT', 'this kernel has no such setting');
  }
  const second = secondPath(sysctl);
  const other = second === undefined ? '' : ((await kernel.read(second)) ?? '');
  const to = planSysctl(sysctl, found, other);
  if (to === undefined) return undefined;

  await kernel.write(path, to);
  const now = await kernel.read(path);
  if (now !== to) {
    throw new SysctlError(path, 'READBACK', `written ${to}, reads ${now ?? 'nothing'}`);
  }
  return {key: sysctlKey(path), from: found, to};
}

function secondPath(sysctl: Sysctl): SysctlPath | undefined {
  switch (sysctl.kind) {
    case 'value':
      return undefined;
    case 'looseRpFilter':
      return sysctl.all;
    case 'keepAdvertisements':
      return sysctl.forwarding;
    default:
      return sysctl satisfies never;
  }
}

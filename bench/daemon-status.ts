/** What a daemon of the lab says of itself, and what the system says of it. Shell. */
import {readFile} from 'node:fs/promises';

import type {Host} from '../e2e/lab/host.js';

/** Of GET /v1/status what is used here. */
export interface DaemonStatus {
  readonly peers: readonly {readonly name: string; readonly problems: readonly string[]}[];
  readonly attachments: number;
  readonly reconcile: {readonly tables: readonly TableStatus[]};
}

export interface TableStatus {
  readonly name: string;
  readonly desired: number;
  readonly failing: number;
  readonly operations: number;
  readonly lastRunMs?: number; // of the last pass over all tables of the kernel
}

export async function readStatus(host: Host): Promise<DaemonStatus> {
  const argv = ['busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:9478/v1/status'];
  return JSON.parse((await host.run(argv)).stdout) as DaemonStatus;
}

export interface Memory {
  readonly rssMib: number;
  readonly peakMib: number; // since the process started
}

export async function readMemory(host: Host): Promise<Memory> {
  const text = await readFile(`/proc/${host.daemon.process.pid}/status`, 'utf8');
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
  return {rssMib: kib('VmRSS') / 1024, peakMib: kib('VmHWM') / 1024};
}

export interface Cpu {
  readonly userMs: number;
  readonly kernelMs: number;
}

/** Of all its threads since it started, in steps of 10 ms; nothing where no daemon runs. */
export async function readCpu(host: Host): Promise<Cpu> {
  const daemon = host.daemons.at(-1);
  if (daemon === undefined) return {userMs: 0, kernelMs: 0};
  const text = await readFile(`/proc/${daemon.process.pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // a name may have spaces
  return {userMs: 10 * Number(fields[11]), kernelMs: 10 * Number(fields[12])};
}

/**
 * What the tests of the `twill` binary stand on: the real binary run in a directory of its own, a
 * stand-in for twilld that understands requests, network namespaces with random names. Shell.
 */

import {execFileSync, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';

export const BINARY = join(import.meta.dirname, '../../../build/Release/twill');

const FIELDS = [
  'command',
  'containerId',
  'netnsPath',
  'ifName',
  'args',
  'path',
  'stdin',
  'ipamResult',
] as const;
export type Request = Record<(typeof FIELDS)[number], string>;

export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  /** stdout, when it is JSON. */
  readonly json: Record<string, unknown>;
}

export interface CniError {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

export interface RunOptions {
  readonly env?: Record<string, string | undefined>;
  readonly stdin?: string | Uint8Array;
  readonly keepStdinOpen?: boolean;
  readonly binary?: string;
  /** Arguments; with `binary`, for wrappers such as strace. */
  readonly args?: readonly string[];
}

/** What stays the same in most calls; `undefined` in options.env takes a variable away. */
const ENVIRONMENT = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/usr/lib/cni',
};

export async function run(options: RunOptions = {}): Promise<Run> {
  const merged: Record<string, string | undefined> = {...ENVIRONMENT, ...options.env};
  const env = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
  const started = performance.now();
  const child = spawn(options.binary ?? BINARY, options.args ?? [], {env});
  const output = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  child.stdin.on('error', () => {}); // EPIPE: it has read enough
  if (options.keepStdinOpen !== true) child.stdin.end(options.stdin ?? '');
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const ms = performance.now() - started;
  return {...output, exitCode, ms, json: parse(output.stdout)};
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Asserts a CNI error as the specification wants it: JSON on stdout, exit code not 0, nothing else. */
export function assertError(t: ExecutionContext, result: Run, code: number): CniError {
  t.is(result.json['code'], code, result.stdout + result.stderr);
  t.is(result.exitCode, 1);
  t.is(typeof result.json['msg'], 'string');
  t.regex(String(result.json['cniVersion']), /^\d\.\d\.\d$/);
  return result.json as unknown as CniError;
}

export function createDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'twill-shim-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  return directory;
}

/** Everything below a directory, for "nothing was written". */
export function listTree(directory: string): readonly string[] {
  return (readdirSync(directory, {recursive: true}) as string[]).sort();
}

export function config(directory: string, extra: Record<string, unknown> = {}): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'net',
    type: 'twill',
    socket: join(directory, 'cni.sock'),
    stateDir: join(directory, 'state'),
    ...extra,
  });
}

/** The request of daemon.h. @throws Error when it is not whole. */
export function decodeRequest(data: Buffer): Request {
  let offset = 4;
  const entries = FIELDS.map(name => {
    const end = offset + 4 + data.readUInt32LE(offset);
    const text = data.subarray(offset + 4, end).toString();
    offset = end;
    return [name, text] as const;
  });
  const framing = data.subarray(0, 4).toString() + data.subarray(offset).toString();
  if (framing !== 'TWL1END1') throw new Error(`bad frame ${framing}`);
  return Object.fromEntries(entries) as Request;
}

export function encodeReply(exitCode: number, output: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(exitCode);
  return Buffer.concat([head, Buffer.from(output)]);
}

/** A twilld that answers what it is told to; `undefined` hangs up without an answer. */
export async function startDaemon(
  t: ExecutionContext,
  directory: string,
  answer: (request: Request) => Buffer | undefined,
): Promise<readonly Request[]> {
  const requests: Request[] = [];
  const server = createServer({allowHalfOpen: true}, socket => {
    const chunks: Buffer[] = [];
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => {
      const request = decodeRequest(Buffer.concat(chunks));
      requests.push(request);
      const reply = answer(request);
      if (reply === undefined) socket.destroy();
      else socket.end(reply);
    });
  });
  await new Promise<void>(resolve => server.listen(join(directory, 'cni.sock'), resolve));
  t.teardown(() => server.close());
  return requests;
}

/** An executable shell script: a stand-in for another plugin. */
export function writeScript(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`, {mode: 0o755});
}

export const isRoot = process.getuid?.() === 0;
export const hasHostLocal = existsSync('/usr/lib/cni/host-local');
export const hasStrace = existsSync('/usr/bin/strace');

/** A network namespace; its path. */
export function createNamespace(t: ExecutionContext): string {
  const name = `twill-${randomBytes(5).toString('hex')}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.teardown(() => execFileSync('ip', ['netns', 'delete', name]));
  return `/run/netns/${name}`;
}

/**
 * `twillctl version`: the client, and the daemon and etcd where they can be reached. Shell.
 */
import {readFile} from 'node:fs/promises';
import {openNodeApi} from '../node-daemon/http/client.js';
import type {GlobalOptions, Terminal} from './command.js';
import {readConnections, readTls} from './connection.js';
import {formatValue} from './output.js';

export interface VersionOptions {
  readonly client?: boolean; // only
  readonly output?: 'json' | 'yaml';
}

interface Versions {
  readonly client: {readonly version: string; readonly node: string};
  readonly daemon?: {readonly node: string; readonly version: string} | {readonly error: string};
  readonly etcd?: {readonly version: string} | {readonly error: string};
}

const patienceMs = 2000;

/** Not reaching the daemon or etcd is an answer, not a failure. @throws UsageError */
export async function runVersion(
  globals: GlobalOptions,
  terminal: Terminal,
  {client = false, output}: VersionOptions,
): Promise<void> {
  const versions = await readVersions(globals, terminal, client);
  if (output !== undefined) return terminal.out(await formatValue(versions, output));

  terminal.out(`Client: ${versions.client.version}\n`);
  const {daemon, etcd} = versions;
  if (daemon !== undefined) {
    terminal.out(
      `Daemon: ${'error' in daemon ? daemon.error : `${daemon.version} (node ${daemon.node})`}\n`,
    );
  }
  if (etcd !== undefined) terminal.out(`Etcd:   ${'error' in etcd ? etcd.error : etcd.version}\n`);
}

async function readVersions(
  globals: GlobalOptions,
  {env}: Terminal,
  clientOnly: boolean,
): Promise<Versions> {
  const client = {version: await readOwnVersion(), node: process.version};
  if (clientOnly) return {client};
  const {nodeApi, etcdEndpoints} = readConnections(globals, env);
  const tls = await readTls(globals, env);
  const [daemon, etcd] = await Promise.all([
    orError(async () => {
      const {node, version} = await openNodeApi(nodeApi, patienceMs).status();
      return {node, version};
    }),
    orError(async () => ({version: await readEtcdVersion(etcdEndpoints, tls)})),
  ]);
  return {client, daemon, etcd};
}

async function readOwnVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as {version: string}).version;
}

async function orError<T>(attempt: () => Promise<T>): Promise<T | {error: string}> {
  try {
    return await attempt();
  } catch (error) {
    return {error: error instanceof Error ? error.message : String(error)};
  }
}

/** Of the first member that answers; etcd says it over plain HTTP, without a user. */
async function readEtcdVersion(
  endpoints: readonly string[],
  tls: Awaited<ReturnType<typeof readTls>>,
): Promise<string> {
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      return await askEtcdVersion(new URL('/version', endpoint), tls);
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`cannot ask etcd at ${endpoints.join(', ')}: ${String(failure)}`, {
    cause: failure,
  });
}

async function askEtcdVersion(url: URL, tls: object = {}): Promise<string> {
  const {get} = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const body = await new Promise<string>((resolve, reject) => {
    const request = get(url, {...tls, signal: AbortSignal.timeout(patienceMs)}, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on('error', reject);
  });
  const {etcdserver} = JSON.parse(body) as {etcdserver?: unknown};
  if (typeof etcdserver !== 'string') throw new TypeError('its answer names no etcdserver');
  return etcdserver;
}

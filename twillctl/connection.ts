/**
 * From options and environment to the places commands talk to. Shell. An option wins over its variable:
 * --etcd-ca-file over TWILLCTL_ETCD_CA_FILE. #ipam is loaded here and not before: it brings gRPC along.
 */
import {readFile} from 'node:fs/promises';
import type {EtcdOptions} from '#ipam';
import type {GlobalOptions, Store, Terminal} from './command.js';
import {CommandError, UsageError} from './error.js';

export interface Connections {
  readonly etcdEndpoints: readonly string[];
  readonly prefix: string;
  readonly nodeApi: string;
}

const deadlineMs = 5000;

/** @throws UsageError */
export function readConnections(options: GlobalOptions, env: Terminal['env']): Connections {
  const etcd = options.etcd ?? valueOf(env, 'TWILLCTL_ETCD') ?? 'http://127.0.0.1:2379';
  const prefix = options.prefix ?? valueOf(env, 'TWILLCTL_PREFIX') ?? '/twill/v1';
  const nodeApi = options.nodeApi ?? valueOf(env, 'TWILLCTL_NODE_API') ?? 'http://127.0.0.1:9478';
  if (!/^(?:\/[\w.-]+)+\/?$/.test(prefix)) {
    throw new UsageError(
      `--prefix: expected a key such as /twill/v1, got ${JSON.stringify(prefix)}`,
    );
  }
  return {
    etcdEndpoints: etcd.split(',').map(url => checkUrl('--etcd', url.trim())),
    prefix: prefix.replace(/\/$/, ''),
    nodeApi: checkUrl('--node-api', nodeApi),
  };
}

/** Opens etcd for as long as `use` runs. @throws StoreError, CommandError, UsageError */
export async function withStore<T>(
  options: GlobalOptions,
  env: Terminal['env'],
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const {etcdEndpoints: endpoints, prefix} = readConnections(options, env);
  const [tls, auth, {openEtcd}] = await Promise.all([
    readTls(options, env),
    readAuth(options, env),
    import('#ipam'),
  ]);
  const etcd = openEtcd({endpoints, tls, auth, deadlineMs});
  try {
    return await use({etcd, prefix});
  } finally {
    etcd.close();
  }
}

export async function readTls(
  options: GlobalOptions,
  env: Terminal['env'],
): Promise<EtcdOptions['tls']> {
  const [ca, cert, key] = await Promise.all([
    readBytes(options.etcdCaFile ?? valueOf(env, 'TWILLCTL_ETCD_CA_FILE')),
    readBytes(options.etcdCertFile ?? valueOf(env, 'TWILLCTL_ETCD_CERT_FILE')),
    readBytes(options.etcdKeyFile ?? valueOf(env, 'TWILLCTL_ETCD_KEY_FILE')),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--etcd-cert-file and --etcd-key-file: expected both or neither, got one');
  }
  if (ca === undefined && cert === undefined) return undefined;
  return {...(ca && {ca}), ...(cert && {cert}), ...(key && {key})};
}

async function readAuth(
  options: GlobalOptions,
  env: Terminal['env'],
): Promise<EtcdOptions['auth']> {
  const username = options.etcdUsername ?? valueOf(env, 'TWILLCTL_ETCD_USERNAME');
  const file = options.etcdPasswordFile ?? valueOf(env, 'TWILLCTL_ETCD_PASSWORD_FILE');
  if ((username === undefined) !== (file === undefined)) {
    throw new UsageError(
      '--etcd-username and --etcd-password-file: expected both or neither, got one',
    );
  }
  const password = await readBytes(file);
  if (username === undefined || password === undefined) return undefined;
  return {username, password: password.toString().replace(/\r?\n$/, '')};
}

async function readBytes(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), {cause: error});
  }
}

function valueOf(env: Terminal['env'], name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function checkUrl(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text;
  throw new UsageError(`${option}: expected http://HOST:PORT, got ${JSON.stringify(text)}`);
}

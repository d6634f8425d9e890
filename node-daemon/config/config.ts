/**
 * twilld's configuration: a YAML file, overridden by the environment, with every default filled in. Pure.
 */
import {parseDurationMs} from '../datastore/records/duration.js';
import {isObjectName} from '../datastore/records/fields.js';
import {defaultPrefix} from '../datastore/records/keys.js';
import type {Path, Problem} from '../datastore/records/problem.js';
import {parseSchema} from '../datastore/records/schema.js';
import type {Labels} from '../datastore/records/selector.js';
import {readDocument} from './document.js';
import {readOverrides, type Environment, type Override} from './environment.js';
import {ConfigError, type ConfigProblem} from './error.js';
import {configSchema, parseListenAddress, type ConfigFile} from './schema.js';
import {parseUnderlayAddress, type UnderlayAddress} from './underlay.js';

export interface Config {
  readonly node: {
    readonly name: string;
    readonly address: UnderlayAddress;
    readonly address6: UnderlayAddress;
    readonly labels: Labels;
  };
  readonly etcd: EtcdConfig;
  readonly cni: {readonly socket: string; readonly addTimeoutMs: number};
  readonly stateDir: string;
  readonly secretsDir: string;
  readonly http: {readonly host: string; readonly port: number};
  readonly iptables: 'auto' | 'nft' | 'legacy';
  readonly kubernetes:
    | {readonly kind: 'auto'}
    | {readonly kind: 'off'}
    | {readonly kind: 'kubeconfig'; readonly file: string};
  readonly resyncIntervalMs: number;
  readonly log: {readonly level: LogLevel};
}

export interface EtcdConfig {
  readonly endpoints: readonly string[];
  readonly prefix: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

export type LogLevel = NonNullable<NonNullable<ConfigFile['log']>['level']>;

export interface ConfigSource {
  readonly text: string;
  readonly file: string; // for messages
  readonly env: Environment;
  readonly hostname: string;
}

/** @throws ConfigError with every problem that was found. */
export function parseConfig({text, file, env, hostname}: ConfigSource): Config {
  const document = readDocument(text);
  if (document.kind === 'invalid') {
    throw new ConfigError(
      file,
      document.problems.map(({line, message}) => ({line, field: '', message})),
    );
  }
  const overrides = readOverrides(env);
  const parsed = parseSchema(configSchema, applyOverrides(document.data ?? {}, overrides));
  if (parsed.kind === 'invalid') {
    throw new ConfigError(
      file,
      parsed.problems.map(problem => locate(problem, overrides, document.lineOf)),
    );
  }

  const config = fillDefaults(parsed.value, env, hostname);
  const mistakes = findMistakes(config);
  if (mistakes.length > 0) {
    throw new ConfigError(
      file,
      mistakes.map(problem => locate(problem, overrides, document.lineOf)),
    );
  }
  return config;
}

function locate(
  {path, field, message}: Problem,
  overrides: readonly Override[],
  lineOf: (path: Path) => number,
): ConfigProblem {
  const override = overrides.find(each => each.path.every((key, index) => key === path[index]));
  return override === undefined
    ? {line: lineOf(path), field, message}
    : {variable: override.variable, field, message};
}

/** Returns a copy. What is no mapping is left for the schema to refuse. */
function applyOverrides(data: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((result, {path, value}) => setAt(result, path, value), data);
}

function setAt(data: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data);
  if (!isMapping && data !== undefined && data !== null) return data;
  const fields: Readonly<Record<string, unknown>> = isMapping ? {...data} : {};
  return {...fields, [key]: setAt(fields[key], rest, value)};
}

function fillDefaults(file: ConfigFile, env: Environment, hostname: string): Config {
  const {node = {}, etcd = {}, cni = {}, kubernetes = 'auto', log = {}} = file;
  return {
    node: {
      name: node.name ?? defaultNodeName(env, hostname),
      address: parseUnderlayAddress(node.address ?? 'auto', 'ipv4') ?? {kind: 'auto'},
      address6: parseUnderlayAddress(node.address6 ?? 'auto', 'ipv6') ?? {kind: 'auto'},
      labels: node.labels ?? {},
    },
    etcd: {
      ...etcd,
      endpoints: etcd.endpoints ?? ['http://127.0.0.1:2379'],
      prefix: etcd.prefix ?? defaultPrefix,
    },
    cni: {
      socket: cni.socket ?? '/run/twill/cni.sock',
      addTimeoutMs: parseDurationMs(cni.addTimeout ?? '20s') ?? 0,
    },
    stateDir: file.stateDir ?? '/var/lib/twill',
    secretsDir: file.secretsDir ?? '/etc/twill/secrets',
    http: parseListenAddress(file.http ?? '') ?? {host: '127.0.0.1', port: 9478},
    iptables: file.iptables ?? 'auto',
    kubernetes:
      kubernetes === 'auto' || kubernetes === 'off'
        ? {kind: kubernetes}
        : {kind: 'kubeconfig', file: kubernetes},
    resyncIntervalMs: parseDurationMs(file.resyncInterval ?? '30s') ?? 0,
    log: {level: log.level ?? 'info'},
  };
}

function defaultNodeName(env: Environment, hostname: string): string {
  const name = env['NODE_NAME'] ?? '';
  return name === '' ? hostname.toLowerCase() : name;
}

/** What no single key shows. */
function findMistakes({node, etcd}: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (path: readonly string[], message: string) =>
    void problems.push({path, field: path.join('.'), message});

  if (!isObjectName(node.name)) {
    const message = `expected lower-case letters, digits, '-' and '.', got ${JSON.stringify(node.name)}`;
    report(['node', 'name'], `${message} (from $NODE_NAME or the host name)`);
  }
  if (node.address.kind === 'none' && node.address6.kind === 'none') {
    report(['node', 'address6'], 'expected an address of at least one family, got none twice');
  }
  if ((etcd.certFile === undefined) !== (etcd.keyFile === undefined)) {
    const missing = etcd.certFile === undefined ? 'certFile' : 'keyFile';
    report(['etcd', missing], 'expected both certFile and keyFile or neither, got one of them');
  }
  if ((etcd.username === undefined) !== (etcd.passwordFile === undefined)) {
    const missing = etcd.username === undefined ? 'username' : 'passwordFile';
    report(
      ['etcd', missing],
      'expected both username and passwordFile or neither, got one of them',
    );
  }
  const schemes = new Set(etcd.endpoints.map(endpoint => new URL(endpoint).protocol));
  if (schemes.size > 1) {
    report(['etcd', 'endpoints'], 'expected all http or all https, got both');
  } else if (schemes.has('http:') && (etcd.caFile ?? etcd.certFile) !== undefined) {
    const message = 'expected https where caFile or certFile is given, got http: nothing would be';
    report(['etcd', 'endpoints'], `${message} encrypted`);
  }
  return problems;
}

/** The node daemon of one host, as its packaging starts it: `twilld --config FILE`. Shell. */
import {dirname} from 'node:path';

import type {Namespace} from './namespace.js';
import type {LongProcess} from './process.js';
import {programs} from './programs.js';

/** Keys of twilld's configuration file; objects are merged key by key. */
export type DaemonConfig = Readonly<Record<string, unknown>>;

export type LogRecord = Readonly<Record<string, unknown>>;

export const configFile = '/etc/twill/twilld.yaml';
export const stateDir = '/var/lib/twill';

export class Daemon {
  readonly process: LongProcess;

  constructor(host: Namespace) {
    // by its first line, which has the flags of its node; that one is ours
    const path = [dirname(process.execPath), process.env['PATH']].join(':');
    const argv = [programs.daemon, '--config', configFile];
    this.process = host.start(argv, {env: {NODE_NAME: host.hostname, PATH: path}});
  }

  /** @throws CommandError with the log's end when it stops or is not ready in time. */
  async ready(withinMs: number): Promise<void> {
    await this.process.line(line => parseRecord(line)?.['ready'] === true, withinMs);
  }

  /** What it logged so far; lines that are no JSON are `{text}`. */
  log(): readonly LogRecord[] {
    return this.process.lines.map(line => parseRecord(line) ?? {text: line});
  }

  kill(signal: NodeJS.Signals): Promise<number> {
    return this.process.kill(signal);
  }
}

export function mergeConfig(base: DaemonConfig, over: DaemonConfig): DaemonConfig {
  const merged: Record<string, unknown> = {...base};
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    merged[key] = isObject(old) && isObject(value) ? mergeConfig(old, value) : value;
  }
  return merged;
}

function parseRecord(line: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

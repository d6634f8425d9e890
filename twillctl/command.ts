/**
 * What every command is given. Types only.
 */
import type {EtcdClient} from '#ipam';

/** The world outside, so that tests run commands in their own process. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  readStdin(): Promise<string>;
  now(): number; // ms since 1970
}

export interface GlobalOptions {
  readonly etcd?: string;
  readonly prefix?: string;
  readonly nodeApi?: string;
  readonly etcdCaFile?: string;
  readonly etcdCertFile?: string;
  readonly etcdKeyFile?: string;
  readonly etcdUsername?: string;
  readonly etcdPasswordFile?: string;
}

/** etcd and the prefix below which Twill's keys lie. */
export interface Store {
  readonly etcd: EtcdClient;
  readonly prefix: string;
}

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

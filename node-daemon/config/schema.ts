/**
 * The keys of twilld's configuration file. Pure. Every key may be left out.
 */
import {isIP} from 'node:net';
import * as v from 'valibot';
import {parseDurationMs} from '../datastore/records/duration.js';
import {
  labels,
  list,
  mapping,
  objectName,
  oneOf,
  optional,
  text,
} from '../datastore/records/fields.js';
import type {Value} from '../datastore/records/schema.js';
import {parseUnderlayAddress, underlayPhrase} from './underlay.js';

const absolutePath = text('an absolute path', isAbsolutePath);

export const configSchema = mapping({
  node: optional(
    mapping({
      name: optional(objectName),
      address: optional(underlay('ipv4')),
      address6: optional(underlay('ipv6')),
      labels: optional(labels),
    }),
  ),
  etcd: optional(
    mapping({
      endpoints: optional(
        v.pipe(
          list(text('a URL such as http://127.0.0.1:2379', isEndpoint), 'a list of URLs'),
          v.minLength(1, 'at least one URL'),
        ),
      ),
      prefix: optional(
        text("a key such as /twill/v1: a leading '/', none at the end", isKeyPrefix),
      ),
      caFile: optional(absolutePath),
      certFile: optional(absolutePath),
      keyFile: optional(absolutePath),
      username: optional(text('a user name')),
      passwordFile: optional(absolutePath),
    }),
  ),
  cni: optional(
    mapping({
      socket: optional(
        text('an absolute path of 107 bytes at most (the kernel’s limit)', isSocketPath),
      ),
      addTimeout: optional(durationBetween('1s', '80s')), // the binary waits for 90 s
    }),
  ),
  stateDir: optional(absolutePath),
  secretsDir: optional(absolutePath),
  http: optional(text('ADDRESS:PORT, such as 127.0.0.1:9478 or [::1]:9478', isListenAddress)),
  iptables: optional(oneOf(['auto', 'nft', 'legacy'])),
  kubernetes: optional(
    text('auto, off or the absolute path of a kubeconfig', value => {
      return value === 'auto' || value === 'off' || isAbsolutePath(value);
    }),
  ),
  resyncInterval: optional(durationBetween('100ms', '24h')),
  log: optional(
    mapping({
      level: optional(oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])),
    }),
  ),
});

export type ConfigFile = Value<typeof configSchema>;

export function parseListenAddress(value: string): {host: string; port: number} | undefined {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const host = bracketed ?? plain ?? '';
  const family = bracketed === undefined ? 4 : 6;
  const isSound = isIP(host) === family && Number(port) <= 65_535;
  return isSound ? {host, port: Number(port)} : undefined;
}

function underlay(family: 'ipv4' | 'ipv6') {
  return text(underlayPhrase(family), value => parseUnderlayAddress(value, family) !== undefined);
}

function durationBetween(lowest: string, highest: string) {
  const lowestMs = parseDurationMs(lowest) ?? 0;
  const highestMs = parseDurationMs(highest) ?? Infinity;
  return text(`a duration from ${lowest} to ${highest}`, value => {
    const durationMs = parseDurationMs(value);
    return durationMs !== undefined && durationMs >= lowestMs && durationMs <= highestMs;
  });
}

function isEndpoint(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const {protocol, hostname, pathname, search, hash, username} = new URL(value);
  const isWeb = protocol === 'http:' || protocol === 'https:';
  return isWeb && hostname !== '' && pathname === '/' && `${search}${hash}${username}` === '';
}

function isKeyPrefix(value: string): boolean {
  return /^(?:\/[\w.-]+)+$/.test(value);
}

function isAbsolutePath(value: string): boolean {
  return value.startsWith('/') && !value.includes('\0');
}

/** linux/un.h: sun_path has 108 bytes, one of them the closing zero. */
function isSocketPath(value: string): boolean {
  return isAbsolutePath(value) && Buffer.byteLength(value) <= 107;
}

function isListenAddress(value: string): boolean {
  return parseListenAddress(value) !== undefined;
}

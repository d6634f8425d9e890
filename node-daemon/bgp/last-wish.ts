/**
 * What the speaker was last told, on disk: a daemon that starts while etcd is away takes its sessions up
 * again, before its peers' restart time is over, and one that knows etcd keeps the sessions that were kept
 * until their replacement is proven. Shell. Never a password: of each the file that it was read from, to be read
 * again; a session whose password cannot be had is left out.
 */
import {mkdir, open, readFile, rename, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {deserialize, serialize} from 'node:v8';

import type {LocalRoute} from '#bgp-fsm';
import {ConfigReader, packConfig, type ConfigMessage} from './config-message.js';
import type {BgpWish, LastWish, PasswordRead} from './config/input.js';
import {readPassword} from './config/password-files.js';

/** To be raised with every change of what SpeakerConfig and the rest hold: an older file is then left unread. */
export const FORMAT = 5;

const NAME = 'bgp-last-wish';

interface Stored {
  readonly format: number;
  readonly config: ConfigMessage; // its passwords are paths
  readonly rest: Omit<LastWish, 'config'>;
}

interface Keyed {
  readonly password: string | undefined;
}

export class LastWishFile {
  readonly #path: string;
  #kept: Stored | undefined | 'unknown' = 'unknown';
  #writing = Promise.resolve();

  constructor(stateDir: string) {
    this.#path = join(stateDir, NAME);
  }

  /** Undefined: no speaker ran, or what is there cannot be understood. */
  async load(): Promise<LastWish | undefined> {
    const octets = await readFile(this.#path).catch(() => undefined);
    if (octets === undefined) return undefined;
    try {
      const stored = deserialize(octets) as Stored;
      if (stored.format !== FORMAT) return undefined;
      const config = new ConfigReader().read(stored.config);
      const peers = await withPasswords(config.peers);
      const ranges = await withPasswords(config.ranges);
      return {...stored.rest, config: {...config, peers, ranges}};
    } catch {
      return undefined;
    }
  }

  /** One write after the other. @throws Error of the file system. */
  keep(wish: BgpWish, passwords: ReadonlyMap<string, PasswordRead>): Promise<void> {
    const kept = this.#kept === 'unknown' ? undefined : this.#kept;
    const stored = toStored(wish, passwords, kept?.rest.routes ?? []);
    if (isDeepStrictEqual(stored, this.#kept)) return this.#writing;
    this.#kept = stored;
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write(stored));
    return this.#writing;
  }

  async #write(stored: Stored | undefined): Promise<void> {
    if (stored === undefined) return rm(this.#path, {force: true});
    await mkdir(dirname(this.#path), {recursive: true, mode: 0o700});
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(serialize(stored));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}

/** Undefined: no speaker has to run. `before`: routes, where the wish says that those stay. */
function toStored(
  {config, routes, installRoutes, facts, passwordFiles, links, memory}: BgpWish,
  passwords: ReadonlyMap<string, PasswordRead>,
  before: readonly LocalRoute[],
): Stored | undefined {
  if (config === undefined) return undefined;
  const paths = new Map<string, string>();
  for (const [path, read] of passwords) if (read.kind === 'ok') paths.set(read.password, path);
  const keepable = {
    ...config,
    peers: withPaths(config.peers, paths),
    ranges: withPaths(config.ranges, paths),
  };
  const {sessions, clients} = memory;
  const rest = {
    ...{routes: routes ?? before, installRoutes, facts, passwordFiles, links},
    memory: {sessions, clients},
  };
  return {format: FORMAT, config: packConfig(keepable), rest};
}

function withPaths<T extends Keyed>(peers: readonly T[], paths: ReadonlyMap<string, string>): T[] {
  return peers.flatMap(peer => {
    if (peer.password === undefined) return [peer];
    const path = paths.get(peer.password);
    return path === undefined ? [] : [{...peer, password: path}];
  });
}

async function withPasswords<T extends Keyed>(peers: readonly T[]): Promise<T[]> {
  const read = peers.map(async peer => {
    if (peer.password === undefined) return [peer];
    const found = await readPassword(peer.password);
    return found.kind === 'ok' ? [{...peer, password: found.password}] : [];
  });
  return (await Promise.all(read)).flat();
}

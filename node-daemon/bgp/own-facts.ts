/**
 * What this node's record says of BGP (NodeBgp). Shell. Kept on disk: a daemon that starts again says what
 * the one before said until it knows better, or the others would take its silence for news.
 */
import {mkdir, open, readFile, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';

import type {NodeBgp} from '../datastore/records/node.js';
import {readNodeBgp} from '../datastore/records/node-sound.js';

const NAME = 'bgp-facts.json';

export class OwnFacts {
  readonly #path: string;
  #current: NodeBgp | undefined;
  #writing = Promise.resolve();
  /** The record is to be written anew. */
  onChange: () => void = () => undefined;

  constructor(stateDir: string) {
    this.#path = join(stateDir, NAME);
  }

  /** Undefined: no speaker runs. */
  get current(): NodeBgp | undefined {
    return this.#current;
  }

  /** To be called before the record is written first. What cannot be understood is nothing. */
  async load(): Promise<void> {
    try {
      this.#current = readNodeBgp(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch {
      this.#current = undefined;
    }
  }

  /** The others are told, whether it can be kept or not. @throws Error of the file system. */
  async set(facts: NodeBgp | undefined): Promise<void> {
    if (isDeepStrictEqual(facts, this.#current)) return;
    this.#current = facts;
    this.onChange();
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write(facts));
    return this.#writing;
  }

  async #write(facts: NodeBgp | undefined): Promise<void> {
    if (facts === undefined) return rm(this.#path, {force: true});
    await mkdir(join(this.#path, '..'), {recursive: true, mode: 0o700});
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(facts));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}

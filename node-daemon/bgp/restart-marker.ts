/**
 * What a restarted speaker may say of itself (RFC 4724 §3): whether it ran before (R), and in which
 * families what it forwards has been preserved (F). Shell. A file in the state directory remembers the boot
 * and the families with learnt routes; the routes themselves are in the kernel, and nowhere else.
 *
 * R is true after a reboot as well: it says that we restart, so that no peer waits for our End-of-RIB.
 * F is not only about learnt routes: a node that takes none from its peers forwards to its pods all the
 * same. So a family is preserved unless the machine was booted since, or had routes that are gone.
 */
import {mkdir, open, readFile, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';

import type {Family} from '#bgp-fsm';

const NAME = 'bgp-has-run';

export interface SpeakerPast {
  readonly restarted: boolean;
  readonly preserved: readonly Family[];
}

interface Marker {
  readonly bootId: string;
  readonly holding: readonly Family[]; // learnt routes were in the kernel
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

export class RestartMarker {
  readonly #path: string;
  readonly #bootId: string;
  #writing: Promise<unknown> = Promise.resolve();
  #hasBegun = false;

  constructor(stateDir: string, bootId: string) {
    this.#path = join(stateDir, NAME);
    this.#bootId = bootId;
  }

  /** To be called before the first session; from then on every start is a restart. `held`: routes. */
  begin(held: Readonly<Record<Family, number>>): Promise<SpeakerPast> {
    this.#hasBegun = true;
    return this.#inTurn(() => this.#begin(held));
  }

  async #begin(held: Readonly<Record<Family, number>>): Promise<SpeakerPast> {
    await mkdir(join(this.#path, '..'), {recursive: true, mode: 0o700});
    const before = await this.#read();
    await this.#write(FAMILIES.filter(family => held[family] > 0));
    if (before === undefined) return {restarted: false, preserved: []};
    const isLost = (family: Family) => before.holding.includes(family) && held[family] === 0;
    const isSameBoot = before.bootId === this.#bootId;
    return {restarted: true, preserved: isSameBoot ? FAMILIES.filter(each => !isLost(each)) : []};
  }

  /** The kernel has learnt routes of these families now. Before begin() that would hide what was before. */
  async note(holding: readonly Family[]): Promise<void> {
    if (this.#hasBegun) await this.#inTurn(() => this.#write(holding));
  }

  /** The node speaks BGP no more: a later start is a first one. */
  async forget(): Promise<void> {
    this.#hasBegun = false;
    await this.#inTurn(() => rm(this.#path, {force: true}));
  }

  /** One after the other: all write the same file. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.catch(() => undefined).then(work);
    this.#writing = done;
    return done;
  }

  /** What cannot be understood says only that we ran. */
  async #read(): Promise<Marker | undefined> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      const {bootId = '', holding} = JSON.parse(text) as Partial<Marker>;
      return {bootId, holding: Array.isArray(holding) ? holding : FAMILIES};
    } catch {
      return {bootId: '', holding: FAMILIES};
    }
  }

  async #write(holding: readonly Family[]): Promise<void> {
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({bootId: this.#bootId, holding} satisfies Marker));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}

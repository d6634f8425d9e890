/**
 * What a restarted speaker may say of itself (RFC 4724 §3): whether it ran before (R), and in which
 * families what it forwards has been preserved (F); and for whom it need not wait. Shell. A file in the state
 * directory remembers the boot, the families with learnt routes and the peers that have none of them
 * (absent-peers.ts); the routes themselves are in the kernel, and nowhere else.
 *
 * R is true after a reboot as well: it says that we restart, so that no peer waits for our End-of-RIB.
 * F is not only about learnt routes: a node that takes none from its peers forwards to its pods all the
 * same. So a family is preserved unless the machine was booted since, or had routes that are gone.
 */
import {mkdir, open, readFile, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';

import type {Family} from '#bgp-fsm';
import {systemClock, type Clock, type Timer} from '../datastore/clock.js';

const NAME = 'bgp-has-run';

export interface SpeakerPast {
  readonly restarted: boolean;
  readonly preserved: readonly Family[];
  readonly absent: readonly string[]; // who was away, and none of whose routes was kept
}

interface Marker {
  readonly bootId: string;
  readonly holding: readonly Family[]; // learnt routes were in the kernel
  /** NAME@ADDRESS. An older marker has names alone, which are nobody's: its peers are waited for. */
  readonly absent: readonly string[];
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

const AGAIN_MS = 1000;

export class RestartMarker {
  readonly #path: string;
  readonly #bootId: string;
  readonly #clock: Clock;
  #writing: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> | undefined; // waits for its turn, and then writes what is known by then
  #again: Timer | undefined;
  #hasBegun = false;
  #holding: readonly Family[] = [];
  #absent: readonly string[] = [];

  constructor(stateDir: string, bootId: string, clock: Clock = systemClock) {
    this.#path = join(stateDir, NAME);
    this.#bootId = bootId;
    this.#clock = clock;
  }

  /** To be called before the first session; from then on every start is a restart. `held`: routes. */
  begin(held: Readonly<Record<Family, number>>): Promise<SpeakerPast> {
    this.#hasBegun = true;
    this.#holding = FAMILIES.filter(family => held[family] > 0);
    return this.#inTurn(() => this.#begin(held));
  }

  async #begin(held: Readonly<Record<Family, number>>): Promise<SpeakerPast> {
    await mkdir(join(this.#path, '..'), {recursive: true, mode: 0o700});
    const before = await this.#read();
    const isSameBoot = before?.bootId === this.#bootId;
    this.#absent = isSameBoot ? before.absent : [];
    await this.#write();
    if (!isSameBoot) return {restarted: before !== undefined, preserved: [], absent: []};
    const isLost = (family: Family) => before.holding.includes(family) && held[family] === 0;
    const preserved = FAMILIES.filter(family => !isLost(family));
    return {restarted: true, preserved, absent: before.absent};
  }

  /** The kernel has learnt routes of these families now. Before begin() that would hide what was before. */
  async note(holding: readonly Family[]): Promise<void> {
    if (!this.#hasBegun) return;
    this.#holding = holding;
    await this.#save();
  }

  /** Of whom the kernel has nothing that a restart could lose. Not before begin(). */
  async noteAbsent(peers: readonly string[]): Promise<void> {
    if (!this.#hasBegun) return;
    this.#absent = peers;
    await this.#save();
  }

  /** Resolves when the file says what was noted, or cannot. */
  async flush(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  /** The node speaks BGP no more: a later start is a first one. */
  async forget(): Promise<void> {
    this.#hasBegun = false;
    await this.#inTurn(() => rm(this.#path, {force: true}));
  }

  /** Notes that come meanwhile share one write; one that fails is tried again. */
  #save(): Promise<void> {
    this.#saving ??= this.#inTurn(async () => {
      this.#saving = undefined;
      this.#again?.cancel();
      if (!this.#hasBegun) return;
      await this.#write().catch((error: unknown) => {
        this.#again = this.#clock.after(AGAIN_MS, () => void this.#save().catch(() => undefined));
        throw error;
      });
    });
    return this.#saving;
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
      const {bootId = '', holding, absent} = JSON.parse(text) as Partial<Marker>;
      return {
        ...{bootId, holding: Array.isArray(holding) ? holding : FAMILIES},
        absent: Array.isArray(absent) ? absent : [],
      };
    } catch {
      return {bootId: '', holding: FAMILIES, absent: []};
    }
  }

  async #write(): Promise<void> {
    const marker: Marker = {bootId: this.#bootId, holding: this.#holding, absent: this.#absent};
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(marker));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}

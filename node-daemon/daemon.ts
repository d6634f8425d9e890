/**
 * The node daemon at work: its parts, started in order and stopped together. Shell. What the parts are
 * and how one is added: parts/list.ts, parts/part.ts.
 *
 * Stopping undoes nothing in the kernel and gives nothing back.
 */
import {createContext, openDaemon, type DaemonOptions} from './parts/context.js';
import {createParts} from './parts/list.js';
import type {Part} from './parts/part.js';

/** @throws StateLockedError, ConfigError, IdentityError, JournalError, NetlinkError: what keeps a node from starting. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const opened = await openDaemon(options);
  const {book, kernel} = opened;
  const daemon = new Daemon(createParts(createContext(opened)), async () => {
    await book.close();
    kernel.close();
  });
  try {
    await daemon.start();
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

export class Daemon {
  readonly #parts: readonly Part[];
  readonly #close: () => Promise<void>;

  /** `close` ends what the parts share; called when all have stopped. */
  constructor(parts: readonly Part[], close: () => Promise<void>) {
    this.#parts = parts;
    this.#close = close;
  }

  async start(): Promise<void> {
    for (const part of this.#parts) await part.start?.();
  }

  /** The kernel, the lease and the journal stay as they are. One part's failure stops no other. */
  async stop(): Promise<void> {
    const stopped = this.#parts.toReversed().map(async part => part.stop?.());
    const failed = (await Promise.allSettled(stopped)).find(({status}) => status === 'rejected');
    await this.#close();
    if (failed?.status === 'rejected') throw failed.reason;
  }
}

/** The daemon's end of BGP in the kernel, which is on a thread of its own. Shell. */
import {Worker} from 'node:worker_threads';

import type {Family, NextHopState, SelectedColumns} from '#bgp-fsm';
import type {BgpKernelStatus, Log} from './bgp-kernel.js';
import type {KernelCommand, KernelMessage, NextHopChanges} from './kernel-messages.js';

export interface KernelThreadOptions {
  readonly log: Log;
  readonly onNextHops: (states: readonly NextHopState[]) => void;
  readonly onHolding: (families: readonly Family[]) => void;
  /** The thread has died of an error: routes stay as they are, and none is written any more. */
  readonly onDeath: (error: Error) => void;
}

interface Waiter {
  readonly resolve: (status: BgpKernelStatus) => void;
  readonly reject: (error: Error) => void;
}

/** As BgpKernel, with what it answers on its way. */
export class KernelThread {
  /** Routes that an earlier process left. */
  held: Readonly<Record<Family, number>> = {ipv4: 0, ipv6: 0};
  readonly #worker: Worker;
  readonly #takers: (() => void)[] = []; // in the order of `select`
  readonly #waiting = new Map<number, Waiter>();
  #death: Error | undefined;
  readonly #stopped: Promise<void>;
  #isStarted: () => void = () => undefined;
  #nextId = 1;

  /** @throws NetlinkError when the kernel cannot be listened to or read. */
  static async open(options: KernelThreadOptions): Promise<KernelThread> {
    const worker = new Worker(new URL('./kernel-worker.js', import.meta.url), {
      name: 'bgp-kernel',
    });
    const thread = new KernelThread(worker, options);
    await new Promise<void>((resolve, reject) => {
      thread.#isStarted = resolve;
      worker.once('error', reject);
    });
    worker.removeAllListeners('error');
    worker.on('error', error => {
      thread.#die(error);
      options.onDeath(error);
    });
    return thread;
  }

  private constructor(worker: Worker, options: KernelThreadOptions) {
    this.#worker = worker;
    this.#stopped = new Promise(resolve => {
      worker.once('exit', () => resolve());
      worker.on('message', (message: KernelMessage) => {
        if (message.kind === 'stopped') resolve();
        else this.#hear(message, options);
      });
    });
  }

  /** Resolves when there is room for more. */
  select(columns: SelectedColumns): Promise<void> {
    const {families, bits, addresses, nextHops} = columns;
    const octets = [families, bits, addresses, nextHops].map(({buffer}) => buffer as ArrayBuffer);
    this.#worker.postMessage({kind: 'select', columns} satisfies KernelCommand, octets);
    return new Promise(resolve => this.#takers.push(resolve));
  }

  sweep(family: Family): void {
    this.#tell({kind: 'sweep', family});
  }

  watch(changes: NextHopChanges): void {
    this.#tell({kind: 'watch', changes});
  }

  status(): Promise<BgpKernelStatus> {
    const id = this.#nextId++;
    this.#tell({kind: 'status', id});
    return new Promise((resolve, reject) => {
      if (this.#death === undefined) this.#waiting.set(id, {resolve, reject});
      else reject(this.#death);
    });
  }

  /** What is under way is finished; nothing is removed. */
  async stop(): Promise<void> {
    this.#tell({kind: 'stop'});
    await this.#stopped;
    await this.#worker.terminate();
  }

  #die(error: Error): void {
    this.#death = error;
    for (const {reject} of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #tell(command: KernelCommand): void {
    this.#worker.postMessage(command);
  }

  #hear(
    message: Exclude<KernelMessage, {kind: 'stopped'}>,
    {log, onNextHops, onHolding}: KernelThreadOptions,
  ): void {
    switch (message.kind) {
      case 'taken':
        return this.#takers.shift()?.();
      case 'nextHops':
        return onNextHops(message.states);
      case 'holding':
        return onHolding(message.families);
      case 'status':
        this.#waiting.get(message.id)?.resolve(message.status);
        this.#waiting.delete(message.id);
        return;
      case 'log':
        return log[message.level](message.fields, message.message);
      case 'started':
        this.held = message.held;
        return this.#isStarted();
    }
  }
}

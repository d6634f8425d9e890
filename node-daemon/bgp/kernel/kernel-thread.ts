/** The daemon's end of BGP in the kernel, which is on a thread of its own. Shell. */
import {MessageChannel, Worker, type MessagePort} from 'node:worker_threads';

import type {Family} from '#bgp-fsm';
import type {RouteAnswer} from '../messages.js';
import type {BgpKernelStatus, Log} from './bgp-kernel.js';
import type {RightOfWay} from '../right-of-way.js';
import type {
  ColumnsMessage,
  KernelCommand,
  KernelMessage,
  KernelWorkerData,
} from './kernel-messages.js';

export interface KernelThreadOptions {
  readonly log: Log;
  /** To what `tell` told. */
  readonly onAnswer?: (answer: RouteAnswer) => void;
  readonly onHolding: (families: readonly Family[]) => void;
  /** The thread has died of an error: routes stay as they are, and none is written any more. */
  readonly onDeath: (error: Error) => void;
  /** Who goes first. */
  readonly verbs?: RightOfWay;
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
  readonly #waiting = new Map<number, Waiter>();
  #death: Error | undefined;
  readonly #stopped: Promise<void>;
  #isStarted: () => void = () => undefined;
  #nextId = 1;

  /** @throws NetlinkError when the kernel cannot be listened to or read. */
  static async open(options: KernelThreadOptions): Promise<KernelThread> {
    const workerData: KernelWorkerData = {verbs: options.verbs?.cells};
    const worker = new Worker(new URL('./kernel-worker.js', import.meta.url), {
      ...{name: 'bgp-kernel', workerData},
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

  /** The other end: who has it tells of routes from now on, and hears the answers, past this thread. */
  openPort(): MessagePort {
    const {port1, port2} = new MessageChannel();
    const command: KernelCommand = {kind: 'routesFrom', port: port2};
    this.#worker.postMessage(command, [port2]);
    return port1;
  }

  tell(message: ColumnsMessage): void {
    this.#post(message);
  }

  status(): Promise<BgpKernelStatus> {
    const id = this.#nextId++;
    this.#post({kind: 'status', id});
    return new Promise((resolve, reject) => {
      if (this.#death === undefined) this.#waiting.set(id, {resolve, reject});
      else reject(this.#death);
    });
  }

  /** What is under way is finished; nothing is removed. */
  async stop(): Promise<void> {
    this.#post({kind: 'stop'});
    await this.#stopped;
    await this.#worker.terminate();
    this.#die(new Error('it was stopped'));
  }

  #die(error: Error): void {
    this.#death = error;
    for (const {reject} of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #post(command: KernelCommand): void {
    this.#worker.postMessage(command);
  }

  #hear(
    message: Exclude<KernelMessage, {kind: 'stopped'}>,
    {log, onAnswer, onHolding}: KernelThreadOptions,
  ): void {
    switch (message.kind) {
      case 'selectedTaken':
      case 'nextHops':
        return onAnswer?.(message);
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

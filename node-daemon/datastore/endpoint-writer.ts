/**
 * Writes this node's endpoint records behind the CNI verbs: an ADD never waits for etcd. Shell.
 *
 * One loop owns the mirror of what etcd holds. Any error throws the mirror away, and so does time: the
 * next round lists again, so that records which somebody else changed are put right.
 */
import {StoreConflictError, type EtcdClient} from '#ipam';
import type {Clock, Timer} from './clock.js';
import {
  noteApplied,
  planEndpoints,
  type EndpointTable,
  type StoredEndpoint,
} from './endpoint-plan.js';

const OPS_PER_TRANSACTION = 100; // etcd refuses more than 128 (--max-txn-ops)
/** Changes are gathered this long: pods come in waves, and a pass looks at all of them. */
const GATHER_MS = 100;

export interface EndpointWriterOptions {
  readonly openClient: () => EtcdClient;
  readonly prefix: string; // '<etcd prefix>/endpoints/<node>/'
  readonly nodeKey: string; // of the record that must hang on our lease: another machine may have the name by now
  readonly desired: () => EndpointTable;
  readonly leaseId: () => string | undefined; // undefined: no lease yet, nothing is written
  readonly clock: Clock;
  readonly relistMs: number; // the mirror is not trusted longer
  readonly retryMs: (attempt: number) => number; // from 0
  /** Each attempt that failed; undefined: one that did not, after some that did. */
  readonly onOutcome: (error: unknown) => void;
}

export class EndpointWriter {
  readonly #options: EndpointWriterOptions;
  #stored: Map<string, StoredEndpoint> | undefined;
  #client: EtcdClient | undefined;
  #isDirty = true;
  #isStopped = false;
  #kicked: () => void = () => undefined; // ends an idle wait
  #ended: () => void = () => undefined; // ends any wait
  #running: Promise<void> | undefined;

  constructor(options: EndpointWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Something changed; returns at once. It does not shorten the wait after an error. */
  kick(): void {
    this.#isDirty = true;
    this.#kicked();
  }

  /** etcd may hold something else than it did. */
  relist(): void {
    this.#stored = undefined;
    this.kick();
  }

  /** Over a new connection from now on. */
  renew(): void {
    this.#client?.renew();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#ended();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#isStopped;) {
      try {
        await this.#pass();
        if (attempt > 0) this.#options.onOutcome(undefined);
        attempt = 0;
        await this.#idle();
        await this.#wait(GATHER_MS);
      } catch (error) {
        this.#forget();
        this.#options.onOutcome(error);
        await this.#wait(this.#options.retryMs(attempt++));
      }
    }
    this.#forget();
  }

  async #pass(): Promise<void> {
    const {openClient, prefix, nodeKey, desired, leaseId} = this.#options;
    const lease = leaseId();
    if (lease === undefined) return;
    this.#isDirty = false;
    this.#client ??= openClient();
    const stored = (this.#stored ??= await list(this.#client, prefix));

    const ops = planEndpoints(desired(), stored, lease);
    for (let at = 0; at < ops.length; at += OPS_PER_TRANSACTION) {
      const batch = ops.slice(at, at + OPS_PER_TRANSACTION);
      const {succeeded} = await this.#client.transact([{key: nodeKey, leaseId: lease}], batch);
      if (!succeeded) throw new StoreConflictError(`${nodeKey} is not on our lease`);
      noteApplied(stored, batch);
    }
  }

  #forget(): void {
    this.#client?.close();
    this.#client = undefined;
    this.#stored = undefined;
    this.#isDirty = true;
  }

  /** Until there is something to write, or it is time to list again. */
  async #idle(): Promise<void> {
    const isBusy = this.#isDirty && this.#options.leaseId() !== undefined;
    if (isBusy) return;
    await this.#wait(this.#options.relistMs, {orKick: true});
    if (!this.#isDirty) this.#stored = undefined;
  }

  /** Until the time is over or stop() is called; with `orKick`, a kick ends it too. */
  async #wait(delayMs: number, {orKick = false} = {}): Promise<void> {
    if (this.#isStopped) return;
    let timer: Timer | undefined;
    await new Promise<void>(resolve => {
      this.#ended = resolve;
      if (orKick) this.#kicked = resolve;
      timer = this.#options.clock.after(delayMs, resolve);
    });
    this.#kicked = () => undefined;
    timer?.cancel();
  }
}

async function list(etcd: EtcdClient, prefix: string): Promise<Map<string, StoredEndpoint>> {
  const {entries} = await etcd.list(prefix);
  return new Map(entries.map(({key, value, leaseId}) => [key, {value, leaseId}]));
}

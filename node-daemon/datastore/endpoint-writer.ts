/**
 * Writes this node's endpoint records behind the CNI verbs: an ADD never waits for etcd. Shell.
 *
 * One loop owns the mirror of what etcd holds. Any error throws the mirror away: the next round
 * lists again, so records that changed while etcd was out of reach are put right.
 */
import type {EtcdClient} from '#ipam';
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
  readonly desired: () => EndpointTable;
  readonly leaseId: () => string | undefined; // undefined: no lease yet, nothing is written
  readonly retryMs: (attempt: number) => number;
  readonly onError: (error: unknown) => void;
}

export interface EndpointWriter {
  /** Something changed; returns at once. */
  kick(): void;
  /** Over a new connection from now on. */
  renew(): void;
  /** True while etcd does not show what `desired` says. */
  isBehind(): boolean;
  stop(): Promise<void>;
}

export function startEndpointWriter(options: EndpointWriterOptions): EndpointWriter {
  let stored: Map<string, StoredEndpoint> | undefined;
  let client: EtcdClient | undefined;
  let dirty = true;
  let stopped = false;
  let backingOff = false;
  let nudge: () => void = () => undefined;

  async function pass(): Promise<void> {
    const leaseId = options.leaseId();
    if (leaseId === undefined) return;
    dirty = false;
    client ??= options.openClient();
    stored ??= await list(client, options.prefix);

    const ops = planEndpoints(options.desired(), stored, leaseId);
    for (let at = 0; at < ops.length; at += OPS_PER_TRANSACTION) {
      const batch = ops.slice(at, at + OPS_PER_TRANSACTION);
      await client.transact([], batch);
      noteApplied(stored, batch);
    }
  }

  function forget(): void {
    client?.close();
    client = undefined;
    stored = undefined;
    dirty = true;
  }

  /** With a delay, kicks do not shorten the wait: that is the backoff. */
  async function wait(delayMs?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    backingOff = delayMs !== undefined;
    await new Promise<void>(resolve => {
      nudge = resolve;
      if (delayMs !== undefined) timer = setTimeout(resolve, delayMs);
    });
    clearTimeout(timer);
    backingOff = false;
  }

  async function run(): Promise<void> {
    for (let attempt = 0; !stopped;) {
      try {
        await pass();
        attempt = 0;
        const moreToDo = dirty && options.leaseId() !== undefined;
        if (!moreToDo && !stopped) await wait();
        if (!stopped) await wait(GATHER_MS);
      } catch (error) {
        forget();
        options.onError(error);
        if (!stopped) await wait(options.retryMs(attempt++));
      }
    }
    forget();
  }

  const done = run();
  return {
    kick() {
      dirty = true;
      if (!backingOff) nudge();
    },
    renew: () => client?.renew(),
    isBehind: () => dirty,
    async stop() {
      stopped = true;
      nudge();
      await done;
    },
  };
}

async function list(etcd: EtcdClient, prefix: string): Promise<Map<string, StoredEndpoint>> {
  const {entries} = await etcd.list(prefix);
  return new Map(entries.map(({key, value, leaseId}) => [key, {value, leaseId}]));
}

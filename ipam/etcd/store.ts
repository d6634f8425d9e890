/**
 * The face of etcd that the rest of Twill sees: plain values in, plain values out. Types only.
 *
 * Revisions are numbers (etcd would need 2^53 writes to leave their range), lease ids decimal text
 * (they are random 63-bit numbers). Values are UTF-8 text.
 */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly leaseId: string; // '0' none
}

export type Compare =
  | {readonly key: string; readonly createRevision: number} // 0: the key does not exist
  | {readonly key: string; readonly modRevision: number}
  | {readonly key: string; readonly leaseId: string};

export type Op =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: string;
      readonly leaseId?: string | undefined;
    }
  | {readonly kind: 'delete'; readonly key: string}
  | {readonly kind: 'get'; readonly key: string};

export interface TransactionResult {
  readonly succeeded: boolean;
  readonly revision: number;
  /** Answers to the `get` operations of the branch that ran, in their order. */
  readonly gets: readonly (KeyValue | undefined)[];
}

export type WatchEvent =
  | {readonly kind: 'put'; readonly entry: KeyValue}
  | {readonly kind: 'delete'; readonly key: string; readonly modRevision: number};

export interface WatchHandlers {
  /** Events of one or more revisions, oldest first. May come before watch() has resolved. */
  onEvents(events: readonly WatchEvent[]): void;
  /** Once, and nothing after it. Not called after cancel() or close(). The watch is over: list again. */
  onEnd(error: Error): void;
}

export interface Watch {
  cancel(): void; // idempotent
}

/** Every call throws a StoreError (error.ts) when it fails, at the latest after the deadline. */
export interface EtcdClient {
  get(key: string): Promise<KeyValue | undefined>;
  /** All keys below `prefix`, sorted, as they were at one revision. Empty prefix: everything. */
  list(prefix: string): Promise<{revision: number; entries: readonly KeyValue[]}>;
  /** Returns the revision of the write. */
  put(key: string, value: string, options?: {leaseId?: string | undefined}): Promise<number>;
  /** True when the key existed. */
  delete(key: string): Promise<boolean>;
  /** At most 128 operations a branch (etcd's own limit), no key written twice. */
  transact(
    compare: readonly Compare[],
    success: readonly Op[],
    failure?: readonly Op[],
  ): Promise<TransactionResult>;
  /** Returns the id of the new lease. etcd may choose a longer time to live than asked for. */
  grantLease(ttlSeconds: number): Promise<string>;
  /** Seconds the lease now has to live; 0: it is gone. */
  keepAliveOnce(leaseId: string): Promise<number>;
  /** A lease that is gone already is success. Deletes the keys bound to it. */
  revokeLease(leaseId: string): Promise<void>;
  /** Keys bound to the lease; undefined when the lease is gone. */
  leaseKeys(leaseId: string): Promise<readonly string[] | undefined>;
  /**
   * Resolves when etcd has accepted the watch, from then on every change at or after
   * `fromRevision` is delivered or onEnd is called.
   */
  watch(prefix: string, fromRevision: number, handlers: WatchHandlers): Promise<Watch>;
  /** Calls from now on go over new connections: an address of ours may have gone, and they with it. */
  renew(): void;
  /** Cancels all watches, closes the connections. Calls under way fail. Idempotent. */
  close(): void;
}

import type {IWatchResponse} from 'etcd3';
import type {Stream} from './endpoint.js';
import {StoreCompactedError, StoreUnavailableError, toStoreError} from './error.js';
import {toWatchEvent, toWatchRequest} from './message.js';
import type {Watch, WatchEvent, WatchHandlers} from './store.js';

/**
 * One watch on one stream of its own. Shell.
 *
 * It never resumes: whatever ends the stream (error, end, cancel by etcd, compaction, a silent
 * connection found by keepalive, loss of the leader) ends the watch, once. What was missed cannot
 * be known then, so the owner lists again.
 */
export interface WatchOptions {
  readonly stream: Stream;
  readonly prefix: string;
  readonly fromRevision: number;
  readonly handlers: WatchHandlers;
  readonly acceptWithinMs: number;
  /** However it ended. */
  onOver(): void;
}

/** `accepted` rejects with a StoreError when the watch does not come about; then no onEnd. */
export function startWatch(options: WatchOptions): Watch & {readonly accepted: Promise<void>} {
  const {stream, handlers} = options;
  const {promise: accepted, resolve: accept, reject: refuse} = createDeferred();
  let phase: 'opening' | 'open' | 'over' = 'opening';
  let fragments: WatchEvent[] = [];

  const finish = (error?: Error) => {
    if (phase === 'over') return;
    const was = phase;
    phase = 'over';
    clearTimeout(timer);
    stream.cancel();
    options.onOver();
    if (was === 'opening') refuse(error ?? new StoreUnavailableError('etcd watch: cancelled'));
    else if (error !== undefined) handlers.onEnd(error);
  };
  const timer = setTimeout(
    () => finish(new StoreUnavailableError('etcd watch: not accepted in time')),
    options.acceptWithinMs,
  );

  stream.on('error', error => finish(toStoreError('watch', error)));
  stream.on('end', () => finish(new StoreUnavailableError('etcd watch: the stream ended')));
  stream.on('close', () => finish(new StoreUnavailableError('etcd watch: the stream closed')));
  stream.on('data', message => {
    if (phase === 'over') return;
    const response = message as IWatchResponse;
    const refusal = refusalOf(response);
    if (refusal !== undefined) return finish(refusal);
    if (response.created) {
      clearTimeout(timer);
      phase = 'open';
      accept();
    }
    for (const event of response.events) fragments.push(toWatchEvent(event));
    if (response.fragment || fragments.length === 0) return;
    const events = fragments;
    fragments = [];
    handlers.onEvents(events);
  });
  stream.write({create_request: toWatchRequest(options.prefix, options.fromRevision)});
  return {accepted, cancel: () => finish()};
}

function createDeferred(): {promise: Promise<void>; resolve(): void; reject(error: Error): void} {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return {promise, resolve, reject};
}

function refusalOf(response: IWatchResponse): Error | undefined {
  if (Number(response.compact_revision) > 0) {
    return new StoreCompactedError(
      `etcd watch: revisions before ${response.compact_revision} are compacted`,
    );
  }
  if (!response.canceled) return undefined;
  return toStoreError('watch', {details: response.cancel_reason || 'cancelled by etcd'});
}

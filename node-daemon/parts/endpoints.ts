/** The node's pods as records in etcd, for people and other programs. Shell. */
import {openEtcd} from '#ipam';
import {systemClock} from '../datastore/clock.js';
import {toEndpointTable} from '../datastore/endpoint-record.js';
import {EndpointWriter} from '../datastore/endpoint-writer.js';
import {nodeEndpointsPrefix, nodeKey} from '../datastore/records/keys.js';
import type {NodeLease} from '../lease/node-lease.js';
import type {Logger} from '../log.js';
import type {StateEvent} from '../state/transition.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

const RELIST_MS = 300_000;

export function createEndpoints({book, config, etcd, log, news}: Context, lease: NodeLease): Part {
  const {prefix} = config.etcd;
  const {name} = config.node;
  const outcome = createOutcome(log);
  const writer = new EndpointWriter({
    openClient: () => openEtcd(etcd),
    prefix: nodeEndpointsPrefix(prefix, name),
    nodeKey: nodeKey(prefix, name),
    desired: () => toEndpointTable(prefix, name, book.list()),
    leaseId: () => lease.recordsLeaseId(),
    clock: systemClock,
    relistMs: RELIST_MS,
    retryMs: attempt => Math.min(5000, 250 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random()),
    onOutcome: outcome.note,
  });
  news.state.on(event => {
    if (concernsEndpoints(event)) writer.kick();
  });
  news.records.on(events => {
    if (events.some(({kind}) => kind === 'synced')) writer.relist(); // of another etcd, perhaps
  });
  lease.onView(() => writer.kick());
  news.moved.on(() => writer.renew());
  return {
    start: () => writer.start(),
    stop: () => writer.stop(),
    problems: outcome.problems,
  };
}

/** With other ranges the lease may be another one, too, and records hang on it. */
function concernsEndpoints({kind}: StateEvent): boolean {
  return kind === 'attachment' || kind === 'attachment-gone' || kind === 'ranges';
}

/** An etcd that is away is told of by others; one that refuses these records is told of here, once. */
function createOutcome(log: Logger) {
  let message: string | undefined;
  return {
    note(error: unknown): void {
      const told = message;
      message = isRefusal(error) ? error.message : undefined;
      if (message !== undefined && message !== told) {
        log.warn({err: error}, 'endpoint records could not be written');
      }
    },
    problems() {
      if (message === undefined) return [];
      return [{key: 'endpoints', message: `records of pods could not be written: ${message}`}];
    },
  };
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && !('code' in error && error.code === 'STORE_UNAVAILABLE');
}

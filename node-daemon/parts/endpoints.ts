/** The node's pods as records in etcd, for people and other programs. Shell. */
import {openEtcd} from '#ipam';
import {toEndpointTable} from '../datastore/endpoint-record.js';
import {startEndpointWriter} from '../datastore/endpoint-writer.js';
import {nodeEndpointsPrefix} from '../datastore/records/keys.js';
import type {NodeLease} from '../lease/node-lease.js';
import type {StateEvent} from '../state/transition.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export function createEndpoints({book, config, etcd, log, news}: Context, lease: NodeLease): Part {
  const {prefix} = config.etcd;
  const {name} = config.node;
  const writer = startEndpointWriter({
    openClient: () => openEtcd(etcd),
    prefix: nodeEndpointsPrefix(prefix, name),
    desired: () => toEndpointTable(prefix, name, book.list()),
    leaseId: () => lease.view().leaseId,
    retryMs: attempt => Math.min(5000, 250 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random()),
    onError: error => log.debug({err: error}, 'endpoint records could not be written'),
  });
  news.state.on(event => {
    if (concernsEndpoints(event)) writer.kick();
  });
  news.moved.on(() => writer.renew());
  return {stop: () => writer.stop()};
}

/** With other ranges the lease may be another one, too, and records hang on it. */
function concernsEndpoints({kind}: StateEvent): boolean {
  return kind === 'attachment' || kind === 'attachment-gone' || kind === 'ranges';
}

import type {
  ICompare,
  IEvent,
  IKeyValue,
  IRequestOp,
  ITxnRequest,
  ITxnResponse,
  IWatchCreateRequest,
} from 'etcd3';
import type {Compare, KeyValue, Op, TransactionResult, WatchEvent} from './store.js';

/** Between our plain values and etcd's messages (etcd/api rpc.proto). Pure. */

export function toKeyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    createRevision: Number(kv.create_revision),
    modRevision: Number(kv.mod_revision),
    leaseId: kv.lease,
  };
}

export function toWatchEvent(event: IEvent): WatchEvent {
  if (event.type === 'Put') return {kind: 'put', entry: toKeyValue(event.kv)};
  return {kind: 'delete', key: event.kv.key.toString(), modRevision: Number(event.kv.mod_revision)};
}

/** The key range of everything below `prefix`: from it to the same with its last octet one higher. */
export function toPrefixRange(prefix: string): {key: Buffer; range_end: Buffer} {
  const key = Buffer.from(prefix);
  if (key.length === 0) return {key: Buffer.of(0), range_end: Buffer.of(0)}; // all keys
  const end = Buffer.from(key); // UTF-8 text has no octet 0xff, so there is always a next one
  end[end.length - 1]! += 1;
  return {key, range_end: end};
}

export function toWatchRequest(prefix: string, fromRevision: number): IWatchCreateRequest {
  return {...toPrefixRange(prefix), start_revision: fromRevision, fragment: true};
}

export function toTxnRequest(
  compare: readonly Compare[],
  success: readonly Op[],
  failure: readonly Op[],
): ITxnRequest {
  return {
    compare: compare.map(toCompare),
    success: success.map(toRequestOp),
    failure: failure.map(toRequestOp),
  };
}

/** `ran` is the branch that ran; only its `get`s have an answer to give. */
export function toTransactionResult(response: ITxnResponse, ran: readonly Op[]): TransactionResult {
  const gets = ran.flatMap((op, index) => {
    if (op.kind !== 'get') return [];
    const kv = response.responses[index]?.response_range?.kvs[0];
    return [kv && toKeyValue(kv)];
  });
  return {succeeded: response.succeeded, revision: Number(response.header.revision), gets};
}

function toCompare(compare: Compare): ICompare {
  const key = Buffer.from(compare.key);
  if ('createRevision' in compare) {
    return {key, result: 'Equal', target: 'Create', create_revision: compare.createRevision};
  }
  if ('modRevision' in compare) {
    return {key, result: 'Equal', target: 'Mod', mod_revision: compare.modRevision};
  }
  return {key, result: 'Equal', target: 'Lease', lease: compare.leaseId};
}

function toRequestOp(op: Op): IRequestOp {
  const key = Buffer.from(op.key);
  switch (op.kind) {
    case 'put':
      return {request_put: {key, value: Buffer.from(op.value), lease: op.leaseId ?? '0'}};
    case 'delete':
      return {request_delete_range: {key}};
    case 'get':
      return {request_range: {key}};
  }
}

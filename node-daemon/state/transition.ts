/**
 * The one place where state changes: (state, event) -> state, and what became dirty by it. No I/O.
 *
 * Changes name what has to be derived anew, so that one node's record costs that node (and those it
 * contends with), not all of them.
 */
import type {Prefix} from '#ipam';
import {nameInKey} from '../datastore/records/keys.js';
import {networkSettings} from '../datastore/records/network.js';
import {poolSettings} from '../datastore/records/pool.js';
import type {StoreEvent} from '../datastore/store-event.js';
import {attachmentKey, toAttachedPod, type AttachmentFields} from './attached-pod.js';
import {toPeer, type Peer} from './peer.js';
import {macKey} from './claims.js';
import {ownClaim, type MutableState, type State, type Underlay} from './state.js';

export type StateEvent =
  | {readonly kind: 'store'; readonly events: readonly StoreEvent[]}
  | {readonly kind: 'underlay'; readonly underlay: Underlay | undefined}
  | {readonly kind: 'ranges'; readonly ranges: readonly Prefix[]}
  /** All attachments of the journal, in every state. Told first of the three. */
  | {readonly kind: 'attachments'; readonly attachments: readonly AttachmentFields[]}
  /** One that is new or has changed; told before the kernel is touched for it. */
  | {readonly kind: 'attachment'; readonly attachment: AttachmentFields}
  | {readonly kind: 'attachment-gone'; readonly containerId: string; readonly ifName: string};

export interface Changes {
  context: boolean; // network, underlay, own ranges, synced: everything is derived anew
  readonly nodes: Set<string>; // names
  readonly pods: Set<string>; // keys of attachments
}

export function createChanges(): Changes {
  return {context: false, nodes: new Set(), pods: new Set()};
}

/** Changes `state` and adds to `changes`. */
export function transition(state: State, event: StateEvent, changes: Changes): void {
  const mutable = state as MutableState;
  switch (event.kind) {
    case 'store':
      for (const each of event.events) applyStoreEvent(mutable, each, changes);
      return;
    case 'underlay':
      mutable.underlay = event.underlay;
      changes.context = true;
      return;
    case 'ranges':
      mutable.ranges = event.ranges;
      mutable.claims.put(ownClaim, {
        rank: -1,
        ranges: event.ranges,
        mac: macKey(state.self.vtepMac),
      });
      changes.context = true;
      return;
    case 'attachments':
      for (const key of state.pods?.keys() ?? []) changes.pods.add(key);
      mutable.pods = new Map();
      for (const each of event.attachments) putAttachment(mutable, each, changes);
      return;
    case 'attachment':
      putAttachment(mutable, event.attachment, changes);
      return;
    case 'attachment-gone': {
      const key = attachmentKey(event);
      mutable.pods?.delete(key);
      mutable.problems.delete(problemKey(key));
      changes.pods.add(key);
      return;
    }
    default:
      return event satisfies never;
  }
}

function applyStoreEvent(state: MutableState, event: StoreEvent, changes: Changes): void {
  switch (event.kind) {
    case 'synced':
      if (!state.synced) changes.context = true;
      state.synced = true;
      return;
    case 'problem':
      state.problems.set(event.key, event.problems);
      return;
    case 'put':
      state.problems.delete(event.key);
      return putRecord(state, event, changes);
    case 'delete':
      state.problems.delete(event.key);
      return deleteRecord(state, event.key, changes);
    default:
      return event satisfies never;
  }
}

function putRecord(
  state: MutableState,
  {key, record, createRevision}: Extract<StoreEvent, {kind: 'put'}>,
  changes: Changes,
): void {
  switch (record.kind) {
    case 'Node':
      if (record.metadata.name === state.self.name) noteOwnRecord(state, key, record.metadata.uid);
      else putPeer(state, toPeer(record, createRevision), changes);
      return;
    case 'Network':
      state.resources.set(key, record);
      state.network = networkSettings(record);
      changes.context = true;
      return;
    case 'Pool':
      state.resources.set(key, record);
      state.pools.set(record.metadata.name, poolSettings(record));
      return;
    default:
      state.resources.set(key, record);
  }
}

function deleteRecord(state: MutableState, key: string, changes: Changes): void {
  const resource = state.resources.get(key);
  state.resources.delete(key);
  if (resource?.kind === 'Network') {
    state.network = networkSettings();
    changes.context = true;
  } else if (resource?.kind === 'Pool') {
    state.pools.delete(resource.metadata.name);
  } else if (resource === undefined) {
    deletePeer(state, nameInKey(key), changes);
  }
}

function putPeer(state: MutableState, peer: Peer, changes: Changes): void {
  const {name, createRevision, ranges, mac} = peer;
  state.nodes.set(name, peer);
  const claim = {rank: createRevision, ranges, ...(mac && {mac: macKey(mac)})};
  markContenders(name, state.claims.put(name, claim), changes);
}

function deletePeer(state: MutableState, name: string, changes: Changes): void {
  if (!state.nodes.delete(name)) return;
  markContenders(name, state.claims.remove(name), changes);
}

function markContenders(name: string, contenders: ReadonlySet<string>, changes: Changes): void {
  changes.nodes.add(name);
  for (const contender of contenders) if (contender !== ownClaim) changes.nodes.add(contender);
}

function noteOwnRecord(state: MutableState, key: string, uid: string): void {
  if (uid === state.self.uid) return;
  const message = `metadata.uid: expected ${state.self.uid}, got ${uid}: another host has this node's name`;
  state.problems.set(key, [message]);
}

/** An attachment that makes no sense is reported under its key and left as it is in the kernel. */
function putAttachment(state: MutableState, attachment: AttachmentFields, changes: Changes): void {
  const key = attachmentKey(attachment);
  const pod = toAttachedPod(attachment);
  changes.pods.add(key);
  state.pods ??= new Map();
  if (pod === undefined) {
    state.problems.set(problemKey(key), ['mac or addresses: expected valid ones']);
  } else {
    state.problems.delete(problemKey(key));
    state.pods.set(key, pod);
  }
}

function problemKey(attachment: string): string {
  return `attachment ${attachment}`;
}

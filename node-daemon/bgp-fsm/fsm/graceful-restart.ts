/**
 * The restarting speaker: us, from the start of the daemon until its routes are whole again (RFC 4724
 * §4.1). Pure: (restart, event) -> restart and effects as data. One for the speaker, not one a peer:
 * R must stay set towards every peer until the restart is over for all (gobgp #3431).
 *
 * Deferral is incremental. Routes are selected, installed and announced as they arrive; what waits is
 * the sweep of the kernel's stale routes and our End-of-RIB, per family. Waited for are the peers that
 * can say when they are done: those with graceful restart that are not restarting themselves, and
 * those expected and not yet heard of. A peer known to be down is not waited for (calico #9976 lost a
 * node's routes for four minutes to one), and `deferralMs` bounds it all.
 *
 * F is what was found in the kernel before the first OPEN, per family. Once the restart is over F is
 * set: the kernel's routes are ours and outlive any session.
 */
import type {CapabilityOf} from '../wire/capabilities.js';
import {AFI_SAFI, FAMILIES, type Family} from '../wire/family.js';
import type {Negotiated} from './types.js';

export interface Restart {
  readonly restarted: boolean; // the marker says that we ran before
  readonly preserved: ReadonlySet<Family>; // kernel routes of ours were found
  readonly pending: ReadonlySet<Family>; // families that are not whole yet
  readonly awaited: ReadonlyMap<string, ReadonlySet<Family>>; // by peer: End-of-RIB still to come
}

export interface RestartStart {
  readonly restarted: boolean;
  readonly preserved: readonly Family[];
  readonly families: readonly Family[]; // that any peer is configured for
  readonly peers: readonly ExpectedPeer[];
  readonly deferralMs: number; // 10 s is plenty in a cluster
}

export interface ExpectedPeer {
  readonly peer: string; // the caller's name for it
  readonly families: readonly Family[];
  readonly isDown: boolean; // its node is absent or not ready
}

export type RestartEvent =
  | {readonly kind: 'peerEstablished'; readonly peer: string; readonly negotiated: Negotiated}
  /** Before its End-of-RIB: it may come back within the deferral, so its families are awaited still. */
  | {readonly kind: 'endOfRib'; readonly peer: string; readonly family: Family}
  | {readonly kind: 'peerGone'; readonly peer: string} // known down, or not configured any more
  | {readonly kind: 'deferralExpired'};

export type RestartAction =
  | {readonly kind: 'startDeferral'; readonly delayMs: number}
  | {readonly kind: 'stopDeferral'}
  /** Delete the kernel's routes of ours that nothing selected since the start. */
  | {readonly kind: 'sweep'; readonly family: Family}
  | {readonly kind: 'sendEndOfRib'; readonly family: Family} // to all peers, after what is queued
  | {readonly kind: 'restartOver'}; // R is clear from the next OPEN on

export interface RestartStep {
  readonly restart: Restart;
  readonly actions: readonly RestartAction[];
}

export function beginRestart(start: RestartStart): RestartStep {
  const awaited = new Map(
    start.peers
      .filter(each => !each.isDown)
      .map(each => [each.peer, new Set(each.families)] as const),
  );
  const restart: Restart = {
    restarted: start.restarted,
    preserved: new Set(start.preserved),
    pending: new Set(start.families),
    awaited,
  };
  const step = settle(restart);
  if (isOver(step.restart)) return step;
  const deferral: RestartAction = {kind: 'startDeferral', delayMs: start.deferralMs};
  return {...step, actions: [deferral, ...step.actions]};
}

export function advanceRestart(restart: Restart, event: RestartEvent): RestartStep {
  if (isOver(restart)) return {restart, actions: []};
  const step = settle({...restart, awaited: awaitedAfter(restart, event)});
  const isEarly = isOver(step.restart) && event.kind !== 'deferralExpired';
  return isEarly ? {...step, actions: [...step.actions, {kind: 'stopDeferral'}]} : step;
}

export function isOver({pending}: Restart): boolean {
  return pending.size === 0;
}

function awaitedAfter({awaited}: Restart, event: RestartEvent): Restart['awaited'] {
  if (event.kind === 'deferralExpired') return new Map();
  const next = new Map(awaited);
  const families = awaited.get(event.peer);
  switch (event.kind) {
    case 'peerGone':
      next.delete(event.peer);
      return next;
    case 'endOfRib':
      if (families) next.set(event.peer, without(families, event.family));
      return next;
    case 'peerEstablished': {
      const {gracefulRestart, families: agreed} = event.negotiated;
      const saysWhenDone = gracefulRestart !== undefined && !gracefulRestart.restarting;
      if (!saysWhenDone) next.delete(event.peer);
      else if (families) next.set(event.peer, new Set(agreed.filter(each => families.has(each))));
      return next;
    }
  }
}

/** Families that nobody is awaited for any more are whole. */
function settle(restart: Restart): RestartStep {
  const waiting = [...restart.awaited.values()];
  const whole = [...restart.pending].filter(
    family => !waiting.some(families => families.has(family)),
  );
  const pending = new Set([...restart.pending].filter(family => !whole.includes(family)));
  const actions = whole.flatMap((family): RestartAction[] => [
    {kind: 'sweep', family},
    {kind: 'sendEndOfRib', family},
  ]);
  if (pending.size === 0) actions.push({kind: 'restartOver'});
  return {restart: {...restart, pending}, actions};
}

function without(families: ReadonlySet<Family>, family: Family): ReadonlySet<Family> {
  return new Set([...families].filter(each => each !== family));
}

export interface RestartOffer {
  readonly families: readonly Family[]; // of the session
  readonly notification: boolean; // N: RFC 8538
  readonly restartTimeSeconds: number; // how long a restart of ours may take
}

/** The capability as it is true now. */
export function restartCapability(
  restart: Restart,
  {families, notification, restartTimeSeconds}: RestartOffer,
): CapabilityOf<'graceful-restart'> {
  return {
    kind: 'graceful-restart',
    restarting: restart.restarted && !isOver(restart),
    notification,
    restartTimeSeconds,
    families: FAMILIES.filter(family => families.includes(family)).map(family => ({
      ...AFI_SAFI[family],
      forwarding: isOver(restart) || restart.preserved.has(family),
    })),
  };
}

/**
 * The restarting speaker: us, from the start of the daemon until its routes are whole again (RFC 4724
 * §4.1). Pure: (restart, event) -> restart and effects as data. One for the speaker, not one a peer:
 * R must stay set towards every peer until the restart is over for all (gobgp #3431).
 *
 * Deferral is incremental. Routes are selected, installed and announced as they arrive; what waits is
 * the sweep of the kernel's stale routes and our End-of-RIB, per family. Our End-of-RIB waits for the peers
 * that say when they are done: those with graceful restart, and those expected and not yet heard of. A peer
 * known to be down is not waited for (calico #9976 lost a node's routes for four minutes to one), and
 * `deferralMs` bounds it all.
 *
 * Our End-of-RIB does not wait for a peer that restarts itself, or two that do would wait for each other;
 * the sweep does: FRR says R for a while after every start, and what it has not sent yet would go. So it does
 * after a restart for a peer without graceful restart, whose routes would go and come again: until the
 * End-of-RIB that it may send all the same (RFC 4724 §2), or for the deferral, as FRR's zebra -K.
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
  readonly pending: ReadonlySet<Family>; // families whose End-of-RIB from us waits
  readonly unswept: ReadonlySet<Family>;
  readonly awaited: ReadonlyMap<string, Awaited>; // by peer
}

export interface Awaited {
  readonly families: ReadonlySet<Family>; // End-of-RIB still to come
  readonly delaysOurs: boolean; // our End-of-RIB waits for it, not only the sweep
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
  readonly isDown: boolean; // was away before, and no route of its is left
}

export type RestartEvent =
  | {readonly kind: 'peerEstablished'; readonly peer: string; readonly negotiated: Negotiated}
  /** Before its End-of-RIB: it may come back within the deferral, so its families are awaited still. */
  | {readonly kind: 'endOfRib'; readonly peer: string; readonly family: Family}
  | {readonly kind: 'peerGone'; readonly peer: string} // not configured any more
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
      .map(({peer, families}): [string, Awaited] => [
        peer,
        {families: new Set(families), delaysOurs: true},
      ]),
  );
  const restart: Restart = {
    restarted: start.restarted,
    preserved: new Set(start.preserved),
    pending: new Set(start.families),
    unswept: new Set(start.families),
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

export function isOver({pending, unswept}: Restart): boolean {
  return pending.size === 0 && unswept.size === 0;
}

function awaitedAfter({awaited, restarted}: Restart, event: RestartEvent): Restart['awaited'] {
  if (event.kind === 'deferralExpired') return new Map();
  const next = new Map(awaited);
  const known = awaited.get(event.peer);
  switch (event.kind) {
    case 'peerGone':
      next.delete(event.peer);
      return next;
    case 'endOfRib':
      if (known) next.set(event.peer, without(known, event.family));
      return next;
    case 'peerEstablished': {
      const {gracefulRestart, families: agreed} = event.negotiated;
      if (gracefulRestart === undefined && !restarted) next.delete(event.peer);
      else if (known) {
        const families = new Set(agreed.filter(each => known.families.has(each)));
        next.set(event.peer, {families, delaysOurs: gracefulRestart?.restarting === false});
      }
      return next;
    }
  }
}

/** Families that nobody is awaited for any more. */
function settle(restart: Restart): RestartStep {
  const waiting = [...restart.awaited.values()];
  const isAwaited = (family: Family) => waiting.some(({families}) => families.has(family));
  const holdsOurs = (family: Family) =>
    waiting.some(({families, delaysOurs}) => delaysOurs && families.has(family));
  const pending = new Set([...restart.pending].filter(holdsOurs));
  const unswept = new Set([...restart.unswept].filter(isAwaited));
  const actions = FAMILIES.flatMap((family): RestartAction[] => [
    ...(hasLeft(family, restart.unswept, unswept) ? [{kind: 'sweep', family} as const] : []),
    ...(hasLeft(family, restart.pending, pending) ? [{kind: 'sendEndOfRib', family} as const] : []),
  ]);
  const next = {...restart, pending, unswept};
  if (isOver(next)) actions.push({kind: 'restartOver'});
  return {restart: next, actions};
}

function hasLeft(family: Family, before: ReadonlySet<Family>, after: ReadonlySet<Family>): boolean {
  return before.has(family) && !after.has(family);
}

function without({families, delaysOurs}: Awaited, family: Family): Awaited {
  return {families: new Set([...families].filter(each => each !== family)), delaysOurs};
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

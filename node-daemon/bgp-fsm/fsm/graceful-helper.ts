/**
 * The receiving speaker of graceful restart: what becomes of a peer's routes while it is away (RFC 4724
 * §4.2, RFC 8538 §4.1, RFC 9494 §4.2). Pure: (helper, event) -> helper and effects as data. One a peer.
 *
 *             lost, may stay              restart timer              long-lived timer
 *   (nothing) --------------> stale -------------------> long-lived ------------------> deleted
 *                               |  no long-lived time: deleted  |
 *                               +------- End-of-RIB: what is still stale is deleted ----+
 *
 * Per family. A new session deletes at once what its OPEN does not vouch for (no capability, family not
 * in it, F=0). Timers:
 *   restart      the peer's Restart Time, at most ours; one for the peer, from each loss
 *   stale:f      the bound of RFC 8538: from the first loss to End-of-RIB, whatever happens between;
 *                ends in long-lived retention too, so that a peer that never sends End-of-RIB cannot
 *                keep stale routes
 *   longLived:f  the peer's Long-lived Stale Time, at most ours; runs on when the session is back
 *
 * A second loss before End-of-RIB: RFC 4724 deletes what was stale from the first. With N (RFC 8538) or in
 * long-lived retention it stays, and its timers are not restarted; once those ran out, all goes.
 */
import type {Family} from '../wire/family.js';
import {retainsRoutes} from './graceful-notification.js';
import type {DownReason, Negotiated} from './types.js';

export type HelperTimer = 'restart' | `stale:${Family}` | `longLived:${Family}`;

export interface HelperLimits {
  readonly maxRestartMs: number;
  readonly staleMs: number; // RFC 8538 §4.1 suggests 180 s
  readonly maxLongLivedMs: number;
}

export interface Helper {
  readonly isUp: boolean;
  readonly held: ReadonlyMap<Family, Held>; // families with stale routes
  readonly running: ReadonlySet<HelperTimer>;
}

interface Held {
  /** `spent`: the long-lived time ran out while the new session was not synchronised yet. */
  readonly phase: 'stale' | 'longLived' | 'spent';
  readonly longLivedMs: number; // what follows the restart time; 0: nothing
}

export type HelperEvent =
  | {readonly kind: 'sessionEstablished'; readonly negotiated: Negotiated}
  | {readonly kind: 'sessionDown'; readonly reason: DownReason; readonly negotiated: Negotiated}
  | {readonly kind: 'endOfRib'; readonly family: Family}
  | {readonly kind: 'timerExpired'; readonly timer: HelperTimer}
  /** C bit of the peer: its BFD does not share fate with its control plane (RFC 5882 §4.3.2). */
  | {readonly kind: 'bfdDown'; readonly controlPlaneIndependent: boolean}
  | {readonly kind: 'peerRemoved'};

export type HelperAction =
  | {readonly kind: 'markStale'; readonly family: Family} // all that the peer sent so far
  | {readonly kind: 'deleteStale'; readonly family: Family}
  | {readonly kind: 'deleteRoutes'; readonly family: Family} // stale or not
  /** Drop what has NO_LLGR, give LLGR_STALE to the other stale ones; again is harmless. */
  | {readonly kind: 'attachLongLived'; readonly family: Family}
  | {readonly kind: 'startTimer'; readonly timer: HelperTimer; readonly delayMs: number}
  | {readonly kind: 'stopTimer'; readonly timer: HelperTimer};

export interface HelperStep {
  readonly helper: Helper;
  readonly actions: readonly HelperAction[];
}

interface Turn {
  isUp: boolean;
  readonly held: Map<Family, Held>;
  readonly running: Set<HelperTimer>;
  readonly limits: HelperLimits;
  readonly actions: HelperAction[];
}

export function createHelper(): Helper {
  return {isUp: false, held: new Map(), running: new Set()};
}

export function help(helper: Helper, event: HelperEvent, limits: HelperLimits): HelperStep {
  const {isUp} = helper;
  const held = new Map(helper.held);
  const running = new Set(helper.running);
  const turn: Turn = {isUp, held, running, limits, actions: []};
  handle(turn, event);
  return {helper: {isUp: turn.isUp, held, running}, actions: turn.actions};
}

function handle(turn: Turn, event: HelperEvent): void {
  switch (event.kind) {
    case 'sessionEstablished':
      return sessionUp(turn, event.negotiated);
    case 'sessionDown':
      return sessionDown(turn, event.reason, event.negotiated);
    case 'endOfRib':
      return release(turn, event.family);
    case 'timerExpired':
      return timerExpired(turn, event.timer);
    case 'bfdDown':
      // C=0: that BFD dies with a restarting control plane is to be expected, and says nothing
      if (!turn.isUp && event.controlPlaneIndependent) releaseAll(turn);
      return;
    case 'peerRemoved':
      return releaseAll(turn);
  }
}

/** The new OPEN must vouch for each family, in the capability of the phase that it is in. */
function sessionUp(turn: Turn, negotiated: Negotiated): void {
  turn.isUp = true;
  stop(turn, 'restart');
  for (const [family, {phase}] of turn.held) {
    const tuples =
      phase === 'longLived' ? negotiated.longLived : negotiated.gracefulRestart?.families;
    const isPreserved = tuples?.some(each => each.family === family && each.forwarding) ?? false;
    if (!isPreserved) release(turn, family);
  }
}

function sessionDown(turn: Turn, reason: DownReason, negotiated: Negotiated): void {
  turn.isUp = false;
  const isRetained = retainsRoutes(reason, negotiated);
  for (const family of negotiated.families) {
    const restartMs = isRetained ? restartTimeMs(turn, family, negotiated) : 0;
    const longLivedMs = isRetained ? longLivedTimeMs(turn, family, negotiated) : 0;
    const isSpent = turn.held.get(family)?.phase === 'spent';
    if (!isSpent && (restartMs > 0 || longLivedMs > 0))
      retain(turn, family, {restartMs, longLivedMs, negotiated});
    else discard(turn, family);
  }
}

/** RFC 9494 §4.2: a family that the capability does not list has a Restart Time of zero. */
function restartTimeMs(turn: Turn, family: Family, {gracefulRestart}: Negotiated): number {
  const isListed = gracefulRestart?.families.some(each => each.family === family) ?? false;
  const peerMs = isListed ? (gracefulRestart?.restartTimeSeconds ?? 0) * 1000 : 0;
  return Math.min(peerMs, turn.limits.maxRestartMs);
}

function longLivedTimeMs(turn: Turn, family: Family, {longLived}: Negotiated): number {
  const peerMs = (longLived.find(each => each.family === family)?.staleTimeSeconds ?? 0) * 1000;
  return Math.min(peerMs, turn.limits.maxLongLivedMs);
}

interface Retention {
  readonly restartMs: number;
  readonly longLivedMs: number;
  readonly negotiated: Negotiated;
}

function retain(turn: Turn, family: Family, times: Retention): void {
  const {restartMs, longLivedMs, negotiated} = times;
  const earlier = turn.held.get(family);
  const keepsEarlier =
    earlier !== undefined &&
    (earlier.phase === 'longLived' || (negotiated.gracefulRestart?.notification ?? false));
  if (earlier !== undefined && !keepsEarlier) release(turn, family);

  turn.actions.push({kind: 'markStale', family});
  turn.held.set(family, {phase: keepsEarlier ? earlier.phase : 'stale', longLivedMs});
  if (!keepsEarlier) start(turn, `stale:${family}`, turn.limits.staleMs);
  if (restartMs > 0) start(turn, 'restart', restartMs);
  else beginLongLived(turn, family);
}

function timerExpired(turn: Turn, timer: HelperTimer): void {
  turn.running.delete(timer);
  if (timer === 'restart') {
    for (const family of turn.held.keys()) endRestartTime(turn, family);
    return;
  }
  const family = timer.endsWith('ipv4') ? 'ipv4' : 'ipv6';
  if (timer.startsWith('stale')) endRestartTime(turn, family);
  else endLongLived(turn, family);
}

/** The time of plain graceful restart is over: on to long-lived, where the peer has it. */
function endRestartTime(turn: Turn, family: Family): void {
  const held = turn.held.get(family);
  if (held === undefined) return;
  if (turn.isUp || (held.longLivedMs === 0 && held.phase === 'stale')) release(turn, family);
  else beginLongLived(turn, family);
}

/** A timer that runs from an earlier loss runs on: RFC 9494 §4.2 forbids to update it. */
function beginLongLived(turn: Turn, family: Family): void {
  const held = turn.held.get(family);
  if (held === undefined) return;
  turn.actions.push({kind: 'attachLongLived', family});
  stop(turn, `stale:${family}`);
  if (!turn.running.has(`longLived:${family}`)) {
    start(turn, `longLived:${family}`, held.longLivedMs);
  }
  turn.held.set(family, {...held, phase: 'longLived'});
}

function endLongLived(turn: Turn, family: Family): void {
  const held = turn.held.get(family);
  release(turn, family);
  if (turn.isUp && held) turn.held.set(family, {...held, phase: 'spent'}); // until End-of-RIB
}

/** Nothing of the family may stay. */
function discard(turn: Turn, family: Family): void {
  forget(turn, family);
  turn.actions.push({kind: 'deleteRoutes', family});
}

/** What is still stale goes; what the peer has sent since stays. */
function release(turn: Turn, family: Family): void {
  if (!turn.held.has(family)) return;
  forget(turn, family);
  turn.actions.push({kind: 'deleteStale', family});
}

function releaseAll(turn: Turn): void {
  for (const family of [...turn.held.keys()]) release(turn, family);
}

function forget(turn: Turn, family: Family): void {
  turn.held.delete(family);
  stop(turn, `stale:${family}`);
  stop(turn, `longLived:${family}`);
  if (turn.held.size === 0) stop(turn, 'restart');
}

function start(turn: Turn, timer: HelperTimer, delayMs: number): void {
  turn.running.add(timer);
  turn.actions.push({kind: 'startTimer', timer, delayMs});
}

function stop(turn: Turn, timer: HelperTimer): void {
  if (turn.running.delete(timer)) turn.actions.push({kind: 'stopTimer', timer});
}

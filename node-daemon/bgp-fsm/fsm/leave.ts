/**
 * The ways of a connection out of the table: "fail(x)" and its kin. Pure, see turn.ts.
 */
import {CEASE, FSM_ERROR, HOLD_EXPIRED, SEND_HOLD_EXPIRED} from '../wire/constants.js';
import {isHardCease, type Notification, notification, wrapHardReset} from '../wire/notification.js';
import {type Backoff, backoffMs, jitterMs} from './backoff.js';
import type {Again} from './event.js';
import {retainsRoutes} from './graceful-notification.js';
import {NO_TIMERS} from './timer-set.js';
import {dropTcp, moveTo, startConnectRetry, startTimer, stopTimer, type Turn} from './turn.js';
import type {Bridge, DownReason, Negotiated, State} from './types.js';

/** How Idle goes on. `retry`: nothing was wrong, only unreachable; no damping, no doubling. */
type Restart = Again | 'retry';

interface Leave {
  readonly send?: Notification | undefined;
  readonly counts?: boolean; // ConnectRetryCounter + 1; default true
  readonly restart?: Restart; // default damped
}

/**
 * "fail(x)" of the table and its kin: say it, stop all timers, drop TCP, go Idle, and start
 * IdleHoldTimer for the next attempt. What was established is announced as down.
 */
export function leave(turn: Turn, reason: DownReason, how: Leave = {}): void {
  const {session, actions} = turn;
  if (how.send) actions.push({kind: 'sendNotification', notification: how.send});
  for (const timer of session.running) actions.push({kind: 'stopTimer', timer});
  session.running = NO_TIMERS;
  dropTcp(turn, how.send !== undefined);
  if (how.counts ?? true) session.connectRetryCounter++;

  const wasEstablished = session.state === 'Established';
  const {negotiated} = session;
  session.negotiated = undefined;
  if (wasEstablished) session.plain = false; // the peer may have learnt capabilities since
  moveTo(turn, 'Idle');
  if (wasEstablished && negotiated) actions.push({kind: 'sessionDown', reason, negotiated});
  else actions.push({kind: 'attemptFailed', reason});
  if (!wasEstablished) session.bridge = shorter(session.bridge);
  else
    session.bridge =
      negotiated && retainsRoutes(reason, negotiated) ? bridgeOf(negotiated) : undefined;
  scheduleRestart(
    turn,
    how.restart ?? 'damped',
    within(turn.context.config.backoff, session.bridge),
  );
}

/**
 * While a restart is waited for the waits must leave it its time: a peer that restarts again and again, or whose
 * first answers are a Cease, would else be kept out until its routes are gone. A quarter, because it may have
 * a wait of its own; after four of them its routes are gone as it is.
 */
function bridgeOf({gracefulRestart}: Negotiated): Bridge | undefined {
  const maxMs = (gracefulRestart?.restartTimeSeconds ?? 0) * 250;
  return maxMs === 0 ? undefined : {maxMs, waits: 4};
}

function shorter(bridge: Bridge | undefined): Bridge | undefined {
  return bridge && bridge.waits > 1 ? {...bridge, waits: bridge.waits - 1} : undefined;
}

function within(backoff: Backoff, bridge: Bridge | undefined): Backoff {
  if (bridge === undefined) return backoff;
  return {...backoff, maxMs: Math.min(backoff.maxMs, Math.max(backoff.minMs, bridge.maxMs))};
}

/** A secondary session was made for its connection and ends with it. */
function scheduleRestart(turn: Turn, restart: Restart, backoff: Backoff): void {
  const {session, context} = turn;
  if (session.secondary || restart === 'never') return;
  session.opensEarly = restart === 'retry';
  if (restart === 'damped') {
    session.failures++;
    startTimer(turn, 'idleHold', backoffMs(session.failures, backoff, context.random));
  } else if (restart === 'retry') {
    startTimer(turn, 'idleHold', jitterMs(context.config.connectRetryMs, context.random));
  } else {
    startTimer(turn, 'idleHold', restart.afterMs);
  }
}

/** As it goes out: once N was exchanged, a Cease that ends for good is a hard reset (RFC 8538 §3). */
function asSent(turn: Turn, plain: Notification): Notification {
  const isNotified = turn.session.negotiated?.gracefulRestart?.notification ?? false;
  const isEstablished = turn.session.state === 'Established';
  return isEstablished && isNotified && isHardCease(plain) ? wrapHardReset(plain) : plain;
}

/** An error of the peer, found once our OPEN is out. */
export function failWith(turn: Turn, plain: Notification): void {
  const sent = asSent(turn, plain);
  leave(turn, {kind: 'notificationSent', sent}, {send: sent});
}

/** An error before our OPEN: a NOTIFICATION as first message only if the peer can take one. */
export function failUnopened(turn: Turn, fault: Notification): void {
  const isSpoken =
    turn.context.config.sendNotificationWithoutOpen && turn.session.connection !== undefined;
  if (isSpoken) failWith(turn, fault);
  else leave(turn, {kind: 'refused', fault});
}

export function failHold(turn: Turn): void {
  const sent = notification(HOLD_EXPIRED);
  leave(turn, {kind: 'holdTimeExpired', sent}, {send: sent});
}

export function failSendHold(turn: Turn, writable: boolean): void {
  const sent = writable ? notification(SEND_HOLD_EXPIRED) : undefined;
  leave(turn, {kind: 'sendHoldTimeExpired', sent}, {send: sent});
}

/**
 * A lost connection in Established may be a peer that restarts: the first loss since the calm does
 * not bar its way back. From the second on the peer is flapping, and is damped.
 */
export function loseEstablished(turn: Turn): void {
  leave(turn, {kind: 'connectionLost'});
  turn.session.opensEarly = !turn.session.secondary && turn.session.failures <= 1;
}

/** OpenSent and TCP is gone: wait for the peer in Active (RFC 4271 §8.2.2, not Idle). */
export function loseOpenSent(turn: Turn): void {
  if (turn.session.secondary) {
    leave(turn, {kind: 'connectionLost'});
    return;
  }
  stopTimer(turn, 'hold');
  dropTcp(turn, false);
  startConnectRetry(turn);
  moveTo(turn, 'Active');
  turn.actions.push({kind: 'attemptFailed', reason: {kind: 'connectionLost'}});
}

export function stopManually(turn: Turn, cease: Notification | undefined): void {
  const sent = cease && asSent(turn, cease);
  leave(turn, {kind: 'manualStop', sent}, {send: sent, counts: false, restart: 'never'});
  turn.session.connectRetryCounter = 0;
  turn.session.failures = 0;
  turn.session.plain = false;
}

export function stopAutomatically(turn: Turn, cease: Notification | undefined, again: Again): void {
  const sent = cease && asSent(turn, cease);
  leave(turn, {kind: 'automaticStop', sent}, {send: sent, restart: again});
}

export function stopSilently(turn: Turn): void {
  leave(turn, {kind: 'silentStop'}, {counts: false, restart: 'never'});
}

/** The loser of a collision is not started again: its peer has the other connection. */
export function dump(turn: Turn, sent: Notification | undefined, silent: boolean): void {
  const reason: DownReason = silent ? {kind: 'replaced'} : {kind: 'collision', sent};
  leave(turn, reason, {send: silent ? undefined : sent, restart: 'never'});
}

/** Idle and told to stop: an automatic start that is pending is taken back. */
export function cancelRestart(turn: Turn): void {
  stopTimer(turn, 'idleHold');
  turn.session.opensEarly = false;
}

export function cease(subcode: number): Notification {
  return notification(CEASE, subcode);
}

/** RFC 6608 §3. A message that no table cell expects. */
const UNEXPECTED: Readonly<Record<State, number>> = {
  Idle: 0,
  Connect: 0,
  Active: 0,
  OpenSent: 1,
  OpenConfirm: 2,
  Established: 3,
};

export function fsmError(turn: Turn): Notification {
  return notification(FSM_ERROR, UNEXPECTED[turn.session.state]);
}

/**
 * What the cells of the table in fsm.ts do. Pure to the outside: a Turn is a draft of one session that
 * lives for one event, and the effects it collects are data.
 */
import {CEASE, FSM_ERROR, HOLD_EXPIRED, SEND_HOLD_EXPIRED} from '../wire/constants.js';
import {isHardCease, type Notification, notification, wrapHardReset} from '../wire/notification.js';
import {backoffMs, jitterMs} from './backoff.js';
import type {Again, Direction} from './event.js';
import {negotiate, type Negotiated, type Open} from './negotiate.js';
import type {Action, Context, DownReason, Session, State, Timer} from './types.js';

type Draft = {-readonly [K in keyof Session]: Session[K]};

export interface Turn {
  readonly session: Draft;
  readonly context: Context;
  readonly actions: Action[];
}

const LARGE_HOLD_MS = 240_000; // RFC 4271 §8.2.2: until the peer's OPEN says what it wants
const HOLD_GRACE_MS = 10_000; // as BIRD
const MAX_HOLD_GRACES = 6; // a peer that drips half a message must not live for ever

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

export function moveTo(turn: Turn, to: State): void {
  const from = turn.session.state;
  turn.session.state = to;
  if (from !== to) turn.actions.push({kind: 'stateChanged', from, to});
}

// timers

export function startTimer(turn: Turn, timer: Timer, delayMs: number): void {
  turn.session.running = new Set(turn.session.running).add(timer);
  turn.actions.push({kind: 'startTimer', timer, delayMs});
}

/** Nothing to do, and nothing done, when it does not run. */
export function stopTimer(turn: Turn, timer: Timer): void {
  if (!turn.session.running.has(timer)) return;
  expire(turn, timer);
  turn.actions.push({kind: 'stopTimer', timer});
}

/** It has fired: it runs no more, and there is nothing to stop. */
export function expire(turn: Turn, timer: Timer): void {
  const running = new Set(turn.session.running);
  running.delete(timer);
  turn.session.running = running;
}

export function startConnectRetry(turn: Turn): void {
  const {config, random} = turn.context;
  startTimer(turn, 'connectRetry', jitterMs(config.connectRetryMs, random));
}

/** Not more often than once a second, whatever the jitter (RFC 4271 §4.4). */
export function startKeepalive(turn: Turn): void {
  const valueMs = turn.session.negotiated?.keepaliveMs ?? 0;
  if (valueMs === 0) return;
  startTimer(turn, 'keepalive', Math.max(1000, jitterMs(valueMs, turn.context.random)));
}

/** The peer spoke: the negotiated hold time begins again, with all its graces. */
export function restartHold(turn: Turn): void {
  turn.session.holdGraces = 0;
  const seconds = turn.session.negotiated?.holdTimeSeconds ?? 0;
  if (seconds === 0) stopTimer(turn, 'hold');
  else startTimer(turn, 'hold', seconds * 1000);
}

export function restartSendHold(turn: Turn): void {
  const valueMs = turn.session.negotiated?.sendHoldMs ?? 0;
  if (valueMs > 0) startTimer(turn, 'sendHold', valueMs);
}

/**
 * The peer's octets may lie in the socket while we are the ones who are busy: look again in 10 s
 * instead of ending a session that lives. True when that was granted.
 */
export function graceHold(turn: Turn, unreadData: boolean): boolean {
  if (!unreadData || turn.session.holdGraces >= MAX_HOLD_GRACES) return false;
  turn.session.holdGraces++;
  startTimer(turn, 'hold', HOLD_GRACE_MS);
  return true;
}

// start

export function startSession(turn: Turn, passive: boolean, resetCounter: boolean): void {
  stopTimer(turn, 'idleHold');
  turn.session.opensEarly = false;
  if (resetCounter) turn.session.connectRetryCounter = 0;
  startConnectRetry(turn);
  if (passive) {
    moveTo(turn, 'Active');
  } else {
    dial(turn);
    moveTo(turn, 'Connect');
  }
}

function dial(turn: Turn): void {
  turn.session.dialling = true;
  turn.actions.push({kind: 'connect'});
}

/** ConnectRetryTimer in Connect and Active: what is under way is given up, and dialled anew. */
export function redial(turn: Turn): void {
  stopTimer(turn, 'delayOpen');
  dropTcp(turn, false);
  startConnectRetry(turn);
  if (turn.context.config.passive) {
    moveTo(turn, 'Active');
  } else {
    dial(turn);
    moveTo(turn, 'Connect');
  }
}

// connection

function noteConnected(turn: Turn, direction: Direction): void {
  turn.session.connection = direction;
  if (direction === 'outgoing') turn.session.dialling = false;
}

/** Connect and Active have a connection: OPEN at once, or after DelayOpenTime. */
export function takeConnection(turn: Turn, direction: Direction): void {
  if (turn.session.connection !== undefined) {
    trackConnection(turn, direction); // DelayOpen runs on the first
    return;
  }
  noteConnected(turn, direction);
  stopTimer(turn, 'connectRetry');
  const {delayOpenMs} = turn.context.config;
  if (delayOpenMs > 0) startTimer(turn, 'delayOpen', delayOpenMs);
  else sendOpen(turn);
}

export function trackConnection(turn: Turn, direction: Direction): void {
  if (direction === 'outgoing') turn.session.dialling = false;
  turn.actions.push({kind: 'track', direction});
}

export function sendOpen(turn: Turn): void {
  sayOpen(turn);
  startTimer(turn, 'hold', LARGE_HOLD_MS);
  moveTo(turn, 'OpenSent');
}

function sayOpen(turn: Turn): Open {
  const {open: wanted} = turn.context.config;
  const open = turn.session.plain ? {...wanted, capabilities: []} : wanted;
  turn.session.sent = open;
  turn.actions.push({kind: 'sendOpen', open});
  return open;
}

function dropTcp(turn: Turn, flush: boolean): void {
  const {session, actions} = turn;
  if (session.dialling) actions.push({kind: 'cancelConnect'});
  if (session.connection) actions.push({kind: 'close', direction: session.connection, flush});
  session.dialling = false;
  session.connection = undefined;
  session.sent = undefined;
  session.holdGraces = 0;
}

// OPEN and after

/** OPEN in OpenSent: ours was sent before it. */
export function answerOpen(turn: Turn, open: Open): void {
  const sent = turn.session.sent ?? turn.context.config.open;
  const outcome = negotiate(turn.context.config.rules, sent, open);
  if (outcome.kind === 'refused') {
    failWith(turn, outcome.notification);
    return;
  }
  confirm(turn, outcome.negotiated);
}

/** OPEN while DelayOpenTimer runs: ours goes out now, and a KEEPALIVE behind it. */
export function answerEarlyOpen(turn: Turn, open: Open): void {
  const {config} = turn.context;
  stopTimer(turn, 'connectRetry');
  const outcome = negotiate(
    config.rules,
    turn.session.plain ? plainOf(config.open) : config.open,
    open,
  );
  if (outcome.kind === 'refused') {
    failUnopened(turn, outcome.notification);
    return;
  }
  stopTimer(turn, 'delayOpen');
  sayOpen(turn);
  confirm(turn, outcome.negotiated);
}

function plainOf(open: Open): Open {
  return {...open, capabilities: []};
}

function confirm(turn: Turn, negotiated: Negotiated): void {
  turn.session.negotiated = negotiated;
  turn.actions.push({kind: 'sendKeepalive'});
  startKeepalive(turn);
  restartHold(turn);
  moveTo(turn, 'OpenConfirm');
}

export function establish(turn: Turn): void {
  const {negotiated} = turn.session;
  if (negotiated === undefined) {
    leave(turn, {kind: 'unexpectedEvent'}); // OpenConfirm without an OPEN does not exist
    return;
  }
  restartHold(turn);
  restartSendHold(turn);
  startTimer(turn, 'calm', turn.context.config.calmMs);
  moveTo(turn, 'Established');
  turn.actions.push({kind: 'sessionEstablished', negotiated});
}

export function keepAlive(turn: Turn): void {
  turn.actions.push({kind: 'sendKeepalive'});
  startKeepalive(turn);
}

// the end

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
  session.running = new Set();
  dropTcp(turn, how.send !== undefined);
  if (how.counts ?? true) session.connectRetryCounter++;

  const wasEstablished = session.state === 'Established';
  const {negotiated} = session;
  session.negotiated = undefined;
  if (wasEstablished) session.plain = false; // the peer may have learnt capabilities since
  moveTo(turn, 'Idle');
  if (wasEstablished && negotiated) actions.push({kind: 'sessionDown', reason, negotiated});
  else actions.push({kind: 'attemptFailed', reason});
  scheduleRestart(turn, how.restart ?? 'damped');
}

/** A secondary session was made for its connection and ends with it. */
function scheduleRestart(turn: Turn, restart: Restart): void {
  const {session, context} = turn;
  if (session.secondary || restart === 'never') return;
  session.opensEarly = restart === 'retry';
  if (restart === 'damped') {
    session.failures++;
    startTimer(
      turn,
      'idleHold',
      backoffMs(session.failures, context.config.backoff, context.random),
    );
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

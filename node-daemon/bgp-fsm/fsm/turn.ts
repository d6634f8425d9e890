/**
 * The draft of one session while one event works on it, and its timers. Pure to the outside: a Turn
 * lives for one event, and the effects it collects are data.
 */
import {jitterMs} from './backoff.js';
import {withoutTimer, withTimer} from './timer-set.js';
import type {Action, Context, Session, State, Timer} from './types.js';

type Draft = {-readonly [K in keyof Session]: Session[K]};

export interface Turn {
  readonly session: Draft;
  readonly context: Context;
  readonly actions: Action[];
}

const HOLD_GRACE_MS = 10_000; // as BIRD
const MAX_HOLD_GRACES = 6; // a session that is never read must not live for ever

export function moveTo(turn: Turn, to: State): void {
  const from = turn.session.state;
  turn.session.state = to;
  if (from !== to) turn.actions.push({kind: 'stateChanged', from, to});
}

export function startTimer(turn: Turn, timer: Timer, delayMs: number): void {
  turn.session.running = withTimer(turn.session.running, timer);
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
  turn.session.running = withoutTimer(turn.session.running, timer);
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
 * The peer's messages may lie in the buffer while we are the ones who are busy: look again in 10 s
 * instead of ending a session that lives. True when that was granted.
 */
export function graceHold(turn: Turn, unreadData: boolean): boolean {
  if (!unreadData || turn.session.holdGraces >= MAX_HOLD_GRACES) return false;
  turn.session.holdGraces++;
  startTimer(turn, 'hold', HOLD_GRACE_MS);
  return true;
}

export function dropTcp(turn: Turn, flush: boolean): void {
  const {session, actions} = turn;
  if (session.dialling) actions.push({kind: 'cancelConnect'});
  if (session.connection) actions.push({kind: 'close', direction: session.connection, flush});
  session.dialling = false;
  session.connection = undefined;
  session.sent = undefined;
  session.holdGraces = 0;
}

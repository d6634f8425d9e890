/**
 * The ways of a connection through the table: start, connection, OPEN, Established. Pure, see turn.ts.
 */
import type {Direction} from './event.js';
import {failUnopened, failWith, leave} from './leave.js';
import {negotiate, type Negotiated, type Open} from './negotiate.js';
import {
  dropTcp,
  moveTo,
  restartHold,
  restartSendHold,
  startConnectRetry,
  startKeepalive,
  startTimer,
  stopTimer,
  type Turn,
} from './turn.js';

const LARGE_HOLD_MS = 240_000; // RFC 4271 §8.2.2: until the peer's OPEN says what it wants
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
  callOffDial(turn);
  turn.actions.push({kind: 'sendKeepalive'});
  startKeepalive(turn);
  restartHold(turn);
  moveTo(turn, 'OpenConfirm');
}

/**
 * The peer is here, by its own connection: ours, if it still came about, would look to the peer like
 * our restart (RFC 4724 §4.2), and cost us the session.
 */
function callOffDial(turn: Turn): void {
  if (!turn.session.dialling) return;
  turn.session.dialling = false;
  turn.actions.push({kind: 'cancelConnect'});
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

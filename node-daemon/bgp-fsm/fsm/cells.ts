/**
 * The cells of the table in fsm.ts: from an event to the move it makes. Pure, see turn.ts.
 */
import {COLLISION, OPEN_ERROR, UNKNOWN_PARAMETER} from '../wire/constants.js';
import type {Direction, Event, EventKind} from './event.js';
import {
  cancelRestart,
  cease,
  dump,
  failHold,
  failSendHold,
  failUnopened,
  failWith,
  fsmError,
  leave,
  stopAutomatically,
  stopManually,
} from './leave.js';
import {
  answerEarlyOpen,
  answerOpen,
  sendOpen,
  startSession,
  takeConnection,
  trackConnection,
} from './moves.js';
import {familiesOf} from './negotiate.js';
import {graceHold, moveTo, restartHold, startConnectRetry, stopTimer, type Turn} from './turn.js';

export type Cell<E extends Event> = (turn: Turn, event: E) => void;
type Of<K extends EventKind> = Extract<Event, {kind: K}>;

/** One cell a state, in the order of STATES. */
export type Row<K extends EventKind> = readonly [
  Idle: Cell<Of<K>>,
  Connect: Cell<Of<K>>,
  Active: Cell<Of<K>>,
  OpenSent: Cell<Of<K>>,
  OpenConfirm: Cell<Of<K>>,
  Established: Cell<Of<K>>,
];

type Fault = Of<'BGPHeaderErr' | 'BGPOpenMsgErr' | 'UpdateMsgErr'>;

export const stay = (): void => {};
export const fail = (turn: Turn): void => leave(turn, {kind: 'unexpectedEvent'});
export const failFsm = (turn: Turn): void => failWith(turn, fsmError(turn));
export const failNotified = (turn: Turn, {notification}: Fault): void =>
  failWith(turn, notification);
export const failEarly = (turn: Turn, {notification}: Fault): void =>
  failUnopened(turn, notification);

export const startActive = (turn: Turn): void =>
  startSession(turn, turn.context.config.passive, true);
export const startPassive = (turn: Turn): void => startSession(turn, true, true);
export const startAgain = (turn: Turn): void =>
  startSession(turn, turn.context.config.passive, false);
export const startAgainPassive = (turn: Turn): void => startSession(turn, true, false);

export const stopWithCease = (turn: Turn, event: Of<'ManualStop'>): void =>
  stopManually(turn, event.cease);
export const stopUnsaid = (turn: Turn): void => stopManually(turn, undefined);
export const stopInActive = (turn: Turn, event: Of<'ManualStop'>): void => {
  const {session, context} = turn;
  const isSpoken = session.running.has('delayOpen') && context.config.sendNotificationWithoutOpen;
  stopManually(turn, isSpoken ? event.cease : undefined);
};
export const stopWaiting = (turn: Turn, {again}: Of<'AutomaticStop'>): void => {
  if (again === 'never') cancelRestart(turn);
};
export const stopByItself = (turn: Turn, event: Of<'AutomaticStop'>): void =>
  stopAutomatically(turn, event.cease, event.again);
export const stopSpeechless = (turn: Turn, event: Of<'AutomaticStop'>): void =>
  stopAutomatically(turn, undefined, event.again);

export const holdExpired = (turn: Turn, {unreadData}: Of<'HoldTimer_Expires'>): void => {
  if (!graceHold(turn, unreadData)) failHold(turn);
};

export const delayIsOver = (turn: Turn): void => {
  if (turn.session.connection === undefined)
    fail(turn); // the timer runs on a connection only
  else sendOpen(turn);
};

export const refuse =
  (direction: Direction) =>
  (turn: Turn): void => {
    turn.actions.push({kind: 'refuse', direction});
  };
export const take =
  (direction: Direction) =>
  (turn: Turn): void =>
    takeConnection(turn, direction);
export const trackIncoming = (turn: Turn): void => trackConnection(turn, 'incoming');
export const trackOutgoing = (turn: Turn): void => {
  if (turn.session.dialling) trackConnection(turn, 'outgoing');
  else refuse('outgoing')(turn); // called off while the kernel was at it
};

export const startEarly = (turn: Turn): void => {
  if (!turn.session.opensEarly) {
    refuse('incoming')(turn);
    return;
  }
  startAgainPassive(turn);
  takeConnection(turn, 'incoming');
};

/** Only the session's own connection, or its dial while it has none, makes an 18. */
export const lose =
  (cell: (turn: Turn) => void) =>
  (turn: Turn, {direction}: Of<'TcpConnectionFails'>): void => {
    const {session} = turn;
    const isOther = session.connection !== undefined && session.connection !== direction;
    if (direction === 'outgoing') session.dialling = false;
    if (isOther) return;
    if (session.connection === direction) session.connection = undefined; // nothing left to close
    cell(turn);
  };

export const loseAttempt = (turn: Turn): void => {
  if (turn.session.running.has('delayOpen')) {
    stopTimer(turn, 'delayOpen');
    startConnectRetry(turn);
    moveTo(turn, 'Active');
    turn.actions.push({kind: 'attemptFailed', reason: {kind: 'connectionLost'}});
  } else {
    leave(turn, {kind: 'connectionLost'}, {counts: false, restart: 'retry'});
  }
};

export const loseActive = (turn: Turn): void =>
  leave(turn, {kind: 'connectionLost'}, {restart: 'retry'});
export const loseOpenConfirm = (turn: Turn): void => leave(turn, {kind: 'connectionLost'});

export const opened = (turn: Turn, {open}: Of<'BGPOpen'>): void => answerOpen(turn, open);
export const openedEarly = (turn: Turn, {open}: Of<'BGPOpen_with_DelayOpenTimer_running'>): void =>
  answerEarlyOpen(turn, open);
export const processUpdate = (turn: Turn): void => {
  turn.actions.push({kind: 'processUpdate'});
  restartHold(turn);
};
export const processRefresh = (turn: Turn): void => {
  turn.actions.push({kind: 'processRouteRefresh'});
};
export const sendHoldExpired = (turn: Turn, {writable}: Of<'SendHoldTimer_Expires'>): void =>
  failSendHold(turn, writable);
export const forgive = (turn: Turn): void => {
  turn.session.failures = 0;
};

export const dumpSilently = (turn: Turn, {silent}: Of<'OpenCollisionDump'>): void =>
  dump(turn, undefined, silent);
export const dumpWithCease = (turn: Turn, {silent}: Of<'OpenCollisionDump'>): void =>
  dump(turn, cease(COLLISION), silent);

/** 2/4 of a peer that knows no capabilities: our next OPEN has none (RFC 5492 §3). */
export const noteRefusal = (turn: Turn, {notification}: Of<'NotifMsg'>): void => {
  const {code, subcode} = notification;
  const isUsable = familiesOf(turn.context.config.open).includes('ipv4'); // all that is left then
  if (code === OPEN_ERROR && subcode === UNKNOWN_PARAMETER && isUsable) turn.session.plain = true;
};
export const notified =
  (counts: boolean) =>
  (turn: Turn, event: Of<'NotifMsg' | 'NotifMsgVerErr'>): void =>
    leave(turn, {kind: 'notificationReceived', received: event.notification}, {counts});
export const notifiedEarly = (turn: Turn, event: Of<'NotifMsgVerErr'>): void =>
  notified(!turn.session.running.has('delayOpen'))(turn, event);
export const notifiedOpening = (turn: Turn, event: Of<'NotifMsg'>): void => {
  noteRefusal(turn, event);
  notified(true)(turn, event);
};

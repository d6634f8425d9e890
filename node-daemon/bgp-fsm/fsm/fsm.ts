/**
 * The BGP session machine of RFC 4271 §8.2.2, one connection. Pure: (session, event) -> session and
 * effects as data; no clock, socket, log; the random number for jitter is the caller's. Not here: which
 * of two connections lives (collision.ts), what happens to routes (graceful-helper.ts).
 *
 * The table is the RFC's, cell by cell, with RFC 6608 (subcodes of FSM errors) and 9687 (send hold
 * timer). Where its letter is odd we decide, and say so at the row:
 *
 *   9   in Active and passive: not dialled. A passive peer is one that must not be.
 *   13  is how every automatic restart happens: each way into Idle, other than by our own stop,
 *       starts IdleHoldTimer. Event 18 in Active "restarts ConnectRetryTimer" into a state that
 *       ignores it; IdleHoldTimer with that same time does what was meant.
 *   17  in Idle: refused, unless Idle is only the wait after an unreachable peer. An inbound
 *       connection then starts the session early (an automatic start is ours to give): otherwise a
 *       peer that cannot be dialled but dials us would find us in Idle nearly always.
 *   18  of a dial that is pending beside a connection that stands: only the dial is over.
 *   19  in OpenConfirm and Established: a second OPEN on one connection, an FSM error. The RFC means the
 *       OPEN of another connection, which here has a session of its own.
 *   21  in Established: the RFC's "any other event" would say FSM error; its §6.1 wants code 1.
 *   25  in OpenSent: "any other event" again would answer a NOTIFICATION with a NOTIFICATION; we close.
 */
import {COLLISION, OPEN_ERROR, UNKNOWN_PARAMETER} from '../wire/constants.js';
import type {Direction, Event, EventKind} from './event.js';
import {
  answerEarlyOpen,
  answerOpen,
  cancelRestart,
  cease,
  dump,
  establish,
  expire,
  failHold,
  failSendHold,
  failUnopened,
  failWith,
  fsmError,
  graceHold,
  keepAlive,
  leave,
  loseEstablished,
  loseOpenSent,
  moveTo,
  redial,
  restartHold,
  restartSendHold,
  sendOpen,
  startConnectRetry,
  startKeepalive,
  startSession,
  stopAutomatically,
  stopManually,
  stopSilently,
  stopTimer,
  takeConnection,
  trackConnection,
  type Turn,
} from './moves.js';
import {familiesOf} from './negotiate.js';
import type {Context, Session, State, Step, Timer} from './types.js';

/** The session that dials and starts again. */
export function createSession(): Session {
  return {
    state: 'Idle',
    secondary: false,
    connection: undefined,
    dialling: false,
    running: new Set(),
    connectRetryCounter: 0,
    failures: 0,
    opensEarly: false,
    plain: false,
    holdGraces: 0,
    sent: undefined,
    negotiated: undefined,
  };
}

/**
 * For a second connection (`track`): waits for it in Active, so that Tcp_CR_Acked or
 * TcpConnectionConfirmed can follow at once. It never dials and never starts again.
 */
export function createSecondary(): Session {
  return {...createSession(), secondary: true, state: 'Active'};
}

/** The secondary outlived the primary: it takes its place, and its history. */
export function promote(secondary: Session, primary: Session): Session {
  const {connectRetryCounter, failures, plain} = primary;
  return {...secondary, secondary: false, connectRetryCounter, failures, plain};
}

export function transition(session: Session, event: Event, context: Context): Step {
  const turn: Turn = {session: {...session}, context, actions: []};
  const timer = timerOf[event.kind];
  if (timer !== undefined) expire(turn, timer);
  const row = table[rowOf(session, event)];
  (row[session.state] as Cell<Event>)(turn, event);
  return {session: turn.session, actions: turn.actions};
}

/** An OPEN is event 20 exactly while DelayOpenTimer runs; the caller need not know. */
function rowOf({running, state}: Session, {kind}: Event): EventKind {
  const isOpen = kind === 'BGPOpen' || kind === 'BGPOpen_with_DelayOpenTimer_running';
  if (!isOpen || (state !== 'Connect' && state !== 'Active')) return kind;
  return running.has('delayOpen') ? 'BGPOpen_with_DelayOpenTimer_running' : 'BGPOpen';
}

const timerOf: Readonly<Partial<Record<EventKind, Timer>>> = {
  ConnectRetryTimer_Expires: 'connectRetry',
  HoldTimer_Expires: 'hold',
  KeepaliveTimer_Expires: 'keepalive',
  DelayOpenTimer_Expires: 'delayOpen',
  IdleHoldTimer_Expires: 'idleHold',
  SendHoldTimer_Expires: 'sendHold',
  CalmTimer_Expires: 'calm',
};

type Cell<E extends Event> = (turn: Turn, event: E) => void;
type Row<K extends EventKind> = Readonly<Record<State, Cell<Extract<Event, {kind: K}>>>>;
type Of<K extends EventKind> = Extract<Event, {kind: K}>;

// cells that many rows share

const stay = (): void => {};
const fail = (turn: Turn): void => leave(turn, {kind: 'unexpectedEvent'});
const failFsm = (turn: Turn): void => failWith(turn, fsmError(turn));
const failNotified = (turn: Turn, {notification}: Of<'BGPHeaderErr' | 'BGPOpenMsgErr'>): void =>
  failWith(turn, notification);
const failEarly = (turn: Turn, {notification}: Of<'BGPHeaderErr' | 'BGPOpenMsgErr'>): void =>
  failUnopened(turn, notification);

const startActive = (turn: Turn): void => startSession(turn, turn.context.config.passive, true);
const startPassive = (turn: Turn): void => startSession(turn, true, true);
const startAgain = (turn: Turn): void => startSession(turn, turn.context.config.passive, false);
const startAgainPassive = (turn: Turn): void => startSession(turn, true, false);

const stopWithCease = (turn: Turn, event: Of<'ManualStop'>): void =>
  stopManually(turn, event.cease);
const stopByItself = (turn: Turn, event: Of<'AutomaticStop'>): void =>
  stopAutomatically(turn, event.cease, event.again);
const stopUnspoken = (turn: Turn, event: Of<'AutomaticStop'>): void =>
  stopAutomatically(turn, undefined, event.again);

const holdExpired = (turn: Turn, {unreadData}: Of<'HoldTimer_Expires'>): void => {
  if (!graceHold(turn, unreadData)) failHold(turn);
};

const delayIsOver = (turn: Turn): void => {
  if (turn.session.connection === undefined)
    fail(turn); // the timer runs on a connection only
  else sendOpen(turn);
};

const refuse =
  (direction: Direction) =>
  (turn: Turn): void => {
    turn.actions.push({kind: 'refuse', direction});
  };
const take =
  (direction: Direction) =>
  (turn: Turn): void =>
    takeConnection(turn, direction);
const track =
  (direction: Direction) =>
  (turn: Turn): void =>
    trackConnection(turn, direction);

const startEarly = (turn: Turn): void => {
  if (!turn.session.opensEarly) {
    refuse('incoming')(turn);
    return;
  }
  startAgainPassive(turn);
  takeConnection(turn, 'incoming');
};

/** Only the session's own connection, or its dial while it has none, makes an 18. */
const lose =
  (cell: (turn: Turn) => void) =>
  (turn: Turn, {direction}: Of<'TcpConnectionFails'>): void => {
    const {session} = turn;
    const isOther = session.connection !== undefined && session.connection !== direction;
    if (direction === 'outgoing') session.dialling = false;
    if (isOther) return;
    if (session.connection === direction) session.connection = undefined; // nothing left to close
    cell(turn);
  };

const loseAttempt = (turn: Turn): void => {
  if (turn.session.running.has('delayOpen')) {
    stopTimer(turn, 'delayOpen');
    startConnectRetry(turn);
    moveTo(turn, 'Active');
    turn.actions.push({kind: 'attemptFailed', reason: {kind: 'connectionLost'}});
  } else {
    leave(turn, {kind: 'connectionLost'}, {counts: false, restart: 'retry'});
  }
};

const dumpSilently = (turn: Turn, {silent}: Of<'OpenCollisionDump'>): void =>
  dump(turn, undefined, silent);
const dumpWithCease = (turn: Turn, {silent}: Of<'OpenCollisionDump'>): void =>
  dump(turn, cease(COLLISION), silent);

/** 2/4 of a peer that knows no capabilities: our next OPEN has none (RFC 5492 §3). */
const noteRefusal = (turn: Turn, {notification}: Of<'NotifMsg'>): void => {
  const {code, subcode} = notification;
  const isUsable = familiesOf(turn.context.config.open).includes('ipv4'); // all that is left then
  if (code === OPEN_ERROR && subcode === UNKNOWN_PARAMETER && isUsable) turn.session.plain = true;
};
const notified =
  (counts: boolean) =>
  (turn: Turn, event: Of<'NotifMsg' | 'NotifMsgVerErr'>): void =>
    leave(turn, {kind: 'notificationReceived', received: event.notification}, {counts});
const notifiedEarly = (turn: Turn, event: Of<'NotifMsgVerErr'>): void =>
  notified(!turn.session.running.has('delayOpen'))(turn, event);
const notifiedOpening = (turn: Turn, event: Of<'NotifMsg'>): void => {
  noteRefusal(turn, event);
  notified(true)(turn, event);
};

const table: {readonly [K in EventKind]: Row<K>} = {
  // 1. The operator starts the peer.
  ManualStart: {
    Idle: startActive,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 2. The operator stops it. In Idle only a start that is pending is taken back.
  ManualStop: {
    Idle: cancelRestart,
    Connect: turn => stopManually(turn, undefined),
    Active: (turn, event) => {
      const isSpoken =
        turn.session.running.has('delayOpen') && turn.context.config.sendNotificationWithoutOpen;
      stopManually(turn, isSpoken ? event.cease : undefined);
    },
    OpenSent: stopWithCease,
    OpenConfirm: stopWithCease,
    Established: stopWithCease,
  },
  // 3. We start it: a peer came into the configuration.
  AutomaticStart: {
    Idle: startActive,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 4. As 1, but the peer is the one to dial.
  ManualStart_with_PassiveTcpEstablishment: {
    Idle: startPassive,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 5. As 3, but the peer is the one to dial.
  AutomaticStart_with_PassiveTcpEstablishment: {
    Idle: startPassive,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 6. A start after damping: the counter goes on counting.
  AutomaticStart_with_DampPeerOscillations: {
    Idle: startAgain,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 7. As 6, but the peer is the one to dial.
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: {
    Idle: startAgainPassive,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 8. We stop it: prefix limit, BFD, a change of configuration, no resources.
  AutomaticStop: {
    Idle: (turn, {again}) => {
      if (again === 'never') cancelRestart(turn);
    },
    Connect: stopUnspoken,
    Active: stopUnspoken,
    OpenSent: stopByItself,
    OpenConfirm: stopByItself,
    Established: stopByItself,
  },
  // 9. ConnectRetryTimer: dial again.
  ConnectRetryTimer_Expires: {
    Idle: stay,
    Connect: redial,
    Active: redial,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: failFsm,
  },
  // 10. HoldTimer: the peer is silent, or we did not listen (see graceHold).
  HoldTimer_Expires: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: holdExpired,
    OpenConfirm: holdExpired,
    Established: holdExpired,
  },
  // 11. KeepaliveTimer.
  KeepaliveTimer_Expires: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: keepAlive,
    Established: keepAlive,
  },
  // 12. DelayOpenTimer: the peer did not speak first.
  DelayOpenTimer_Expires: {
    Idle: stay,
    Connect: delayIsOver,
    Active: delayIsOver,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: failFsm,
  },
  // 13. IdleHoldTimer: the wait after a failure is over.
  IdleHoldTimer_Expires: {
    Idle: startAgain,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: failFsm,
  },
  // 14. A SYN from the peer. The kernel answers it; 17 follows.
  TcpConnection_Valid: {
    Idle: stay,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 15. A SYN from nobody we know.
  Tcp_CR_Invalid: {
    Idle: stay,
    Connect: refuse('incoming'),
    Active: refuse('incoming'),
    OpenSent: stay,
    OpenConfirm: stay,
    Established: stay,
  },
  // 16. Our dial is answered.
  Tcp_CR_Acked: {
    Idle: refuse('outgoing'),
    Connect: take('outgoing'),
    Active: take('outgoing'),
    OpenSent: track('outgoing'),
    OpenConfirm: track('outgoing'),
    Established: track('outgoing'),
  },
  // 17. The peer's dial is answered.
  TcpConnectionConfirmed: {
    Idle: startEarly,
    Connect: take('incoming'),
    Active: take('incoming'),
    OpenSent: track('incoming'),
    OpenConfirm: track('incoming'),
    Established: track('incoming'),
  },
  // 18. TCP failed. In OpenSent the way leads to Active, not Idle.
  TcpConnectionFails: {
    Idle: stay,
    Connect: lose(loseAttempt),
    Active: lose(turn => leave(turn, {kind: 'connectionLost'}, {restart: 'retry'})),
    OpenSent: lose(loseOpenSent),
    OpenConfirm: lose(turn => leave(turn, {kind: 'connectionLost'})),
    Established: lose(loseEstablished),
  },
  // 19. A well-formed OPEN; negotiate.ts may still refuse it, which is 22.
  BGPOpen: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: (turn, {open}) => answerOpen(turn, open),
    OpenConfirm: failFsm,
    Established: failFsm,
  },
  // 20. The same while DelayOpenTimer runs.
  BGPOpen_with_DelayOpenTimer_running: {
    Idle: stay,
    Connect: (turn, {open}) => answerEarlyOpen(turn, open),
    Active: (turn, {open}) => answerEarlyOpen(turn, open),
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: failFsm,
  },
  // 21. A header that is none.
  BGPHeaderErr: {
    Idle: stay,
    Connect: failEarly,
    Active: failEarly,
    OpenSent: failNotified,
    OpenConfirm: failNotified,
    Established: failNotified,
  },
  // 22. An OPEN that is none. In Established any OPEN is one too many.
  BGPOpenMsgErr: {
    Idle: stay,
    Connect: failEarly,
    Active: failEarly,
    OpenSent: failNotified,
    OpenConfirm: failNotified,
    Established: failFsm,
  },
  // 23. This connection loses a collision.
  OpenCollisionDump: {
    Idle: cancelRestart,
    Connect: dumpSilently,
    Active: dumpSilently,
    OpenSent: dumpWithCease,
    OpenConfirm: dumpWithCease,
    Established: dumpWithCease,
  },
  // 24. The peer wants another version; not counted while versions are still being found.
  NotifMsgVerErr: {
    Idle: stay,
    Connect: notifiedEarly,
    Active: notifiedEarly,
    OpenSent: notified(false),
    OpenConfirm: notified(false),
    Established: notified(true),
  },
  // 25. The peer ends it. Never answered with a NOTIFICATION.
  NotifMsg: {
    Idle: stay,
    Connect: notified(true),
    Active: notified(true),
    OpenSent: notifiedOpening,
    OpenConfirm: notifiedOpening,
    Established: notified(true),
  },
  // 26. KEEPALIVE.
  KeepAliveMsg: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: establish,
    Established: restartHold,
  },
  // 27. UPDATE.
  UpdateMsg: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: turn => {
      turn.actions.push({kind: 'processUpdate'});
      restartHold(turn);
    },
  },
  // 28. An UPDATE that RFC 7606 cannot save.
  UpdateMsgErr: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: (turn, {notification}) => failWith(turn, notification),
  },
  // 29. SendHoldTimer: the peer takes nothing any more (RFC 9687). It runs in Established only.
  SendHoldTimer_Expires: {
    Idle: stay,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: (turn, {writable}) => failSendHold(turn, writable),
  },
  // Ours: we restart. A Cease would end graceful restart (RFC 4724 §4), so nothing is said.
  SilentStop: {
    Idle: cancelRestart,
    Connect: stopSilently,
    Active: stopSilently,
    OpenSent: stopSilently,
    OpenConfirm: stopSilently,
    Established: stopSilently,
  },
  // Ours: established for long enough that the next failure is a first one.
  CalmTimer_Expires: {
    Idle: stay,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: turn => {
      turn.session.failures = 0;
    },
  },
  // Ours: ROUTE-REFRESH. It does not restart HoldTimer: RFC 4271 §6.5 names UPDATE and KEEPALIVE.
  RouteRefreshMsg: {
    Idle: stay,
    Connect: fail,
    Active: fail,
    OpenSent: failFsm,
    OpenConfirm: failFsm,
    Established: turn => {
      turn.actions.push({kind: 'processRouteRefresh'});
    },
  },
  // Ours: an UPDATE was queued, which is as good as a KEEPALIVE.
  UpdateSent: {
    Idle: stay,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: startKeepalive,
  },
  // Ours: the kernel took octets; restarts SendHoldTimer (RFC 9687 §3).
  DataTaken: {
    Idle: stay,
    Connect: stay,
    Active: stay,
    OpenSent: stay,
    OpenConfirm: stay,
    Established: restartSendHold,
  },
};

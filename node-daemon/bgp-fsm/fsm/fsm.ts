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
 *   16  after OpenSent: our dial was called off when the peer's OPEN came; one that is answered all the
 *       same is closed, not tracked.
 *   17  in Idle: refused, unless Idle is only the wait after an unreachable peer. An inbound
 *       connection then starts the session early (an automatic start is ours to give): otherwise a
 *       peer that cannot be dialled but dials us would find us in Idle nearly always.
 *   18  of a dial that is pending beside a connection that stands: only the dial is over.
 *   19  in OpenConfirm and Established: a second OPEN on one connection, an FSM error. The RFC means the
 *       OPEN of another connection, which here has a session of its own.
 *   21  in Established: the RFC's "any other event" would say FSM error; its §6.1 wants code 1.
 *   25  in OpenSent: "any other event" again would answer a NOTIFICATION with a NOTIFICATION; we close.
 */
import {
  type Cell,
  type Row,
  delayIsOver,
  dumpSilently,
  dumpWithCease,
  fail,
  failEarly,
  failFsm,
  failNotified,
  forgive,
  holdExpired,
  lose,
  loseActive,
  loseAttempt,
  loseOpenConfirm,
  notified,
  notifiedEarly,
  notifiedOpening,
  opened,
  openedEarly,
  processRefresh,
  processUpdate,
  refuse,
  sendHoldExpired,
  startActive,
  startAgain,
  startAgainPassive,
  startEarly,
  startPassive,
  stay,
  stopByItself,
  stopInActive,
  stopSpeechless,
  stopUnsaid,
  stopWaiting,
  stopWithCease,
  take,
  trackIncoming,
  trackOutgoing,
} from './cells.js';
import type {Event, EventKind} from './event.js';
import {cancelRestart, loseEstablished, loseOpenSent, stopSilently} from './leave.js';
import {establish, keepAlive, redial} from './moves.js';
import {NO_TIMERS} from './timer-set.js';
import {expire, restartHold, restartSendHold, startKeepalive, type Turn} from './turn.js';
import type {Context, Session, State, Step, Timer} from './types.js';

/** The session that dials and starts again. */
export function createSession(): Session {
  return {
    state: 'Idle',
    secondary: false,
    connection: undefined,
    dialling: false,
    running: NO_TIMERS,
    connectRetryCounter: 0,
    failures: 0,
    bridge: undefined,
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
  const {connectRetryCounter, failures, bridge, plain} = primary;
  return {...secondary, secondary: false, connectRetryCounter, failures, bridge, plain};
}

/** The session is the same object when nothing of it has changed, as with most KEEPALIVEs. */
export function transition(session: Session, event: Event, context: Context): Step {
  const turn: Turn = {session: {...session}, context, actions: []};
  const timer = timerOf[event.kind];
  if (timer !== undefined) expire(turn, timer);
  const cell = table[rowOf(session, event)][COLUMN[session.state]];
  (cell as Cell<Event>)(turn, event);
  return {session: isSame(session, turn.session) ? session : turn.session, actions: turn.actions};
}

const FIELDS = Object.keys(createSession()) as (keyof Session)[];

function isSame(a: Session, b: Session): boolean {
  return FIELDS.every(field => a[field] === b[field]);
}

/** An OPEN is event 20 exactly while DelayOpenTimer runs; the caller need not know. */
function rowOf({running, state}: Session, {kind}: Event): EventKind {
  const isOpen = kind === 'BGPOpen' || kind === 'BGPOpen_with_DelayOpenTimer_running';
  if (!isOpen || (state !== 'Connect' && state !== 'Active')) return kind;
  return running.has('delayOpen') ? 'BGPOpen_with_DelayOpenTimer_running' : 'BGPOpen';
}

const COLUMN: Readonly<Record<State, 0 | 1 | 2 | 3 | 4 | 5>> = {
  Idle: 0,
  Connect: 1,
  Active: 2,
  OpenSent: 3,
  OpenConfirm: 4,
  Established: 5,
};

const timerOf: Readonly<Partial<Record<EventKind, Timer>>> = {
  ConnectRetryTimer_Expires: 'connectRetry',
  HoldTimer_Expires: 'hold',
  KeepaliveTimer_Expires: 'keepalive',
  DelayOpenTimer_Expires: 'delayOpen',
  IdleHoldTimer_Expires: 'idleHold',
  SendHoldTimer_Expires: 'sendHold',
  CalmTimer_Expires: 'calm',
};

const table: {readonly [K in EventKind]: Row<K>} = {
  // Idle, Connect, Active, OpenSent, OpenConfirm, Established

  // 1. The operator starts the peer.
  ManualStart: [startActive, stay, stay, stay, stay, stay],
  // 2. The operator stops it. In Idle only a start that is pending is taken back.
  ManualStop: [
    cancelRestart,
    stopUnsaid,
    stopInActive,
    stopWithCease,
    stopWithCease,
    stopWithCease,
  ],
  // 3. We start it: a peer came into the configuration.
  AutomaticStart: [startActive, stay, stay, stay, stay, stay],
  // 4. As 1, but the peer is the one to dial.
  ManualStart_with_PassiveTcpEstablishment: [startPassive, stay, stay, stay, stay, stay],
  // 5. As 3, but the peer is the one to dial.
  AutomaticStart_with_PassiveTcpEstablishment: [startPassive, stay, stay, stay, stay, stay],
  // 6. A start after damping: the counter goes on counting.
  AutomaticStart_with_DampPeerOscillations: [startAgain, stay, stay, stay, stay, stay],
  // 7. As 6, but the peer is the one to dial.
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: [
    startAgainPassive,
    stay,
    stay,
    stay,
    stay,
    stay,
  ],
  // 8. We stop it: prefix limit, BFD, a change of configuration, no resources.
  AutomaticStop: [
    stopWaiting,
    stopSpeechless,
    stopSpeechless,
    stopByItself,
    stopByItself,
    stopByItself,
  ],
  // 9. ConnectRetryTimer: dial again.
  ConnectRetryTimer_Expires: [stay, redial, redial, failFsm, failFsm, failFsm],
  // 10. HoldTimer: the peer is silent, or we did not listen (see graceHold).
  HoldTimer_Expires: [stay, fail, fail, holdExpired, holdExpired, holdExpired],
  // 11. KeepaliveTimer.
  KeepaliveTimer_Expires: [stay, fail, fail, failFsm, keepAlive, keepAlive],
  // 12. DelayOpenTimer: the peer did not speak first.
  DelayOpenTimer_Expires: [stay, delayIsOver, delayIsOver, failFsm, failFsm, failFsm],
  // 13. IdleHoldTimer: the wait after a failure is over.
  IdleHoldTimer_Expires: [startAgain, fail, fail, failFsm, failFsm, failFsm],
  // 14. A SYN from the peer. The kernel answers it; 17 follows.
  TcpConnection_Valid: [stay, stay, stay, stay, stay, stay],
  // 15. A SYN from nobody we know.
  Tcp_CR_Invalid: [stay, refuse('incoming'), refuse('incoming'), stay, stay, stay],
  // 16. Our dial is answered.
  Tcp_CR_Acked: [
    refuse('outgoing'),
    take('outgoing'),
    take('outgoing'),
    trackOutgoing,
    trackOutgoing,
    trackOutgoing,
  ],
  // 17. The peer's dial is answered.
  TcpConnectionConfirmed: [
    startEarly,
    take('incoming'),
    take('incoming'),
    trackIncoming,
    trackIncoming,
    trackIncoming,
  ],
  // 18. TCP failed. In OpenSent the way leads to Active, not Idle.
  TcpConnectionFails: [
    stay,
    lose(loseAttempt),
    lose(loseActive),
    lose(loseOpenSent),
    lose(loseOpenConfirm),
    lose(loseEstablished),
  ],
  // 19. A well-formed OPEN; negotiate.ts may still refuse it, which is 22.
  BGPOpen: [stay, fail, fail, opened, failFsm, failFsm],
  // 20. The same while DelayOpenTimer runs.
  BGPOpen_with_DelayOpenTimer_running: [stay, openedEarly, openedEarly, failFsm, failFsm, failFsm],
  // 21. A header that is none.
  BGPHeaderErr: [stay, failEarly, failEarly, failNotified, failNotified, failNotified],
  // 22. An OPEN that is none. In Established any OPEN is one too many.
  BGPOpenMsgErr: [stay, failEarly, failEarly, failNotified, failNotified, failFsm],
  // 23. This connection loses a collision.
  OpenCollisionDump: [
    cancelRestart,
    dumpSilently,
    dumpSilently,
    dumpWithCease,
    dumpWithCease,
    dumpWithCease,
  ],
  // 24. The peer wants another version; not counted while versions are still being found.
  NotifMsgVerErr: [
    stay,
    notifiedEarly,
    notifiedEarly,
    notified(false),
    notified(false),
    notified(true),
  ],
  // 25. The peer ends it. Never answered with a NOTIFICATION.
  NotifMsg: [
    stay,
    notified(true),
    notified(true),
    notifiedOpening,
    notifiedOpening,
    notified(true),
  ],
  // 26. KEEPALIVE.
  KeepAliveMsg: [stay, fail, fail, failFsm, establish, restartHold],
  // 27. UPDATE.
  UpdateMsg: [stay, fail, fail, failFsm, failFsm, processUpdate],
  // 28. An UPDATE that RFC 7606 cannot save.
  UpdateMsgErr: [stay, fail, fail, failFsm, failFsm, failNotified],
  // 29. SendHoldTimer: the peer takes nothing any more (RFC 9687). It runs in Established only.
  SendHoldTimer_Expires: [stay, stay, stay, stay, stay, sendHoldExpired],
  // Ours: we restart. A Cease would end graceful restart (RFC 4724 §4), so nothing is said.
  SilentStop: [cancelRestart, stopSilently, stopSilently, stopSilently, stopSilently, stopSilently],
  // Ours: established for long enough that the next failure is a first one.
  CalmTimer_Expires: [stay, stay, stay, stay, stay, forgive],
  // Ours: ROUTE-REFRESH. It does not restart HoldTimer: RFC 4271 §6.5 names UPDATE and KEEPALIVE.
  RouteRefreshMsg: [stay, fail, fail, failFsm, failFsm, processRefresh],
  // Ours: an UPDATE was queued, which is as good as a KEEPALIVE.
  UpdateSent: [stay, stay, stay, stay, stay, startKeepalive],
  // Ours: the kernel took octets; restarts SendHoldTimer (RFC 9687 §3).
  DataTaken: [stay, stay, stay, stay, stay, restartSendHold],
};

/**
 * For tests: a session with a virtual clock and random number, and a peer that is a few values.
 */
import type {Capability} from '../wire/capabilities.js';
import {AFI_SAFI} from '../wire/family.js';
import {notification} from '../wire/notification.js';
import type {Event, EventKind} from './event.js';
import {createSession, transition} from './fsm.js';
import {negotiate, type Negotiated, type Open, type PeerRules} from './negotiate.js';
import type {Action, Session, SessionConfig, State, Timer} from './types.js';

export const OURS = 65001;
export const THEIRS = 65002;

export const bothFamilies: readonly Capability[] = [
  {kind: 'multiprotocol', ...AFI_SAFI.ipv4},
  {kind: 'multiprotocol', ...AFI_SAFI.ipv6},
];

export function gracefulRestart(
  options: {
    readonly restarting?: boolean;
    readonly notification?: boolean;
    readonly restartTimeSeconds?: number;
    readonly forwarding?: boolean;
  } = {},
): Capability {
  const {restarting = false, restartTimeSeconds = 120, forwarding = true} = options;
  return {
    kind: 'graceful-restart',
    restarting,
    notification: options.notification ?? false,
    restartTimeSeconds,
    families: [
      {...AFI_SAFI.ipv4, forwarding},
      {...AFI_SAFI.ipv6, forwarding},
    ],
  };
}

export function ourOpen(extra: readonly Capability[] = [], more: Partial<Open> = {}): Open {
  const capabilities = [...bothFamilies, {kind: 'as4', asn: OURS} as const, ...extra];
  return {asn: OURS, holdTimeSeconds: 90, identifier: 0x0a000001, capabilities, ...more};
}

export function theirOpen(extra: readonly Capability[] = [], more: Partial<Open> = {}): Open {
  const capabilities = [...bothFamilies, {kind: 'as4', asn: THEIRS} as const, ...extra];
  return {asn: THEIRS, holdTimeSeconds: 90, identifier: 0x0a000002, capabilities, ...more};
}

export const anyPeer: PeerRules = {
  asns: 'any',
  minHoldTimeSeconds: 0,
  strictRole: false,
  requiredFamilies: [],
};

export function agreed(sent: Open, received: Open, rules: PeerRules = anyPeer): Negotiated {
  const outcome = negotiate(rules, sent, received);
  if (outcome.kind === 'refused') throw new Error('the two OPENs do not agree');
  return outcome.negotiated;
}

export const plainConfig: SessionConfig = {
  open: ourOpen(),
  rules: anyPeer,
  passive: false,
  connectRetryMs: 5_000,
  delayOpenMs: 0,
  sendNotificationWithoutOpen: false,
  backoff: {minMs: 1_000, maxMs: 60_000},
  calmMs: 60_000,
};

const expiry: Readonly<Record<Timer, EventKind>> = {
  connectRetry: 'ConnectRetryTimer_Expires',
  hold: 'HoldTimer_Expires',
  keepalive: 'KeepaliveTimer_Expires',
  delayOpen: 'DelayOpenTimer_Expires',
  idleHold: 'IdleHoldTimer_Expires',
  sendHold: 'SendHoldTimer_Expires',
  calm: 'CalmTimer_Expires',
};

/** A session, and what a shell around it would know: the clock, the timers, the log. */
export class PaperSession {
  session: Session;
  config: SessionConfig;
  nowMs = 0;
  random = 1; // the largest: timers are what they are called
  unreadData = false;
  writable = true;
  readonly log: Action[] = [];
  readonly deadlines = new Map<Timer, number>();

  constructor(config: Partial<SessionConfig> = {}, session: Session = createSession()) {
    this.config = {...plainConfig, ...config};
    this.session = session;
  }

  get state(): State {
    return this.session.state;
  }

  /** What this event alone led to. */
  feed(event: Event): readonly Action[] {
    const step = transition(this.session, event, {
      config: this.config,
      random: () => this.random,
    });
    this.session = step.session;
    for (const action of step.actions) {
      if (action.kind === 'startTimer') {
        this.deadlines.set(action.timer, this.nowMs + action.delayMs);
      } else if (action.kind === 'stopTimer') {
        this.deadlines.delete(action.timer);
      }
    }
    this.log.push(...step.actions);
    return step.actions;
  }

  /** Lets time pass; each timer fires when it is due. */
  wait(ms: number): readonly Action[] {
    const from = this.log.length;
    const end = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.deadlines].sort(([, a], [, b]) => a - b);
      if (next === undefined || next[1] > end) break;
      this.nowMs = next[1];
      this.deadlines.delete(next[0]);
      this.feed(this.expiryOf(next[0]));
    }
    this.nowMs = end;
    return this.log.slice(from);
  }

  expiryOf(timer: Timer): Event {
    const kind = expiry[timer];
    if (kind === 'HoldTimer_Expires') return {kind, unreadData: this.unreadData};
    if (kind === 'SendHoldTimer_Expires') return {kind, writable: this.writable};
    return {kind} as Event;
  }

  /** Milliseconds until the timer fires; undefined when it does not run. */
  left(timer: Timer): number | undefined {
    const at = this.deadlines.get(timer);
    return at === undefined ? undefined : at - this.nowMs;
  }

  /** On the shortest way of a dialler. */
  reach(state: State, open: Open = theirOpen()): this {
    const way: readonly (readonly [State, Event])[] = [
      ['Connect', {kind: 'ManualStart'}],
      ['OpenSent', {kind: 'Tcp_CR_Acked'}],
      ['OpenConfirm', {kind: 'BGPOpen', open}],
      ['Established', {kind: 'KeepAliveMsg'}],
    ];
    if (state === 'Active') this.feed({kind: 'ManualStart_with_PassiveTcpEstablishment'});
    for (const [, event] of way.slice(0, way.findIndex(([each]) => each === state) + 1)) {
      this.feed(event);
    }
    if (this.state !== state) throw new Error(`${this.state} instead of ${state}`);
    return this;
  }
}

/** A sample of each event. */
export function sampleEvents(): readonly Event[] {
  const fault = notification(3, 1);
  return [
    {kind: 'ManualStart'},
    {kind: 'ManualStop', cease: notification(6, 2)},
    {kind: 'AutomaticStart'},
    {kind: 'ManualStart_with_PassiveTcpEstablishment'},
    {kind: 'AutomaticStart_with_PassiveTcpEstablishment'},
    {kind: 'AutomaticStart_with_DampPeerOscillations'},
    {kind: 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment'},
    {kind: 'AutomaticStop', cease: notification(6, 1), again: 'damped'},
    {kind: 'ConnectRetryTimer_Expires'},
    {kind: 'HoldTimer_Expires', unreadData: false},
    {kind: 'KeepaliveTimer_Expires'},
    {kind: 'DelayOpenTimer_Expires'},
    {kind: 'IdleHoldTimer_Expires'},
    {kind: 'TcpConnection_Valid'},
    {kind: 'Tcp_CR_Invalid'},
    {kind: 'Tcp_CR_Acked'},
    {kind: 'TcpConnectionConfirmed'},
    {kind: 'TcpConnectionFails', direction: 'outgoing'},
    {kind: 'BGPOpen', open: theirOpen()},
    {kind: 'BGPOpen_with_DelayOpenTimer_running', open: theirOpen()},
    {kind: 'BGPHeaderErr', notification: notification(1, 2)},
    {kind: 'BGPOpenMsgErr', notification: notification(2, 2)},
    {kind: 'OpenCollisionDump', silent: false},
    {kind: 'NotifMsgVerErr', notification: notification(2, 1)},
    {kind: 'NotifMsg', notification: notification(6, 4)},
    {kind: 'KeepAliveMsg'},
    {kind: 'UpdateMsg'},
    {kind: 'UpdateMsgErr', notification: fault},
    {kind: 'SendHoldTimer_Expires', writable: true},
    {kind: 'SilentStop'},
    {kind: 'CalmTimer_Expires'},
    {kind: 'RouteRefreshMsg'},
    {kind: 'UpdateSent'},
    {kind: 'DataTaken'},
  ];
}

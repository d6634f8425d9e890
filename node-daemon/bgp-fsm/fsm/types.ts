/**
 * The values of the session machine: states, timers, what it is told and what it asks for. Pure types.
 *
 * One Session is one connection. The peer that owns it keeps at most two: a primary one, which dials
 * and starts again, and while two connections collide (RFC 4271 §6.8) a secondary one, which was made
 * for a connection that stands and ends with it.
 */
import type {Notification} from '../wire/notification.js';
import type {Backoff} from './backoff.js';
import type {Direction} from './event.js';
import type {Negotiated, Open, PeerRules} from './negotiate.js';

export type {Direction} from './event.js';
export type {Negotiated, Open} from './negotiate.js';

export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

export const STATES: readonly State[] = [
  'Idle',
  'Connect',
  'Active',
  'OpenSent',
  'OpenConfirm',
  'Established',
];

/** The timers of RFC 4271 §8 and 9687, and `calm`: ours, what the backoff waits for to forget. */
export type Timer =
  'connectRetry' | 'hold' | 'keepalive' | 'delayOpen' | 'idleHold' | 'sendHold' | 'calm';

export interface SessionConfig {
  /** What we would say now; its R and F bits come from graceful-restart.ts and change with time. */
  readonly open: Open;
  readonly rules: PeerRules;
  readonly passive: boolean; // never dial
  readonly connectRetryMs: number; // RFC 4271 §10 suggests 120 s; node speakers use about 5 s
  readonly delayOpenMs: number; // 0: OPEN is sent at once
  readonly sendNotificationWithoutOpen: boolean;
  readonly backoff: Backoff;
  readonly calmMs: number; // so long established, the backoff forgets
}

/** What a transition may look at besides session and event. */
export interface Context {
  readonly config: SessionConfig;
  readonly random: () => number; // uniform [0, 1)
}

export interface Session {
  readonly state: State;
  readonly secondary: boolean;
  readonly connection: Direction | undefined; // the one that stands
  readonly dialling: boolean; // a connect of ours is not answered yet
  readonly running: ReadonlySet<Timer>;
  readonly connectRetryCounter: number; // RFC 4271 §8: attempts that failed since a manual start
  readonly failures: number; // since the last calm; what the backoff counts
  readonly bridge: Bridge | undefined; // the peer's routes are kept for its restart
  /** In Idle with idleHold running: an inbound connection ends the wait. Not when we are damping. */
  readonly opensEarly: boolean;
  readonly plain: boolean; // the peer knows no capabilities: our next OPEN has none (RFC 5492 §3)
  readonly holdGraces: number; // hold timer re-armed over unread data, since the last message
  readonly sent: Open | undefined; // our OPEN on this connection
  readonly negotiated: Negotiated | undefined; // from the peer's OPEN on
}

/** So long the next waits may be: a quarter of the peer's restart time, and four of them. */
export interface Bridge {
  readonly maxMs: number;
  readonly waits: number; // left
}

/** Why a connection ended; `sent` is what went out, hard reset wrapping included. */
export type DownReason =
  | {readonly kind: 'connectionLost'} // TCP failed, closed or did not connect
  | {readonly kind: 'notificationReceived'; readonly received: Notification}
  | {readonly kind: 'notificationSent'; readonly sent: Notification} // an error of the peer
  | {readonly kind: 'refused'; readonly fault: Notification} // an error before our OPEN: not sent
  | {readonly kind: 'holdTimeExpired'; readonly sent: Notification | undefined}
  | {readonly kind: 'sendHoldTimeExpired'; readonly sent: Notification | undefined}
  | {readonly kind: 'manualStop'; readonly sent: Notification | undefined}
  | {readonly kind: 'automaticStop'; readonly sent: Notification | undefined}
  | {readonly kind: 'collision'; readonly sent: Notification | undefined}
  | {readonly kind: 'replaced'} // by the peer's new connection (RFC 4724 §4.2)
  | {readonly kind: 'silentStop'}
  | {readonly kind: 'unexpectedEvent'}; // one that this state cannot see; nothing was sent

/** What to do, in this order. Starting a timer that runs restarts it. */
export type Action =
  | {readonly kind: 'sendOpen'; readonly open: Open}
  | {readonly kind: 'sendKeepalive'}
  | {readonly kind: 'sendNotification'; readonly notification: Notification}
  | {readonly kind: 'startTimer'; readonly timer: Timer; readonly delayMs: number}
  | {readonly kind: 'stopTimer'; readonly timer: Timer}
  | {readonly kind: 'connect'}
  | {readonly kind: 'cancelConnect'}
  /** `flush`: a NOTIFICATION was just sent; give it some seconds to leave before the close. */
  | {readonly kind: 'close'; readonly direction: Direction; readonly flush: boolean}
  | {readonly kind: 'refuse'; readonly direction: Direction} // close one that is not the session's
  | {readonly kind: 'track'; readonly direction: Direction} // give it a secondary session
  | {readonly kind: 'processUpdate'}
  | {readonly kind: 'processRouteRefresh'}
  | {readonly kind: 'stateChanged'; readonly from: State; readonly to: State}
  | {readonly kind: 'sessionEstablished'; readonly negotiated: Negotiated}
  /** Established is over; graceful-notification.ts says whether the routes may stay. */
  | {readonly kind: 'sessionDown'; readonly reason: DownReason; readonly negotiated: Negotiated}
  | {readonly kind: 'attemptFailed'; readonly reason: DownReason}; // one that never was Established

export interface Step {
  readonly session: Session;
  readonly actions: readonly Action[];
}

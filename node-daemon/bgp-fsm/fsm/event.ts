/**
 * What can happen to one BGP connection: the events of RFC 4271 §8.1 under the RFC's own names, event
 * 29 of RFC 9687, and five of ours. Pure types.
 */
import type {Notification} from '../wire/notification.js';
import type {Open} from './types.js';

/** Who dialled. A peer has at most two connections, one of each (RFC 4271 §6.8). */
export type Direction = 'outgoing' | 'incoming';

/** When an automatic stop is over: as after an error, never by itself, or after this long. */
export type Again = 'damped' | 'never' | {readonly afterMs: number};

export type Event =
  | {readonly kind: 'ManualStart'} // 1
  | {readonly kind: 'ManualStop'; readonly cease: Notification} // 2
  | {readonly kind: 'AutomaticStart'} // 3
  | {readonly kind: 'ManualStart_with_PassiveTcpEstablishment'} // 4
  | {readonly kind: 'AutomaticStart_with_PassiveTcpEstablishment'} // 5
  | {readonly kind: 'AutomaticStart_with_DampPeerOscillations'} // 6
  | {readonly kind: 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment'} // 7
  | {readonly kind: 'AutomaticStop'; readonly cease: Notification; readonly again: Again} // 8
  | {readonly kind: 'ConnectRetryTimer_Expires'} // 9
  /** `unreadData`: the peer has said something whole that we did not come to read yet. */
  | {readonly kind: 'HoldTimer_Expires'; readonly unreadData: boolean} // 10
  | {readonly kind: 'KeepaliveTimer_Expires'} // 11
  | {readonly kind: 'DelayOpenTimer_Expires'} // 12
  | {readonly kind: 'IdleHoldTimer_Expires'} // 13
  | {readonly kind: 'TcpConnection_Valid'} // 14
  | {readonly kind: 'Tcp_CR_Invalid'} // 15
  | {readonly kind: 'Tcp_CR_Acked'} // 16: our connect was answered
  | {readonly kind: 'TcpConnectionConfirmed'} // 17: an inbound connection stands
  | {readonly kind: 'TcpConnectionFails'; readonly direction: Direction} // 18
  | {readonly kind: 'BGPOpen'; readonly open: Open} // 19
  | {readonly kind: 'BGPOpen_with_DelayOpenTimer_running'; readonly open: Open} // 20
  | {readonly kind: 'BGPHeaderErr'; readonly notification: Notification} // 21
  | {readonly kind: 'BGPOpenMsgErr'; readonly notification: Notification} // 22
  /** `silent`: the peer has restarted and this connection is its past (RFC 4724 §4.2). */
  | {readonly kind: 'OpenCollisionDump'; readonly silent: boolean} // 23
  | {readonly kind: 'NotifMsgVerErr'; readonly notification: Notification} // 24
  | {readonly kind: 'NotifMsg'; readonly notification: Notification} // 25
  | {readonly kind: 'KeepAliveMsg'} // 26
  | {readonly kind: 'UpdateMsg'} // 27
  | {readonly kind: 'UpdateMsgErr'; readonly notification: Notification} // 28
  /** `writable`: the socket would take a NOTIFICATION without blocking. */
  | {readonly kind: 'SendHoldTimer_Expires'; readonly writable: boolean} // 29
  // ours
  | {readonly kind: 'SilentStop'} // we restart: leave without a NOTIFICATION, so that the peer helps
  | {readonly kind: 'CalmTimer_Expires'} // established long enough: the backoff forgets
  | {readonly kind: 'RouteRefreshMsg'} // RFC 2918
  | {readonly kind: 'UpdateSent'} // one or many were queued
  | {readonly kind: 'DataTaken'}; // the kernel took octets for this peer

export type EventKind = Event['kind'];

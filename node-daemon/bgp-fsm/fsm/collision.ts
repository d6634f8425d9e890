/**
 * Two connections with one peer: which one lives (RFC 4271 §6.8, RFC 6286 §2.3, RFC 4724 §4.2). Pure.
 *
 * Asked when a valid OPEN has arrived on one connection while the peer has another; asked by the
 * peer's owner, above the two sessions. Both ends come to the same answer, as both compare the same
 * two identifiers and know who dialled which.
 *
 *   the other is in            verdict
 *   Idle, Connect, Active      the other gives up: it has no more than an attempt
 *   OpenSent                   both go on: its OPEN is still to come, and it may be dead
 *   OpenConfirm                the one that the higher identifier (then AS) dialled lives
 *   Established                the other lives, unless the peer has restarted
 *
 * "The peer has restarted" is believed only of a peer with graceful restart, on a connection that it
 * dialled after the old one was established, once its OPEN was valid: a bare SYN cannot end a
 * session, nor can the loser of the collision that made it. Where RFC 4724 would switch on the TCP
 * connection alone we wait for the OPEN; the peer loses nothing by it.
 */
import type {Direction, State} from './types.js';

export interface Speaker {
  readonly identifier: number; // unsigned 32 bits
  readonly asn: number;
}

export interface OtherConnection {
  readonly state: State;
  readonly gracefulRestart: boolean; // negotiated on it
}

export interface Collision {
  readonly local: Speaker;
  readonly peer: Speaker; // from the OPEN that arrived
  readonly arriving: Direction; // of the connection that it arrived on
  readonly arrivingIsNewer: boolean; // its TCP connection came after the other was Established
  readonly other: OtherConnection;
}

export type Verdict =
  | {readonly kind: 'keepBoth'}
  | {readonly kind: 'dropArriving'} // Cease 6/7, the OPEN is not processed
  /** First the other gets OpenCollisionDump, then the OPEN is processed. */
  | {readonly kind: 'dropOther'; readonly silent: boolean};

export function resolveCollision(collision: Collision): Verdict {
  const {arriving, arrivingIsNewer, other} = collision;
  switch (other.state) {
    case 'Idle':
    case 'Connect':
    case 'Active':
      return {kind: 'dropOther', silent: true};
    case 'OpenSent':
      return {kind: 'keepBoth'};
    case 'OpenConfirm':
      return survivor(collision.local, collision.peer) === arriving
        ? {kind: 'dropOther', silent: false}
        : {kind: 'dropArriving'};
    case 'Established':
      return arriving === 'incoming' && arrivingIsNewer && other.gracefulRestart
        ? {kind: 'dropOther', silent: true}
        : {kind: 'dropArriving'};
  }
}

/** Equal identifiers are legal between ASes: then the higher AS number dials (RFC 6286 §2.3). */
export function survivor(local: Speaker, peer: Speaker): Direction {
  const isLocalHigher =
    local.identifier === peer.identifier
      ? local.asn > peer.asn
      : local.identifier > peer.identifier;
  return isLocalHigher ? 'outgoing' : 'incoming';
}

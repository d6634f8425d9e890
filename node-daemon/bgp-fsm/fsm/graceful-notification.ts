/**
 * Whether the peer's routes outlive the session: RFC 4724 §4.2 and, once both sides sent N, RFC 8538. Pure.
 *
 *   how it ended                        without N    with N
 *   TCP lost, replaced by a new one     stay         stay
 *   a hard reset (Cease 9), either way  go           go
 *   another NOTIFICATION, either way    go           stay
 *   our hold or send hold timer         go           stay
 *   the operator stopped the peer       go           go
 *
 * Retention is bounded in every case (graceful-helper.ts, the stale timer), so that a peer whose errors
 * end each session cannot keep its routes for ever.
 */
import {isHardReset} from '../wire/notification.js';
import type {DownReason, Negotiated} from './types.js';

export function retainsRoutes(reason: DownReason, {gracefulRestart}: Negotiated): boolean {
  if (gracefulRestart === undefined) return false; // never stale for a peer that never offered it
  switch (reason.kind) {
    case 'connectionLost':
    case 'replaced':
    case 'silentStop':
      return true;
    case 'notificationReceived':
      return gracefulRestart.notification && !isHardReset(reason.received);
    case 'notificationSent':
    case 'holdTimeExpired':
    case 'sendHoldTimeExpired':
    case 'automaticStop':
    case 'collision':
      return gracefulRestart.notification && !(reason.sent && isHardReset(reason.sent));
    case 'manualStop':
    case 'refused':
    case 'unexpectedEvent':
      return false;
  }
}

/** Why a session or an attempt ended, in words for `twillctl bgp peers` and the log. Pure. */
import type {DownReason} from '../fsm/types.js';
import {describeNotification} from '../wire/notification-words.js';
import type {PeerConfig, PeerOptions} from './config.js';
import type {KeyDrops, RemoteEnd} from './ports.js';

export function describeDown(reason: DownReason, code: string | undefined): string {
  switch (reason.kind) {
    case 'connectionLost':
      return code === undefined ? 'the peer closed the connection' : `connection lost: ${code}`;
    case 'notificationReceived':
      return `received ${describeNotification(reason.received)}`;
    case 'notificationSent':
      return `sent ${describeNotification(reason.sent)}`;
    case 'refused':
      return `refused: ${describeNotification(reason.fault)}`;
    case 'holdTimeExpired':
      return 'hold timer expired: nothing was heard from the peer';
    case 'sendHoldTimeExpired':
      return 'send hold timer expired: the peer takes no data';
    case 'manualStop':
    case 'automaticStop':
      return reason.sent === undefined ? 'stopped' : `sent ${describeNotification(reason.sent)}`;
    case 'collision':
      return 'lost a collision with the other connection of this peer';
    case 'replaced':
      return 'replaced by a new connection of the peer, which has restarted';
    case 'silentStop':
      return 'left without a word, for graceful restart';
    case 'unexpectedEvent':
      return 'out of order';
  }
}

/** A dial that was not answered in time. Wrong keys and hop limits are met with silence. */
export function describeSilence(peer: PeerConfig): string {
  const suspicions = [
    ...(peer.password === undefined ? [] : ['a password is configured, wrong key?']),
    ...(peer.ttlSecurityHops === undefined ? [] : ['TTL security is on, more hops away?']),
  ];
  return ['no TCP answer', ...suspicions].join('; ');
}

/** The peer came further than TTL security allows; the kernel would drop all that it says. */
export function describeFar({hopLimit}: RemoteEnd, {ttlSecurityHops = 0}: PeerOptions): string {
  const hops = `${ttlSecurityHops} ${ttlSecurityHops === 1 ? 'hop' : 'hops'}`;
  return `dialled with TTL ${hopLimit}; TTL security is on for ${hops}, at the peer as well?`;
}

/** Nobody dialled, as far as we can see. Undefined: what was dropped cannot have been meant for these. */
export function describeKeyDrops(
  {password}: Pick<PeerOptions, 'password'>,
  {wrong, missing, unexpected}: KeyDrops,
): string | undefined {
  if (password === undefined) {
    if (unexpected === 0) return undefined;
    return 'TCP segments with an MD5 key were dropped on this host, no password configured here?';
  }
  const kinds = [
    ...(wrong === 0 ? [] : ['with a wrong MD5 key']),
    ...(missing === 0 ? [] : ['without an MD5 key']),
  ];
  if (kinds.length === 0) return undefined;
  return `TCP segments ${kinds.join(' and ')} were dropped on this host, wrong key?`;
}

const DIAL_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nobody listens there',
  ECONNRESET: 'connection reset while it was set up',
  EHOSTUNREACH: 'no route to the peer, or no answer on its link',
  ENETUNREACH: 'no route to the peer',
  EADDRNOTAVAIL: 'the source address is not ours',
  ENODEV: 'the interface does not exist',
};

export function describeDialFailure(code: string, peer: PeerConfig): string {
  if (code === 'ETIMEDOUT') return describeSilence(peer);
  return DIAL_WORDS[code] ?? `connect: ${code}`;
}

/**
 * A peer's configuration and the next one: how little has to happen (gobgp #2523 and calico #12938
 * reset or ignore). Pure.
 *
 *   what differs                                    what happens
 *   policy, limits                                  the RIB judges again; nothing is reset
 *   TTL, TTL security                               set on the connection that stands
 *   hold, keepalive and send hold time,             count from the next session or attempt on
 *   connect retry, passive
 *   password, source address, port                  reconnect without a word: graceful restart holds
 *   our AS number, families, other capabilities     Cease 6/6, and again at once
 *   shutdown                                        Cease 6/2 with the words, or start
 *   address, interface, AS number                   another peer: the caller removes and adds, and no
 *                                                   route of the one before is kept
 *
 * A list of AS numbers that still has the peer's changes nothing.
 */
import type {PeerPolicy} from '../rib/types.js';
import type {PeerConfig, PeerOptions} from './config.js';

export type PeerChange =
  | 'none' // for the session
  | 'adjust' // options of the connection that stands
  | 'reconnect' // without a word
  | 'reset' // Cease: other configuration change
  | 'stop' // shut down by the operator
  | 'start'; // no longer shut down

const CAPABILITIES = [
  'localAsn',
  'otherAsn',
  'families',
  'extendedNextHop',
  'addPath',
  'extendedMessages',
  'role',
  'strictRole',
  'gracefulRestart',
] as const satisfies readonly (keyof PeerOptions)[];

const CONNECTION = [
  'password',
  'sourceAddress',
  'port',
] as const satisfies readonly (keyof PeerConfig)[];
const ADJUSTABLE = ['ttl', 'ttlSecurityHops'] as const satisfies readonly (keyof PeerOptions)[];

export function changeOf(old: PeerConfig, next: PeerConfig): PeerChange {
  if (next.shutdown !== undefined) return old.shutdown === next.shutdown ? 'none' : 'stop';
  if (old.shutdown !== undefined) return 'start';
  if (differs(old, next, CAPABILITIES)) return 'reset';
  if (differs(old, next, CONNECTION)) return 'reconnect';
  return differs(old, next, ADJUSTABLE) ? 'adjust' : 'none';
}

/** Policies are what their ids say: a configuration that was read again has other objects. */
export function isSamePolicy(a: PeerPolicy, b: PeerPolicy): boolean {
  const plain = (policy: PeerPolicy) => ({
    ...policy,
    importPolicy: policy.importPolicy?.id,
    exportPolicy: policy.exportPolicy?.id,
  });
  return isSame(plain(a), plain(b));
}

export function isSameLimit(a: PeerPolicy, b: PeerPolicy): boolean {
  return isSame(a.maxPrefixes, b.maxPrefixes);
}

/** The same name at another place, or in another AS, is another neighbour. `peerAsn`: of the session. */
export function isSameNeighbour(
  old: PeerConfig,
  next: PeerConfig,
  peerAsn: number | undefined,
): boolean {
  const isSamePlace = old.address === next.address && old.interface === next.interface;
  return isSamePlace && stillMay(old, next, peerAsn);
}

function stillMay(old: PeerConfig, next: PeerConfig, peerAsn: number | undefined): boolean {
  if (isSame(old.asns, next.asns)) return true;
  if (peerAsn === undefined) return false; // nor is it known whose routes are kept
  if (next.asns === 'any') return true;
  if (next.asns === 'internal') return peerAsn === next.localAsn;
  if (next.asns === 'external') return peerAsn !== next.localAsn;
  return next.asns.includes(peerAsn);
}

function differs<K extends keyof PeerConfig>(
  old: PeerConfig,
  next: PeerConfig,
  fields: readonly K[],
): boolean {
  return fields.some(field => !isSame(old[field], next[field]));
}

/** Of plain values: lists in order, records by their fields. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [mine, theirs] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    mine.length === theirs.size && mine.every(([key, value]) => isSame(value, theirs.get(key)))
  );
}

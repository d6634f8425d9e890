/** What of a session decides how its UPDATEs are read: the outcome of both OPENs. Pure. */
import type {Family} from './family.js';

export interface WireSession {
  readonly peer: 'external' | 'internal';
  readonly as4: boolean; // both sent capability 65: AS_PATH has 4-octet numbers
  readonly families: Readonly<Record<Family, FamilySession | undefined>>; // undefined: not agreed
  readonly localAddress?: Uint8Array | undefined; // 4 or 16 octets; as a next hop it is martian
}

export interface FamilySession {
  readonly receivesPathIds: boolean; // RFC 7911, this direction
  readonly extendedNextHop: boolean; // RFC 8950; of interest for IPv4 only
}

/**
 * What a speaker is to be, as one value; its owner hands over a new one and only what differs happens.
 * Pure types: no file, no store, no selector is left in it.
 */
import type {Family} from '../wire/family.js';
import type {Role} from '../wire/capabilities.js';
import type {MultipathOptions, PeerPolicy} from '../rib/types.js';

export interface SpeakerConfig {
  readonly asn: number;
  readonly identifier: number; // unsigned 32 bits, not 0
  readonly clusterId: number;
  /** Undefined: nobody is listened for. Addresses empty: all of them. */
  readonly listen: {readonly port: number; readonly addresses: readonly string[]} | undefined;
  readonly gracefulRestart: GracefulRestartConfig | undefined; // undefined: off
  readonly multipath: MultipathOptions;
  readonly alwaysCompareMed: boolean;
  readonly peers: readonly PeerConfig[];
  readonly ranges: readonly PeerRange[];
}

export interface GracefulRestartConfig {
  readonly restartTimeSeconds: number; // 0..4095: how long one of ours may take
  readonly staleTimeSeconds: number; // bound of a peer's stale routes (RFC 8538 §4.1)
  readonly longLivedSeconds: number; // 0: no LLGR (RFC 9494)
  readonly deferralMs: number; // incremental; 10 s is plenty
}

/** A neighbour. Two of one name are the same neighbour before and after a change. */
export interface PeerConfig extends PeerOptions {
  readonly name: string;
  readonly address: string; // canonical text; of a link-local one without zone
  readonly interface: string | undefined; // the link of a link-local address
  readonly port: number;
}

/** Neighbours that dial us, from anywhere inside a prefix. */
export interface PeerRange extends PeerOptions {
  readonly name: string;
  readonly cidr: string;
  readonly maxPeers: number;
}

export interface PeerOptions {
  readonly asns: readonly number[] | 'external' | 'internal' | 'any';
  readonly localAsn: number; // SpeakerConfig.asn but for local-as
  /** In turn with localAsn, when the peer refuses that; then PeerPolicy.localAs does not hold. */
  readonly otherAsn: number | undefined;
  readonly sourceAddress: string | undefined;
  readonly passive: boolean;
  readonly shutdown: string | undefined; // administratively down, with words for the peer (RFC 9003)
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number | undefined; // undefined: a third
  /** How long a peer may take no data (RFC 9687); undefined: eight minutes, or twice a long hold time. */
  readonly sendHoldSeconds: number | undefined;
  readonly connectRetryMs: number;
  readonly password: string | undefined; // TCP MD5 (RFC 2385), 1..80 octets
  /** TTL of what we send; 1 for a neighbour on the link, more for multihop. */
  readonly ttl: number;
  readonly ttlSecurityHops: number | undefined; // GTSM (RFC 5082): 1 on the link
  readonly bfd: BfdConfig | undefined;
  readonly families: readonly Family[];
  readonly extendedNextHop: boolean; // RFC 8950
  readonly addPath: Readonly<Record<Family, 'none' | 'send' | 'receive' | 'both'>>;
  readonly extendedMessages: boolean;
  readonly role: Role | undefined;
  readonly strictRole: boolean;
  readonly gracefulRestart: boolean;
  readonly prefixLimitRestartSeconds: number | undefined; // undefined: down until reset by hand
  readonly policy: PeerPolicy;
}

export interface BfdConfig {
  readonly intervalMs: number; // desired TX and required RX
  readonly multiplier: number;
  readonly multihop: boolean; // RFC 5883
}

/** What a speaker tells of itself, as one value. Pure types; texts and shapes of the API are the shell's. */
import type {Negotiated, State} from '../fsm/types.js';
import type {PeerCounters, PeerIx, PrefixExcess} from '../rib/types.js';
import type {Family} from '../wire/family.js';
import type {BfdStatus} from './bfd-sessions.js';
import type {PeerConfig, PeerRange} from './config.js';
import type {MessageCounts} from './message-counters.js';

export interface PeerStatus {
  readonly config: PeerConfig;
  readonly ix: PeerIx;
  readonly state: State;
  readonly inStateMs: number;
  readonly isLimited: boolean; // stopped for the number of its prefixes until somebody resets it
  readonly excess: PrefixExcess | undefined; // what its last session ended for
  readonly negotiated: Negotiated | undefined; // while Established
  readonly localAddress: Uint8Array | undefined;
  readonly established: number; // how often it was
  readonly failures: number; // ConnectRetryCounter: since the last start
  readonly received: Readonly<MessageCounts>;
  readonly sent: Readonly<MessageCounts>;
  readonly faultyUpdates: number; // handled by RFC 7606
  readonly prefixes: PeerCounters;
  readonly heard: readonly Family[]; // whose End-of-RIB came in this session
  readonly stale: readonly Family[]; // families with routes kept from an earlier session
  readonly bfd: BfdStatus | undefined; // while there is a session
  readonly lastError: LastError | undefined; // of any attempt
  readonly lastDown: LastError | undefined; // why it was Established and is no more
}

export interface LastError {
  readonly words: string; // for people
  readonly agoMs: number;
}

/** Of a prefix that neighbours dial from. They are peers like others, from their first connection on. */
export interface RangeStatus {
  readonly config: PeerRange;
  readonly peers: number; // with those that are remembered for a while
  readonly established: number; // of them
  readonly lastError: LastError | undefined; // why nobody is, as far as can be known
}

/** Who is away, for who asks often: cheap, where a status of all peers is not. */
export interface Absence {
  readonly isOver: boolean; // our own restart
  /** Neighbours and ranges without a session and without routes that are kept (neighbour-id.ts). */
  readonly away: readonly string[];
  readonly isAnyKept: boolean; // some neighbour is away as well, and routes of it are kept
}

export interface SpeakerStatus {
  readonly peers: readonly PeerStatus[];
  readonly ranges: readonly RangeStatus[];
  readonly restart: RestartStatus;
}

export interface RestartStatus {
  readonly isOver: boolean;
  readonly pending: readonly Family[];
  readonly awaited: readonly string[]; // peers whose End-of-RIB is still to come
}

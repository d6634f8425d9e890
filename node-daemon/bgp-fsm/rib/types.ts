/**
 * The RIB as its owner sees it: paths in, selected routes and UPDATEs out. Pure types.
 *
 * Work is pulled, in slices that the caller bounds: `work` decides prefixes that changed, `takeSelected`
 * hands out what the kernel must learn, `takeUpdates` the octets for one peer's socket. Nothing is
 * pushed and nothing waits inside, so that keepalives, slow readers and the event loop stay the
 * caller's business. A prefix that changes twice between two pulls comes out once.
 */
import type {Negotiated} from '../fsm/negotiate.js';
import type {Policy} from '../policy/types.js';
import type {PathAttributes} from '../wire/attributes.js';
import type {Role} from '../wire/capabilities.js';
import type {Family} from '../wire/family.js';
import type {Notification} from '../wire/notification.js';
import type {WireSession} from '../wire/session.js';
import type {AttributeFault} from '../wire/verdict.js';

/** A peer by number, from `addPeer` until `removePeer`; 0 is the speaker itself. */
export type PeerIx = number;

export interface RibOptions {
  readonly asn: number;
  readonly identifier: number; // BGP Identifier, unsigned 32 bits
  readonly clusterId: number; // RFC 4456; usually the identifier
  readonly multipath: MultipathOptions;
  readonly alwaysCompareMed: boolean;
}

export interface MultipathOptions {
  readonly max: number; // 1: best path only
  readonly maxInternal: number; // where the best path is internal
  readonly relaxPeerType: boolean; // internal and external ones beside each other
  readonly relaxAsPath: boolean; // equal length is enough; else the whole AS_PATH must be equal
}

/** What is wanted for a peer's routes. Setting a new one re-evaluates routes and resets no session. */
export interface PeerPolicy {
  /** Undefined: on eBGP nothing passes (RFC 8212), on iBGP everything. */
  readonly importPolicy: Policy | undefined;
  readonly exportPolicy: Policy | undefined;
  readonly localAs: LocalAs | undefined; // other than RibOptions.asn towards this peer
  readonly reflectorClient: boolean; // RFC 4456
  readonly nextHop: 'auto' | 'self' | 'self-force' | 'unchanged'; // force: reflected routes as well
  readonly allowAsIn: number; // so many of our own AS in AS_PATH are accepted
  readonly enforceFirstAs: boolean; // eBGP: AS_PATH begins with the peer's AS
  readonly maxAsPath: number | undefined; // longer ones are not eligible; undefined: any length
  readonly maxCommunities: number | undefined; // of all three kinds together
  readonly asOverride: boolean;
  readonly removePrivateAs: boolean;
  readonly role: Role | undefined; // ours (RFC 9234): the OTC rules apply
  readonly maxPrefixes: PrefixLimit | undefined;
  readonly addPathMax: number; // paths of a prefix that are sent with ADD-PATH
  readonly linkBandwidth: number | undefined; // octets a second, put on what we originate
  readonly gracefulShutdown: boolean; // RFC 8326: 65535:0 on everything that leaves
  readonly defaultLocalPref: number; // usually 100
  /** Of eBGP over one hop: what is on no link of ours and is not the peer is no next hop (RFC 4271 §6.3). */
  readonly nextHopsOnLink: boolean;
}

export interface LocalAs {
  readonly asn: number;
  readonly prependReal: boolean; // on export AS_PATH shows both, else only `asn`
  readonly prependReceived: boolean; // on import `asn` goes in front of what the peer sent
}

export interface PrefixLimit {
  readonly max: number; // accepted from the wire, each family by itself, before policy
  readonly warnPercent: number;
}

/** Of an Established session. */
export interface RibSession {
  readonly wire: WireSession;
  readonly negotiated: Negotiated;
  readonly peerAddress: Uint8Array; // 4 or 16 octets
  readonly ifindex: number; // of the link for a link-local peer; 0: none
  /** Our own addresses towards the peer: NEXT_HOP when it is self. linkLocal goes beside a global one. */
  readonly nextHops: {
    readonly ipv4: Uint8Array | undefined;
    readonly ipv6: Uint8Array | undefined;
    readonly linkLocal: Uint8Array | undefined;
  };
  readonly isDirect: boolean; // on a shared subnet: a link-local next hop goes beside the global one
  /** End-of-RIB of the initial dump waits for `releaseEndOfRib` (our own restart is not over). */
  readonly holdsEndOfRib: boolean;
}

export type SessionPath = Pick<RibSession, 'ifindex' | 'nextHops' | 'isDirect'>;

/** What came of one UPDATE. */
export type Received =
  | {readonly kind: 'ok'; readonly endOfRib: Family | undefined}
  /** RFC 7606: handled, and worth a line in the log with the message. */
  | {readonly kind: 'faulty'; readonly faults: readonly AttributeFault[]}
  | {readonly kind: 'reset'; readonly notification: Notification} // the session must end
  | OverLimit;

export type OverLimit =
  | (PrefixExcess & {readonly kind: 'limit'; readonly notification: Notification})
  | {readonly kind: 'nearLimit'; readonly family: Family}; // once each time it is crossed

export interface PrefixExcess {
  readonly family: Family;
  readonly max: number; // that the peer may have
  readonly got: number; // when the message that was too much was taken in
}

/** A route that the speaker originates. */
export interface LocalRoute {
  readonly family: Family;
  readonly address: Uint8Array; // host bits zero
  readonly bits: number;
  readonly attributes: PathAttributes; // next hop left out: self
}

/** What `takeSelected` says of a prefix. `nextHops` empty: no route any more. */
export interface SelectedRoute {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  /** One object for one set of next hops, however many prefixes have it: compare by identity. */
  readonly nextHops: readonly SelectedNextHop[];
  readonly attributes: PathAttributes | undefined; // of the best path
}

/**
 * The same of many prefixes at once, to be handed to another thread: a clone of a hundred thousand small
 * objects costs more than the kernel takes to install them. Without attributes: the kernel has no use for
 * them.
 */
export interface SelectedColumns {
  readonly families: Uint8Array; // 4 or 6
  readonly bits: Uint8Array;
  readonly addresses: Uint8Array; // back to back, 4 or 16 octets each
  readonly nextHops: Uint32Array; // index into `sets`
  readonly sets: readonly (readonly SelectedNextHop[])[]; // each once
}

export interface SelectedNextHop {
  readonly address: Uint8Array; // 4 or 16 octets; IPv4 routes may have 16 (RFC 8950)
  readonly ifindex: number; // of a link-local next hop; else 0: as the kernel resolves it
  readonly weight: number; // 1..256, from link bandwidth; 1 when equal
}

/** Whether a next hop can be reached, and at what cost; what is not told is taken as on a link. */
export interface NextHopState {
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly metric: number | undefined; // 0: on a link of ours; undefined: unreachable
}

/** A next hop that its peer must not name (PeerPolicy.nextHopsOnLink). */
export interface OffLink {
  readonly peer: PeerIx;
  readonly nextHop: Uint8Array;
}

/** Whether a next hop is in use, so that somebody has to look whether it can be reached. */
export interface NextHopInterest {
  readonly address: Uint8Array;
  readonly ifindex: number;
  readonly isUsed: boolean;
}

export interface PeerCounters {
  readonly received: Readonly<Record<Family, number>>; // paths in Adj-RIB-In
  readonly accepted: Readonly<Record<Family, number>>; // that import let in
  readonly best: Readonly<Record<Family, number>>; // of them, best for their prefix
  readonly advertised: Readonly<Record<Family, number>>;
  readonly stale: Readonly<Record<Family, number>>;
}

/** A path as it is shown to people. */
export interface ShownPath {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly pathId: number;
  readonly peer: PeerIx;
  readonly nextHop: Uint8Array;
  readonly attributes: PathAttributes;
  readonly isBest: boolean;
  readonly isMultipath: boolean; // chosen beside the best one
  readonly isStale: boolean;
  /** Why it is not eligible: rejected by import, loop, unreachable next hop …; undefined: it is. */
  readonly notEligible: string | undefined;
}

export interface ShowQuery {
  readonly table: 'received' | 'selected' | 'advertised';
  readonly family: Family;
  readonly peer?: PeerIx | undefined; // of `received` all when left out; `advertised` needs it
  readonly after?: {readonly address: Uint8Array; readonly bits: number} | undefined; // to page on
  /** Of paths. Those of one prefix stay together, so that there may be some more; fewer: that is all. */
  readonly limit: number;
  /** Only this prefix, or what is inside it, or what contains it; no other prefix need be looked at. */
  readonly only?:
    | {
        readonly address: Uint8Array;
        readonly bits: number;
        readonly how: 'exact' | 'inside' | 'around';
      }
    | undefined;
}

export interface RibApi {
  addPeer(address: Uint8Array, policy: PeerPolicy): PeerIx;
  setPolicy(peer: PeerIx, policy: PeerPolicy): void;
  /** Its paths are withdrawn. */
  removePeer(peer: PeerIx): void;
  setOptions(options: RibOptions): void;

  sessionUp(peer: PeerIx, session: RibSession): void;
  /** Of the session that is up: our own addresses towards the peer are others now. */
  setPath(peer: PeerIx, path: SessionPath): void;
  /** Nothing more goes out to it; what came from it stays until one of the four below. */
  sessionDown(peer: PeerIx): void;
  markStale(peer: PeerIx, family: Family): void;
  deleteStale(peer: PeerIx, family: Family): void;
  deleteRoutes(peer: PeerIx, family: Family): void;
  attachLongLived(peer: PeerIx, family: Family): void; // RFC 9494

  /** One whole UPDATE message, header included. Octets are read now and not kept. */
  receive(peer: PeerIx, bytes: Uint8Array, at: number, length: number): Received;
  beginRefresh(peer: PeerIx, family: Family): void; // BoRR received (RFC 7313): what follows is fresh
  endRefresh(peer: PeerIx, family: Family): void; // EoRR: what was not repeated goes
  /** ROUTE-REFRESH received: all of Adj-RIB-Out once more, between BoRR and EoRR where agreed. */
  resend(peer: PeerIx, family: Family): void;
  releaseEndOfRib(family: Family): void;

  setLocalRoutes(routes: readonly LocalRoute[]): void; // all of them; what differs is done
  setNextHops(states: readonly NextHopState[]): void; // changes only
  /** Next hops that came into use or fell out of it since the last call. */
  takeNextHopInterest(): readonly NextHopInterest[];

  /** Decides at most `limit` prefixes; true when more are waiting. */
  work(limit: number): boolean;
  takeSelected(limit: number): readonly SelectedRoute[];
  /** The same as columns; undefined: nothing now. */
  takeSelectedColumns(limit: number): SelectedColumns | undefined;
  /** Every selected route again, for a kernel that was lost or a restart's sweep. */
  reselectAll(family: Family): void;
  hasUpdates(peer: PeerIx): boolean;
  /** Whole messages for the peer, about `octets` of them; undefined: nothing now. */
  takeUpdates(peer: PeerIx, octets: number): Uint8Array | undefined;

  /** Of what is there: a policy may have set a lower limit. */
  checkLimit(peer: PeerIx): OverLimit | undefined;
  /**
   * Routes since the last call that were too long for a message of a peer (RFC 8654 §4), and not sent; of those
   * with the same attributes, one.
   */
  takeTooLong(): number;
  /** Next hops that are not used for being on no link, since the last call; the first of each session. */
  takeOffLink(): readonly OffLink[];
  counters(peer: PeerIx): PeerCounters;
  show(query: ShowQuery): readonly ShownPath[];
}

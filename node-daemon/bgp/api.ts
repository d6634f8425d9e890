/**
 * What the daemon says of BGP: the bodies of GET /v1/bgp/peers and GET /v1/bgp/routes, and all of
 * `twillctl bgp … -o json`. Pure types; api-peers.ts and api-routes.ts fill them. Extend freely, rename nothing.
 */
export type ApiFamily = 'ipv4' | 'ipv6';

export interface BgpPeersAnswer {
  readonly node: string;
  readonly asn: number;
  readonly identifier: string; // 192.0.2.1
  readonly restart: RestartView;
  readonly peers: readonly BgpPeerView[]; // by name, numbers in it as numbers
  readonly ranges: readonly BgpRangeView[]; // likewise
}

/** All of it at once, for metrics and for the status of the node. */
export interface BgpOverview extends BgpPeersAnswer {
  readonly kernel: BgpKernelView;
  readonly wish: BgpWishView;
}

/** Where the peers are not those of the configuration; the problems in the node's status say why. */
export interface BgpWishView {
  readonly withheld: readonly string[]; // configured, and not made: no password, two for one place …
  readonly kept: readonly string[]; // not configured any more, and there until replaced
}

/** Learnt routes in the kernel. */
export interface BgpKernelView {
  readonly routes: Readonly<
    Record<ApiFamily, {readonly wanted: number; readonly held: number; readonly stale: number}>
  >;
  readonly refused: number; // changes that the kernel refuses and that are tried again
}

/** Our own restart (RFC 4724): until it is over, nothing is swept and End-of-RIB is not sent. */
export interface RestartView {
  readonly isOver: boolean;
  readonly pending: readonly ApiFamily[];
  readonly awaited: readonly string[]; // peers whose End-of-RIB is still to come
}

export interface BgpPeerView {
  readonly name: string; // of the BGPPeer, or node/NAME
  readonly address: string;
  readonly interface?: string; // of a link-local address
  readonly port: number;
  readonly localAddress?: string; // while a connection stands
  readonly asn?: number; // the peer's; absent before the first session where it may be one of several
  readonly localAsn: number;
  readonly session: 'internal' | 'external' | 'unknown';
  readonly state: string; // Idle, Connect, Active, OpenSent, OpenConfirm, Established
  /** In words what the state does not say: shut down, stopped for too many prefixes. */
  readonly stopped?: string;
  readonly inStateSeconds: number;
  readonly families: readonly ApiFamily[]; // negotiated; configured before
  readonly prefixes: Readonly<Record<ApiFamily, PrefixCounts>>;
  readonly endOfRib: readonly ApiFamily[]; // families of which all was told in this session
  readonly stale: readonly ApiFamily[]; // families with routes kept from an earlier session
  readonly flaps: number; // sessions that were established and ended
  readonly failures: number; // attempts since the last start
  readonly messages: {readonly received: MessageCountsView; readonly sent: MessageCountsView};
  readonly faultyUpdates: number; // handled by RFC 7606
  readonly lastError?: ErrorView;
  readonly lastDown?: ErrorView; // why the last session ended
  readonly passive: boolean;
  readonly password: boolean; // whether one is set; never which
  readonly reflectorClient: boolean;
  readonly negotiated?: NegotiatedView; // while Established
  readonly bfd?: BfdView; // while BFD runs
}

/** A prefix whose neighbours dial this node; each of them is a peer, called NAME/ADDRESS. */
export interface BgpRangeView {
  readonly name: string; // of the BGPPeer
  readonly cidr: string;
  readonly asn?: number; // of all that dial, where it is one
  readonly localAsn: number;
  readonly session: 'internal' | 'external' | 'unknown';
  readonly state: 'Listening' | 'Idle'; // Idle: it is stopped
  readonly stopped?: string;
  readonly peers: number; // that dialled, with those that are remembered for a while
  readonly established: number; // of them
  readonly maxPeers: number;
  readonly families: readonly ApiFamily[];
  readonly password: boolean;
  readonly lastError?: ErrorView; // why nobody from it is, as far as can be known
}

/** RFC 5880: AdminDown, Down, Init or Up. */
export interface BfdView {
  readonly state: string;
  readonly remoteState: string;
  readonly diagnostic: number; // §4.1: why it was last down
  readonly multihop: boolean;
}

export interface PrefixCounts {
  readonly received: number;
  readonly accepted: number; // of them, by import
  readonly best: number; // of them, best for their prefix
  readonly advertised: number;
  readonly stale: number;
}

export type MessageCountsView = Readonly<
  Record<'open' | 'update' | 'notification' | 'keepalive' | 'refresh', number>
>;

export interface ErrorView {
  readonly message: string; // for people
  readonly secondsAgo: number;
}

/** What both OPENs agreed on. */
export interface NegotiatedView {
  readonly identifier: string; // the peer's
  readonly holdTimeSeconds: number; // 0: none
  readonly keepaliveSeconds: number;
  readonly sendHoldSeconds: number;
  readonly as4: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRefresh: boolean;
  readonly extendedMessages: boolean;
  readonly extendedNextHop: readonly ApiFamily[];
  readonly addPath: Readonly<Record<ApiFamily, 'none' | 'send' | 'receive' | 'both'>>;
  readonly role?: string; // the peer's
  readonly gracefulRestart?: {
    readonly restartTimeSeconds: number;
    readonly notification: boolean; // RFC 8538
    readonly families: readonly ApiFamily[];
    readonly forwarding: readonly ApiFamily[]; // F: kept over its last restart
  };
  readonly longLived: readonly {readonly family: ApiFamily; readonly staleTimeSeconds: number}[];
}

export type RoutesTable = 'received' | 'selected' | 'advertised';

/**
 * ?table=selected|received|advertised  default selected; advertised needs a peer
 * &peer=NAME                           of received: all peers when left out
 * &family=ipv4|ipv6                    default ipv4, or the one of `prefix`
 * &prefix=CIDR|ADDRESS                 this prefix; of an address, all prefixes that contain it
 * &longer=true                         the prefix and all inside it
 * &after=CIDR&limit=N                  to page on; limit 1 to 10000, default 1000
 */
export interface BgpRoutesAnswer {
  readonly table: RoutesTable;
  readonly family: ApiFamily;
  readonly peer?: string;
  readonly routes: readonly BgpRouteView[];
  /** Give it as `after` for more; absent: that is all. */
  readonly next?: string;
}

export interface BgpRouteView {
  readonly prefix: string;
  readonly peer: string; // who told us; 'local': nobody
  readonly pathId?: number; // RFC 7911
  readonly nextHop: string; // '' of what we originate
  readonly isBest: boolean;
  readonly isMultipath: boolean; // used beside the best one
  readonly isStale: boolean;
  readonly notEligible?: string; // why it cannot be chosen, in words
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  readonly asPath: string; // 64512 64513 {64514,64515}
  readonly localPref?: number;
  readonly med?: number;
  readonly communities: readonly string[]; // standard and large
  readonly extendedCommunities: readonly string[]; // link-bandwidth:…, else 16 hex digits
  readonly originatorId?: string;
  readonly clusterList: readonly string[];
  readonly atomicAggregate: boolean;
  readonly aggregator?: string; // ASN ADDRESS
  readonly otc?: number; // RFC 9234
  readonly unknownTypes: readonly number[]; // of attributes that are passed on
}

/** The body of an answer that is none, as the rest of the API has it. */
export interface ApiProblem {
  readonly code: 'BAD_QUERY' | 'NO_SUCH_PEER';
  readonly message: string;
}

/**
 * The numbers of BGP: IANA "Border Gateway Protocol (BGP) Parameters" and "BGP Extended
 * Communities". Pure. Ours (defaults, timers) are not here.
 */

/** RFC 4271 §4.1, RFC 2918 §3. */
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;
export const ROUTE_REFRESH = 5;

export const HEADER_LENGTH = 19; // marker 16, length 2, type 1
export const MARKER_LENGTH = 16;
export const MAX_MESSAGE = 4096; // RFC 4271 §4.1
export const MAX_EXTENDED_MESSAGE = 65535; // RFC 8654 §3
export const BGP_VERSION = 4;

/** Stands in a 2-octet field for an AS number that needs four (RFC 6793 §9). */
export const AS_TRANS = 23456;

export const AFI_IPV4 = 1;
export const AFI_IPV6 = 2;
export const SAFI_UNICAST = 1;

/** Capability codes (RFC 5492) with the RFC that owns each. */
export const CAP_MULTIPROTOCOL = 1; // RFC 4760
export const CAP_ROUTE_REFRESH = 2; // RFC 2918
export const CAP_EXTENDED_NEXT_HOP = 5; // RFC 8950
export const CAP_EXTENDED_MESSAGE = 6; // RFC 8654
export const CAP_ROLE = 9; // RFC 9234
export const CAP_GRACEFUL_RESTART = 64; // RFC 4724, RFC 8538
export const CAP_AS4 = 65; // RFC 6793
export const CAP_ADD_PATH = 69; // RFC 7911
export const CAP_ENHANCED_REFRESH = 70; // RFC 7313
export const CAP_LLGR = 71; // RFC 9494
export const CAP_HOSTNAME = 73; // draft-walton-bgp-hostname-capability
export const CAP_SOFTWARE_VERSION = 75; // draft-abraitis-bgp-version-capability

/** Optional parameter types of OPEN (RFC 5492 §4, RFC 9072 §2). */
export const PARAMETER_CAPABILITIES = 2;
export const PARAMETER_EXTENDED = 255;

/** Attribute flags (RFC 4271 §4.3). */
export const FLAG_OPTIONAL = 0x80;
export const FLAG_TRANSITIVE = 0x40;
export const FLAG_PARTIAL = 0x20;
export const FLAG_EXTENDED_LENGTH = 0x10;

export const ATTR_ORIGIN = 1;
export const ATTR_AS_PATH = 2;
export const ATTR_NEXT_HOP = 3;
export const ATTR_MED = 4;
export const ATTR_LOCAL_PREF = 5;
export const ATTR_ATOMIC_AGGREGATE = 6;
export const ATTR_AGGREGATOR = 7;
export const ATTR_COMMUNITIES = 8; // RFC 1997
export const ATTR_ORIGINATOR_ID = 9; // RFC 4456
export const ATTR_CLUSTER_LIST = 10; // RFC 4456
export const ATTR_MP_REACH = 14; // RFC 4760
export const ATTR_MP_UNREACH = 15; // RFC 4760
export const ATTR_EXTENDED_COMMUNITIES = 16; // RFC 4360
export const ATTR_AS4_PATH = 17; // RFC 6793
export const ATTR_AS4_AGGREGATOR = 18; // RFC 6793
export const ATTR_AIGP = 26; // RFC 7311
export const ATTR_LARGE_COMMUNITIES = 32; // RFC 8092
export const ATTR_OTC = 35; // RFC 9234
export const ATTR_PREFIX_SID = 40; // RFC 8669

export const ORIGIN_IGP = 0;
export const ORIGIN_EGP = 1;
export const ORIGIN_INCOMPLETE = 2;

/** AS_PATH segment types (RFC 4271 §4.3, RFC 5065 §3). */
export const AS_SET = 1;
export const AS_SEQUENCE = 2;
export const AS_CONFED_SEQUENCE = 3;
export const AS_CONFED_SET = 4;

/** Well-known communities. */
export const NO_EXPORT = 0xffffff01; // RFC 1997
export const NO_ADVERTISE = 0xffffff02; // RFC 1997
export const NO_EXPORT_SUBCONFED = 0xffffff03; // RFC 1997
export const GRACEFUL_SHUTDOWN = 0xffff0000; // RFC 8326
export const LLGR_STALE = 0xffff0006; // RFC 9494
export const NO_LLGR = 0xffff0007; // RFC 9494

/** NOTIFICATION codes (RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §4). */
export const HEADER_ERROR = 1;
export const OPEN_ERROR = 2;
export const UPDATE_ERROR = 3;
export const HOLD_EXPIRED = 4;
export const FSM_ERROR = 5;
export const CEASE = 6;
export const REFRESH_ERROR = 7;
export const SEND_HOLD_EXPIRED = 8;

/** Subcodes of HEADER_ERROR. */
export const NOT_SYNCHRONISED = 1;
export const BAD_LENGTH = 2;
export const BAD_TYPE = 3;

/** Subcodes of OPEN_ERROR; 0 stands for a malformed parameter of a known type (RFC 4271 §6.2). */
export const MALFORMED_PARAMETER = 0;
export const UNSUPPORTED_VERSION = 1;
export const BAD_PEER_AS = 2;
export const BAD_IDENTIFIER = 3;
export const UNKNOWN_PARAMETER = 4;
export const BAD_HOLD_TIME = 6;
export const UNSUPPORTED_CAPABILITY = 7; // RFC 5492
export const ROLE_MISMATCH = 11; // RFC 9234

/** Subcodes of UPDATE_ERROR. */
export const MALFORMED_ATTRIBUTES = 1;
export const UNKNOWN_WELL_KNOWN = 2;
export const MISSING_WELL_KNOWN = 3;
export const BAD_FLAGS = 4;
export const BAD_ATTRIBUTE_LENGTH = 5;
export const BAD_ORIGIN = 6;
export const BAD_NEXT_HOP = 8;
export const BAD_OPTIONAL = 9;
export const BAD_NLRI = 10;
export const BAD_AS_PATH = 11;

/** Subcodes of FSM_ERROR (RFC 6608). */
export const UNEXPECTED_IN_OPEN_SENT = 1;
export const UNEXPECTED_IN_OPEN_CONFIRM = 2;
export const UNEXPECTED_IN_ESTABLISHED = 3;

/** Subcodes of CEASE (RFC 4486 §3, RFC 8538 §3, RFC 9384). */
export const MAX_PREFIXES = 1;
export const ADMIN_SHUTDOWN = 2;
export const DECONFIGURED = 3;
export const ADMIN_RESET = 4;
export const CONNECTION_REJECTED = 5;
export const CONFIG_CHANGE = 6;
export const COLLISION = 7;
export const OUT_OF_RESOURCES = 8;
export const HARD_RESET = 9;
export const BFD_DOWN = 10;

/** Subcode of REFRESH_ERROR (RFC 7313 §5). */
export const REFRESH_BAD_LENGTH = 1;

/** Message subtypes of ROUTE-REFRESH (RFC 7313 §3.2). */
export const REFRESH_REQUEST = 0;
export const REFRESH_BEGIN = 1; // BoRR
export const REFRESH_END = 2; // EoRR

/**
 * The configuration file of the standalone speaker: JSON with the fields of SpeakerConfig, each with a
 * default, for tests, benches and trying things out. Not the daemon's: that comes from etcd.
 *
 *   {"asn": 65001, "identifier": "10.0.0.1", "listen": {"port": 179},
 *    "peers": [{"address": "10.0.0.2", "asn": 65002, "password": "orange"}, {"interface": "eth1"}],
 *    "routes": ["10.1.0.0/16", "fd01::/32"]}
 *
 * `import` and `export` of a peer are rules as a BGPPeer has them; without any everything passes. A peer
 * without an address is whoever is at the other end of its interface.
 */
import {
  ACCEPT_ALL,
  compilePolicy,
  formatAddress,
  isOneHop,
  parseAddress,
  parseCidr,
  type LocalRoute,
  type PeerConfig,
  type PeerOptions,
  type PeerPolicy,
  type PeerRange,
  type PolicyRule,
  type SpeakerConfig,
  type SpeakerStart,
} from '#bgp-fsm';
import {asnPhrase, isAsn} from '../datastore/records/as-number.js';
import type {BgpFilterRule} from '../datastore/records/bgp-filter.js';
import {describeValue} from '../datastore/records/problem.js';
import {toPolicyRule} from './config/filter.js';

export interface Standalone {
  readonly start: SpeakerStart;
  readonly config: SpeakerConfig;
  readonly routes: readonly LocalRoute[];
  readonly links: readonly string[]; // whose neighbours are to be found out
  readonly printsRoutes: boolean;
  readonly thread: 'own' | 'ours';
  /** Learnt routes go into the kernel, and what a restart needs to know into this directory. */
  readonly stateDir: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** `neighbours`: by link, who was heard there. @throws Error that says which field. */
export function parseStandalone(
  text: string,
  neighbours: ReadonlyMap<string, string> = new Map(),
): Standalone {
  const file = JSON.parse(text) as Fields;
  const asn = asNumber('asn', file['asn']);
  const identifier = word(String(file['identifier']));
  const given = list(file['peers']) as readonly Fields[];
  const links = given.flatMap(peer => (isUnnumbered(peer) ? [String(peer['interface'])] : []));
  const peers = given.flatMap(peer => {
    const address = peer['address'] || neighbours.get(String(peer['interface']));
    return address === undefined
      ? []
      : [peerOf(isUnnumbered(peer) ? {...overLink(peer), address} : peer, asn)];
  });
  return {
    start: {restarted: false, preserved: [], absent: [], ...(file['start'] as Fields)},
    config: {
      asn,
      identifier,
      clusterId: identifier,
      listen: undefined,
      gracefulRestart: GRACEFUL_RESTART,
      multipath: {max: 1, maxInternal: 1, relaxAsPath: false, relaxPeerType: false},
      alwaysCompareMed: false,
      ...pick(file, ['multipath', 'alwaysCompareMed']),
      ...(file['listen']
        ? {listen: {port: 179, addresses: [], ...(file['listen'] as Fields)}}
        : {}),
      ...restartOf(file['gracefulRestart']),
      peers,
      ranges: list(file['ranges']).map(each => rangeOf(each as Fields, asn)),
    },
    routes: list(file['routes']).map(each => routeOf(String(each))),
    links,
    printsRoutes: file['printRoutes'] !== false,
    thread: file['thread'] === 'own' ? 'own' : 'ours',
    stateDir: file['stateDir'] === undefined ? undefined : String(file['stateDir']),
  };
}

const GRACEFUL_RESTART = {
  restartTimeSeconds: 120,
  staleTimeSeconds: 180,
  longLivedSeconds: 0,
  deferralMs: 10_000,
};

function restartOf(given: unknown): Partial<SpeakerConfig> {
  if (given === null || given === false) return {gracefulRestart: undefined};
  return {gracefulRestart: {...GRACEFUL_RESTART, ...(given as Fields | undefined)}};
}

const POLICY: PeerPolicy = {
  importPolicy: undefined,
  exportPolicy: undefined,
  localAs: undefined,
  reflectorClient: false,
  nextHop: 'auto',
  allowAsIn: 0,
  enforceFirstAs: true,
  asOverride: false,
  removePrivateAs: false,
  role: undefined,
  maxPrefixes: undefined,
  addPathMax: 1,
  linkBandwidth: undefined,
  gracefulShutdown: false,
  defaultLocalPref: 100,
  maxAsPath: undefined,
  maxCommunities: undefined,
  nextHopsOnLink: false,
};

const OPTIONS: Omit<PeerOptions, 'policy' | 'localAsn' | 'asns'> = {
  sourceAddress: undefined,
  passive: false,
  shutdown: undefined,
  holdTimeSeconds: 90,
  keepaliveSeconds: undefined,
  sendHoldSeconds: undefined,
  otherAsn: undefined,
  connectRetryMs: 5_000,
  password: undefined,
  ttl: 255,
  ttlSecurityHops: undefined,
  bfd: undefined,
  families: ['ipv4', 'ipv6'],
  extendedNextHop: false,
  addPath: {ipv4: 'none', ipv6: 'none'},
  extendedMessages: false,
  role: undefined,
  strictRole: false,
  gracefulRestart: true,
  prefixLimitRestartSeconds: undefined,
};

function peerOf(given: Fields, asn: number): PeerConfig {
  const address = parseAddress(String(given['address']));
  if (address === undefined) throw new Error(`peer.address: ${String(given['address'])}`);
  const text = formatAddress(address);
  const name = String(given['name'] ?? text);
  return {interface: undefined, port: 179, ...optionsOf(given, asn), name, address: text};
}

/** IPv4 prefixes get the link-local next hop as well (RFC 8950). */
function overLink(peer: Fields): Fields {
  return {extendedNextHop: true, name: peer['interface'], ...peer};
}

function isUnnumbered(peer: Fields): boolean {
  return !peer['address'] && peer['interface'] !== undefined;
}

function rangeOf(given: Fields, asn: number): PeerRange {
  const cidr = String(given['cidr']);
  if (parseCidr(cidr) === undefined) throw new Error(`range.cidr: ${cidr}`);
  return {maxPeers: 100, ...optionsOf(given, asn), name: String(given['name'] ?? cidr), cidr};
}

/** `asn` stands for `asns`; what is given wins over the default. */
function optionsOf(given: Fields, asn: number): PeerOptions & Fields {
  const {asn: theirs, policy, import: imports, export: exports, ...rest} = given;
  const asns: PeerOptions['asns'] = theirs === undefined ? 'any' : [asNumber('peer.asn', theirs)];
  checkOwnNumbers(rest, policy as Fields | undefined);
  const filters = {
    importPolicy: compilePolicy(rulesOf(imports), 'import'),
    exportPolicy: compilePolicy(rulesOf(exports), 'export'),
  };
  const options = {...OPTIONS, asns, localAsn: asn, ...rest};
  const nextHopsOnLink = isOneHop(options);
  return {...options, policy: {...POLICY, ...filters, nextHopsOnLink, ...(policy as Fields)}};
}

/** What else stands in our OPEN, or in the paths that we tell. */
function checkOwnNumbers({localAsn, otherAsn}: Fields, policy: Fields | undefined): void {
  const localAs = policy?.['localAs'] as Fields | undefined;
  const given = {localAsn, otherAsn, 'policy.localAs.asn': localAs?.['asn']};
  for (const [field, value] of Object.entries(given)) {
    if (value !== undefined) asNumber(`peer.${field}`, value);
  }
}

function asNumber(field: string, value: unknown): number {
  const asn = Number(value);
  if (isAsn(asn)) return asn;
  throw new Error(`${field}: expected ${asnPhrase}, got ${describeValue(value)}`);
}

function rulesOf(given: unknown): readonly PolicyRule[] {
  return given === undefined ? [ACCEPT_ALL] : (list(given) as BgpFilterRule[]).map(toPolicyRule);
}

function routeOf(text: string): LocalRoute {
  const prefix = parseCidr(text);
  if (prefix === undefined) throw new Error(`routes: ${text}`);
  const family = prefix.address.length === 4 ? 'ipv4' : 'ipv6';
  return {family, ...prefix, attributes: {origin: 0, asPath: []}};
}

/** A BGP Identifier, as an address or a number. */
function word(text: string): number {
  const address = parseAddress(text);
  const value = address === undefined ? Number(text) : new DataView(address.buffer).getUint32(0);
  if (!Number.isInteger(value) || value < 1) throw new Error(`identifier: ${text}`);
  return value;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter(name => name in from).map(name => [name, from[name]]));
}

/**
 * Sessions with other nodes as neighbours of the speaker. Pure. Both ends work out the same session from
 * the two records: over IPv4 where both have it, with the families that both can be a next hop for.
 */
import {formatAddress, type Family, type PeerConfig, type PeerPolicy} from '#bgp-fsm';
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import type {Peer} from '../../state/peer.js';
import {DEFAULT_PORT, isOnLinkOf} from './bgp-peers.js';
import type {BgpInput} from './input.js';
import {isLeaving} from './node-identity.js';
import {DEFAULT_CONNECT_RETRY_MS, toBfd, toTimers} from './peer-options.js';
import {nodePeerName} from './peer-names.js';
import type {Policies} from './policies.js';

export interface NodePeerPlace {
  readonly asn: number; // ours
  readonly theirAsn: number;
  readonly isClient: boolean; // we reflect for it
  readonly password: string | undefined;
}

/** Undefined when the two have no address family in common. */
export function toNodePeer(
  input: BgpInput,
  spec: BgpConfig['spec'],
  node: Peer,
  {asn, theirAsn, isClient, password}: NodePeerPlace,
  policies: Policies,
): PeerConfig | undefined {
  const mine = input.state.underlay?.addresses ?? {};
  const carrier = FAMILIES.find(family => mine[family] && node.underlay[family]);
  const address = carrier && node.underlay[carrier];
  const source = carrier && mine[carrier]?.address;
  if (address === undefined || source === undefined) return undefined;
  const bothHave = (family: Family) =>
    mine[family] !== undefined && node.underlay[family] !== undefined;
  const mesh = spec.mesh ?? {};
  return {
    name: nodePeerName(node.name),
    address: formatAddress(address),
    interface: undefined,
    port: spec.listenPort ?? DEFAULT_PORT,
    asns: [theirAsn],
    localAsn: asn,
    otherAsn: undefined,
    sourceAddress: formatAddress(source),
    passive: false,
    shutdown: undefined,
    ...toTimers(mesh),
    connectRetryMs: DEFAULT_CONNECT_RETRY_MS,
    password,
    ttl: 255, // other nodes may be any number of hops away
    ttlSecurityHops: undefined,
    bfd: toBfd(mesh.bfd, !isOnLinkOf(input, address)),
    families: bothHave('ipv6') ? FAMILIES : ['ipv4'],
    extendedNextHop: !bothHave('ipv4'), // IPv4 pods over an IPv6 underlay (RFC 8950)
    addPath: {ipv4: 'none', ipv6: 'none'},
    extendedMessages: false,
    role: undefined,
    strictRole: false,
    gracefulRestart: true,
    prefixLimitRestartSeconds: undefined,
    policy: toPolicy(isLeaving(input, spec), isClient, policies),
  };
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

function toPolicy(isLeaving: boolean, isClient: boolean, policies: Policies): PeerPolicy {
  return {
    importPolicy: policies.importPolicy(undefined),
    exportPolicy: policies.exportPolicy(undefined),
    localAs: undefined,
    reflectorClient: isClient,
    nextHop: 'auto',
    allowAsIn: 0,
    enforceFirstAs: true,
    asOverride: false,
    removePrivateAs: false,
    role: undefined,
    maxPrefixes: undefined,
    addPathMax: 1,
    linkBandwidth: undefined,
    gracefulShutdown: isLeaving,
    defaultLocalPref: 100,
    maxAsPath: undefined,
    maxCommunities: undefined,
    nextHopsOnLink: false,
  };
}

/**
 * From records, labels and what is known of sessions to what the speaker of this node is to be. Pure: the
 * same input is the same wish, and the shell hands over the whole of it each time something changes.
 *
 * A record that makes no sense is told under its key and left out; it never stops the others.
 */
import type {GracefulRestartConfig, PeerConfig, SpeakerConfig} from '#bgp-fsm';
import {parseAddress} from '#ipam';
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import {parseDurationMs} from '../../datastore/records/duration.js';
import {matchesSelector} from '../../datastore/records/selector.js';
import {DEFAULT_PORT, peersOfNode, toNeighbours} from './bgp-peers.js';
import type {BgpInput, BgpProblem, BgpWish, SessionMemory} from './input.js';
import {toLocalRoutes} from './local-routes.js';
import {asnOfNode, identifierLabel, identifierOf, isLeaving, toNumber} from './node-identity.js';
import {toNodePeer} from './node-peers.js';
import {chooseSessions, type NodeView, type Sessions} from './node-sessions.js';
import {findPassword, passwordComplaint, passwordPath} from './password.js';
import {nodePeerName} from './peer-names.js';
import {toSeconds} from './peer-options.js';
import {createPolicies, type Policies} from './policies.js';
import {PolicyShelf} from './policy-shelf.js';
import {findWarnings} from './warnings.js';
import {Witnesses} from './witnesses.js';

/** Undefined: the underlay is not known (its address is gone for a moment), and the wish before stands. */
export function deriveBgp(input: BgpInput): BgpWish | undefined {
  if (input.state.underlay === undefined) return undefined;
  const spec = findConfig(input);
  const records = peersOfNode(input);
  const hasMesh = spec.nodeMesh ?? input.state.network.backend === 'bgp';
  const isAsked = hasMesh || spec.routeReflector !== undefined || records.length > 0;
  const isCutOff = !isAsked && input.state.network.backend === 'bgp';
  const keepsMesh = isCutOff && hadSessions(input);
  const wish =
    isAsked || keepsMesh
      ? deriveSpeaker(input, spec, {records, hasMesh, isCutOff})
      : nothing(input);
  const witnesses = new Witnesses(input.memory?.witnesses);
  const warnings = findWarnings(input, spec, {isCutOff, keepsMesh, witnesses});
  return {
    ...{...wish, problems: [...wish.problems, ...warnings]},
    memory: {...wish.memory, witnesses},
  };
}

/** With nodes that are still there. */
function hadSessions({memory, state: {nodes}}: BgpInput): boolean {
  return [...(memory?.sessions ?? [])].some(name => nodes.has(name));
}

function findConfig({state}: BgpInput): BgpConfig['spec'] {
  for (const resource of state.resources.values()) {
    if (resource.kind === 'BGPConfig') return resource.spec;
  }
  return {};
}

function nothing({memory}: BgpInput): BgpWish {
  return {
    ...{config: undefined, routes: [], installRoutes: false, facts: undefined},
    ...{passwordFiles: [], links: [], kept: [], withheld: [], problems: []},
    memory: {...NO_SESSIONS, shelf: new PolicyShelf(memory?.shelf)},
  };
}

export const NO_SESSIONS: SessionMemory = {
  sessions: new Set(),
  clients: new Set(),
  reflectors: new Set(),
};

interface Chosen {
  readonly records: ReturnType<typeof peersOfNode>;
  readonly hasMesh: boolean;
  readonly isCutOff: boolean; // no session is asked for, and the backend needs some
}

function deriveSpeaker(input: BgpInput, spec: BgpConfig['spec'], chosen: Chosen): BgpWish {
  const {self, underlay} = input.state;
  const shelf = new PolicyShelf(input.memory?.shelf);
  const policies = createPolicies(input, spec, shelf);
  const asn = asnOfNode(input.labels, spec);
  const ipv4 = underlay?.addresses.ipv4?.address;
  const identifier = identifierOf(self, input.labels, ipv4 ? {ipv4} : {});
  const neighbours = toNeighbours(input, chosen.records, {
    ...{asn: asn.value, policies, isLeaving: isLeaving(input, spec)},
  });
  const sessions = toSessions(input, spec, asn.value, chosen);
  const nodes = toNodePeers(input, spec, {
    ...{asn: asn.value, sessions, policies, taken: neighbours.addresses},
  });
  const config: SpeakerConfig = {
    asn: asn.value,
    identifier: identifier.value,
    clusterId: clusterIdOf(spec, sessions) ?? identifier.value,
    listen: {port: spec.listenPort ?? DEFAULT_PORT, addresses: []},
    gracefulRestart: toGracefulRestart(spec.gracefulRestart),
    multipath: {
      max: spec.multipath?.max ?? 16,
      maxInternal: spec.multipath?.maxInternal ?? spec.multipath?.max ?? 16,
      relaxAsPath: spec.multipath?.relaxAsPath ?? true,
      relaxPeerType: spec.multipath?.relaxPeerType ?? false,
    },
    alwaysCompareMed: spec.alwaysCompareMed ?? false,
    peers: [...neighbours.peers, ...nodes.peers],
    ranges: neighbours.ranges,
  };
  const ownLabels = [asn, identifier].flatMap(({problem}) => problem ?? []);
  const doubles = sameIdentifier(input, identifier.value);
  return {
    config,
    routes: toLocalRoutes(input.state, spec),
    installRoutes: spec.installRoutes ?? true,
    facts: sessions.facts,
    passwordFiles: [...new Set([...neighbours.passwordFiles, ...nodes.passwordFiles])],
    links: [...new Set(neighbours.links)],
    kept: sessions.kept,
    withheld: [...neighbours.withheld, ...nodes.withheld],
    problems: [
      ...neighbours.problems,
      ...ownLabels.map(message => ({key: `node/${self.name}`, message})),
      ...doubles,
      ...nodes.problems,
    ],
    memory: {...sessions.memory, shelf},
  };
}

/** Of those who reflect: a client with the cluster's id would take what is reflected to it for a loop. */
function clusterIdOf({routeReflector}: BgpConfig['spec'], {peers}: Sessions): number | undefined {
  const clusterId = parseAddress(routeReflector?.clusterId ?? '');
  const reflects = [...peers.values()].some(({isClient}) => isClient);
  return clusterId === undefined || !reflects ? undefined : toNumber(clusterId);
}

/** Within an AS two of one identifier refuse each other (RFC 6286 §2.2). */
function sameIdentifier({state}: BgpInput, identifier: number): readonly BgpProblem[] {
  return [...state.nodes.values()]
    .filter(({uid, labels, underlay}) => identifierOf({uid}, labels, underlay).value === identifier)
    .map(({name}) => ({
      key: `node/${name}`,
      message: `its BGP identifier is this node's; set the label ${identifierLabel} on one of them`,
    }));
}

function toSessions(
  {state, labels, settled, memory}: BgpInput,
  spec: BgpConfig['spec'],
  asn: number,
  {records, hasMesh, isCutOff}: Chosen,
): Sessions {
  const selector = spec.routeReflector?.nodeSelector;
  const isReflector = (of: typeof labels) =>
    selector !== undefined && matchesSelector(selector, of);
  const nodes = [...state.nodes.values()].map(({name, labels, bgp}): NodeView => ({
    ...{name, asn: asnOfNode(labels, spec).value, isReflector: isReflector(labels), bgp},
  }));
  const isSettled = records.some(({metadata}) => settled.peers.has(metadata.name));
  return chooseSessions({
    self: {asn, isReflector: isReflector(labels)},
    nodes,
    hasMesh,
    hasReflectors: selector !== undefined,
    settled: new Set(
      nodes.map(({name}) => name).filter(name => settled.peers.has(nodePeerName(name))),
    ),
    settledReflectors: settled.reflectors,
    fabric: records.length === 0 && !isCutOff ? 'none' : isSettled ? 'settled' : 'waiting',
    memory: memory ?? NO_SESSIONS,
  });
}

interface NodePeers {
  readonly peers: readonly PeerConfig[];
  readonly withheld: readonly string[];
  readonly passwordFiles: readonly string[];
  readonly problems: readonly BgpProblem[];
}

interface NodePeersOptions {
  readonly asn: number; // ours
  readonly sessions: Sessions;
  readonly policies: Policies;
  /** Addresses of BGPPeers: one that names a node stands for the session with it, also while it has no password. */
  readonly taken: ReadonlySet<string>;
}

function toNodePeers(
  input: BgpInput,
  spec: BgpConfig['spec'],
  {asn, sessions, policies, taken}: NodePeersOptions,
): NodePeers {
  if (sessions.peers.size === 0) return {peers: [], withheld: [], passwordFiles: [], problems: []};
  const from = spec.mesh?.passwordFrom;
  const passwordFile = passwordPath(from, input);
  const password = findPassword(from, input);
  const found = password.kind === 'missing' ? undefined : password.password;
  const wrong = password.kind === 'missing' ? [password.problem] : passwordComplaint(from, input);
  const problems: BgpProblem[] = wrong.map(message => ({
    ...{key: 'bgpconfig/default', message: `spec.mesh.${message}`},
  }));
  const peers: PeerConfig[] = [];
  const withheld: string[] = [];
  for (const [name, {isClient}] of sessions.peers) {
    const node = input.state.nodes.get(name);
    if (node === undefined) continue;
    const theirAsn = asnOfNode(node.labels, spec);
    const place = {asn, theirAsn: theirAsn.value, isClient, password: found};
    const peer = toNodePeer(input, spec, node, place, policies);
    if (theirAsn.problem !== undefined)
      problems.push({key: `node/${name}`, message: theirAsn.problem});
    if (peer === undefined)
      problems.push({key: `node/${name}`, message: 'no address family in common for BGP'});
    if (peer !== undefined && taken.has(peer.address)) continue;
    if (peer === undefined || password.kind === 'missing') withheld.push(nodePeerName(name));
    else peers.push(peer);
  }
  const passwordFiles = passwordFile === undefined ? [] : [passwordFile];
  return {peers, withheld, passwordFiles, problems};
}

function toGracefulRestart(
  given: BgpConfig['spec']['gracefulRestart'] = {},
): GracefulRestartConfig | undefined {
  if (given.enabled === false) return undefined;
  return {
    restartTimeSeconds: toSeconds(given.restartTime) ?? 120,
    staleTimeSeconds: toSeconds(given.stalePathTime) ?? 360,
    longLivedSeconds: toSeconds(given.longLivedTime) ?? 0,
    deferralMs: parseDurationMs(given.deferral ?? '') ?? 10_000,
  };
}

/**
 * The BGPPeers of this node as neighbours and ranges. Pure. A record that cannot be met in full (no
 * password yet, nobody heard on its link) is no neighbour at all: half of what was asked is worse.
 */
import {
  contains,
  formatAddress,
  isLinkLocal,
  parseCidr,
  sameAddress,
  type PeerConfig,
  type PeerRange,
} from '#bgp-fsm';
import {canonicalAddress} from '#ipam';
import type {BgpPeer} from '../../datastore/records/bgp-peer.js';
import {matchesSelector} from '../../datastore/records/selector.js';
import {uselessOnImport} from './filter.js';
import type {BgpInput, BgpProblem} from './input.js';
import {findPassword, passwordComplaint, passwordPath} from './password.js';
import {hasUselessRole, toPeerOptions} from './peer-options.js';
import type {Policies} from './policies.js';

export interface Neighbours {
  readonly peers: readonly PeerConfig[];
  readonly ranges: readonly PeerRange[];
  readonly passwordFiles: readonly string[];
  readonly links: readonly string[];
  readonly withheld: readonly string[]; // names of records that are no neighbour for now
  readonly addresses: ReadonlySet<string>; // of all records, of those as well
  readonly problems: readonly BgpProblem[];
}

export interface NeighbourOptions {
  readonly asn: number; // ours
  readonly policies: Policies;
  readonly isLeaving: boolean; // see BGPConfig's gracefulShutdown
}

/** `records`: those whose nodeSelector takes this node in. */
export function toNeighbours(
  input: BgpInput,
  records: readonly BgpPeer[],
  options: NeighbourOptions,
): Neighbours {
  const found = records.map(record => toNeighbour(input, record, options));
  const doubles = findDoubles(found.flatMap(({peer}) => peer ?? []));
  return {
    peers: found.flatMap(({peer}) => (peer && !doubles.has(peer.name) ? [peer] : [])),
    ranges: found.flatMap(({range}) => range ?? []),
    passwordFiles: records.flatMap(({spec}) => passwordPath(spec.passwordFrom, input) ?? []),
    links: records.flatMap(({spec}) =>
      spec.address === undefined && spec.interface !== undefined ? [spec.interface] : [],
    ),
    withheld: found
      .filter(({name, peer, range, isOwn}) => {
        const isMet = range !== undefined || (peer !== undefined && !doubles.has(name));
        return !isMet && isOwn !== true;
      })
      .map(({name}) => name),
    addresses: new Set(records.flatMap(({spec}) => canonicalAddress(spec.address ?? '') ?? [])),
    problems: found.flatMap(({name, peer, problems}) => {
      const double = peer && doubles.get(peer.name);
      const all = double === undefined ? problems : [...problems, double];
      return all.map(message => ({key: `bgppeer/${name}`, message}));
    }),
  };
}

export function peersOfNode(input: BgpInput): readonly BgpPeer[] {
  return [...input.state.resources.values()]
    .filter(resource => resource.kind === 'BGPPeer')
    .filter(({spec}) => matchesSelector(spec.nodeSelector ?? {}, input.labels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** In a subnet of ours: no router lies between. */
export function isOnLinkOf({state: {underlay}}: BgpInput, address: Uint8Array): boolean {
  const subnets = Object.values(underlay?.addresses ?? {});
  return isLinkLocal(address) || subnets.some(subnet => contains(subnet, address));
}

interface Neighbour {
  readonly name: string;
  readonly peer?: PeerConfig;
  readonly range?: PeerRange;
  readonly isOwn?: true; // this node itself
  readonly problems: readonly string[];
}

function toNeighbour(
  input: BgpInput,
  {metadata: {name}, spec}: BgpPeer,
  {asn, policies, isLeaving}: NeighbourOptions,
): Neighbour {
  const notes = [
    ...uselessOnImport(spec.import ?? []),
    ...(hasUselessRole(spec, asn) ? [inSpec(USELESS_ROLE)] : []),
    ...passwordComplaint(spec.passwordFrom, input).map(inSpec),
  ];
  const password = findPassword(spec.passwordFrom, input);
  if (password.kind === 'missing') return {name, problems: [...notes, inSpec(password.problem)]};
  const text = spec.address ?? input.linkNeighbours.get(spec.interface ?? '');
  if (text === undefined) {
    const link = spec.interface ?? '';
    return {name, problems: [...notes, `spec.interface: nobody was heard on ${link} yet`]};
  }
  const prefix = parseCidr(text);
  if (prefix === undefined) return {name, problems: [...notes, `spec.address: ${text} is none`]};
  if (isOwn(input, prefix.address)) return {name, isOwn: true, problems: notes};

  const isOnLink = isOnLinkOf(input, prefix.address);
  const place = {asn, address: prefix.address, isOnLink, isLeaving};
  const options = toPeerOptions(spec, {...place, password: password.password}, policies);
  if (text.includes('/')) {
    const maxPeers = spec.maxPeers ?? DEFAULT_MAX_PEERS;
    return {name, range: {...options, passive: true, name, cidr: text, maxPeers}, problems: notes};
  }
  const address = formatAddress(prefix.address);
  const port = spec.port ?? DEFAULT_PORT;
  return {
    name,
    peer: {...options, name, address, interface: spec.interface, port},
    problems: notes,
  };
}

const USELESS_ROLE = 'role: has no effect, the session is internal and roles are between ASes';

export const DEFAULT_PORT = 179;
const DEFAULT_MAX_PEERS = 100;

function inSpec(problem: string): string {
  return `spec.${problem}`;
}

/** A record for all nodes may name one of them: that one has no session with itself. */
function isOwn({state: {underlay}}: BgpInput, address: Uint8Array): boolean {
  return Object.values(underlay?.addresses ?? {}).some(own => sameAddress(own.address, address));
}

/** Two records for one place: the first name gets it, unless they speak from different addresses. */
function findDoubles(peers: readonly PeerConfig[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const doubles = new Map<string, string>();
  for (const {name, address, interface: link, sourceAddress} of peers) {
    const place = `${address}%${link ?? ''} ${sourceAddress ?? ''}`;
    const owner = owners.get(place);
    if (owner === undefined) owners.set(place, name);
    else doubles.set(name, `spec.address: BGPPeer ${owner} has ${address} already`);
  }
  return doubles;
}

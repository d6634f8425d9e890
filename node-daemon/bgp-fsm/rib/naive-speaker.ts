/**
 * For tests: what a speaker with these peers, paths and policies must have selected and announced, worked
 * out anew from the rules of RFC 4271 §9, 4456, 1997 and 8326 each time. Objects and maps, IPv4, one path a
 * prefix; written apart from the RIB, so that a mistake in that is not agreed to. Pure.
 */
import type {PathAttributes} from '../wire/attributes.js';
import {wordsOf} from '../wire/nlri.js';
import {parseCidr} from '../wire/address.js';
import type {Policy} from '../policy/types.js';
import type {PeerPolicy} from './types.js';

export interface NaivePeer {
  readonly asn: number;
  readonly identifier: number;
  readonly address: string;
  policy: PeerPolicy;
  isUp: boolean;
  readonly paths: Map<string, NaivePath>;
}

export interface NaivePath {
  readonly attributes: PathAttributes; // as the peer sends them
  readonly nextHop: string;
}

/** One that may be chosen. `peer` undefined: ours. */
interface Candidate extends NaivePath {
  readonly peer: NaivePeer | undefined;
  readonly metric: number; // of the next hop
}

export const OWN = {asn: 64512, identifier: 0x0a00_0001, nextHop: '192.0.2.1'};
const NO_EXPORT = 0xffff_ff01;
const NO_ADVERTISE = 0xffff_ff02;
const GRACEFUL_SHUTDOWN = 0xffff_0000;

export class NaiveSpeaker {
  readonly metrics = new Map<string, number | undefined>(); // of next hops; undefined: unreachable
  local = new Map<string, PathAttributes>();
  readonly #peers: readonly NaivePeer[];

  constructor(peers: readonly NaivePeer[]) {
    this.#peers = peers;
  }

  /** 'prefix -> next hop', of what goes into the kernel. */
  get selected(): readonly string[] {
    return this.#prefixes().flatMap(prefix => {
      const best = this.#best(prefix);
      return best?.peer === undefined ? [] : [`${prefix} -> ${best.nextHop}`];
    });
  }

  /** What the peer must have been told, as `lineOf` writes it. */
  announcedTo(peer: NaivePeer): readonly string[] {
    return this.#prefixes().flatMap(prefix => {
      const best = this.#best(prefix);
      const told = best && this.#export(prefix, best, peer);
      return told === undefined ? [] : [lineOf(prefix, told)];
    });
  }

  #prefixes(): readonly string[] {
    const all = [...this.local.keys(), ...this.#peers.flatMap(({paths}) => [...paths.keys()])];
    return [...new Set(all)].sort();
  }

  #best(prefix: string): Candidate | undefined {
    const local = this.local.get(prefix);
    if (local !== undefined) return {attributes: local, nextHop: '', metric: 0, peer: undefined};
    const candidates = this.#peers.flatMap(peer => {
      const path = peer.paths.get(prefix);
      const attributes = path && importOf(prefix, path, peer);
      if (path === undefined || attributes === undefined) return [];
      const {nextHop} = path;
      const metric = this.metrics.has(nextHop) ? this.metrics.get(nextHop) : 0;
      if (metric === undefined || (metric > 0 && peer.policy.nextHopsOnLink)) return [];
      return [{attributes, nextHop, metric, peer}];
    });
    // MED first, inside each neighbour AS: it orders no others
    const winners = new Map<number, Candidate>();
    for (const each of candidates) {
      const held = winners.get(neighbourOf(each));
      const isBetter = held === undefined || compare(each, held, true) < 0;
      if (isBetter) winners.set(neighbourOf(each), each);
    }
    return [...winners.values()].sort((a, b) => compare(a, b, false))[0];
  }

  #export(prefix: string, {attributes, nextHop, peer: from}: Candidate, to: NaivePeer) {
    const {policy} = to;
    const isInternal = isInside(to);
    const inside = from !== undefined && isInside(from) ? from : undefined;
    if (from === to) return undefined;
    if (isInternal && inside !== undefined) {
      if (!inside.policy.reflectorClient && !policy.reflectorClient) return undefined;
    }
    if (!isInternal && policy.exportPolicy === undefined) return undefined; // RFC 8212
    const communities = attributes.communities ?? [];
    if (from !== undefined && communities.includes(NO_ADVERTISE)) return undefined;
    if (from !== undefined && !isInternal && communities.includes(NO_EXPORT)) return undefined;
    const isReflected = isInternal && inside !== undefined;
    const chosen = choose(policy.exportPolicy, prefix, attributes, from === undefined, isReflected);
    if (chosen === undefined) return undefined;
    const {attributes: after, nextHopSelf, prependCount, setsMed} = chosen;
    const isSelf =
      nextHop === '' ||
      !isInternal ||
      nextHopSelf ||
      policy.nextHop === 'self-force' ||
      (policy.nextHop === 'self' && !isReflected);
    if (!isSelf && nextHop === to.address) return undefined;
    return {
      nextHop: isSelf ? OWN.nextHop : nextHop,
      attributes: isInternal
        ? toInside(after, from, isReflected)
        : toOutside(after, {keepsMed: from === undefined || setsMed, prependCount}),
    };
  }
}

/** One route as it was announced, whoever worked it out. */
export function lineOf(
  prefix: string,
  {nextHop, attributes}: {nextHop: string; attributes: PathAttributes},
): string {
  const {localPref, med, communities = [], originatorId, clusterList = []} = attributes;
  const path = attributes.asPath?.flatMap(({asns}) => asns) ?? [];
  return [
    ...[prefix, nextHop, `[${path.join(' ')}]`, `lp ${localPref}`, `med ${med}`],
    ...[`c ${communities.join()}`, `o ${originatorId}`, `l ${clusterList.join()}`],
  ].join(' ');
}

function isInside({asn}: NaivePeer): boolean {
  return asn === OWN.asn;
}

/** Undefined: it does not come in. */
function importOf(prefix: string, {attributes}: NaivePath, peer: NaivePeer) {
  const {policy} = peer;
  const path = attributes.asPath?.flatMap(({asns}) => asns) ?? [];
  if (path.filter(asn => asn === OWN.asn).length > policy.allowAsIn) return undefined;
  if (isInside(peer)) {
    if (attributes.originatorId === OWN.identifier) return undefined;
    if (attributes.clusterList?.includes(OWN.identifier) === true) return undefined;
  } else {
    if (policy.importPolicy === undefined) return undefined;
    if (policy.enforceFirstAs && path[0] !== peer.asn) return undefined;
  }
  if (path.length > (policy.maxAsPath ?? Infinity)) return undefined;
  const after = choose(policy.importPolicy, prefix, attributes, false, false)?.attributes;
  const leaves = !isInside(peer) && after?.communities?.includes(GRACEFUL_SHUTDOWN) === true;
  return leaves ? {...after, localPref: 0} : after;
}

function choose(
  policy: Policy | undefined,
  prefix: string,
  attributes: PathAttributes,
  isLocal: boolean,
  isReflected: boolean,
) {
  if (policy === undefined) {
    return {attributes, nextHopSelf: false, prependCount: 0, setsMed: false};
  }
  const {address, bits} = parseCidr(prefix)!;
  const subject = {family: 'ipv4' as const, words: wordsOf(address), bits, attributes};
  const rule = policy.choose({...subject, isLocal, isReflected});
  return rule < 0 ? undefined : policy.apply(rule, attributes);
}

function toInside(
  attributes: PathAttributes,
  from: NaivePeer | undefined,
  isReflected: boolean,
): PathAttributes {
  const {localPref = 100, originatorId, clusterList = []} = attributes;
  if (!isReflected) {
    return {...attributes, localPref, originatorId: undefined, clusterList: undefined};
  }
  return {
    ...{...attributes, localPref, originatorId: originatorId ?? from?.identifier},
    clusterList: [OWN.identifier, ...clusterList],
  };
}

function toOutside(
  {asPath = [], ...after}: PathAttributes,
  {keepsMed, prependCount}: {keepsMed: boolean; prependCount: number},
): PathAttributes {
  const own = new Array<number>(prependCount + 1).fill(OWN.asn);
  const asns = [...own, ...asPath.flatMap(segment => segment.asns)];
  return {
    asPath: [{kind: 'sequence', asns}],
    med: keepsMed ? after.med : undefined,
    communities: after.communities,
  };
}

function neighbourOf({attributes}: Candidate): number {
  return attributes.asPath?.[0]?.asns[0] ?? 0;
}

/** < 0: a is better. */
function compare(a: Candidate, b: Candidate, withMed: boolean): number {
  const [x, y] = [a.attributes, b.attributes];
  const length = (path: PathAttributes) => path.asPath?.flatMap(({asns}) => asns).length ?? 0;
  const inside = ({peer}: Candidate) => Number(peer !== undefined && isInside(peer));
  const identifier = ({attributes, peer}: Candidate) =>
    attributes.originatorId ?? peer?.identifier ?? 0;
  const address = ({peer}: Candidate) => Number(peer?.address.split('.').at(-1));
  return (
    (y.localPref ?? 100) - (x.localPref ?? 100) ||
    length(x) - length(y) ||
    (x.origin ?? 0) - (y.origin ?? 0) ||
    (withMed ? (x.med ?? 0) - (y.med ?? 0) : 0) ||
    inside(a) - inside(b) ||
    a.metric - b.metric ||
    identifier(a) - identifier(b) ||
    (x.clusterList?.length ?? 0) - (y.clusterList?.length ?? 0) ||
    address(a) - address(b)
  );
}

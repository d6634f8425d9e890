/** For tests: sessions, policies and UPDATEs for a RIB, by hand. Pure. */
import {encodeAttributes} from '../wire/attribute-encode.js';
import type {PathAttributes} from '../wire/attributes.js';
import {formatAddress, parseAddress, parseCidr} from '../wire/address.js';
import {EMPTY, octetsOf} from '../wire/bytes.js';
import type {Negotiated} from '../fsm/negotiate.js';
import {unchanged, type Policy} from '../policy/types.js';
import type {Family} from '../wire/family.js';
import {HEADER_LENGTH} from '../wire/constants.js';
import {nextMessage} from '../wire/header.js';
import {wordsOf} from '../wire/nlri.js';
import {decodeUpdate} from '../wire/update-message.js';
import {UpdatePacker} from '../wire/update-packer.js';
import type {PeerPolicy, RibApi, RibOptions, RibSession} from './types.js';

export const options: RibOptions = {
  ...{asn: 64512, identifier: 0x0a000001, clusterId: 0x0a000001, alwaysCompareMed: false},
  multipath: {max: 1, maxInternal: 1, relaxAsPath: false, relaxPeerType: false},
};

export const acceptAll: Policy = {
  id: 'accept all',
  looksAtPrefix: false,
  looksAtAttributes: false,
  changes: () => false,
  choose: () => 0,
  apply: (_, attributes) => unchanged(attributes),
};

export const plain: PeerPolicy = {
  ...{importPolicy: acceptAll, exportPolicy: acceptAll, localAs: undefined, reflectorClient: false},
  ...({nextHop: 'auto', allowAsIn: 0, enforceFirstAs: false, asOverride: false} as const),
  ...{removePrivateAs: false, role: undefined, maxPrefixes: undefined, addPathMax: 1},
  ...{linkBandwidth: undefined, gracefulShutdown: false, defaultLocalPref: 100},
  ...{maxAsPath: undefined, maxCommunities: undefined, nextHopsOnLink: false},
};

export interface PaperSession {
  readonly asn: number;
  readonly identifier: number;
  readonly change?: Partial<Negotiated>;
}

export function sessionOf({asn, identifier, change}: PaperSession): RibSession {
  const internal = asn === options.asn;
  const none = {send: false, receive: false};
  const negotiated: Negotiated = {
    ...{peerAsn: asn, peerIdentifier: identifier, internal, as4: true},
    ...{holdTimeSeconds: 90, keepaliveMs: 30_000, sendHoldMs: 0},
    ...{families: ['ipv4', 'ipv6'], routeRefresh: true, enhancedRefresh: true},
    ...{maxSendOctets: 4096, maxReceiveOctets: 4096, addPath: {ipv4: none, ipv6: none}},
    ...{extendedNextHop: [], peerRole: undefined, gracefulRestart: undefined, longLived: []},
    ...change,
  };
  const family = (of: Family) => ({
    receivesPathIds: negotiated.addPath[of].receive,
    extendedNextHop: negotiated.extendedNextHop.includes(of),
  });
  return {
    negotiated,
    wire: {
      ...{peer: internal ? 'internal' : 'external', as4: negotiated.as4},
      families: {ipv4: family('ipv4'), ipv6: family('ipv6')},
    },
    ...{peerAddress: octets('192.0.2.9'), ifindex: 0, isDirect: true, holdsEndOfRib: false},
    nextHops: {ipv4: octets('192.0.2.1'), ipv6: octets('2001:db8::1'), linkLocal: undefined},
  };
}

/** Attributes as a peer of that AS would send them. */
export function pathBy(asns: readonly number[], change: PathAttributes = {}): PathAttributes {
  const asPath = asns.length === 0 ? [] : [{kind: 'sequence' as const, asns}];
  return {origin: 0, asPath, ...change};
}

export interface PaperUpdate {
  readonly cidrs: readonly string[];
  readonly attributes?: PathAttributes; // without: withdrawn
  readonly nextHop?: string;
  readonly pathId?: number;
}

/** Messages for the prefixes, which are all of one family. */
export function updateOf(update: PaperUpdate, session: RibSession): Uint8Array {
  const {cidrs, attributes, pathId = 0} = update;
  const family: Family = cidrs[0]?.includes(':') === true ? 'ipv6' : 'ipv4';
  const nextHop = update.nextHop ?? (family === 'ipv4' ? '192.0.2.9' : '2001:db8::9');
  const {addPath, as4} = session.negotiated;
  const sendsPathIds = {ipv4: addPath.ipv4.receive, ipv6: addPath.ipv6.receive};
  const packer = new UpdatePacker({sendsPathIds});
  if (attributes === undefined) packer.withdraw(family);
  else if (family === 'ipv4' && !nextHop.includes(':')) {
    const word = wordsOf(octets(nextHop))[0];
    packer.announce(family, encodeAttributes({...attributes, nextHop: word}, as4 ? 4 : 2));
  } else packer.announce(family, encodeAttributes(attributes, as4 ? 4 : 2), octets(nextHop));
  for (const cidr of cidrs) {
    const {address, bits} = parseCidr(cidr)!;
    packer.add(wordsOf(address), bits, pathId);
  }
  return packer.take();
}

export function feed(rib: RibApi, peer: number, bytes: Uint8Array) {
  const results = [];
  for (let at = 0; at < bytes.length;) {
    const frame = nextMessage(bytes, at, bytes.length);
    if (frame.kind !== 'message') throw new Error(frame.kind);
    results.push(rib.receive(peer, bytes, at, frame.length));
    at += frame.length;
  }
  return results;
}

/** What a peer that was sent these messages has: prefix (and path id) -> next hop and AS_PATH. */
export class Receiver {
  readonly routes = new Map<string, {attributes: PathAttributes; nextHop: string}>();
  readonly endOfRib: Family[] = [];
  readonly others: number[] = []; // types of messages that are no UPDATE
  messages = 0;
  readonly #session: RibSession;

  constructor(session: RibSession) {
    this.#session = session;
  }

  take(bytes: Uint8Array | undefined): void {
    const all = bytes ?? EMPTY;
    for (let at = 0; at < all.length;) {
      const frame = nextMessage(all, at, all.length);
      if (frame.kind !== 'message') throw new Error(`not a message at ${at}`);
      this.#takeOne(all, at, frame.length, frame.type);
      at += frame.length;
    }
  }

  /** `prefix -> next hop [AS_PATH]`, in order. */
  get lines(): readonly string[] {
    return [...this.routes]
      .map(([key, {attributes, nextHop}]) => `${key} -> ${nextHop} [${asns(attributes).join(' ')}]`)
      .sort();
  }

  #takeOne(bytes: Uint8Array, at: number, length: number, type: number): void {
    this.messages++;
    if (type !== 2) return void this.others.push(bytes[at + HEADER_LENGTH + 2] ?? 0);
    const {addPath, as4, extendedNextHop} = this.#session.negotiated;
    const family = (of: Family) => ({
      receivesPathIds: addPath[of].send,
      extendedNextHop: extendedNextHop.includes(of),
    });
    const update = decodeUpdate(bytes, at, length, {
      ...{peer: 'internal', as4},
      families: {ipv4: family('ipv4'), ipv6: family('ipv6')},
    });
    if (update.verdict.kind !== 'ok') throw new Error(JSON.stringify(update.verdict));
    if (update.endOfRib !== undefined) this.endOfRib.push(update.endOfRib);
    for (const each of [...update.withdrawn, ...(update.mpUnreach?.nlri ?? [])]) {
      if (!this.routes.delete(keyOf(each))) throw new Error(`withdrawn twice: ${keyOf(each)}`);
    }
    const {attributes} = update;
    const classic = formatAddress(octetsOf(attributes.nextHop ?? 0));
    for (const each of update.announced) {
      this.routes.set(keyOf(each), {attributes, nextHop: classic});
    }
    for (const each of update.mpReach?.nlri ?? []) {
      const nextHop = formatAddress(update.mpReach!.nextHop.subarray(0, 16));
      this.routes.set(keyOf(each), {attributes, nextHop});
    }
  }
}

/** Until nothing is left to decide or to send. */
export function drain(rib: RibApi, peer: number, receiver?: Receiver): void {
  while (rib.work(100));
  for (;;) {
    const bytes = rib.takeUpdates(peer, 4096);
    if (bytes === undefined) return;
    receiver?.take(bytes);
  }
}

export function octets(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

function keyOf({
  address,
  bits,
  pathId,
}: {
  address: Uint8Array;
  bits: number;
  pathId: number;
}): string {
  return `${formatAddress(address)}/${bits}${pathId === 0 ? '' : ` id ${pathId}`}`;
}

export function asns({asPath = []}: PathAttributes): readonly number[] {
  return asPath.flatMap(segment => segment.asns);
}

/**
 * MRT files (RFC 6396, with path ids RFC 8050), read: what collectors and routers dump. Pure. For tests and
 * the bench, which feed real tables and real UPDATEs to the speaker.
 *
 *    0           4      6         8        12
 *   +-----------+------+---------+--------+------------------+
 *   | timestamp | type | subtype | length | ... length octets |    one record; the next follows
 *   +-----------+------+---------+--------+------------------+
 */
import {widthOf, type Family} from './family.js';
import {EMPTY, u16, u32, u8} from './bytes.js';
import {ATTR_MP_REACH, HEADER_LENGTH} from './constants.js';
import {valueLength, valueOffset} from './attributes.js';

export type MrtRecord =
  | MrtPeers
  | MrtRib
  | MrtMessage
  /** One whose type is not read: multicast, OSPF, a change of state … */
  | {readonly kind: 'other'; readonly timestamp: number; readonly type: number; subtype: number};

/** PEER_INDEX_TABLE: what the peer indices of the RIB records after it mean. */
export interface MrtPeers {
  readonly kind: 'peers';
  readonly timestamp: number; // seconds since 1970
  readonly collector: number; // BGP Identifier
  readonly view: string;
  readonly peers: readonly MrtPeer[];
}

export interface MrtPeer {
  readonly identifier: number;
  readonly address: Uint8Array;
  readonly asn: number;
}

/** RIB_IPV4_UNICAST, RIB_IPV6_UNICAST: one prefix. */
export interface MrtRib {
  readonly kind: 'rib';
  readonly timestamp: number;
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly entries: readonly MrtEntry[];
}

export interface MrtEntry {
  readonly peer: number; // index in `peers`
  readonly originated: number; // seconds since 1970
  readonly pathId: number | undefined;
  /** Path attributes with AS numbers of four octets; of MP_REACH there is only the next hop. A view. */
  readonly attributes: Uint8Array;
  /** Of MP_REACH: 16 or 32 octets; empty: NEXT_HOP is among the attributes. */
  readonly nextHop: Uint8Array;
}

/** BGP4MP_MESSAGE…: a message as it was on the wire. */
export interface MrtMessage {
  readonly kind: 'message';
  readonly timestamp: number;
  readonly peer: {readonly address: Uint8Array; readonly asn: number};
  readonly local: {readonly address: Uint8Array; readonly asn: number};
  readonly as4: boolean; // AS_PATH has numbers of four octets
  readonly addPath: boolean; // RFC 8050: NLRI have path ids
  readonly isOurs: boolean; // …_LOCAL: the dumping router sent it
  readonly message: Uint8Array; // header included; a view
}

export class MrtError extends Error {
  override readonly name = 'MrtError';
  readonly code = 'MRT';

  constructor(field: string, at: number, problem: string) {
    super(`MRT ${field} at octet ${at}: ${problem}`);
  }
}

const RECORD_HEADER = 12;
const TABLE_DUMP_V2 = 13;
const BGP4MP = 16;
const BGP4MP_ET = 17; // with microseconds before the rest
const PEER_INDEX_TABLE = 1;
const IPV6_ADDRESS = 1;
const FOUR_OCTET_AS = 2;

interface RibKind {
  readonly family: Family;
  readonly addPath: boolean;
}

const ribs: ReadonlyMap<number, RibKind> = new Map([
  [2, {family: 'ipv4', addPath: false}],
  [4, {family: 'ipv6', addPath: false}],
  [8, {family: 'ipv4', addPath: true}],
  [10, {family: 'ipv6', addPath: true}],
]);

type MessageKind = Pick<MrtMessage, 'as4' | 'addPath' | 'isOurs'>;

const messages: ReadonlyMap<number, MessageKind> = new Map([
  [1, {as4: false, addPath: false, isOurs: false}],
  [4, {as4: true, addPath: false, isOurs: false}],
  [6, {as4: false, addPath: false, isOurs: true}],
  [7, {as4: true, addPath: false, isOurs: true}],
  [8, {as4: false, addPath: true, isOurs: false}],
  [9, {as4: true, addPath: true, isOurs: false}],
  [10, {as4: false, addPath: true, isOurs: true}],
  [11, {as4: true, addPath: true, isOurs: true}],
]);

/**
 * Record by record, nothing before it is asked for.
 * @throws MrtError when a length does not fit what is there; records before it were handed out.
 */
export function* readMrt(bytes: Uint8Array): Generator<MrtRecord, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    if (left < RECORD_HEADER) throw new MrtError('record', at, `${left} octets are no header`);
    const end = at + RECORD_HEADER + u32(bytes, at + 8);
    if (end > bytes.length) {
      throw new MrtError('record', at, `${end - at} octets, ${left} are left`);
    }
    yield readRecord(bytes, at, end);
    at = end;
  }
}

function readRecord(bytes: Uint8Array, start: number, end: number): MrtRecord {
  const timestamp = u32(bytes, start);
  const type = u16(bytes, start + 4);
  const subtype = u16(bytes, start + 6);
  const body = new Body(bytes, start + RECORD_HEADER, end);
  const rib = type === TABLE_DUMP_V2 ? ribs.get(subtype) : undefined;
  if (rib !== undefined) return readRib(body, timestamp, rib);
  if (type === TABLE_DUMP_V2 && subtype === PEER_INDEX_TABLE) return readPeers(body, timestamp);
  const message = type === BGP4MP || type === BGP4MP_ET ? messages.get(subtype) : undefined;
  if (message === undefined) return {kind: 'other', timestamp, type, subtype};
  if (type === BGP4MP_ET) body.take('microseconds', 4);
  return readMessage(body, timestamp, message);
}

function readPeers(body: Body, timestamp: number): MrtPeers {
  const collector = body.u32('collector');
  const view = new TextDecoder().decode(body.take('view', body.u16('view length')));
  const peers = Array.from({length: body.u16('peer count')}, (): MrtPeer => {
    const flags = body.u8('peer type');
    const identifier = body.u32('peer identifier');
    const address = body.take('peer address', (flags & IPV6_ADDRESS) !== 0 ? 16 : 4);
    const asn = (flags & FOUR_OCTET_AS) !== 0 ? body.u32('peer AS') : body.u16('peer AS');
    return {identifier, address, asn};
  });
  return {kind: 'peers', timestamp, collector, view, peers};
}

function readRib(body: Body, timestamp: number, {family, addPath}: RibKind): MrtRib {
  body.u32('sequence');
  const bits = body.u8('prefix length');
  const width = widthOf(family);
  if (bits > width * 8) throw new MrtError('prefix length', body.at - 1, `${bits} of ${family}`);
  const address = new Uint8Array(width);
  address.set(body.take('prefix', (bits + 7) >>> 3));
  const entries = Array.from({length: body.u16('entry count')}, (): MrtEntry => {
    const peer = body.u16('peer index');
    const originated = body.u32('originated');
    const pathId = addPath ? body.u32('path id') : undefined;
    const attributes = body.take('attributes', body.u16('attribute length'));
    return {peer, originated, pathId, attributes, nextHop: nextHopOf(attributes)};
  });
  return {kind: 'rib', timestamp, family, address, bits, entries};
}

/** RFC 6396 §4.3.4: length and next hop only. Some write all of MP_REACH, which begins with a zero. */
function nextHopOf(attributes: Uint8Array): Uint8Array {
  for (let at = 0; at < attributes.length;) {
    const valueAt = valueOffset(attributes, at, attributes.length);
    if (valueAt < 0) return EMPTY;
    const end = valueAt + valueLength(attributes, at);
    if (u8(attributes, at + 1) === ATTR_MP_REACH && end <= attributes.length) {
      const lengthAt = u8(attributes, valueAt) === 0 ? valueAt + 3 : valueAt;
      return attributes.slice(lengthAt + 1, Math.min(end, lengthAt + 1 + u8(attributes, lengthAt)));
    }
    at = end;
  }
  return EMPTY;
}

function readMessage(body: Body, timestamp: number, kind: MessageKind): MrtMessage {
  const asn = () => (kind.as4 ? body.u32('AS') : body.u16('AS'));
  const [peerAsn, localAsn] = [asn(), asn()];
  body.u16('interface index');
  const afi = body.u16('address family');
  if (afi !== 1 && afi !== 2) throw new MrtError('address family', body.at - 2, `${afi}`);
  const width = afi === 1 ? 4 : 16;
  const [peer, local] = [body.take('peer address', width), body.take('local address', width)];
  const message = body.take('message', body.left);
  if (message.length < HEADER_LENGTH) {
    throw new MrtError('message', body.at, `${message.length} octets`);
  }
  return {
    ...{kind: 'message', timestamp, ...kind, message},
    peer: {address: peer, asn: peerAsn},
    local: {address: local, asn: localAsn},
  };
}

/** Octets of one record, taken from the front. */
class Body {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.at;
  }

  u8(field: string): number {
    return u8(this.#bytes, this.#pass(field, 1));
  }

  u16(field: string): number {
    return u16(this.#bytes, this.#pass(field, 2));
  }

  u32(field: string): number {
    return u32(this.#bytes, this.#pass(field, 4));
  }

  /** A view. */
  take(field: string, octets: number): Uint8Array {
    const at = this.#pass(field, octets);
    return this.#bytes.subarray(at, at + octets);
  }

  #pass(field: string, octets: number): number {
    if (octets > this.left) {
      throw new MrtError(field, this.at, `${octets} octets, the record has ${this.left} left`);
    }
    const {at} = this;
    this.at += octets;
    return at;
  }
}

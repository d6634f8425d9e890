/**
 * Path attributes to octets, in ascending order of type (RFC 4271 §5). Pure.
 *
 * MP_REACH is the packer's: it stands before these (RFC 7606 §5.1) and holds the prefixes. To a
 * peer with 2-octet AS numbers AS_PATH and AGGREGATOR go with AS_TRANS, and AS4_PATH and
 * AS4_AGGREGATOR beside them where a number does not fit (RFC 6793 §4.2.2).
 *
 * Every length is known before its value is written: nothing is buffered or moved.
 */
import {asPathOctets, encodeAsPath, needsAs4, type AsPath} from './as-path.js';
import type {Aggregator, PathAttributes, UnknownAttribute} from './attributes.js';
import {Writer} from './bytes.js';
import {encodeExtendedCommunities, encodeLargeCommunities} from './communities.js';
import * as c from './constants.js';

const WELL_KNOWN = c.FLAG_TRANSITIVE;
const NON_TRANSITIVE = c.FLAG_OPTIONAL;
const TRANSITIVE = c.FLAG_OPTIONAL | c.FLAG_TRANSITIVE;

/** A block for many prefixes; NEXT_HOP is in it when `attributes` have one. */
export function encodeAttributes(attributes: PathAttributes, asnOctets: 2 | 4 = 4): Uint8Array {
  const out = new Writer(128);
  encodeAttributesTo(out, attributes, asnOctets);
  return out.take();
}

/** The same, appended to a buffer that is kept. */
export function encodeAttributesTo(
  out: Writer,
  attributes: PathAttributes,
  asnOctets: 2 | 4 = 4,
): void {
  const encoder = new AttributeEncoder(out, attributes);
  const isOld = asnOctets === 2;
  const {asPath, aggregator} = attributes;
  encoder.word(c.ATTR_ORIGIN, WELL_KNOWN, attributes.origin, 1);
  encoder.path(c.ATTR_AS_PATH, WELL_KNOWN, asPath, asnOctets);
  encoder.word(c.ATTR_NEXT_HOP, WELL_KNOWN, attributes.nextHop);
  encoder.word(c.ATTR_MED, NON_TRANSITIVE, attributes.med);
  encoder.word(c.ATTR_LOCAL_PREF, WELL_KNOWN, attributes.localPref);
  if (attributes.atomicAggregate === true) encoder.head(c.ATTR_ATOMIC_AGGREGATE, WELL_KNOWN, 0);
  encoder.aggregator(c.ATTR_AGGREGATOR, aggregator, asnOctets);
  encoder.words(c.ATTR_COMMUNITIES, TRANSITIVE, attributes.communities);
  encoder.word(c.ATTR_ORIGINATOR_ID, NON_TRANSITIVE, attributes.originatorId);
  encoder.words(c.ATTR_CLUSTER_LIST, NON_TRANSITIVE, attributes.clusterList);
  encoder.extendedCommunities(attributes.extendedCommunities);
  if (isOld && asPath !== undefined && needsAs4(asPath)) {
    encoder.path(c.ATTR_AS4_PATH, TRANSITIVE, asPath, 4);
  }
  if (isOld && aggregator !== undefined && aggregator.asn > 0xffff) {
    encoder.aggregator(c.ATTR_AS4_AGGREGATOR, aggregator, 4);
  }
  encoder.aigp(attributes.aigp);
  encoder.largeCommunities(attributes.largeCommunities);
  encoder.word(c.ATTR_OTC, TRANSITIVE, attributes.otc);
  encoder.octets(c.ATTR_PREFIX_SID, TRANSITIVE, attributes.prefixSid);
  encoder.end();
}

/**
 * One method per shape of value; what is undefined is left out, and so is an empty list, which
 * would be malformed (RFC 7606 §7). Unknown attributes come in between where their type belongs.
 */
class AttributeEncoder {
  readonly #out: Writer;
  readonly #partialTypes: readonly number[] | undefined;
  readonly #unknown: readonly UnknownAttribute[] | undefined;
  #nextUnknown = 0;

  constructor(out: Writer, {partialTypes, unknown}: PathAttributes) {
    this.#out = out;
    this.#partialTypes = partialTypes;
    this.#unknown = unknown;
  }

  head(type: number, flags: number, length: number): Writer {
    if (this.#unknown !== undefined) this.#unknownBelow(type, this.#unknown);
    const isPartial = this.#partialTypes?.includes(type) === true;
    return writeHead(this.#out, isPartial ? flags | c.FLAG_PARTIAL : flags, type, length);
  }

  end(): void {
    if (this.#unknown !== undefined) this.#unknownBelow(256, this.#unknown);
  }

  word(type: number, flags: number, value: number | undefined, octets: 1 | 4 = 4): void {
    if (value === undefined) return;
    const out = this.head(type, flags, octets);
    if (octets === 1) out.u8(value);
    else out.u32(value);
  }

  words(type: number, flags: number, values: readonly number[] | undefined): void {
    if (values === undefined || values.length === 0) return;
    const fit = fitting(values, 4);
    const out = this.head(type, flags, fit.length * 4);
    for (const value of fit) out.u32(value);
  }

  octets(type: number, flags: number, value: Uint8Array | undefined): void {
    if (value !== undefined) this.head(type, flags, value.length).bytes(value);
  }

  path(type: number, flags: number, path: AsPath | undefined, asnOctets: 2 | 4): void {
    if (path === undefined) return;
    encodeAsPath(this.head(type, flags, asPathOctets(path, asnOctets)), path, asnOctets);
  }

  aggregator(type: number, value: Aggregator | undefined, asnOctets: 2 | 4): void {
    if (value === undefined) return;
    const out = this.head(type, TRANSITIVE, asnOctets + 4);
    if (asnOctets === 4) out.u32(value.asn);
    else out.u16(value.asn > 0xffff ? c.AS_TRANS : value.asn);
    out.u32(value.address);
  }

  extendedCommunities(all: PathAttributes['extendedCommunities']): void {
    if (all === undefined || all.length === 0) return;
    const fit = fitting(all, 8);
    const out = this.head(c.ATTR_EXTENDED_COMMUNITIES, TRANSITIVE, fit.length * 8);
    encodeExtendedCommunities(out, fit);
  }

  largeCommunities(all: PathAttributes['largeCommunities']): void {
    if (all === undefined || all.length === 0) return;
    const fit = fitting(all, 12);
    const out = this.head(c.ATTR_LARGE_COMMUNITIES, TRANSITIVE, fit.length * 12);
    encodeLargeCommunities(out, fit);
  }

  /** RFC 7311 §3: the metric is the TLV of type 1 and 11 octets. */
  aigp(metric: bigint | undefined): void {
    if (metric === undefined) return;
    const out = this.head(c.ATTR_AIGP, NON_TRANSITIVE, 11).u8(1).u16(11);
    out.u32(Number(metric >> 32n)).u32(Number(metric & 0xffffffffn));
  }

  #unknownBelow(type: number, unknown: readonly UnknownAttribute[]): void {
    for (;;) {
      const next = unknown[this.#nextUnknown];
      if (next === undefined || next.type >= type) return;
      writeHead(this.#out, TRANSITIVE | c.FLAG_PARTIAL, next.type, next.value.length);
      this.#out.bytes(next.value);
      this.#nextUnknown++;
    }
  }
}

/** The length of an attribute has 16 bits: what a policy adds to a list that is full is left out. */
function fitting<T>(all: readonly T[], octets: number): readonly T[] {
  const most = Math.floor(0xffff / octets);
  return all.length > most ? all.slice(0, most) : all;
}

function writeHead(out: Writer, flags: number, type: number, length: number): Writer {
  return length > 0xff
    ? out
        .u8(flags | c.FLAG_EXTENDED_LENGTH)
        .u8(type)
        .u16(length)
    : out.u8(flags).u8(type).u8(length);
}

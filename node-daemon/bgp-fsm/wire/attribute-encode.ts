/**
 * Path attributes to octets, in ascending order of type (RFC 4271 §5). Pure.
 *
 * MP_REACH is the packer's: it stands before these (RFC 7606 §5.1) and holds the prefixes. To a
 * peer with 2-octet AS numbers AS_PATH and AGGREGATOR go with AS_TRANS, and AS4_PATH and
 * AS4_AGGREGATOR beside them where a number does not fit (RFC 6793 §4.2.2).
 */
import {encodeAsPath, needsAs4} from './as-path.js';
import type {Aggregator, PathAttributes} from './attributes.js';
import {u8, Writer} from './bytes.js';
import {encodeExtendedCommunities, encodeLargeCommunities} from './communities.js';
import * as c from './constants.js';

const WELL_KNOWN = c.FLAG_TRANSITIVE;
const NON_TRANSITIVE = c.FLAG_OPTIONAL;
const TRANSITIVE = c.FLAG_OPTIONAL | c.FLAG_TRANSITIVE;

/** A block for many prefixes; NEXT_HOP is in it when `attributes` have one. */
export function encodeAttributes(attributes: PathAttributes, asnOctets: 2 | 4 = 4): Uint8Array {
  const parts: Part[] = [];
  const partial = attributes.partialTypes ?? [];
  const add = (type: number, flags: number, value: Value): void => {
    const body = new Writer(16);
    value(body);
    parts.push({type, flags: partial.includes(type) ? flags | c.FLAG_PARTIAL : flags, body});
  };
  collectCore(attributes, asnOctets, add);
  collectOptional(attributes, add);
  for (const {type, value} of attributes.unknown ?? []) {
    add(type, TRANSITIVE | c.FLAG_PARTIAL, out => out.bytes(value));
  }
  parts.sort((a, b) => a.type - b.type); // unknown types lie between the known

  const out = new Writer(256);
  for (const part of parts) writePart(out, part);
  return out.take();
}

type Value = (out: Writer) => void;
type Add = (type: number, flags: number, value: Value) => void;

interface Part {
  readonly type: number;
  readonly flags: number;
  readonly body: Writer;
}

/** RFC 4271, with RFC 6793's twins. */
function collectCore(attributes: PathAttributes, asnOctets: 2 | 4, add: Add): void {
  const {origin, asPath, nextHop, med, localPref, atomicAggregate, aggregator} = attributes;
  if (origin !== undefined) add(c.ATTR_ORIGIN, WELL_KNOWN, out => out.u8(origin));
  if (asPath !== undefined) {
    add(c.ATTR_AS_PATH, WELL_KNOWN, out => encodeAsPath(out, asPath, asnOctets));
    if (asnOctets === 2 && needsAs4(asPath)) {
      add(c.ATTR_AS4_PATH, TRANSITIVE, out => encodeAsPath(out, asPath, 4));
    }
  }
  if (nextHop !== undefined) add(c.ATTR_NEXT_HOP, WELL_KNOWN, out => out.u32(nextHop));
  if (med !== undefined) add(c.ATTR_MED, NON_TRANSITIVE, out => out.u32(med));
  if (localPref !== undefined) add(c.ATTR_LOCAL_PREF, WELL_KNOWN, out => out.u32(localPref));
  if (atomicAggregate === true) add(c.ATTR_ATOMIC_AGGREGATE, WELL_KNOWN, () => undefined);
  if (aggregator !== undefined) collectAggregator(aggregator, asnOctets, add);
}

function collectAggregator({asn, address}: Aggregator, asnOctets: 2 | 4, add: Add): void {
  if (asnOctets === 4) {
    add(c.ATTR_AGGREGATOR, TRANSITIVE, out => out.u32(asn).u32(address));
    return;
  }
  const narrow = asn > 0xffff ? c.AS_TRANS : asn;
  add(c.ATTR_AGGREGATOR, TRANSITIVE, out => out.u16(narrow).u32(address));
  if (asn > 0xffff) add(c.ATTR_AS4_AGGREGATOR, TRANSITIVE, out => out.u32(asn).u32(address));
}

/** An empty list is no attribute: zero length would be malformed (RFC 7606 §7). */
function collectOptional(attributes: PathAttributes, add: Add): void {
  const {communities = [], originatorId, clusterList = [], extendedCommunities = []} = attributes;
  const {aigp, largeCommunities = [], otc, prefixSid} = attributes;
  const words = (list: readonly number[]) => (out: Writer) => list.forEach(word => out.u32(word));
  if (communities.length > 0) add(c.ATTR_COMMUNITIES, TRANSITIVE, words(communities));
  if (originatorId !== undefined) {
    add(c.ATTR_ORIGINATOR_ID, NON_TRANSITIVE, out => out.u32(originatorId));
  }
  if (clusterList.length > 0) add(c.ATTR_CLUSTER_LIST, NON_TRANSITIVE, words(clusterList));
  if (extendedCommunities.length > 0) {
    add(c.ATTR_EXTENDED_COMMUNITIES, TRANSITIVE, out =>
      encodeExtendedCommunities(out, extendedCommunities),
    );
  }
  if (aigp !== undefined) {
    const low = Number(aigp & 0xffffffffn);
    const high = Number(aigp >> 32n);
    add(c.ATTR_AIGP, NON_TRANSITIVE, out => out.u8(1).u16(11).u32(high).u32(low));
  }
  if (largeCommunities.length > 0) {
    add(c.ATTR_LARGE_COMMUNITIES, TRANSITIVE, out => encodeLargeCommunities(out, largeCommunities));
  }
  if (otc !== undefined) add(c.ATTR_OTC, TRANSITIVE, out => out.u32(otc));
  if (prefixSid !== undefined) add(c.ATTR_PREFIX_SID, TRANSITIVE, out => out.bytes(prefixSid));
}

function writePart(out: Writer, {type, flags, body}: Part): void {
  if (body.length > 0xff)
    out
      .u8(flags | c.FLAG_EXTENDED_LENGTH)
      .u8(type)
      .u16(body.length);
  else out.u8(flags).u8(type).u8(body.length);
  out.bytes(body.view());
}

/** Whether a block names the attribute; for tests and tools. */
export function hasAttribute(block: Uint8Array, wanted: number): boolean {
  for (let at = 0; at + 3 <= block.length;) {
    if (u8(block, at + 1) === wanted) return true;
    const isExtended = (u8(block, at) & c.FLAG_EXTENDED_LENGTH) !== 0;
    const length = isExtended ? (u8(block, at + 2) << 8) | u8(block, at + 3) : u8(block, at + 2);
    at += (isExtended ? 4 : 3) + length;
  }
  return false;
}

/**
 * A routing table as the octets of UPDATEs: IPv4 /24s from 1.0.0.0 on, a fixed number of them to each
 * attribute set. Pure.
 *
 * An attribute set differs from the others in its AS path and communities only, as in the Internet's
 * table; no two sets are alike. One set for all is what a fabric of one operator looks like.
 */
import {encodeAttributes, UpdatePacker, type PathAttributes} from '#bgp-fsm';

export interface TableShape {
  readonly prefixes: number;
  readonly perSet: number; // prefixes with the same attributes; the whole table: one set
  readonly asn: number; // of who announces it
  readonly nextHop: number;
}

const CHUNK_OCTETS = 1 << 18; // a write to the socket
const FIRST_PREFIX = 0x0100_0000;

/** Whole messages, in chunks that are written one after the other. */
export function tableUpdates({prefixes, perSet, asn, nextHop}: TableShape): readonly Uint8Array[] {
  const packer = new UpdatePacker();
  const words = new Uint32Array(1);
  const chunks: Uint8Array[] = [];
  for (let prefix = 0; prefix < prefixes; prefix++) {
    if (prefix % perSet === 0) {
      const attributes = attributesOf(prefix / perSet, asn, nextHop);
      packer.announce('ipv4', encodeAttributes(attributes, 4));
    }
    words[0] = FIRST_PREFIX + prefix * 256;
    packer.add(words, 24);
    if (packer.length > CHUNK_OCTETS) chunks.push(packer.take());
  }
  chunks.push(packer.take());
  return chunks;
}

function attributesOf(set: number, asn: number, nextHop: number): PathAttributes {
  const transit = 100_000 + (set % 1000);
  const origin = 200_000 + Math.floor(set / 1000);
  const asns = [asn, transit, origin, ...(set % 3 === 0 ? [origin + 1] : [])];
  return {
    ...{origin: 0, asPath: [{kind: 'sequence', asns}], nextHop},
    communities: [asn * 65_536 + (set % 100), transit % 65_536],
  };
}

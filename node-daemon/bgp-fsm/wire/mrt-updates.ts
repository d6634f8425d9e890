/** A table out of an MRT file as the UPDATEs that one of its peers would send. Pure. For tests and the bench. */
import {encodeAttributes} from './attribute-encode.js';
import {decodeAttributes, type PathAttributes} from './attributes.js';
import type {MrtEntry, MrtRecord, MrtRib} from './mrt.js';
import {wordsOf} from './nlri.js';
import type {WireSession} from './session.js';
import {UpdatePacker} from './update-packer.js';

const CHUNK_OCTETS = 1 << 18;
const SESSION: WireSession = {
  ...{peer: 'internal', as4: true}, // so that nothing is discarded
  families: {ipv4: undefined, ipv6: undefined},
};

export interface MrtPath {
  readonly rib: MrtRib;
  readonly attributes: PathAttributes; // with NEXT_HOP where the entry has it there
  readonly nextHop: Uint8Array; // of MP_REACH; empty: NEXT_HOP
}

/** Of each prefix the path of that peer (its index), or the first path. What RFC 7606 would withdraw is left out. */
export function* mrtPaths(
  records: Iterable<MrtRecord>,
  peer?: number,
): Generator<MrtPath, void, undefined> {
  for (const record of records) {
    if (record.kind !== 'rib') continue;
    const entry = record.entries.find(each => peer === undefined || each.peer === peer);
    if (entry === undefined) continue;
    const {attributes, faults} = decodeEntry(entry);
    if (faults.some(({action}) => action !== 'discard')) continue;
    yield {rib: record, attributes, nextHop: entry.nextHop};
  }
}

/** Whole messages, in chunks; prefixes that follow each other with the same attributes share some. */
export function mrtUpdates(paths: Iterable<MrtPath>): readonly Uint8Array[] {
  const packer = new UpdatePacker();
  const chunks: Uint8Array[] = [];
  let open = '';
  for (const {rib, attributes, nextHop} of paths) {
    const block = encodeAttributes(attributes, 4);
    const run = `${rib.family} ${block.join()} ${nextHop.join()}`;
    if (run !== open) {
      packer.announce(rib.family, block, nextHop.length > 0 ? nextHop : undefined);
      open = run;
    }
    packer.add(wordsOf(rib.address), rib.bits, 0);
    if (packer.length <= CHUNK_OCTETS) continue;
    chunks.push(packer.take());
    open = '';
  }
  chunks.push(packer.take());
  return chunks.filter(chunk => chunk.length > 0);
}

function decodeEntry({attributes}: MrtEntry) {
  return decodeAttributes(attributes, 0, attributes.length, SESSION);
}

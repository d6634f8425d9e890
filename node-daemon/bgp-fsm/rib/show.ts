/**
 * Routes as people are shown them, a page at a time. Pure over the tables. What is asked for is put in order
 * each time: it is a person who waits, and nothing is kept for the next page.
 */
import type {PathAttributes} from '../wire/attributes.js';
import {decodeAttributes} from '../wire/attributes.js';
import {EMPTY} from '../wire/bytes.js';
import {widthOf} from '../wire/family.js';
import {addressOf, wordsOf} from '../wire/nlri.js';
import type {AttributeSets} from './attribute-sets.js';
import type {BlockId, Blocks} from './blocks.js';
import {AS4} from './export-group.js';
import type {FamilyRib} from './family-rib.js';
import {REASONS} from './import.js';
import type {Row} from './paths.js';
import type {PeerOut} from './peer-out.js';
import type {PrefixId} from './prefix-table.js';
import type {PeerIx, ShownPath, ShowQuery} from './types.js';

export interface ShowTables {
  readonly rib: FamilyRib;
  readonly out: PeerOut | undefined;
  readonly sets: AttributeSets;
  readonly outs: Blocks;
  readonly epochOf: (peer: PeerIx) => number;
}

const UNREACHABLE = 'the next hop cannot be reached';

export function showPaths(tables: ShowTables, query: ShowQuery): readonly ShownPath[] {
  const shown: ShownPath[] = [];
  for (const prefix of prefixesOf(tables, query)) {
    if (shown.length >= query.limit) break;
    if (query.table === 'advertised') shown.push(...advertised(tables, prefix));
    else shown.push(...held(tables, query, prefix));
  }
  return shown;
}

/** In order of address and length, from after the last page on. */
function prefixesOf({rib}: ShowTables, {after, only, family}: ShowQuery): readonly PrefixId[] {
  const {table} = rib;
  if (only?.how === 'exact') {
    const id = table.find(wordsOf(only.address), only.bits);
    return id === 0 ? [] : [id];
  }
  const width = widthOf(family);
  const keys: {readonly id: PrefixId; readonly address: Uint8Array; readonly bits: number}[] = [];
  const words = new Uint32Array(4);
  for (let id = 1; id < table.limit; id++) {
    if (!table.isThere(id)) continue;
    const key = {id, address: addressOf(table.words(id, words), width), bits: table.bits(id)};
    if (only?.how === 'inside' && !isInside(key, only)) continue;
    if (only?.how === 'around' && !isInside(only, key)) continue;
    if (after === undefined || compare(key, after) > 0) keys.push(key);
  }
  return keys.sort(compare).map(({id}) => id);
}

interface Place {
  readonly address: Uint8Array;
  readonly bits: number;
}

function compare(a: Place, b: Place): number {
  return Buffer.compare(a.address, b.address) || a.bits - b.bits;
}

function isInside(inner: Place, outer: Place): boolean {
  if (inner.bits < outer.bits) return false;
  for (let bit = 0; bit < outer.bits; bit++) {
    const mask = 0x80 >>> (bit & 7);
    const [x, y] = [inner.address[bit >>> 3] ?? 0, outer.address[bit >>> 3] ?? 0];
    if (((x ^ y) & mask) !== 0) return false;
  }
  return true;
}

function held(
  tables: ShowTables,
  {table, peer}: ShowQuery,
  prefix: PrefixId,
): readonly ShownPath[] {
  const {rib} = tables;
  const chosen = rib.chosen(prefix);
  const rows: Row[] = [];
  for (let row = rib.paths.first(prefix); row !== 0; row = rib.paths.next(row)) {
    const isAsked = peer === undefined || rib.paths.peer(row) === peer;
    if (isAsked && (table === 'received' ? rib.paths.peer(row) !== 0 : chosen.includes(row))) {
      rows.push(row);
    }
  }
  return rows.map(row => describe(tables, row, chosen));
}

function describe(tables: ShowTables, row: Row, chosen: readonly Row[]): ShownPath {
  const {rib, sets, epochOf} = tables;
  const {paths, table, decision, family} = rib;
  const prefix = paths.prefix(row);
  const peer = paths.peer(row);
  const set = paths.effective(row) || paths.raw(row);
  const reason = REASONS[paths.reason(row)] || undefined;
  const isBest = chosen[0] === row;
  return {
    ...{family, peer, isBest, pathId: paths.pathId(row)},
    address: addressOf(table.words(prefix, new Uint32Array(4)), widthOf(family)),
    bits: table.bits(prefix),
    nextHop: sets.nextHop(set),
    attributes: sets.attributes(set),
    isMultipath: !isBest && chosen.includes(row),
    isStale: peer !== 0 && paths.epoch(row) < epochOf(peer),
    notEligible: reason ?? (decision.isEligible(row) ? undefined : UNREACHABLE),
  };
}

function advertised({rib, out, outs}: ShowTables, prefix: PrefixId): readonly ShownPath[] {
  const {family, table, paths} = rib;
  const address = addressOf(table.words(prefix, new Uint32Array(4)), widthOf(family));
  const best = rib.best(prefix);
  return (out?.sent(prefix) ?? []).map(({pathId, out: block}) => {
    const attributes = attributesOf(outs, block);
    const hop = outs.nextHop(block);
    return {
      ...{family, address, bits: table.bits(prefix), pathId, attributes},
      peer: best === 0 ? 0 : paths.peer(best),
      nextHop: hop.length > 0 ? hop.slice() : octetsOf(attributes.nextHop),
      ...{isBest: true, isMultipath: false, isStale: false, notEligible: undefined},
    };
  });
}

function attributesOf(outs: Blocks, id: BlockId): PathAttributes {
  const block = outs.block(id);
  const session = {
    ...({peer: 'internal', as4: outs.kind(id) === AS4} as const),
    families: {ipv4: undefined, ipv6: undefined},
  };
  return decodeAttributes(block, 0, block.length, session).attributes;
}

function octetsOf(word: number | undefined): Uint8Array {
  if (word === undefined) return EMPTY;
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}

/**
 * Routes as people are shown them, a page at a time. Pure over the tables. Nothing is kept for the next page:
 * the whole table is looked through for the first prefixes behind the last one, and only those are put in
 * order.
 */
import type {PathAttributes} from '../wire/attributes.js';
import {decodeAttributes} from '../wire/attributes.js';
import {EMPTY, octetsOf} from '../wire/bytes.js';
import {wordsOf} from '../wire/nlri.js';
import type {AttributeSets} from './attribute-sets.js';
import type {BlockId, Blocks} from './blocks.js';
import {AS4} from './export-group.js';
import type {FamilyRib} from './family-rib.js';
import {REASONS} from './import.js';
import {LOCAL, type Row} from './paths.js';
import type {PeerOut} from './peer-out.js';
import type {PrefixId, PrefixTable} from './prefix-table.js';
import type {PeerIx, ShownPath, ShowQuery} from './types.js';

export interface ShowTables {
  readonly rib: FamilyRib;
  readonly out: PeerOut | undefined;
  readonly sets: AttributeSets;
  readonly outs: Blocks;
  readonly epochOf: (peer: PeerIx) => number;
}

const UNREACHABLE = 'the next hop cannot be reached';
const OFF_LINK = 'the next hop is not on a link of this node';

export function showPaths(tables: ShowTables, query: ShowQuery): readonly ShownPath[] {
  const shown: ShownPath[] = [];
  const {after, limit} = query;
  let place = after && {words: wordsOf(after.address), bits: after.bits};
  for (let count = Math.max(limit, LEAST_AT_ONCE); shown.length < limit; count *= 2) {
    const prefixes = prefixesBehind(tables, query, place, count);
    for (const prefix of prefixes) {
      if (shown.length >= limit) break;
      if (query.table === 'advertised') shown.push(...advertised(tables, prefix));
      else shown.push(...held(tables, query, prefix));
    }
    const last = prefixes.at(-1);
    if (last === undefined || prefixes.length < count || query.only?.how === 'exact') break;
    place = placeOf(tables.rib.table, last);
  }
  return shown;
}

const LEAST_AT_ONCE = 256;

interface Place {
  readonly words: Uint32Array;
  readonly bits: number;
}

function placeOf(table: PrefixTable, id: PrefixId): Place {
  return {words: table.words(id, new Uint32Array(4)), bits: table.bits(id)};
}

/** The first `count` in order of address and length, from after `place` on. */
function prefixesBehind(
  {rib: {table}}: ShowTables,
  {only}: ShowQuery,
  place: Place | undefined,
  count: number,
): readonly PrefixId[] {
  const asked = only && {words: wordsOf(only.address), bits: only.bits};
  if (asked !== undefined && only?.how === 'exact') {
    const id = table.find(asked.words, asked.bits);
    return id === 0 ? [] : [id];
  }
  const words = new Uint32Array(4);
  const isAsked = (id: PrefixId): boolean => {
    if (place !== undefined && table.compare(id, place.words, place.bits) <= 0) return false;
    if (asked === undefined) return true;
    const own = {words: table.words(id, words), bits: table.bits(id)};
    return only?.how === 'inside' ? isInside(own, asked) : isInside(asked, own);
  };
  return firstInOrder(table, isAsked, count);
}

/** Twice as many as are wanted are gathered, then the better half stays and is the bar for the rest. */
function firstInOrder(
  table: PrefixTable,
  isAsked: (id: PrefixId) => boolean,
  count: number,
): readonly PrefixId[] {
  let kept: PrefixId[] = [];
  let bar: Place | undefined;
  const cut = () => {
    kept = inOrder(table, kept).slice(0, count);
    const last = kept.at(-1);
    if (kept.length === count && last !== undefined) bar = placeOf(table, last);
  };
  for (let id = 1; id < table.limit; id++) {
    if (!table.isThere(id) || !isAsked(id)) continue;
    if (bar !== undefined && table.compare(id, bar.words, bar.bits) > 0) continue;
    kept.push(id);
    if (kept.length >= 2 * count) cut();
  }
  cut();
  return kept;
}

function inOrder(table: PrefixTable, ids: readonly PrefixId[]): PrefixId[] {
  const placed = ids.map(id => ({id, ...placeOf(table, id)}));
  placed.sort((a, b) => table.compare(a.id, b.words, b.bits));
  return placed.map(({id}) => id);
}

function isInside(inner: Place, outer: Place): boolean {
  if (inner.bits < outer.bits) return false;
  for (let at = 0; at * 32 < outer.bits; at++) {
    const ignored = Math.max(0, 32 - (outer.bits - at * 32));
    const [x = 0, y = 0] = [inner.words[at], outer.words[at]];
    if ((x ^ y) >>> ignored !== 0) return false;
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
    if (isAsked && (table === 'received' ? rib.paths.peer(row) !== LOCAL : chosen.includes(row))) {
      rows.push(row);
    }
  }
  return rows.map(row => describe(tables, row, chosen));
}

function describe(tables: ShowTables, row: Row, chosen: readonly Row[]): ShownPath {
  const {rib, sets, epochOf} = tables;
  const {paths, table, family} = rib;
  const prefix = paths.prefix(row);
  const peer = paths.peer(row);
  const set = paths.effective(row) || paths.raw(row);
  const reason = REASONS[paths.reason(row)] || undefined;
  const isBest = chosen[0] === row;
  return {
    ...{family, peer, isBest, pathId: paths.pathId(row)},
    address: table.address(prefix),
    bits: table.bits(prefix),
    nextHop: sets.nextHop(set),
    attributes: sets.attributes(set),
    isMultipath: !isBest && chosen.includes(row),
    isStale: peer !== LOCAL && paths.epoch(row) < epochOf(peer),
    notEligible: reason ?? whyNot(rib, row),
  };
}

function whyNot({decision}: FamilyRib, row: Row): string | undefined {
  if (decision.isEligible(row)) return undefined;
  return decision.isReachable(row) ? OFF_LINK : UNREACHABLE;
}

function advertised({rib, out, outs}: ShowTables, prefix: PrefixId): readonly ShownPath[] {
  const {family, table, paths} = rib;
  const address = table.address(prefix);
  const best = rib.best(prefix);
  return (out?.sent(prefix) ?? []).map(({pathId, out: block}) => {
    const attributes = attributesOf(outs, block);
    const hop = outs.nextHop(block);
    return {
      ...{family, address, bits: table.bits(prefix), pathId, attributes},
      peer: best === 0 ? LOCAL : paths.peer(best),
      nextHop: hop.length > 0 ? hop.slice() : classicNextHop(attributes),
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

function classicNextHop({nextHop}: PathAttributes): Uint8Array {
  return nextHop === undefined ? EMPTY : octetsOf(nextHop);
}

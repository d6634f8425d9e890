import test from 'ava';

import {
  NLM_F_ACK,
  NLM_F_REQUEST,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTN_UNICAST,
} from './constants.js';
import {encodeBatch, type Request} from './message.js';
import {RouteBatch, type RouteVerb} from './route-batch.js';
import {deleteRoute, newRoute, type Route} from './route.js';

const fields = {table: 254, protocol: 84, priority: 2084};

interface Row {
  readonly kind: RouteVerb;
  readonly words: readonly number[];
  readonly bits: number;
  readonly nexthopId: number;
}

const rows: readonly Row[] = [
  {kind: 'add', words: [0x0af4_0100], bits: 24, nexthopId: 1_420_000_001},
  {kind: 'replace', words: [0xffff_ffff], bits: 32, nexthopId: 7},
  {kind: 'delete', words: [0x0af4_0100], bits: 24, nexthopId: 0},
  {kind: 'add', words: [0], bits: 0, nexthopId: 7},
  {kind: 'add', words: [0x2001_0db8, 0xff, 0x8000_0000, 1], bits: 128, nexthopId: 4_294_967_295},
  {kind: 'delete', words: [0xfd00_0000, 0, 0, 0], bits: 8, nexthopId: 0},
  {kind: 'replace', words: [0, 0, 0, 0], bits: 0, nexthopId: 9},
];

test('octet for octet what each of them is by itself, whatever the number', t => {
  for (const count of [1, rows.length, 63, 64, 65, 200]) {
    const many = Array.from({length: count}, (_, at) => rows[at % rows.length]!);
    const batch = batchOf(many);
    const expected = encodeBatch(many.map(toRequest), 0xffff_fff0, NLM_F_REQUEST, NLM_F_ACK);
    t.deepEqual(batch.encode(0xffff_fff0, NLM_F_REQUEST, NLM_F_ACK), expected, `${count}`);
  }
});

test('shows what it was given, and names it as a single request is named', t => {
  const batch = batchOf(rows);
  for (const [at, row] of rows.entries()) {
    const {destination, family} = toRoute(row);
    const {kind, nexthopId} = row;
    t.deepEqual(batch.at(at), {kind, family, ...destination, nexthopId});
    t.is(batch.opAt(at), toRequest(row).op);
  }
});

test('an empty one is nothing to send', t => {
  const {bytes, ends, lasts} = new RouteBatch(fields, 0).encode(1, 1, 4);
  t.deepEqual([bytes.length, ends.length, lasts.length], [0, 0, 0]);
});

function batchOf(many: readonly Row[]): RouteBatch {
  const batch = new RouteBatch(fields, many.length);
  for (const {kind, words, bits, nexthopId} of many) {
    const address = Uint32Array.of(0xdead_beef, ...words); // not at the beginning
    batch.add(kind, {words: address, from: 1, width: words.length === 1 ? 4 : 16}, bits, nexthopId);
  }
  return batch;
}

function toRequest(row: Row): Request {
  const route = toRoute(row);
  return row.kind === 'delete' ? deleteRoute(route) : newRoute(route, row.kind);
}

function toRoute({kind, words, bits, nexthopId}: Row): Route {
  const octets = words.flatMap(word => [24, 16, 8, 0].map(shift => (word >>> shift) & 0xff));
  return {
    ...fields,
    family: words.length === 1 ? 'ipv4' : 'ipv6',
    scope: kind === 'delete' ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    destination: {address: Uint8Array.from(octets), bits},
    ...(nexthopId > 0 && {nexthopId}),
  };
}

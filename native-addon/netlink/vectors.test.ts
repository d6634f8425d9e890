import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

import test from 'ava';
import fc from 'fast-check';

import {newAddress} from './address.js';
import * as constants from './constants.js';
import {Cursor} from './cursor.js';
import {DecodeError} from './errors.js';
import {encodeLink} from './fake-dump.js';
import {newNeighbour} from './neighbour.js';
import {newNexthop} from './nexthop.js';
import {newRoute} from './route.js';
import {newRule} from './rule.js';
import {decodeAny, meaning, TYPES} from './vectors.js';
import {newVeth} from './veth.js';

interface Vector {
  readonly file: string;
  readonly command: string;
  readonly direction: string; // 'request' of the command, 'notification' of the kernel
  readonly type: number;
  readonly payload: Uint8Array;
  readonly meaning: string;
}

const TESTDATA = join(import.meta.dirname, '../../../native-addon/testdata');
const VECTORS = readdirSync(TESTDATA)
  .filter(name => name.endsWith('.txt'))
  .flatMap(readVectors);
const HEADER_BYTES: Readonly<Record<string, number>> = {
  LINK: 16,
  ADDR: 8,
  ROUTE: 12,
  NEXTHOP: 8,
  NEIGH: 12,
  RULE: 12,
};

test('the corpus has requests and notifications of every object', t => {
  for (const subject of Object.keys(HEADER_BYTES)) {
    for (const direction of ['request', 'notification']) {
      const found = VECTORS.filter(v => subjectOf(v) === subject && v.direction === direction);
      t.true(found.length >= 3, `${direction}s of ${subject}: ${found.length}`);
    }
  }
});

test('every captured message means what its file says', t => {
  for (const vector of VECTORS) {
    t.is(meaning(vector.type, vector.payload), vector.meaning, `${vector.file}: ${vector.command}`);
  }
});

test('what is decoded, encoded and decoded again is the same', t => {
  for (const vector of VECTORS) {
    const decoded = decodeAny(vector.type, vector.payload);
    t.deepEqual(decodeAny(vector.type, encodeAny(vector, decoded)), decoded, vector.file);
  }
});

test('our bytes are those of ip and bridge, but for the order of attributes', t => {
  const compared = VECTORS.filter(v => v.direction === 'request' && subjectOf(v) !== 'LINK');
  t.true(compared.length > 25);
  for (const vector of compared) {
    const ours = encodeAny(vector, decodeAny(vector.type, vector.payload));
    const header = HEADER_BYTES[subjectOf(vector)] as number;
    t.deepEqual(canonical(ours, header), canonical(vector.payload, header), vector.file);
  }
});

test('every truncation is a DecodeError that names a field, or ends between two attributes', t => {
  for (const vector of VECTORS) {
    const boundaries = attributeEnds(vector.payload, HEADER_BYTES[subjectOf(vector)] as number);
    for (let cut = 0; cut < vector.payload.length; cut++) {
      const decode = () => decodeAny(vector.type, vector.payload.slice(0, cut));
      if (boundaries.has(cut)) {
        t.notThrows(() => orDecodeError(decode), `${vector.file} cut at ${cut}`);
      } else {
        const error = t.throws(decode, {instanceOf: DecodeError}, `${vector.file} cut at ${cut}`);
        t.regex(error.field, /^(link|address|route|nexthop|neighbour|rule)\./);
      }
    }
  }
});

test('random bytes decode or are a DecodeError, nothing else', t => {
  const seed = Date.now();
  t.log(`seed ${seed}`);
  const types = Object.keys(TYPES).map(Number);
  const payloads = fc.oneof(fc.uint8Array({maxLength: 200}), mutations());
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.constantFrom(...types), payloads, (type, payload) => {
        orDecodeError(() => decodeAny(type, payload));
      }),
      {seed, numRuns: 20_000},
    ),
  );
});

/** Captured payloads with a few octets changed: deeper than noise gets. */
function mutations(): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  return fc
    .tuple(fc.constantFrom(...VECTORS), fc.array(change, {minLength: 1, maxLength: 4}))
    .map(([{payload}, changes]) => {
      const copy = payload.slice();
      for (const [at, octet] of changes) copy[at % copy.length] = octet;
      return copy;
    });
}

function orDecodeError(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- a vector's object fits its own builder */
function encodeAny(vector: Vector, decoded: any): Uint8Array {
  switch (subjectOf(vector)) {
    case 'ADDR':
      return newAddress(decoded).payload;
    case 'ROUTE':
      return newRoute(decoded, 'add').payload;
    case 'NEXTHOP':
      return newNexthop(decoded, 'add').payload;
    case 'NEIGH':
      return newNeighbour(decoded, 'add').payload;
    case 'RULE':
      return newRule(decoded).payload;
    default:
      return decoded.peer === undefined ? encodeLink(decoded).payload : newVeth(decoded).payload;
  }
}

function readVectors(file: string): Vector[] {
  const [command = '', ...lines] = readFileSync(join(TESTDATA, file), 'utf8').trimEnd().split('\n');
  const vectors: Vector[] = [];
  for (let i = 0; i + 2 < lines.length; i += 3) {
    const [direction = '', name = ''] = (lines[i] as string).split(' ');
    const type = (constants as unknown as Record<string, number>)[name] as number;
    const hex = (lines[i + 1] as string).replaceAll(' ', '');
    const payload = Uint8Array.from(Buffer.from(hex, 'hex'));
    vectors.push({file, command, direction, type, payload, meaning: lines[i + 2] as string});
  }
  return vectors;
}

function subjectOf({type}: Vector): string {
  return (TYPES[type] as string).replace(/^RTM_(NEW|DEL|SET)/, '');
}

/** The header, then the attributes in an order of their own. */
function canonical(payload: Uint8Array, headerBytes: number): string[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const attributes: string[] = [];
  const cursor = new Cursor(payload, headerBytes, 'vector');
  while (cursor.next()) attributes.push(`${cursor.type}: ${hex(cursor.bytes())}`);
  return [hex(payload.subarray(0, headerBytes)), ...attributes.sort()];
}

/** Offsets where a cut leaves whole attributes; missing padding is no cut. */
function attributeEnds(payload: Uint8Array, headerBytes: number): Set<number> {
  const ends = new Set([headerBytes]);
  const cursor = new Cursor(payload, headerBytes, 'vector');
  while (cursor.next()) {
    for (let at = cursor.offset + cursor.length; at % 4 !== 0; at++) ends.add(at);
    ends.add((cursor.offset + cursor.length + 3) & ~3);
  }
  return ends;
}

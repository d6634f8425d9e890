import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';

import {RTM_NEWROUTE} from './constants.js';
import {DecodeError} from './errors.js';
import {widthOf} from './family.js';
import {encodeBatch, Frames} from './message.js';
import {decodeRoute, newRoute, type Route} from './route.js';
import {RouteView} from './route-view.js';

const TESTDATA = join(process.cwd(), 'native-addon', 'testdata');

/** Routes that the kernel told of. */
const captured = readdirSync(TESTDATA)
  .filter(file => file.endsWith('.txt'))
  .flatMap(file => readFileSync(join(TESTDATA, file), 'utf8').split('\n'))
  .flatMap((line, at, lines) => (/^\S+ RTM_NEWROUTE$/.test(line) ? [lines[at + 1] ?? ''] : []))
  .map(hex => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));

const learnt: Route = {
  ...{family: 'ipv4', table: 254, protocol: 84, scope: 0, type: 1, priority: 2084, nexthopId: 7},
  destination: {address: Uint8Array.of(10, 1, 2, 0), bits: 24},
};
const everything = {address: new Uint8Array(16), bits: 0};
const payloads = [
  ...captured,
  newRoute(learnt, 'add').payload,
  newRoute({...learnt, family: 'ipv6', destination: everything, table: 4711}, 'add').payload,
];

function framesOf(payload: Uint8Array): Frames {
  const message = {op: 'test', type: RTM_NEWROUTE, flags: 0, payload};
  const frames = new Frames(encodeBatch([message, message], 1, 0).bytes);
  frames.next();
  frames.next(); // not where the octets begin
  return frames;
}

function shown(view: RouteView): object {
  const {family, table, protocol, bits, priority, nexthopId, octets, addressAt} = view;
  const address = octets.slice(addressAt, addressAt + widthOf(family));
  return {family, table, protocol, bits, priority, nexthopId, address};
}

function expected(payload: Uint8Array): object {
  const {family, table, protocol, destination, priority, nexthopId = 0} = decodeRoute(payload);
  return {family, table, protocol, priority, nexthopId, ...destination};
}

test('shows what is decoded of every captured route, one after the other', t => {
  t.true(captured.length > 5, 'the corpus is there');
  const view = new RouteView();
  for (const payload of [...payloads, ...payloads.toReversed()]) {
    view.read(framesOf(payload));
    t.deepEqual(shown(view), expected(payload));
  }
});

test('every truncation is a DecodeError that names a field, where decoding says so', t => {
  let cuts = 0;
  for (const payload of payloads) {
    for (let end = 0; end < payload.length; end++) {
      const cut = payload.subarray(0, end);
      const read = () => new RouteView().read(framesOf(cut));
      if (decodes(cut)) {
        t.notThrows(read);
      } else {
        t.regex(t.throws(read, {instanceOf: DecodeError}).field, /^route\./);
        cuts++;
      }
    }
  }
  t.true(cuts > 100);
});

test('octets that were changed show what is decoded of them, or are a DecodeError', t => {
  const seed = Date.now();
  t.log(`seed ${seed}`);
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const changes = fc.array(change, {minLength: 1, maxLength: 4});
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.constantFrom(...payloads), changes, (payload, octets) => {
        const copy = payload.slice();
        for (const [at, octet] of octets) copy[at % copy.length] = octet;
        const view = new RouteView();
        const isRead = isSound(() => view.read(framesOf(copy)));
        if (!decodes(copy)) return;
        if (!isRead) throw new Error('what is decoded can be read');
        const [a, b] = [shown(view), expected(copy)].map(each =>
          JSON.stringify(Object.entries(each).sort()),
        );
        if (a !== b) throw new Error(`${a} is not ${b}`);
      }),
      {seed, numRuns: 5000},
    ),
  );
});

function decodes(payload: Uint8Array): boolean {
  return isSound(() => decodeRoute(payload));
}

function isSound(body: () => unknown): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

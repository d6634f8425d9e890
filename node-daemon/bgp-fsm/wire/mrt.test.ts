import test from 'ava';

import {parseAddress, formatAddress} from './address.js';
import {encodeAttributes} from './attribute-encode.js';
import type {PathAttributes} from './attributes.js';
import {Writer} from './bytes.js';
import {encodeKeepalive, nextMessage} from './header.js';
import {MrtError, readMrt, type MrtRecord} from './mrt.js';
import {mrtPaths, mrtUpdates} from './mrt-updates.js';
import {decodeUpdate} from './update-message.js';
import {EBGP} from './vectors.js';

const V2 = 13;
const NEXT_HOP = 0xc000_0209;

/** One record: what is in it, and the header around it. */
function record(type: number, subtype: number, fill: (body: Writer) => void): Uint8Array {
  const body = new Writer();
  fill(body);
  const octets = body.take();
  return new Writer()
    .u32(1_700_000_000)
    .u16(type)
    .u16(subtype)
    .u32(octets.length)
    .bytes(octets)
    .take();
}

function octets(text: string): Uint8Array {
  return parseAddress(text)!;
}

function path(asns: readonly number[], more: PathAttributes = {}): PathAttributes {
  return {origin: 0, asPath: [{kind: 'sequence', asns}], ...more};
}

const peers = record(V2, 1, body => {
  body.u32(0xc000_0201).u16(4).bytes(new TextEncoder().encode('view')).u16(3);
  body.u8(0).u32(1).bytes(octets('192.0.2.9')).u16(65_001);
  body.u8(2).u32(2).bytes(octets('192.0.2.10')).u32(400_000);
  body.u8(3).u32(3).bytes(octets('2001:db8::9')).u32(400_001);
});

function entry(body: Writer, peer: number, attributes: Uint8Array, pathId?: number): void {
  body.u16(peer).u32(1_600_000_000);
  if (pathId !== undefined) body.u32(pathId);
  body.u16(attributes.length).bytes(attributes);
}

const one = encodeAttributes(path([65_001, 7], {nextHop: NEXT_HOP}), 4);
const two = encodeAttributes(path([400_000, 8, 9], {nextHop: NEXT_HOP, med: 3}), 4);
const hop6 = octets('2001:db8::9');
const short = Uint8Array.of(0x80, 14, 17, 16, ...hop6); // of MP_REACH the next hop only
const whole = Uint8Array.of(0x80, 14, 21, 0, 2, 1, 16, ...hop6, 0);

const rib4 = record(V2, 2, body => {
  body
    .u32(0)
    .u8(20)
    .bytes(Uint8Array.of(10, 1, 0xf0))
    .u16(2);
  entry(body, 0, one);
  entry(body, 1, two);
});
const rib4b = record(V2, 2, body => {
  body.u32(1).u8(0).u16(1);
  entry(body, 0, one);
});
const [rib6, rib6b] = [short, whole].map((mp, at) =>
  record(V2, 4, body => {
    body
      .u32(2)
      .u8(48)
      .bytes(Uint8Array.of(0xfd, 0, 0, at, 0, 1))
      .u16(1);
    entry(body, 2, Uint8Array.of(...encodeAttributes(path([400_001]), 4), ...mp));
  }),
);
const addPath = record(V2, 8, body => {
  body.u32(3).u8(8).bytes(Uint8Array.of(11)).u16(2);
  entry(body, 0, one, 5);
  entry(body, 1, two, 6);
});
const heard = record(16, 4, body => {
  body.u32(400_000).u32(65_000).u16(0).u16(1);
  body.bytes(octets('192.0.2.10')).bytes(octets('192.0.2.1')).bytes(encodeKeepalive());
});
const said = record(17, 7, body => {
  body.u32(123_456).u32(400_001).u32(65_000).u16(0).u16(2);
  body.bytes(octets('2001:db8::9')).bytes(octets('2001:db8::1')).bytes(encodeKeepalive());
});
const state = record(16, 5, body => body.u32(1).u32(2).u16(0).u16(1).u32(0).u32(0).u16(1).u16(6));

const all = [peers, rib4, rib4b, rib6!, rib6b!, addPath, heard, said, state];
const file = Uint8Array.from(all.flatMap(each => [...each]));

test('a dump is what a collector wrote: peers, prefixes with their paths, messages', t => {
  const [index, ten, rest, six, sixWhole, paths, from, to, other, ...none] = [...readMrt(file)];
  t.deepEqual(none, []);
  if (index?.kind !== 'peers') return t.fail('no peers');
  t.is(index.view, 'view');
  const shown = index.peers.map(({address, asn}) => `${formatAddress(address)} ${asn}`);
  t.deepEqual(shown, ['192.0.2.9 65001', '192.0.2.10 400000', '2001:db8::9 400001']);
  t.is(prefixOf(ten), '10.1.240.0/20 of 0,1');
  t.is(prefixOf(rest), '0.0.0.0/0 of 0');
  t.is(prefixOf(six), 'fd00:0:1::/48 of 2');
  t.is(prefixOf(sixWhole), 'fd00:1:1::/48 of 2');
  for (const each of [six, sixWhole]) {
    t.is(each?.kind === 'rib' && formatAddress(each.entries[0]!.nextHop), '2001:db8::9');
  }
  t.deepEqual(paths?.kind === 'rib' && paths.entries.map(({pathId}) => pathId), [5, 6]);
  t.like(from, {kind: 'message', as4: true, isOurs: false, peer: {asn: 400_000}});
  t.like(to, {kind: 'message', as4: true, isOurs: true, local: {asn: 65_000}});
  t.deepEqual(to?.kind === 'message' && to.message, encodeKeepalive());
  t.deepEqual(other, {kind: 'other', timestamp: 1_700_000_000, type: 16, subtype: 5});
});

test('the table of a peer becomes UPDATEs that say the same', t => {
  const read = (peer?: number) =>
    mrtUpdates(mrtPaths(readMrt(file), peer)).flatMap(chunk => [...updatesIn(chunk)]);
  t.deepEqual(read(0), ['10.1.240.0/20 0.0.0.0/0 11.0.0.0/8 by 65001 7']);
  t.deepEqual(read(1), ['10.1.240.0/20 11.0.0.0/8 by 400000 8 9']);
  t.deepEqual(read(2), ['fd00:0:1::/48 fd00:1:1::/48 by 400001']);
  t.is(read().length, 3);
});

test('a file that is cut short is an error that names the place, or ends between two records', t => {
  const ends = new Set<number>();
  for (let at = 0, n = 0; n < all.length; n++) ends.add((at += all[n]!.length));
  for (let cut = 1; cut < file.length; cut++) {
    const read = () => [...readMrt(file.subarray(0, cut))];
    if (ends.has(cut)) t.notThrows(read);
    else t.throws(read, {instanceOf: MrtError, message: /^MRT record at octet \d+: /});
  }
});

test('lengths inside a record that lie are errors of that field', t => {
  for (const each of all) {
    for (let at = 12; at < each.length; at++) {
      const bad = each.slice();
      bad[at] = 0xff;
      try {
        t.is([...readMrt(bad)].length, 1);
      } catch (error) {
        t.true(error instanceof MrtError, String(error));
      }
    }
  }
});

function prefixOf(record: MrtRecord | undefined): string {
  if (record?.kind !== 'rib') return String(record?.kind);
  const {address, bits, entries} = record;
  return `${formatAddress(address)}/${bits} of ${entries.map(({peer}) => peer).join()}`;
}

function* updatesIn(chunk: Uint8Array): Generator<string> {
  for (let at = 0; at < chunk.length;) {
    const frame = nextMessage(chunk, at, chunk.length);
    if (frame.kind !== 'message') throw new Error(frame.kind);
    const {announced, mpReach, attributes} = decodeUpdate(chunk, at, frame.length, EBGP);
    const all = [...announced, ...(mpReach?.nlri ?? [])];
    const prefixes = all.map(({address, bits}) => `${formatAddress(address)}/${bits}`);
    const asns = attributes.asPath?.flatMap(segment => segment.asns) ?? [];
    yield `${prefixes.join(' ')} by ${asns.join(' ')}`;
    at += frame.length;
  }
}

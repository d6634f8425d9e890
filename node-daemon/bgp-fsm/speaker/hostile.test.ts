/** A peer that is no speaker: it says what it likes, and reads when it likes. */
import test from 'ava';
import {HEADER_LENGTH, UPDATE} from '../wire/constants.js';
import {encodeKeepalive, nextMessage} from '../wire/header.js';
import {decodeNotification, describeNotification} from '../index.js';
import {encodeOpen} from '../wire/open.js';
import {LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';
import type {PeerConfig} from './config.js';
import type {Connection} from './ports.js';
import {AFI_SAFI} from '../wire/family.js';
import {UpdatePacker} from '../wire/update-packer.js';
import {encodeAttributes} from '../wire/attribute-encode.js';
import {wordsOf} from '../wire/nlri.js';

const OPEN = encodeOpen({
  asn: 65002,
  holdTimeSeconds: 90,
  identifier: 2,
  capabilities: [
    {kind: 'multiprotocol', ...AFI_SAFI.ipv4},
    {kind: 'as4', asn: 65002},
  ],
});

/** Left is a speaker, right is whatever `connection` makes of it. */
function meet(more: Partial<PeerConfig> = {}) {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const left = new PaperSpeaker(network, LEFT);
  left.speaker.setLocalRoutes(routesTo('10.1.0.0/16'));
  const others = {passive: true, families: ['ipv4'] as const, ...more};
  const third = new PaperSpeaker(network, '10.0.0.3');
  left.speaker.configure(speakerOf(65001, {peers: [peerAt(RIGHT, others), peerAt('10.0.0.3')]}));
  third.speaker.configure(speakerOf(65003, {peers: [peerAt(LEFT)]}));
  clock.run(1_000);

  const heard: number[] = [];
  const state = {closed: false};
  let connection: Connection | undefined;
  const request = {address: LEFT, interface: undefined, port: 179, sourceAddress: undefined};
  network.attach(RIGHT).dial(
    {...request, password: undefined, ttl: 1, minTtl: 0},
    {
      connected(made) {
        connection = made;
        made.attach({
          received: bytes => heard.push(...bytes),
          taken() {},
          drained() {},
          pathChanged() {},
          closed: () => (state.closed = true),
        });
      },
      failed() {},
    },
  );
  clock.run(100);
  return {clock, network, left, third, heard, state, right: connection!};
}

/** As words, the NOTIFICATION that was heard last. */
function lastWords(heard: readonly number[]): string | undefined {
  const bytes = Uint8Array.from(heard);
  let words: string | undefined;
  for (let at = 0; at < bytes.length;) {
    const frame = nextMessage(bytes, at, bytes.length);
    if (frame.kind !== 'message') break;
    words =
      frame.type === 3 ? describeNotification(decodeNotification(bytes, at, frame.length)) : words;
    at += frame.length;
  }
  return words;
}

function updates(count: number): Uint8Array {
  const packer = new UpdatePacker();
  for (let at = 0; at < count; at++) {
    const block = encodeAttributes({
      origin: 0,
      asPath: [{kind: 'sequence', asns: [65002]}],
      nextHop: 0x0a000002,
      med: at,
    });
    packer.announce('ipv4', block);
    packer.add(wordsOf(Uint8Array.of(20, at >> 8, at, 0)), 24);
  }
  return packer.take();
}

test('octets that are no BGP are answered with 1/1, and the connection ends', t => {
  const {clock, right, heard, state} = meet();
  right.write(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
  clock.run(1_000);
  t.is(lastWords(heard), 'message header error: connection not synchronised');
  t.true(state.closed);
});

test('an UPDATE before any OPEN is out of order, and said to be', t => {
  const {clock, right, heard} = meet();
  right.write(updates(1));
  clock.run(1_000);
  t.is(lastWords(heard), 'FSM error: unexpected message in OpenSent');
});

test('messages in single octets are the same messages', t => {
  const {clock, left, right} = meet();
  for (const octet of [...OPEN, ...encodeKeepalive(), ...updates(2)]) {
    right.write(Uint8Array.of(octet));
  }
  clock.run(1_000);
  t.is(left.peer(RIGHT).state, 'Established');
  t.is(left.rib.routes.length, 3);
});

test('a peer that reads nothing is let go by the send hold timer, and holds up nobody', t => {
  const {clock, left, third, right} = meet({gracefulRestart: false});
  right.write(OPEN);
  right.write(encodeKeepalive());
  clock.run(1_000);
  t.is(left.peer(RIGHT).state, 'Established');
  right.pause();
  for (let at = 0; at < 100; at++) {
    if (left.peer(RIGHT).state !== 'Established') break;
    left.speaker.setLocalRoutes(routesTo(`10.${at}.0.0/16`));
    right.write(encodeKeepalive());
    clock.run(20_000);
    t.true(third.rib.routes.some(route => route.startsWith(`ipv4 10.${at}.0.0/16`)));
  }
  t.is(left.peer(RIGHT).lastDown?.words, 'send hold timer expired: the peer takes no data');
  t.is(third.peer(LEFT).established, 1);
});

test('a flood is read to its end, and no session beside it suffers', t => {
  const {clock, left, third, right} = meet();
  right.write(OPEN);
  right.write(encodeKeepalive());
  const flood = updates(20_000);
  for (let at = 0; at < flood.length; at += 4096) right.write(flood.subarray(at, at + 4096));
  clock.run(60_000);
  t.is(left.peer(RIGHT).received.update, 20_000);
  t.is(third.rib.routes.length, 20_001);
  t.is(third.peer(LEFT).established, 1);
});

test('a message that is longer than agreed is 1/2, whatever else it is', t => {
  const {clock, right, heard} = meet();
  right.write(OPEN);
  right.write(encodeKeepalive());
  const long = new Uint8Array(5000).fill(0xff, 0, 16);
  long.set([5000 >> 8, 5000 & 0xff, UPDATE], 16);
  right.write(long);
  clock.run(1_000);
  t.is(lastWords(heard), 'message header error: bad message length');
});

test('a malformed UPDATE is logged with its octets, once in ten seconds', t => {
  const {clock, left, right} = meet();
  right.write(OPEN);
  right.write(encodeKeepalive());
  const bad = updates(1);
  bad[HEADER_LENGTH + 7] = 9; // ORIGIN
  for (let at = 0; at < 5; at++) right.write(bad);
  clock.run(1_000);
  t.is(left.peer(RIGHT).faultyUpdates, 5);
  const lines = left.logged.filter(line => line.startsWith('malformed update'));
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /"message":"f{32}/);
  t.is(left.peer(RIGHT).state, 'Established');
});

test('half a message ends by the hold time, not sooner, and not never', t => {
  const {clock, left, right} = meet({gracefulRestart: false});
  right.write(OPEN);
  right.write(encodeKeepalive());
  clock.run(1_000);
  right.write(encodeKeepalive().subarray(0, 10));
  clock.run(89_000);
  t.is(left.peer(RIGHT).state, 'Established');
  clock.run(1_000);
  t.not(left.peer(RIGHT).state, 'Established', 'no grace: it is the peer that is late');
});

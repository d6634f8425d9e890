import test from 'ava';

import {
  decodeBfd,
  DETECTION_TIME_EXPIRED,
  encodeBfd,
  NO_DIAGNOSTIC,
  type BfdPacket,
} from '../bfd/packet.js';
import {octets} from '../rib/paper-rib.js';
import {BfdSessions} from './bfd-sessions.js';
import {PaperClock} from './paper-world.js';
import type {BfdIncoming, SpeakerPorts} from './ports.js';

test('a packet is for the session with both its addresses (RFC 5883 §4)', t => {
  let hear: ((incoming: BfdIncoming) => void) | undefined;
  let drawn = 0;
  const ports = {
    ...{clock: new PaperClock(), random: () => (drawn = (drawn + 0.1) % 1)}, // discriminators differ
    transport: {
      listenBfd: (receive: typeof hear) => (hear = receive),
      openBfd: () => ({send() {}, close() {}}),
    },
  } as unknown as SpeakerPorts;
  const bfd = new BfdSessions(ports, {bfdChanged() {}});
  const remote = octets('192.0.2.9');
  const [one, two] = [octets('192.0.2.1'), octets('192.0.2.2')];
  const config = {intervalMs: 100, multiplier: 3, multihop: false};
  bfd.open('one', {remote, local: one, ifindex: 0, multihop: false}, config);
  bfd.open('two', {remote, local: two, ifindex: 0, multihop: false}, config);
  const bytes = encodeBfd(packetOf({state: 'Down'}));
  const states = () => ['one', 'two'].map(name => bfd.status(name)?.state);
  hear?.({bytes, remote, local: octets('192.0.2.3'), ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Down', 'Down'], 'for neither of them');
  hear?.({bytes, remote, local: two, ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Down', 'Init']);
  hear?.({bytes, remote, local: one, ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Init', 'Init']);
  bfd.closeAll();
});

test('a session that ends for its failure says Down and why; one that is taken away, AdminDown', t => {
  const {bfd, clock, hear, words, late} = upSession();
  hear({state: 'Up'});
  t.is(bfd.status('peer')?.state, 'Up');
  clock.run(1_000); // of silence: the owner gives the session up
  t.is(bfd.status('peer'), undefined);
  t.deepEqual(words(3), Array(3).fill(['Down', DETECTION_TIME_EXPIRED]));
  clock.run(10_000);
  t.is(late(), 0, 'nothing of it runs on');

  const taken = upSession();
  taken.bfd.close('peer');
  t.deepEqual(
    taken.words(3).map(([state]) => state),
    Array(3).fill('AdminDown'),
  );
});

/** Its owner has no use for a session that failed, as a speaker without graceful restart. */
function upSession() {
  const clock = new PaperClock();
  const sent: BfdPacket[] = [];
  let [isOpen, lateCount] = [true, 0];
  let take: ((incoming: BfdIncoming) => void) | undefined;
  const send = (bytes: Uint8Array) => {
    const decoded = decodeBfd(bytes);
    if (!isOpen) lateCount++;
    else if (decoded.kind !== 'discard') sent.push(decoded.packet);
  };
  const transport = {
    listenBfd: (receive: typeof take) => (take = receive),
    openBfd: () => ({send, close: () => (isOpen = false)}),
  };
  const ports = {clock, random: () => 0.5, transport} as unknown as SpeakerPorts;
  const bfd = new BfdSessions(ports, {
    bfdChanged: (peer, {isFailure}) => (isFailure ? bfd.close(peer) : undefined),
  });
  const [remote, local] = [octets('192.0.2.9'), octets('192.0.2.1')];
  const path = {remote, local, ifindex: 0, multihop: false};
  bfd.open('peer', path, {intervalMs: 100, multiplier: 3, multihop: false});
  const hear = (packet: Partial<BfdPacket>) => {
    const yourDiscriminator = sent.at(-1)?.myDiscriminator ?? 0;
    const bytes = encodeBfd(packetOf({yourDiscriminator, ...packet}));
    take?.({bytes, ...path, ifindex: 1});
  };
  hear({state: 'Down', yourDiscriminator: 0});
  hear({state: 'Init'});
  const words = (count: number) => sent.slice(-count).map(each => [each.state, each.diagnostic]);
  return {bfd, clock, words, hear, late: () => lateCount};
}

function packetOf(packet: Partial<BfdPacket>): BfdPacket {
  return {
    ...{diagnostic: NO_DIAGNOSTIC, state: 'Down', poll: false, final: false, demand: false},
    ...{controlPlaneIndependent: false, detectMult: 3, myDiscriminator: 7, yourDiscriminator: 0},
    ...{desiredMinTxUs: 100_000, requiredMinRxUs: 100_000, requiredMinEchoRxUs: 0},
    ...packet,
  };
}

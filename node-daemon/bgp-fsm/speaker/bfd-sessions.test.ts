import test from 'ava';

import {encodeBfd, NO_DIAGNOSTIC} from '../bfd/packet.js';
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
  const bytes = encodeBfd({
    ...{diagnostic: NO_DIAGNOSTIC, state: 'Down', poll: false, final: false, demand: false},
    ...{controlPlaneIndependent: false, detectMult: 3, myDiscriminator: 7, yourDiscriminator: 0},
    ...{desiredMinTxUs: 100_000, requiredMinRxUs: 100_000, requiredMinEchoRxUs: 0},
  });
  const states = () => ['one', 'two'].map(name => bfd.status(name)?.state);
  hear?.({bytes, remote, local: octets('192.0.2.3'), ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Down', 'Down'], 'for neither of them');
  hear?.({bytes, remote, local: two, ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Down', 'Init']);
  hear?.({bytes, remote, local: one, ifindex: 1, multihop: false});
  t.deepEqual(states(), ['Init', 'Init']);
  bfd.closeAll();
});

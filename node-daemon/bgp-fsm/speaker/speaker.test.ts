import test from 'ava';
import {PaperClock, PaperNetwork} from './paper-world.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from './paper-speaker.js';
import type {PeerConfig, SpeakerConfig} from './config.js';

/** Two speakers that know each other, each with a route of each family. */
function couple(
  more: {
    readonly left?: Partial<PeerConfig>;
    readonly right?: Partial<PeerConfig>;
    readonly speaker?: Partial<SpeakerConfig>;
  } = {},
) {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const left = new PaperSpeaker(network, '10.0.0.1');
  const right = new PaperSpeaker(network, '10.0.0.2');
  const leftConfig = speakerOf(65001, {peers: [peerAt('10.0.0.2', more.left)], ...more.speaker});
  const rightConfig = speakerOf(65002, {peers: [peerAt('10.0.0.1', more.right)], ...more.speaker});
  left.speaker.configure(leftConfig);
  right.speaker.configure(rightConfig);
  left.speaker.setLocalRoutes(routesTo('10.1.0.0/16', 'fd01::/32'));
  right.speaker.setLocalRoutes(routesTo('10.2.0.0/16', 'fd02::/32'));
  return {clock, network, left, right, leftConfig, rightConfig};
}

test('two speakers find each other and exchange the routes of both families', t => {
  const {clock, left, right} = couple();
  clock.run(10_000);
  t.is(left.peer('10.0.0.2').state, 'Established');
  t.is(right.peer('10.0.0.1').state, 'Established');
  t.deepEqual(left.rib.routes, [
    'ipv4 10.1.0.0/16 []',
    'ipv4 10.2.0.0/16 [65002]',
    'ipv6 fd01::/32 []',
    'ipv6 fd02::/32 [65002]',
  ]);
  t.deepEqual(right.rib.routes.length, 4);
  t.is(left.connections.length, 1);
});

/** A neighbour that may know us by either of two AS numbers: what holds for routes under each. */
import test from 'ava';

import {Rib} from '../rib/rib.js';
import type {LocalAs} from '../rib/types.js';
import type {PeerConfig} from './config.js';
import {LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, plainPolicy, routesTo, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';

const THIRD = '10.0.0.3';
const OURS = 65001;
const OTHER = 65099;

/** Left, which is 65099 to right unless right wants 65001, and a third one that left tells what it learns. */
class Trio {
  readonly clock = new PaperClock();
  readonly network = new PaperNetwork(this.clock);
  readonly left = new PaperSpeaker(this.network, LEFT, {rib: new Rib()});
  readonly third = new PaperSpeaker(this.network, THIRD, {rib: new Rib()});
  right: PaperSpeaker;

  constructor(localAs: Partial<LocalAs>, expected: number) {
    this.left.speaker.setLocalRoutes(routesTo('10.1.0.0/16'));
    this.configureLeft(localAs, {localAsn: OTHER, otherAsn: OURS});
    this.third.speaker.configure(speakerOf(65003, {peers: [peerAt(LEFT)]}));
    this.right = this.startRight(expected);
  }

  configureLeft(change: Partial<LocalAs>, as: Partial<PeerConfig>): void {
    const localAs = {asn: OTHER, prependReal: false, prependReceived: false, ...change};
    const config = speakerOf(OURS, {
      peers: [peerAt(RIGHT, {policy: {...plainPolicy, localAs}}), peerAt(THIRD)],
    });
    const peers = config.peers.map(peer => (peer.name === RIGHT ? {...peer, ...as} : peer));
    this.left.speaker.configure({...config, peers});
  }

  startRight(expected: number): PaperSpeaker {
    this.right = new PaperSpeaker(this.network, RIGHT, {rib: new Rib()});
    this.right.speaker.setLocalRoutes(routesTo('10.2.0.0/16'));
    this.right.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT, {asns: [expected]})]}));
    return this.right;
  }

  get presented(): number {
    return this.left.peer(RIGHT).config.localAsn;
  }

  pathAt(speaker: PaperSpeaker, prefix: string): readonly number[] | undefined {
    const paths = speaker.speaker.show({table: 'received', family: 'ipv4', limit: 10});
    const found = paths.find(({address}) => address.join('.').startsWith(prefix));
    return found?.attributes.asPath?.flatMap(({asns}) => asns);
  }
}

test('routes that are kept for a restart follow the number that is used next', t => {
  const trio = new Trio({prependReceived: true}, OTHER);
  trio.clock.run(30_000);
  t.deepEqual(trio.pathAt(trio.third, '10.2.'), [OURS, OTHER, 65002]);
  trio.right.kill();
  trio.clock.run(1_000);
  trio.startRight(65077); // whichever we say it refuses
  for (let steps = 0; trio.presented === OTHER && steps < 10_000; steps++) trio.clock.run(10);
  trio.clock.run(400); // less than until the next attempt
  t.is(trio.presented, OURS);
  t.not(trio.left.peer(RIGHT).stale.length, 0);
  t.deepEqual(trio.pathAt(trio.third, '10.2.'), [OURS, 65002]);
});

test('without the second number routes are told under the first one again', t => {
  const trio = new Trio({}, OURS);
  trio.clock.run(60_000);
  t.deepEqual(trio.pathAt(trio.right, '10.1.'), [OURS]);
  trio.right.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT, {asns: [OTHER]})]}));
  trio.configureLeft({}, {localAsn: OTHER, otherAsn: undefined});
  trio.clock.run(60_000);
  t.is(trio.right.peer(LEFT).state, 'Established');
  t.deepEqual(trio.pathAt(trio.right, '10.1.'), [OTHER]);
});

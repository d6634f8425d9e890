import test from 'ava';
import type {PeerConfig, PeerRange} from './config.js';
import {Couple, LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, plainOptions, plainPolicy, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';

const ESTABLISHED = ['Established', 'Established'];

/** Changes left's peer in an established session; how many sessions there were half a minute later. */
function after(change: Partial<PeerConfig>, before: Partial<PeerConfig> = {}): Couple {
  const couple = new Couple({left: before, right: {passive: true}});
  couple.clock.run(20_000);
  couple.configureLeft({...before, ...change});
  couple.clock.run(30_000);
  return couple;
}

const harmless: readonly Partial<PeerConfig>[] = [
  {},
  {policy: {...plainPolicy, allowAsIn: 2}},
  {policy: {...plainPolicy, maxPrefixes: {max: 1000, warnPercent: 80}}},
  {ttl: 64},
  {ttlSecurityHops: 1},
  {holdTimeSeconds: 30},
  {keepaliveSeconds: 5},
  {sendHoldSeconds: 600},
  {connectRetryMs: 9_000},
  {passive: true},
  {asns: [65002]},
  {asns: 'external'},
  {prefixLimitRestartSeconds: 60},
];

test('most of what can be configured is changed without a reset', t => {
  for (const change of harmless) {
    const couple = after(change);
    t.deepEqual(couple.sessions, [1, 1], JSON.stringify(change));
    t.deepEqual(couple.states, ESTABLISHED);
  }
});

const resetting: readonly Partial<PeerConfig>[] = [
  {families: ['ipv4']},
  {extendedMessages: true},
  {extendedNextHop: true},
  {addPath: {ipv4: 'both', ipv6: 'none'}},
  {role: 'peer'},
  {gracefulRestart: false},
];

test('what OPEN says is changed by one Cease 6/6 and a session at once', t => {
  for (const change of resetting) {
    const couple = after(change);
    const [left] = couple.views;
    t.deepEqual(couple.sessions, [2, 2], JSON.stringify(change));
    t.is(left.lastDown?.words, 'sent Cease: other configuration change');
    t.is(left.sent.notification, 1);
  }
});

test('another AS number is another neighbour: no route of the one before is kept', t => {
  const couple = new Couple({right: {passive: true}});
  couple.clock.run(20_000);
  t.is(couple.left.rib.routes.length, 4);
  couple.configureLeft({asns: [65009]});
  couple.clock.run(1_000);
  t.is(couple.left.rib.routes.length, 2, 'our own');
  t.deepEqual(couple.left.peer(RIGHT).stale, []);
  couple.clock.run(30_000);
  t.is(couple.left.peer(RIGHT).established, 0);
  couple.configureLeft({asns: [65009, 65002]});
  couple.clock.run(120_000);
  t.deepEqual(couple.states, ESTABLISHED);
  t.is(couple.left.rib.routes.length, 4);
});

test('a password is rolled by a new connection without a word, and costs no route', t => {
  const couple = new Couple({
    left: {password: 'orange'},
    right: {password: 'orange', passive: true},
  });
  couple.clock.run(20_000);
  couple.configureRight({password: 'apple', passive: true});
  couple.clock.run(1_000);
  const seen = couple.left.rib.routes.length;
  couple.configureLeft({password: 'apple'});
  couple.clock.run(30_000);
  t.is(seen, 4);
  t.deepEqual(couple.states, ESTABLISHED);
  t.deepEqual(couple.sessions, [2, 2]);
  t.deepEqual([couple.views[0].sent.notification, couple.views[1].sent.notification], [0, 0]);
});

test('a change of one peer is nothing to the others', t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const hub = new PaperSpeaker(network, LEFT);
  const spokes = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const configure = (more: (address: string) => Partial<PeerConfig>, addresses = spokes) =>
    hub.speaker.configure(
      speakerOf(65001, {peers: addresses.map(address => peerAt(address, more(address)))}),
    );
  configure(() => ({}));
  for (const [at, address] of spokes.entries()) {
    const spoke = new PaperSpeaker(network, address);
    spoke.speaker.configure(speakerOf(65002 + at, {peers: [peerAt(LEFT, {passive: true})]}));
  }
  clock.run(20_000);
  configure(address => (address === '10.0.0.3' ? {families: ['ipv4']} : {}));
  clock.run(20_000);
  t.deepEqual(
    spokes.map(address => hub.peer(address).established),
    [1, 2, 1],
  );
  configure(() => ({}), ['10.0.0.2', '10.0.0.4']);
  clock.run(20_000);
  t.throws(() => hub.peer('10.0.0.3'));
  t.deepEqual([hub.peer('10.0.0.2').established, hub.peer('10.0.0.4').established], [1, 1]);
  t.is(hub.connections.length, 2);
});

test('a new identifier resets everybody, and everybody comes back', t => {
  const couple = new Couple({right: {passive: true}});
  couple.clock.run(20_000);
  couple.configureLeft({}, {identifier: 4711});
  couple.clock.run(30_000);
  t.deepEqual(couple.sessions, [2, 2]);
  t.is(couple.views[1].negotiated?.peerIdentifier, 4711);
});

test('a peer that is moved to another address is another peer', t => {
  const couple = new Couple();
  couple.clock.run(20_000);
  couple.left.speaker.configure(speakerOf(65001, {peers: [peerAt('10.0.0.9', {name: RIGHT})]}));
  couple.clock.run(5_000);
  t.is(couple.left.peer(RIGHT).config.address, '10.0.0.9');
  t.regex(couple.right.peer(LEFT).lastDown?.words ?? '', /peer de-configured/);
  t.is(couple.left.rib.routes.length, 2);
});

function rangeOf(more: Partial<PeerRange> = {}): PeerRange {
  return {...plainOptions, name: 'rack', cidr: '10.0.0.0/24', maxPeers: 2, ...more};
}

/** A speaker with a range, and three that dial it. */
function rack(range: PeerRange) {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const hub = new PaperSpeaker(network, LEFT);
  hub.speaker.configure(speakerOf(65001, {ranges: [range]}));
  const dial = (address: string, asn: number) => {
    const spoke = new PaperSpeaker(network, address);
    spoke.speaker.configure(speakerOf(asn, {peers: [peerAt(LEFT)]}));
    return spoke;
  };
  const names = () => hub.speaker.status().peers.map(peer => peer.config.name);
  return {clock, network, hub, dial, names};
}

test('neighbours come from a range, up to its limit, and are forgotten when they are gone for good', t => {
  const {clock, hub, dial, names} = rack(rangeOf());
  const two = dial('10.0.0.2', 65002);
  dial('10.0.0.3', 65003);
  clock.run(10_000);
  t.deepEqual(names(), ['rack/10.0.0.2', 'rack/10.0.0.3']);
  t.is(hub.peer('rack/10.0.0.2').state, 'Established');
  dial('10.0.0.4', 65004);
  dial('10.0.1.5', 65005); // outside
  clock.run(10_000);
  t.is(names().length, 2);
  two.kill();
  clock.run(60_000);
  t.is(names().length, 2); // graceful restart: it may come back
  clock.run(240_000);
  t.deepEqual(names(), ['rack/10.0.0.3', 'rack/10.0.0.4']);
});

test('a range is told with how many came from it, also before anybody has', t => {
  const {clock, hub, dial} = rack(rangeOf({asns: [65002]}));
  const ranges = () =>
    hub.speaker
      .status()
      .ranges.map(({config: {name, cidr, maxPeers}, peers, established}) => [
        ...[name, cidr, maxPeers],
        ...[peers, established],
      ]);
  t.deepEqual(ranges(), [['rack', '10.0.0.0/24', 2, 0, 0]]);
  dial('10.0.0.2', 65002);
  const refused = dial('10.0.0.3', 65003); // of another AS than is wanted
  clock.run(900);
  t.deepEqual(ranges(), [['rack', '10.0.0.0/24', 2, 2, 1]]);
  refused.kill();
  clock.run(10_000);
  t.deepEqual(ranges(), [['rack', '10.0.0.0/24', 2, 1, 1]]);
  hub.speaker.configure(speakerOf(65001));
  t.deepEqual(ranges(), []);
});

test('a range is away when all who dialled from it are', t => {
  const {clock, hub, dial} = rack(rangeOf());
  const range = 'rack@10.0.0.0/24';
  t.deepEqual(hub.speaker.absence().away, [range]);
  const two = dial('10.0.0.2', 65002);
  const three = dial('10.0.0.3', 65003);
  clock.run(10_000);
  t.deepEqual(hub.speaker.absence(), {isOver: true, away: [], isAnyKept: false});
  two.speaker.leave({kind: 'deconfigure'}); // nothing of it is kept
  clock.run(1_000);
  t.deepEqual(hub.speaker.absence().away, ['rack/10.0.0.2@10.0.0.2']);
  three.kill();
  clock.run(60_000);
  t.like(
    hub.speaker.absence(),
    {isAnyKept: true, away: {length: 0}},
    'one is forgotten, one is kept',
  );
  clock.run(600_000);
  t.deepEqual(hub.speaker.absence(), {isOver: true, away: [range], isAnyKept: false});
});

test('who never was a session is forgotten at once', t => {
  const {clock, dial, names} = rack(rangeOf({asns: [65009]}));
  const two = dial('10.0.0.2', 65002);
  clock.run(900);
  two.kill();
  clock.run(5_000);
  t.deepEqual(names(), []);
});

test('a range is changed live, and its neighbours go with it', t => {
  const {clock, hub, dial, names} = rack(rangeOf());
  dial('10.0.0.2', 65002);
  clock.run(10_000);
  hub.speaker.configure(speakerOf(65001, {ranges: [rangeOf({holdTimeSeconds: 30})]}));
  clock.run(1_000);
  t.is(hub.peer('rack/10.0.0.2').established, 1);
  t.is(hub.peer('rack/10.0.0.2').config.holdTimeSeconds, 30);
  hub.speaker.configure(speakerOf(65001));
  clock.run(1_000);
  t.deepEqual(names(), []);
  t.is(hub.connections.length, 0);
});

test('without the key of its range nobody is a neighbour', t => {
  const {clock, names, dial} = rack(rangeOf({password: 'orange'}));
  dial('10.0.0.2', 65002);
  clock.run(10_000);
  t.deepEqual(names(), []);
});

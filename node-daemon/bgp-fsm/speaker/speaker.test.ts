import test from 'ava';
import {Rib} from '../rib/rib.js';
import {Couple, LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, plainPolicy, routesTo, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';

const ESTABLISHED = ['Established', 'Established'];

test('two speakers find each other and exchange the routes of both families', t => {
  const couple = new Couple();
  couple.clock.run(10_000);
  t.deepEqual(couple.states, ESTABLISHED);
  t.deepEqual(couple.left.rib.routes, [
    'ipv4 10.1.0.0/16 []',
    'ipv4 10.2.0.0/16 [65002]',
    'ipv6 fd01::/32 []',
    'ipv6 fd02::/32 [65002]',
  ]);
  t.is(couple.right.rib.routes.length, 4);
  t.is(couple.left.connections.length, 1);
  t.deepEqual(couple.left.peer(RIGHT).heard, ['ipv4', 'ipv6'], 'End-of-RIB of both');
});

test('routes that come and go reach the other side', t => {
  const {clock, left, right} = new Couple();
  clock.run(10_000);
  left.speaker.setLocalRoutes(routesTo('10.7.0.0/16'));
  clock.run(1_000);
  t.deepEqual(right.rib.routes, [
    'ipv4 10.2.0.0/16 []',
    'ipv4 10.7.0.0/16 [65001]',
    'ipv6 fd02::/32 []',
  ]);
});

test('a session lives on keepalives, and the routes outlast any number of them', t => {
  const couple = new Couple();
  couple.clock.run(3_600_000);
  t.deepEqual(couple.sessions, [1, 1]);
  t.deepEqual(couple.states, ESTABLISHED);
  const {keepalive} = couple.left.peer(RIGHT).received;
  t.true(keepalive >= 120 && keepalive <= 161, `${keepalive} in an hour, every 22.5 to 30 s`);
});

test('of a peer that is silent the session ends by its hold time, without graceful restart with its routes', t => {
  const couple = new Couple({speaker: {gracefulRestart: undefined}});
  couple.clock.run(10_000);
  couple.network.cut(LEFT, RIGHT);
  couple.clock.run(60_000);
  t.deepEqual(couple.states, ESTABLISHED);
  couple.clock.run(31_000);
  t.notDeepEqual(couple.states, ESTABLISHED);
  t.deepEqual(couple.left.rib.routes.length, 2);
  t.regex(couple.left.peer(RIGHT).lastError?.words ?? '', /hold timer|no TCP answer/);
  couple.network.heal(LEFT, RIGHT);
  couple.clock.run(60_000);
  t.deepEqual(couple.states, ESTABLISHED);
  t.is(couple.left.rib.routes.length, 4);
});

test('a wrong key is met with silence, and the words say what may be wrong', t => {
  const couple = new Couple({left: {password: 'orange'}, right: {password: 'apple'}});
  couple.clock.run(20_000);
  t.notDeepEqual(couple.states, ESTABLISHED);
  t.is(
    couple.left.peer(RIGHT).lastError?.words,
    'no TCP answer; a password is configured, wrong key?',
  );
  couple.configureRight({password: 'orange'});
  couple.clock.run(20_000);
  t.deepEqual(couple.states, ESTABLISHED);
});

test('a port that nobody listens on is said to be one', t => {
  const couple = new Couple({left: {port: 1179}, right: {passive: true}});
  couple.clock.run(20_000);
  t.is(couple.left.peer(RIGHT).lastError?.words, 'connection refused: nobody listens there');
});

test('a connection from further than TTL security allows is closed at once, and said to be one', t => {
  const secure = {ttl: 255, ttlSecurityHops: 1};
  const couple = new Couple({left: {ttl: 64}, right: {...secure, passive: true}});
  couple.clock.run(10_000);
  t.is(couple.right.connections.length, 0);
  t.is(couple.states[1], 'Active');
  t.regex(couple.right.peer(LEFT).lastError?.words ?? '', /^dialled with TTL 64; .* for 1 hop,/);
  couple.configureLeft({...secure});
  couple.clock.run(30_000);
  t.deepEqual(couple.states, ESTABLISHED);
});

test('an AS number that is not the expected one is refused, said on both sides, and tried more rarely', t => {
  const couple = new Couple({left: {asns: [65099]}});
  couple.clock.run(300_000);
  t.regex(couple.left.peer(RIGHT).lastError?.words ?? '', /^sent OPEN error: bad peer AS/);
  t.regex(couple.right.peer(LEFT).lastError?.words ?? '', /^received OPEN error: bad peer AS/);
  const {open} = couple.left.peer(RIGHT).sent;
  t.true(open > 5 && open < 40, `${open} OPENs in 5 minutes`);
});

test('of two AS numbers the one is used that the peer expects', t => {
  for (const expected of [65099, 65001]) {
    const clock = new PaperClock();
    const network = new PaperNetwork(clock);
    const [left, right] = [LEFT, RIGHT].map(address => {
      return new PaperSpeaker(network, address, {rib: new Rib()});
    }) as [PaperSpeaker, PaperSpeaker];
    const localAs = {asn: 65099, prependReal: true, prependReceived: false};
    const config = speakerOf(65001, {
      peers: [peerAt(RIGHT, {policy: {...plainPolicy, localAs}})],
    });
    const peers = config.peers.map(peer => ({...peer, localAsn: 65099, otherAsn: 65001}));
    left.speaker.setLocalRoutes(routesTo('10.1.0.0/16'));
    left.speaker.configure({...config, peers});
    right.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT, {asns: [expected]})]}));
    clock.run(60_000);
    t.is(right.peer(LEFT).state, 'Established', `${expected}`);
    t.is(left.peer(RIGHT).config.localAsn, expected);
    const [path] = right.speaker.show({table: 'selected', family: 'ipv4', limit: 1});
    const asns = path?.attributes.asPath?.flatMap(segment => segment.asns);
    t.deepEqual(asns, expected === 65099 ? [65099, 65001] : [65001]);
  }
});

test('an operator shuts a peer down with words, and starts it again', t => {
  const couple = new Couple();
  couple.clock.run(10_000);
  couple.configureLeft({shutdown: 'rack 12 moves'});
  couple.clock.run(10_000);
  t.deepEqual(couple.states[0], 'Idle');
  t.is(couple.left.rib.routes.length, 2);
  t.regex(couple.right.peer(LEFT).lastDown?.words ?? '', /"rack 12 moves"/);
  couple.configureLeft();
  couple.clock.run(120_000);
  t.deepEqual(couple.states, ESTABLISHED);
});

test('a reset by hand is one Cease 6/4 and a session again', t => {
  const couple = new Couple({right: {passive: true}, speaker: {gracefulRestart: undefined}});
  couple.clock.run(10_000);
  t.true(couple.left.speaker.reset(RIGHT, 'just so'));
  t.false(couple.left.speaker.reset('nobody', ''));
  couple.clock.run(60_000);
  t.deepEqual(couple.sessions, [2, 2]);
  t.is(couple.left.peer(RIGHT).sent.notification, 1);
  t.is(couple.right.peer(LEFT).lastError?.words, 'received Cease: administrative reset, "just so"');
});

test('a connection of a stranger is closed without a word', t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const left = new PaperSpeaker(network, LEFT);
  left.speaker.configure(speakerOf(65001, {peers: [peerAt('10.0.0.9')]}));
  const right = new PaperSpeaker(network, RIGHT);
  right.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT)]}));
  clock.run(10_000);
  const strangers = () => left.logged.filter(line => line.startsWith('connection of a stranger'));
  t.is(strangers().length, 1);
  t.is(left.connections.length, 0);
  t.is(right.peer(LEFT).received.open, 0);
  clock.run(580_000); // it dials on
  t.is(strangers().length, 1);
  clock.run(60_000);
  t.is(strangers().length, 2);
});

test('too many prefixes end the session until somebody has a look', t => {
  const maxPrefixes = {max: 2, warnPercent: 80};
  const couple = new Couple({left: {policy: {...plainPolicy, maxPrefixes}}});
  couple.clock.run(10_000);
  t.deepEqual(couple.states, ESTABLISHED);
  couple.right.speaker.setLocalRoutes(routesTo('10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16'));
  couple.clock.run(600_000);
  t.deepEqual(couple.states[0], 'Idle');
  t.true(couple.left.peer(RIGHT).isLimited);
  t.is(couple.left.rib.routes.length, 2);
  t.is(
    couple.left.peer(RIGHT).lastError?.words,
    'sent Cease: hard reset (Cease: maximum number of prefixes reached (ipv4, limit 2)); got 3',
  );
  t.deepEqual(couple.left.peer(RIGHT).excess, {family: 'ipv4', max: 2, got: 3});
  t.is(
    couple.right.peer(LEFT).lastDown?.words,
    'received Cease: hard reset (Cease: maximum number of prefixes reached (ipv4, limit 2))',
  );
  couple.configureLeft({policy: {...plainPolicy, maxPrefixes: {...maxPrefixes, max: 9}}});
  couple.clock.run(120_000);
  t.deepEqual(couple.states, ESTABLISHED);
  t.is(couple.left.peer(RIGHT).excess, undefined);
});

test('a limit that is set below what is there ends the session at once', t => {
  const couple = new Couple();
  couple.right.speaker.setLocalRoutes(routesTo('10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16'));
  couple.clock.run(10_000);
  couple.configureLeft({policy: {...plainPolicy, maxPrefixes: {max: 2, warnPercent: 80}}});
  couple.clock.run(1_000);
  t.true(couple.left.peer(RIGHT).isLimited);
  t.deepEqual(couple.states[0], 'Idle');
});

test('too many prefixes end the session for as long as is configured', t => {
  const maxPrefixes = {max: 0, warnPercent: 80};
  const policy = {...plainPolicy, maxPrefixes};
  const couple = new Couple({
    left: {policy, prefixLimitRestartSeconds: 100},
    right: {passive: true},
  });
  couple.clock.run(150_000);
  const {notification} = couple.left.peer(RIGHT).sent;
  t.is(notification, 2); // at once, and after 100 s
  t.false(couple.left.peer(RIGHT).isLimited);
});

const LAST_WORDS = {
  shutdown: 'received Cease: hard reset (Cease: administrative shutdown, "bye")',
  deconfigure: 'received Cease: hard reset (Cease: peer de-configured)',
  restart: 'the peer closed the connection',
};

test('leaving for the day says so and nothing after it; leaving to restart says nothing', t => {
  for (const kind of ['shutdown', 'deconfigure', 'restart'] as const) {
    const couple = new Couple();
    couple.clock.run(10_000);
    const [end] = couple.left.connections;
    couple.left.speaker.leave(kind === 'shutdown' ? {kind, words: 'bye'} : {kind});
    const words = end!.written.length;
    couple.clock.run(300_000);
    t.is(end!.written.length, words);
    t.is(couple.right.peer(LEFT).lastDown?.words, LAST_WORDS[kind]);
    t.is(couple.left.connections.length, 0);
  }
});

test('a refresh asks for all routes, and sends them once more', t => {
  const couple = new Couple();
  couple.clock.run(10_000);
  const before = couple.left.peer(RIGHT).received.update;
  t.true(couple.left.speaker.refresh(RIGHT, 'in', 'ipv4'));
  couple.clock.run(1_000);
  t.is(couple.right.peer(LEFT).received.refresh, 1);
  t.is(couple.left.peer(RIGHT).received.update, before + 1);
  t.true(couple.right.speaker.refresh(LEFT, 'out', 'ipv6'));
  couple.clock.run(1_000);
  t.is(couple.left.peer(RIGHT).received.update, before + 2);
  t.false(couple.left.speaker.refresh('nobody', 'in', 'ipv4'));
});

test('both families travel over an IPv6 session', t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const make = (asn: number, own: string, other: string, route: string) => {
    const made = new PaperSpeaker(network, own);
    made.speaker.setLocalRoutes(routesTo(route));
    made.speaker.configure(speakerOf(asn, {peers: [peerAt(other, {families: ['ipv6']})]}));
    return made;
  };
  const left = make(65001, 'fd00::1', 'fd00::2', 'fd01::/32');
  const right = make(65002, 'fd00::2', 'fd00::1', 'fd02::/32');
  clock.run(10_000);
  t.deepEqual(left.rib.routes, ['ipv6 fd01::/32 []', 'ipv6 fd02::/32 [65002]']);
  t.deepEqual(right.peer('fd00::1').negotiated?.families, ['ipv6']);
});

for (const rib of [undefined, Rib]) {
  test(`an own address that goes takes its family with it until it is back (${rib?.name ?? 'naive'})`, t => {
    const clock = new PaperClock();
    const network = new PaperNetwork(clock);
    const ends = [LEFT, RIGHT].map(address => {
      return new PaperSpeaker(network, address, rib && {rib: new rib()});
    });
    const [left, right] = ends as [PaperSpeaker, PaperSpeaker];
    left.speaker.setLocalRoutes(routesTo('10.1.0.0/16', 'fd01::/32'));
    left.speaker.configure(speakerOf(65001, {peers: [peerAt(RIGHT)]}));
    right.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT)]}));
    const heard = () => {
      const {ipv4, ipv6} = right.peer(LEFT).prefixes.received;
      return [ipv4, ipv6];
    };
    clock.run(10_000);
    t.deepEqual(heard(), [1, 1]);
    const [end] = left.connections;
    const {ipv6} = end!.path.nextHops;
    end!.setNextHops({ipv6: undefined});
    clock.run(1_000);
    t.deepEqual(heard(), [1, 0]);
    end!.setNextHops({ipv6});
    clock.run(1_000);
    t.deepEqual(heard(), [1, 1]);
    t.is(right.peer(LEFT).established, 1);
  });
}

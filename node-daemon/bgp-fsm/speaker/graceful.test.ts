import test from 'ava';
import type {SpeakerEvent} from './speaker.js';
import {Couple, LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from './paper-speaker.js';

const FAR = ['ipv4 10.2.0.0/16', 'ipv6 fd02::/32'];

/** What left has from right, stale or not. */
function learnt({left}: Couple): readonly string[] {
  return left.rib.prefixesOf(left.peer(RIGHT).ix);
}

function established(couple: Couple): Couple {
  couple.clock.run(20_000);
  return couple;
}

const restarted = {restarted: true, preserved: ['ipv4', 'ipv6']} as const;

function kinds(events: readonly SpeakerEvent[]): readonly string[] {
  return events.map(({kind}) => kind).filter(kind => kind !== 'peerState' && kind !== 'routes');
}

test('a peer that is killed and comes back in time costs no route', t => {
  const couple = established(new Couple());
  t.deepEqual(learnt(couple), FAR);
  couple.left.speaker.takeSelected(100);
  couple.right.kill();
  couple.clock.run(30_000);
  t.deepEqual(learnt(couple), FAR);
  t.deepEqual(couple.left.peer(RIGHT).stale, ['ipv4', 'ipv6']);
  couple.startRight({}, restarted);
  couple.clock.run(60_000);
  t.deepEqual(couple.left.peer(RIGHT).stale, []);
  t.deepEqual(learnt(couple), FAR);
});

test('control: without graceful restart its routes go at once', t => {
  const couple = established(new Couple({right: {gracefulRestart: false}}));
  couple.right.kill();
  couple.clock.run(100);
  t.deepEqual(learnt(couple), []);
});

test('what a restarted peer does not repeat goes with its End-of-RIB', t => {
  const couple = established(new Couple());
  couple.right.kill();
  couple.clock.run(5_000);
  couple.startRight({}, restarted);
  couple.right.speaker.setLocalRoutes(routesTo('10.2.0.0/16', '10.9.0.0/16'));
  couple.clock.run(40_000);
  t.deepEqual(learnt(couple), ['ipv4 10.2.0.0/16', 'ipv4 10.9.0.0/16']);
});

test('a peer that lost its forwarding state says so, and its stale routes go before the new ones come', t => {
  const couple = established(new Couple());
  couple.right.kill();
  couple.clock.run(5_000);
  couple.startRight({}, {restarted: true, preserved: ['ipv6']});
  couple.right.speaker.setLocalRoutes([]);
  for (let at = 0; couple.left.peer(RIGHT).state !== 'Established' && at < 60_000; at++) {
    couple.clock.run(1);
  }
  t.deepEqual(learnt(couple), ['ipv6 fd02::/32']);
});

test('the routes of a peer that does not come back go when its restart time is over', t => {
  const couple = established(new Couple());
  couple.right.kill();
  couple.clock.run(119_000);
  t.deepEqual(learnt(couple), FAR);
  couple.clock.run(2_000);
  t.deepEqual(learnt(couple), []);
});

test('a silent stop is met with patience, a Cease with N is too, a hard reset is not', t => {
  const held = (leave: (speaker: PaperSpeaker) => void) => {
    const couple = established(new Couple());
    leave(couple.right);
    couple.clock.run(1_000);
    return learnt(couple).length;
  };
  t.is(
    held(right => right.speaker.leave({kind: 'restart'})),
    2,
  );
  t.is(
    held(right => right.speaker.leave({kind: 'shutdown', words: ''})),
    0,
  );
  t.is(
    held(right =>
      right.speaker.configure(speakerOf(65002, {identifier: 7, peers: [peerAt(LEFT)]})),
    ),
    2,
  );
});

test('R is said to every peer until the restart is over, F as the kernel was found', t => {
  const couple = established(new Couple());
  couple.right.kill();
  couple.startRight({}, {restarted: true, preserved: ['ipv4']});
  couple.clock.run(60_000);
  const {gracefulRestart} = couple.left.peer(RIGHT).negotiated!;
  t.true(gracefulRestart?.restarting);
  t.deepEqual(gracefulRestart?.families, [
    {family: 'ipv4', forwarding: true},
    {family: 'ipv6', forwarding: false},
  ]);
  couple.right.speaker.reset(LEFT, '');
  couple.clock.run(60_000);
  t.false(couple.left.peer(RIGHT).negotiated?.gracefulRestart?.restarting);
});

test('our restart sweeps once the peers have sent all; End-of-RIB waits for that, routes do not', t => {
  const couple = established(new Couple());
  couple.right.kill();
  couple.startRight({}, restarted);
  couple.network.cut(LEFT, RIGHT);
  couple.clock.run(5_000);
  t.deepEqual(kinds(couple.right.events), []);
  couple.network.heal(LEFT, RIGHT);
  couple.clock.run(20_000);
  t.deepEqual(kinds(couple.right.events), ['peerUp', 'restartOver', 'sweep', 'sweep']);
});

test('who never answers is waited for until the deferral is over, who is known to be absent is not', t => {
  const alone = (absent: readonly string[]) => {
    const couple = new Couple({left: {}, right: {}});
    couple.left.kill();
    couple.startRight({}, {...restarted, absent});
    return couple;
  };
  const patient = alone([]);
  patient.clock.run(9_000);
  t.false(patient.right.kinds().includes('sweep'));
  patient.clock.run(2_000);
  t.true(patient.right.kinds().includes('sweep'));

  const informed = alone([`${LEFT}@${LEFT}`]);
  informed.clock.run(100);
  t.true(informed.right.kinds().includes('sweep'));
});

test('a name that stood for a neighbour elsewhere, or an old note of a name alone, makes nobody absent', t => {
  for (const absent of [`${LEFT}@10.9.9.9`, LEFT]) {
    const couple = new Couple();
    couple.left.kill();
    couple.startRight({}, {...restarted, absent: [absent]});
    couple.clock.run(9_000);
    t.false(couple.right.kinds().includes('sweep'), absent);
  }
});

test('who is away is told without a look at all routes: by name and address, but for who has routes here', t => {
  const couple = established(new Couple());
  t.deepEqual(couple.left.speaker.absence(), {isOver: true, away: [], isAnyKept: false});
  couple.right.kill();
  couple.clock.run(60_000);
  t.deepEqual(couple.left.speaker.absence(), {isOver: true, away: [], isAnyKept: true});
  couple.clock.run(600_000);
  const away = [`${RIGHT}@${RIGHT}`];
  t.deepEqual(couple.left.speaker.absence(), {isOver: true, away, isAnyKept: false});
});

test('two that restart at once do not wait for each other', t => {
  const couple = established(new Couple());
  couple.left.kill();
  couple.right.kill();
  couple.startLeft({}, restarted);
  couple.startRight({}, restarted);
  couple.clock.run(7_000);
  t.true(couple.left.kinds().includes('restartOver'));
  t.deepEqual(learnt(couple), FAR);
});

test('a peer that restarted while we believed in its old connection replaces it, routes kept', t => {
  const couple = established(new Couple());
  couple.right.isDead = true;
  couple.right.transport.kill(false); // nobody hears of it
  couple.clock.run(1_000);
  t.is(couple.left.peer(RIGHT).state, 'Established');
  couple.startRight({}, restarted);
  couple.clock.run(20_000);
  t.deepEqual(couple.sessions, [2, 1]);
  t.deepEqual(learnt(couple), FAR);
});

test('long-lived routes stay beyond the restart time, and go in the end', t => {
  const gracefulRestart = {
    restartTimeSeconds: 60,
    staleTimeSeconds: 180,
    longLivedSeconds: 3600,
    deferralMs: 10_000,
  };
  const couple = established(new Couple({speaker: {gracefulRestart}}));
  couple.right.kill();
  couple.clock.run(600_000);
  t.deepEqual(learnt(couple), FAR);
  couple.clock.run(3_300_000);
  t.deepEqual(learnt(couple), []);
});

test('after a restart the kernel is not swept before a peer without graceful restart has told its routes', t => {
  const plain = {gracefulRestart: false};
  const couple = established(new Couple({left: plain, right: plain}));
  couple.left.kill();
  couple.clock.run(1_000);
  couple.startLeft(plain, restarted);
  const isSwept = () => kinds(couple.left.events).includes('sweep');
  for (let steps = 0; !isSwept() && steps < 20_000; steps++) couple.clock.run(1);
  t.true(isSwept());
  t.deepEqual(learnt(couple), FAR);
});

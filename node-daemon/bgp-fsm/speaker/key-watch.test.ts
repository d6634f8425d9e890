import test from 'ava';
import type {PeerConfig} from './config.js';
import {Couple, LEFT, RIGHT} from './paper-couple.js';
import {PaperSpeaker, peerAt, plainOptions, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';

/** Left is dialled by right. */
function dialled(left: Partial<PeerConfig>, right: Partial<PeerConfig>): Couple {
  return new Couple({left: {passive: true, ...left}, right});
}

const cases: readonly (readonly [string | undefined, string | undefined, string])[] = [
  ['orange', 'lemon', 'with a wrong MD5 key were dropped on this host, wrong key?'],
  ['orange', undefined, 'without an MD5 key were dropped on this host, wrong key?'],
  [undefined, 'lemon', 'with an MD5 key were dropped on this host, no password configured here?'],
];

for (const [ours, theirs, words] of cases) {
  test(`who is dialled with ${theirs ?? 'no key'} for ${ours ?? 'none'} says what may be wrong`, t => {
    const couple = dialled({password: ours}, {password: theirs});
    couple.clock.run(20_000);
    const {state, lastError} = couple.left.peer(RIGHT);
    t.is(state, 'Active');
    t.is(lastError?.words, `no connection came in; TCP segments ${words}`);
    t.true((lastError?.agoMs ?? Infinity) < 15_000);
    const lines = couple.left.logged.filter(line => line.startsWith('no connection came in'));
    t.is(lines.length, 1, 'once, whatever is counted');
  });
}

test('who waits in vain and lost nothing to keys says nothing of them', t => {
  const couple = dialled({password: 'orange'}, {password: 'orange', passive: true});
  couple.clock.run(60_000);
  t.is(couple.left.peer(RIGHT).state, 'Active');
  t.is(couple.left.peer(RIGHT).lastError, undefined);
});

test('counts of before it waited, and such as it cannot have lost, are not its own', t => {
  const couple = dialled({}, {}); // no key on either side, and no session
  couple.network.cut(LEFT, RIGHT);
  const stranger = new PaperSpeaker(couple.network, '10.0.0.3');
  stranger.speaker.configure(speakerOf(65003, {peers: [peerAt(LEFT)]}));
  couple.left.speaker.configure(
    speakerOf(65001, {
      peers: [peerAt(RIGHT, {passive: true}), peerAt('10.0.0.3', {password: 'x', passive: true})],
    }),
  );
  couple.clock.run(20_000);
  t.regex(couple.left.peer('10.0.0.3').lastError?.words ?? '', /without an MD5 key/, 'control');
  t.is(couple.left.peer(RIGHT).lastError, undefined, 'no key is set for it');

  const late = dialled({password: 'orange', shutdown: ''}, {password: 'lemon'});
  late.clock.run(60_000);
  late.right.kill();
  late.configureLeft({password: 'orange', passive: true});
  late.clock.run(60_000);
  t.is(late.left.peer(RIGHT).state, 'Active');
  t.is(late.left.peer(RIGHT).lastError, undefined);
});

test('who came in a while ago and was refused is not guessed about: the key was right', t => {
  const couple = dialled({}, {shutdown: ''});
  const stranger = new PaperSpeaker(couple.network, '10.0.0.3');
  stranger.speaker.configure(speakerOf(65003, {peers: [peerAt(LEFT, {password: 'lemon'})]}));
  const known = {passive: true, password: 'orange'};
  const peers = [peerAt(RIGHT, {...known, asns: [65_099]}), peerAt('10.0.0.3', known)];
  couple.left.speaker.configure(speakerOf(65001, {peers}));
  for (let attempt = 0; attempt < 3; attempt++) {
    couple.configureRight({password: 'orange'});
    couple.clock.run(30_000);
    couple.configureRight({password: 'orange', shutdown: ''}); // it takes its time to dial again
    for (let seconds = 0; seconds < 120; seconds++) {
      couple.clock.run(1000);
      t.regex(couple.left.peer(RIGHT).lastError?.words ?? '', /bad peer AS/, `${seconds} s`);
    }
    t.is(couple.left.peer(RIGHT).state, 'Active');
  }
  t.regex(couple.left.peer('10.0.0.3').lastError?.words ?? '', /wrong MD5 key/, 'control');
  couple.clock.run(600_000);
  t.regex(
    couple.left.peer(RIGHT).lastError?.words ?? '',
    /wrong MD5 key/,
    'it may have another by now',
  );
});

test('the kernel is asked every few seconds while somebody waits, and not once all are there', t => {
  const couple = dialled({password: 'orange'}, {password: 'lemon'});
  couple.clock.run(60_000);
  const {transport} = couple.left;
  t.true(transport.keyLooks >= 9 && transport.keyLooks <= 13, `${transport.keyLooks} in 60 s`);
  couple.configureRight({password: 'orange'});
  couple.clock.run(60_000);
  t.is(couple.left.peer(RIGHT).state, 'Established');
  t.is(couple.left.peer(RIGHT).lastError, undefined, 'it was not so');
  const looks = transport.keyLooks;
  couple.clock.run(3_600_000);
  t.is(transport.keyLooks, looks);
  couple.network.reset(LEFT, RIGHT);
  couple.configureRight({password: 'lemon'});
  couple.clock.run(60_000);
  t.true(transport.keyLooks > looks);
  t.regex(couple.left.peer(RIGHT).lastError?.words ?? '', /no connection came in/);
});

test('nobody asks where all are dialled', t => {
  const couple = new Couple({left: {password: 'orange'}, right: {passive: true}});
  couple.clock.run(60_000);
  t.is(couple.left.transport.keyLooks, 0);
});

test('a range that nobody comes from says what may be wrong, until somebody does', t => {
  const clock = new PaperClock();
  const network = new PaperNetwork(clock);
  const hub = new PaperSpeaker(network, LEFT);
  const range = {...plainOptions, name: 'rack', cidr: RIGHT, maxPeers: 2, password: 'x'};
  hub.speaker.configure(speakerOf(65001, {ranges: [range]}));
  const spoke = new PaperSpeaker(network, RIGHT);
  const dial = (password: string) =>
    spoke.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT, {password})]}));
  clock.run(20_000);
  t.is(hub.speaker.status().ranges[0]?.lastError, undefined, 'control');
  dial('lemon');
  clock.run(20_000);
  const words = 'TCP segments with a wrong MD5 key were dropped on this host, wrong key?';
  t.is(hub.speaker.status().ranges[0]?.lastError?.words, words);
  const off = {...range, password: undefined};
  hub.speaker.configure(speakerOf(65001, {ranges: [off]}));
  spoke.speaker.configure(speakerOf(65002, {peers: [peerAt(LEFT)]}));
  clock.run(20_000);
  t.like(hub.speaker.status().ranges[0], {established: 1, lastError: undefined});
});

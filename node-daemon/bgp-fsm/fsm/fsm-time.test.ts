/** What the table leads to when time passes: each consequence that the requirement list names. */
import test from 'ava';
import {notification} from '../wire/notification.js';
import {createSecondary, promote} from './fsm.js';
import {anyPeer, gracefulRestart, ourOpen, PaperSession, theirOpen} from './paper-peer.js';
import type {Action} from './types.js';

const lost = {kind: 'TcpConnectionFails', direction: 'outgoing'} as const;
const keepAlive = {kind: 'KeepAliveMsg'} as const;
const kinds = (actions: readonly Action[]) => actions.map(action => action.kind);
const notifications = (actions: readonly Action[]) =>
  actions.flatMap(action =>
    action.kind === 'sendNotification'
      ? [`${action.notification.code}/${action.notification.subcode}`]
      : [],
  );

test('a TCP failure in OpenSent leads to Active, from where the retry timer dials again', t => {
  const paper = new PaperSession().reach('OpenSent');
  paper.feed(lost);
  t.is(paper.state, 'Active');
  t.is(paper.session.connectRetryCounter, 0);
  t.is(paper.left('hold'), undefined);
  t.deepEqual(kinds(paper.wait(5_000)), ['startTimer', 'connect', 'stateChanged']);
  t.is(paper.state, 'Connect');
});

test('the hold time before the peer has spoken is four minutes', t => {
  const paper = new PaperSession().reach('OpenSent');
  t.is(paper.left('hold'), 240_000);
  t.deepEqual(notifications(paper.wait(239_999)), []);
  t.deepEqual(notifications(paper.wait(1)), ['4/0']);
});

test('the hold time is the smaller of both, and each UPDATE or KEEPALIVE restarts it', t => {
  const paper = new PaperSession().reach('Established', theirOpen([], {holdTimeSeconds: 30}));
  t.is(paper.left('hold'), 30_000);
  paper.wait(29_000);
  paper.feed(keepAlive);
  t.is(paper.left('hold'), 30_000);
  paper.wait(29_000);
  paper.feed({kind: 'UpdateMsg'});
  paper.wait(29_000);
  paper.feed({kind: 'RouteRefreshMsg'});
  t.is(paper.state, 'Established');
  t.deepEqual(notifications(paper.wait(1_000)), ['4/0']);
});

test('a hold time of 0 from either side means neither hold, keepalive nor send hold timer', t => {
  for (const [ours, theirs] of [
    [0, 90],
    [90, 0],
  ] as const) {
    const paper = new PaperSession({open: ourOpen([], {holdTimeSeconds: ours})});
    paper.reach('Established', theirOpen([], {holdTimeSeconds: theirs}));
    paper.feed({kind: 'UpdateSent'});
    paper.feed({kind: 'DataTaken'});
    t.deepEqual([...paper.deadlines.keys()], ['calm']);
    paper.wait(24 * 3600_000);
    t.is(paper.state, 'Established');
  }
});

test('KEEPALIVEs go out at a third of the hold time with jitter, at most once a second', t => {
  const paper = new PaperSession().reach('Established');
  t.is(paper.left('keepalive'), 30_000);
  paper.random = 0;
  paper.feed({kind: 'KeepaliveTimer_Expires'});
  t.is(paper.left('keepalive'), 22_500);

  const fast = new PaperSession();
  fast.random = 0;
  fast.reach('Established', theirOpen([], {holdTimeSeconds: 3}));
  t.is(fast.left('keepalive'), 1_000);
});

test('an UPDATE sent stands for a KEEPALIVE', t => {
  const paper = new PaperSession().reach('Established');
  for (let second = 0; second < 60; second += 20) {
    t.false(kinds(paper.wait(20_000)).includes('sendKeepalive'));
    paper.feed({kind: 'UpdateSent'});
  }
});

test('every connect retry is jittered between three quarters and all of its time', t => {
  const paper = new PaperSession();
  paper.random = 0;
  paper.feed({kind: 'ManualStart'});
  t.is(paper.left('connectRetry'), 3_750);
  paper.random = 1;
  paper.wait(3_750);
  t.is(paper.left('connectRetry'), 5_000);
});

test('an expired hold timer waits 10 s more while the socket holds unread data', t => {
  const paper = new PaperSession().reach('Established');
  paper.deadlines.delete('keepalive');
  paper.unreadData = true;
  paper.wait(90_000);
  t.is(paper.state, 'Established');
  t.is(paper.left('hold'), 10_000);
  paper.feed(keepAlive); // what was unread
  t.is(paper.left('hold'), 90_000);
});

test('unread data that never becomes a message ends the session after a minute of grace', t => {
  const paper = new PaperSession().reach('Established');
  paper.unreadData = true;
  paper.wait(90_000 + 59_999);
  t.is(paper.state, 'Established');
  t.deepEqual(notifications(paper.wait(1)), ['4/0']);
});

test('a message brings all graces back', t => {
  const paper = new PaperSession().reach('Established');
  paper.unreadData = true;
  paper.wait(90_000 + 50_000);
  paper.feed(keepAlive);
  paper.wait(90_000 + 59_999);
  t.is(paper.state, 'Established');
});

test('the send hold timer starts with Established at eight minutes and ends a stuck session', t => {
  const paper = new PaperSession();
  t.is(paper.reach('OpenConfirm').left('sendHold'), undefined);
  paper.feed(keepAlive);
  t.is(paper.left('sendHold'), 480_000);
  paper.deadlines.delete('hold'); // the peer speaks, and reads nothing
  paper.wait(400_000);
  paper.feed({kind: 'DataTaken'});
  t.is(paper.left('sendHold'), 480_000);

  paper.writable = false;
  const end = paper.wait(480_000);
  t.deepEqual(notifications(end), []);
  const down = end.find(action => action.kind === 'sessionDown');
  t.deepEqual(down?.reason, {kind: 'sendHoldTimeExpired', sent: undefined});
  t.is(paper.state, 'Idle');
});

test('the send hold time is twice a long hold time, and never below the hold time', t => {
  const sendHold = (sendHoldSeconds?: number) => {
    const rules = {...anyPeer, sendHoldSeconds};
    const paper = new PaperSession({open: ourOpen([], {holdTimeSeconds: 600}), rules});
    return paper.reach('Established', theirOpen([], {holdTimeSeconds: 600})).left('sendHold');
  };
  t.is(sendHold(), 1_200_000);
  t.is(sendHold(700), 700_000);
  t.is(sendHold(600), 1_200_000);
  t.is(sendHold(0), undefined);
});

test('the wait after errors doubles to its bound, and a calm session forgets it', t => {
  const paper = new PaperSession();
  paper.feed({kind: 'ManualStart'});
  const waits = [];
  for (let round = 0; round < 8; round++) {
    paper.feed({kind: 'Tcp_CR_Acked'});
    paper.feed({kind: 'NotifMsg', notification: notification(6, 5)});
    waits.push(paper.left('idleHold'));
    paper.wait(paper.left('idleHold') ?? 0);
    t.is(paper.state, 'Connect');
  }
  t.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);

  paper.reach('Established');
  paper.feed({kind: 'CalmTimer_Expires'});
  paper.feed(lost);
  t.is(paper.left('idleHold'), 1_000);
});

test('a peer that restarts again and again is waited for a quarter of its restart time at most', t => {
  const graceful = (restartTimeSeconds: number) => gracefulRestart({restartTimeSeconds});
  const waits = (restartTimeSeconds: number) => {
    const open = ourOpen([graceful(120)]);
    const paper = new PaperSession({open});
    return Array.from({length: 7}, () => {
      paper.reach('Established', theirOpen([graceful(restartTimeSeconds)]));
      paper.feed(lost);
      const wait = paper.left('idleHold') ?? 0;
      paper.wait(wait);
      return wait;
    });
  };
  t.deepEqual(waits(30), [1_000, 2_000, 4_000, 7_500, 7_500, 7_500, 7_500]);
  t.deepEqual(waits(2), [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
  t.deepEqual(waits(0), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
});

test('nor are attempts that fail while its routes are kept; then the waits double on', t => {
  const graceful = [gracefulRestart({restartTimeSeconds: 30})];
  const paper = new PaperSession({open: ourOpen(graceful)});
  for (let n = 0; n < 4; n++) {
    paper.reach('Established', theirOpen(graceful));
    paper.feed(lost);
    if (n < 3) paper.wait(paper.left('idleHold') ?? 0);
  }
  const waits = Array.from({length: 5}, () => {
    const wait = paper.left('idleHold') ?? 0;
    paper.wait(wait);
    paper.reach('OpenSent');
    paper.feed({kind: 'NotifMsg', notification: notification(6, 5)});
    return wait;
  });
  t.deepEqual(waits, [7_500, 7_500, 7_500, 7_500, 60_000]);
});

test('a peer that ended the session for good is damped as any other', t => {
  const graceful = [gracefulRestart({restartTimeSeconds: 30})];
  const paper = new PaperSession({open: ourOpen(graceful)});
  const waits = Array.from({length: 5}, () => {
    paper.reach('Established', theirOpen(graceful));
    paper.feed({kind: 'NotifMsg', notification: notification(6, 4)});
    const wait = paper.left('idleHold') ?? 0;
    paper.wait(wait);
    return wait;
  });
  t.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000]);
});

test('an unreachable peer is dialled at the retry interval, without doubling', t => {
  const paper = new PaperSession();
  paper.feed({kind: 'ManualStart'});
  for (let round = 0; round < 5; round++) {
    paper.feed(lost);
    t.is(paper.state, 'Idle');
    t.is(paper.left('idleHold'), 5_000);
    paper.wait(5_000);
    t.is(paper.state, 'Connect');
  }
});

test('while an unreachable peer is waited for, its own connection is let in', t => {
  const paper = new PaperSession();
  paper.feed({kind: 'ManualStart'});
  paper.feed(lost);
  paper.feed({kind: 'TcpConnectionConfirmed'});
  t.is(paper.state, 'OpenSent');
  t.is(paper.session.connection, 'incoming');
  t.is(paper.left('idleHold'), undefined);
});

test('a peer that is damped is refused until the wait is over', t => {
  const paper = new PaperSession().reach('OpenSent');
  paper.feed({kind: 'NotifMsg', notification: notification(6, 5)});
  t.deepEqual(paper.feed({kind: 'TcpConnectionConfirmed'}), [
    {kind: 'refuse', direction: 'incoming'},
  ]);
});

test('a first lost session lets the peer back in at once, a second one within the calm does not', t => {
  const paper = new PaperSession().reach('Established');
  paper.feed(lost);
  paper.feed({kind: 'TcpConnectionConfirmed'});
  t.is(paper.state, 'OpenSent');
  paper.feed({kind: 'BGPOpen', open: theirOpen()});
  paper.feed(keepAlive);
  paper.feed({kind: 'TcpConnectionFails', direction: 'incoming'});
  t.deepEqual(kinds(paper.feed({kind: 'TcpConnectionConfirmed'})), ['refuse']);
});

test('a manual stop takes back a start that is pending; an automatic one can set the wait', t => {
  const paper = new PaperSession().reach('Established');
  const cease = notification(6, 1);
  paper.feed({kind: 'AutomaticStop', cease, again: {afterMs: 300_000}});
  t.is(paper.left('idleHold'), 300_000);
  paper.feed({kind: 'ManualStop', cease});
  t.is(paper.left('idleHold'), undefined);

  const removed = new PaperSession().reach('Established');
  removed.feed({kind: 'AutomaticStop', cease: notification(6, 3), again: 'never'});
  t.is(removed.left('idleHold'), undefined);
});

test('a passive session never dials', t => {
  const paper = new PaperSession({passive: true});
  paper.feed({kind: 'ManualStart'});
  t.is(paper.state, 'Active');
  t.false(kinds(paper.wait(3600_000)).includes('connect'));
  paper.feed({kind: 'TcpConnectionConfirmed'});
  paper.feed({kind: 'NotifMsg', notification: notification(6, 5)});
  t.false(kinds(paper.wait(3600_000)).includes('connect'));
  t.is(paper.state, 'Active');
});

test('a dial that is pending beside an inbound connection may fail without harm', t => {
  const paper = new PaperSession().reach('Connect');
  paper.feed({kind: 'TcpConnectionConfirmed'});
  t.is(paper.state, 'OpenSent');
  t.deepEqual(paper.feed(lost), []);
  t.is(paper.state, 'OpenSent');
  t.false(paper.session.dialling);
});

test('2/4 of a peer without capabilities makes the next OPEN plain, once', t => {
  const paper = new PaperSession().reach('OpenSent');
  paper.feed({kind: 'NotifMsg', notification: notification(2, 4)});
  paper.wait(1_000);
  paper.feed({kind: 'Tcp_CR_Acked'});
  const opens = paper.log.filter(action => action.kind === 'sendOpen');
  t.is(opens.length, 2);
  t.deepEqual(opens[1]?.open.capabilities, []);

  paper.feed({kind: 'BGPOpen', open: theirOpen([], {capabilities: []})});
  paper.feed(keepAlive);
  t.deepEqual(paper.session.negotiated?.families, ['ipv4']);
  paper.feed(lost);
  t.false(paper.session.plain); // it may have been upgraded
});

test('once N was exchanged a final Cease goes out as a hard reset; before Established it does not', t => {
  const restart = gracefulRestart({notification: true});
  const config = {open: ourOpen([restart])};
  const stop = {kind: 'ManualStop', cease: notification(6, 2, Uint8Array.of(1, 65))} as const;

  const paper = new PaperSession(config).reach('Established', theirOpen([restart]));
  const sent = paper.feed(stop).find(action => action.kind === 'sendNotification');
  t.deepEqual(sent?.notification, notification(6, 9, Uint8Array.of(6, 2, 1, 65)));

  const soft = {kind: 'AutomaticStop', cease: notification(6, 6), again: 'damped'} as const;
  const changed = new PaperSession(config).reach('Established', theirOpen([restart]));
  t.deepEqual(notifications(changed.feed(soft)), ['6/6']);

  const early = new PaperSession(config).reach('OpenConfirm', theirOpen([restart]));
  t.deepEqual(notifications(early.feed(stop)), ['6/2']);
  const without = new PaperSession(config).reach('Established');
  t.deepEqual(notifications(without.feed(stop)), ['6/2']);
});

test('an OPEN that is refused by negotiation is answered with its NOTIFICATION', t => {
  const rules = {...anyPeer, asns: [64999]};
  const paper = new PaperSession({rules}).reach('OpenSent');
  t.deepEqual(notifications(paper.feed({kind: 'BGPOpen', open: theirOpen()})), ['2/2']);
  t.is(paper.state, 'Idle');

  const delayed = new PaperSession({rules, delayOpenMs: 1_000}).reach('Connect');
  delayed.feed({kind: 'Tcp_CR_Acked'});
  t.deepEqual(notifications(delayed.feed({kind: 'BGPOpen', open: theirOpen()})), []);
  t.is(delayed.state, 'Idle');
});

test('a secondary session ends with its connection, and lives on when it is promoted', t => {
  const ended = new PaperSession({}, createSecondary());
  ended.feed({kind: 'TcpConnectionConfirmed'});
  t.is(ended.state, 'OpenSent');
  ended.feed({kind: 'TcpConnectionFails', direction: 'incoming'});
  t.is(ended.state, 'Idle');
  t.is(ended.deadlines.size, 0);

  const primary = new PaperSession().reach('OpenConfirm');
  primary.feed({kind: 'OpenCollisionDump', silent: false});
  t.is(primary.deadlines.size, 0); // its peer has the other connection
  const secondary = new PaperSession({}, createSecondary());
  secondary.feed({kind: 'TcpConnectionConfirmed'});
  secondary.session = promote(secondary.session, primary.session);
  t.is(secondary.session.connectRetryCounter, 1);
  secondary.feed({kind: 'TcpConnectionFails', direction: 'incoming'});
  t.is(secondary.state, 'Active');
});

test('the peer that came back over a new connection ends the old one without a word', t => {
  const paper = new PaperSession().reach('Established');
  const end = paper.feed({kind: 'OpenCollisionDump', silent: true});
  t.deepEqual(notifications(end), []);
  const down = end.find(action => action.kind === 'sessionDown');
  t.deepEqual(down?.reason, {kind: 'replaced'});
});

/**
 * The table of RFC 4271 §8.2.2, cell by cell, as the requirement list spells it; fsm.ts names the
 * cells where we read the RFC on purpose.
 */
import test from 'ava';
import type {Event, EventKind} from './event.js';
import {PaperSession, sampleEvents} from './paper-peer.js';
import {type Action, type Session, STATES, type State} from './types.js';

/** What is seen of one step: messages, TCP, the new state, the counter. `-`: nothing. */
function summary(before: Session, after: Session, actions: readonly Action[]): string {
  const words = actions.flatMap(wordsOf);
  const counted = after.connectRetryCounter - before.connectRetryCounter;
  if (counted > 0) words.push(`+${counted}`);
  if (counted < 0 && after.connectRetryCounter === 0) words.push('=0');
  return words.join(' ') || '-';
}

function wordsOf(action: Action): string[] {
  switch (action.kind) {
    case 'sendOpen':
      return ['OPEN'];
    case 'sendKeepalive':
      return ['KEEPALIVE'];
    case 'sendNotification':
      return [`${action.notification.code}/${action.notification.subcode}`];
    case 'connect':
    case 'refuse':
    case 'track':
    case 'close':
    case 'cancelConnect':
      return [action.kind];
    case 'processUpdate':
    case 'processRouteRefresh':
      return ['process'];
    case 'stateChanged':
      return [`>${action.to}`];
    case 'sessionEstablished':
      return ['established'];
    case 'sessionDown':
      return ['down'];
    case 'startTimer':
    case 'stopTimer':
    case 'attemptFailed':
      return [];
  }
}

type Cells = readonly [string, string, string, string, string, string];
const ignoredOnceStarted = ['-', '-', '-', '-', '-'] as const;
const ignored: Cells = ['-', ...ignoredOnceStarted];
const failsEarly = ['cancelConnect >Idle +1', '>Idle +1'] as const; // in Connect, in Active
const failFsm = ['5/1 close >Idle +1', '5/2 close >Idle +1', '5/3 close >Idle down +1'] as const;

const ceases = (subcode: number, counter: string) =>
  ['', '', ' down'].map(down => `6/${subcode} close >Idle${down} ${counter}`) as unknown as [
    string,
    string,
    string,
  ];

/** Idle, Connect, Active, OpenSent, OpenConfirm, Established. The counter stands at 3 before. */
const expected: Readonly<Record<EventKind, Cells>> = {
  ManualStart: ['connect >Connect =0', ...ignoredOnceStarted],
  ManualStop: ['-', 'cancelConnect >Idle =0', '>Idle =0', ...ceases(2, '=0')],
  AutomaticStart: ['connect >Connect =0', ...ignoredOnceStarted],
  ManualStart_with_PassiveTcpEstablishment: ['>Active =0', ...ignoredOnceStarted],
  AutomaticStart_with_PassiveTcpEstablishment: ['>Active =0', ...ignoredOnceStarted],
  AutomaticStart_with_DampPeerOscillations: ['connect >Connect', ...ignoredOnceStarted],
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: [
    '>Active',
    ...ignoredOnceStarted,
  ],
  AutomaticStop: ['-', ...failsEarly, ...ceases(1, '+1')],
  ConnectRetryTimer_Expires: ['-', 'cancelConnect connect', 'connect >Connect', ...failFsm],
  HoldTimer_Expires: [
    '-',
    ...failsEarly,
    '4/0 close >Idle +1',
    '4/0 close >Idle +1',
    '4/0 close >Idle down +1',
  ],
  KeepaliveTimer_Expires: ['-', ...failsEarly, failFsm[0], 'KEEPALIVE', 'KEEPALIVE'],
  DelayOpenTimer_Expires: ['-', ...failsEarly, ...failFsm], // running: below
  IdleHoldTimer_Expires: ['connect >Connect', ...failsEarly, ...failFsm],
  TcpConnection_Valid: ignored,
  Tcp_CR_Invalid: ['-', 'refuse', 'refuse', '-', '-', '-'],
  Tcp_CR_Acked: [
    'refuse',
    'OPEN >OpenSent',
    'OPEN >OpenSent',
    'refuse', // a second answer to a dial; one beside an inbound connection: below
    'refuse',
    'refuse',
  ],
  TcpConnectionConfirmed: ['refuse', 'OPEN >OpenSent', 'OPEN >OpenSent', 'track', 'track', 'track'],
  TcpConnectionFails: ['-', '>Idle', '>Idle +1', '>Active', '>Idle +1', '>Idle down +1'],
  BGPOpen: ['-', ...failsEarly, 'KEEPALIVE >OpenConfirm', failFsm[1], failFsm[2]],
  BGPOpen_with_DelayOpenTimer_running: ['-', ...failsEarly, ...failFsm], // running: below
  BGPHeaderErr: [
    '-',
    ...failsEarly,
    '1/2 close >Idle +1',
    '1/2 close >Idle +1',
    '1/2 close >Idle down +1', // not 5/3: decided
  ],
  BGPOpenMsgErr: ['-', ...failsEarly, '2/2 close >Idle +1', '2/2 close >Idle +1', failFsm[2]],
  OpenCollisionDump: ['-', ...failsEarly, ...ceases(7, '+1')],
  NotifMsgVerErr: ['-', ...failsEarly, 'close >Idle', 'close >Idle', 'close >Idle down +1'],
  NotifMsg: [
    '-',
    ...failsEarly,
    'close >Idle +1', // not 5/1: decided
    'close >Idle +1',
    'close >Idle down +1',
  ],
  KeepAliveMsg: ['-', ...failsEarly, failFsm[0], '>Established established', '-'],
  UpdateMsg: ['-', ...failsEarly, failFsm[0], failFsm[1], 'process'],
  UpdateMsgErr: ['-', ...failsEarly, failFsm[0], failFsm[1], '3/1 close >Idle down +1'],
  SendHoldTimer_Expires: ['-', '-', '-', '-', '-', '8/0 close >Idle down +1'],
  SilentStop: [
    '-',
    'cancelConnect >Idle',
    '>Idle',
    'close >Idle',
    'close >Idle',
    'close >Idle down',
  ],
  CalmTimer_Expires: ignored,
  RouteRefreshMsg: ['-', ...failsEarly, failFsm[0], failFsm[1], 'process'],
  UpdateSent: ignored,
  DataTaken: ignored,
};

/** The same columns, where DelayOpenTimer runs on a connection that stands. */
const expectedDelayed: Readonly<Partial<Record<EventKind, readonly [string, string]>>> = {
  ManualStop: ['close >Idle =0', 'close >Idle =0'],
  DelayOpenTimer_Expires: ['OPEN >OpenSent', 'OPEN >OpenSent'],
  TcpConnectionFails: ['>Active', '>Idle +1'],
  BGPOpen: ['OPEN KEEPALIVE >OpenConfirm', 'OPEN KEEPALIVE >OpenConfirm'],
  BGPOpen_with_DelayOpenTimer_running: [
    'OPEN KEEPALIVE >OpenConfirm',
    'OPEN KEEPALIVE >OpenConfirm',
  ],
  BGPHeaderErr: ['close >Idle +1', 'close >Idle +1'],
  NotifMsgVerErr: ['close >Idle', 'close >Idle'], // not counted
  NotifMsg: ['close >Idle +1', 'close >Idle +1'],
  Tcp_CR_Acked: ['track', 'track'],
  TcpConnectionConfirmed: ['track', 'track'],
};

function step(paper: PaperSession, event: Event): string {
  paper.session = {...paper.session, connectRetryCounter: 3};
  const before = paper.session;
  const actions = paper.feed(event);
  return summary(before, paper.session, actions);
}

function delayed(state: 'Connect' | 'Active'): PaperSession {
  const paper = new PaperSession({delayOpenMs: 2_000}).reach(state);
  paper.feed({kind: 'Tcp_CR_Acked'});
  return paper;
}

test('the sample has each event once, and the table each state', t => {
  const kinds = sampleEvents().map(event => event.kind);
  t.is(new Set(kinds).size, 29 + 5);
  t.deepEqual([...kinds].sort(), Object.keys(expected).sort());
  t.true(Object.values(expected).every(cells => cells.length === STATES.length));
});

for (const event of sampleEvents()) {
  test(`every state does with ${event.kind} what the table says`, t => {
    const seen = STATES.map((state: State) => step(new PaperSession().reach(state), event));
    t.deepEqual(seen, [...expected[event.kind]]);
  });

  const cells = expectedDelayed[event.kind];
  if (cells !== undefined) {
    test(`with DelayOpenTimer running, ${event.kind} is what the table says`, t => {
      t.deepEqual([step(delayed('Connect'), event), step(delayed('Active'), event)], [...cells]);
    });
  }
}

test('with SendNOTIFICATIONwithoutOPEN an error before our OPEN is told, on a connection only', t => {
  const config = {delayOpenMs: 2_000, sendNotificationWithoutOpen: true};
  const fault: Event = {
    kind: 'BGPHeaderErr',
    notification: {code: 1, subcode: 2, data: new Uint8Array()},
  };
  for (const state of ['Connect', 'Active'] as const) {
    const paper = new PaperSession(config).reach(state);
    t.notRegex(step(paper, fault), /1\/2/);

    const connected = new PaperSession(config).reach(state);
    connected.feed({kind: 'TcpConnectionConfirmed'});
    t.regex(step(connected, fault), /^1\/2 .*close >Idle \+1$/);
  }
});

test('ManualStop in Active says Cease only with DelayOpen and SendNOTIFICATIONwithoutOPEN', t => {
  const stop = sampleEvents().find(event => event.kind === 'ManualStop')!;
  const paper = new PaperSession({delayOpenMs: 2_000, sendNotificationWithoutOpen: true});
  paper.reach('Active').feed({kind: 'TcpConnectionConfirmed'});
  t.is(step(paper, stop), '6/2 close >Idle =0');
});

test('a dial that is answered beside an inbound connection is tracked until the OPEN calls it off', t => {
  const paper = new PaperSession().reach('Connect');
  paper.feed({kind: 'TcpConnectionConfirmed'});
  const {session} = paper;
  t.is(step(paper, {kind: 'Tcp_CR_Acked'}), 'track');

  paper.session = session;
  t.is(step(paper, openSample), 'cancelConnect KEEPALIVE >OpenConfirm');
  t.is(step(paper, {kind: 'Tcp_CR_Acked'}), 'refuse');
  paper.feed({kind: 'KeepAliveMsg'});
  t.is(step(paper, {kind: 'Tcp_CR_Acked'}), 'refuse');
});

const openSample = sampleEvents().find(event => event.kind === 'BGPOpen')!;

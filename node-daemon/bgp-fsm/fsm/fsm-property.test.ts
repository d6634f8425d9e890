/** Any order of events: what must hold of every session, whatever the peer and the network do. */
import test from 'ava';
import fc from 'fast-check';
import {notification} from '../wire/notification.js';
import type {Event} from './event.js';
import {transition} from './fsm.js';
import {gracefulRestart, ourOpen, PaperSession, sampleEvents, theirOpen} from './paper-peer.js';
import type {Action, Session, SessionConfig} from './types.js';

const restart = gracefulRestart({notification: true});

const variants: readonly Event[] = [
  ...sampleEvents(),
  {kind: 'HoldTimer_Expires', unreadData: true},
  {kind: 'SendHoldTimer_Expires', writable: false},
  {kind: 'OpenCollisionDump', silent: true},
  {kind: 'TcpConnectionFails', direction: 'incoming'},
  {kind: 'NotifMsg', notification: notification(2, 4)},
  {kind: 'AutomaticStop', cease: notification(6, 3), again: 'never'},
  {kind: 'AutomaticStop', cease: notification(6, 1), again: {afterMs: 1}},
  {kind: 'BGPOpen', open: theirOpen([restart])},
  {kind: 'BGPOpen', open: theirOpen([], {holdTimeSeconds: 0})},
  {kind: 'BGPOpen', open: theirOpen([], {identifier: 0})},
];

/** Single events would hardly ever leave Idle: every third piece is some way to Established. */
const way: readonly Event[] = [
  {kind: 'ManualStart'},
  {kind: 'Tcp_CR_Acked'},
  {kind: 'BGPOpen', open: theirOpen([restart])},
  {kind: 'KeepAliveMsg'},
];
const anyPiece = fc.oneof(
  {weight: 2, arbitrary: fc.constantFrom(...variants).map(event => [event])},
  {weight: 1, arbitrary: fc.integer({min: 1, max: way.length}).map(end => way.slice(0, end))},
);
const anyEvents = fc.array(anyPiece, {maxLength: 40}).map(pieces => pieces.flat());

const anyConfig: fc.Arbitrary<Partial<SessionConfig>> = fc.record({
  open: fc.constantFrom(ourOpen(), ourOpen([restart])),
  passive: fc.boolean(),
  delayOpenMs: fc.constantFrom(0, 1_000),
  sendNotificationWithoutOpen: fc.boolean(),
});

interface Seen {
  readonly before: Session;
  readonly event: Event;
  readonly after: Session;
  readonly actions: readonly Action[];
}

function run(config: Partial<SessionConfig>, events: readonly Event[]): readonly Seen[] {
  const paper = new PaperSession(config);
  return events.map(event => {
    const before = paper.session;
    const actions = paper.feed(event);
    return {before, event, after: paper.session, actions};
  });
}

function holds(check: (seen: readonly Seen[]) => boolean) {
  const property = fc.property(anyConfig, anyEvents, (config, events) =>
    check(run(config, events)),
  );
  return () => fc.assert(property, {numRuns: 1_000});
}

test('no sequence of events throws, and enough of them get to Established', t => {
  let established = 0;
  holds(seen => {
    if (seen.some(step => step.after.state === 'Established')) established++;
    return true;
  })();
  t.true(established > 50, `only ${established} of 1000 runs were ever established`);
});

test('Established is reached only from OpenConfirm by a KEEPALIVE, OpenConfirm only by an OPEN', t => {
  t.notThrows(
    holds(seen =>
      seen.every(({before, event, after}) => {
        if (before.state === after.state) return true;
        if (after.state === 'Established') {
          return before.state === 'OpenConfirm' && event.kind === 'KeepAliveMsg';
        }
        return after.state !== 'OpenConfirm' || event.kind.startsWith('BGPOpen');
      }),
    ),
  );
});

test('sessionEstablished and sessionDown alternate, and no NOTIFICATION answers a NOTIFICATION', t => {
  t.notThrows(
    holds(seen => {
      let isUp = false;
      for (const {event, actions} of seen) {
        for (const {kind} of actions) {
          if (kind === 'sessionEstablished' && isUp) return false;
          if (kind === 'sessionDown' && !isUp) return false;
          if (kind === 'sessionEstablished') isUp = true;
          if (kind === 'sessionDown') isUp = false;
          if (kind === 'sendNotification' && event.kind.startsWith('Notif')) return false;
        }
      }
      return true;
    }),
  );
});

test('a connection carries one OPEN, at most one NOTIFICATION, and nothing behind that', t => {
  t.notThrows(
    holds(seen => {
      let isOpen = false;
      let isSilent = false; // no connection, or a NOTIFICATION was its last word
      let said = 0;
      for (const {before, after, actions} of seen) {
        if (before.connection === undefined && after.connection !== undefined) {
          isOpen = true;
          isSilent = false;
          said = 0;
        }
        for (const {kind} of actions) {
          if (kind.startsWith('send') && (!isOpen || isSilent)) return false;
          if (kind === 'sendOpen' && ++said > 1) return false;
          if (kind === 'sendNotification') isSilent = true;
          if (kind === 'close') isOpen = false;
        }
        if (after.connection === undefined) isOpen = false;
        if (isSilent && after.connection !== undefined) return false;
      }
      return true;
    }),
  );
});

test('timers that run are those that were started and neither stopped nor fired', t => {
  t.notThrows(
    holds(seen => {
      let running = new Set<string>();
      for (const {event, after, actions} of seen) {
        const fired = /^(\w+?)Timer_Expires$/.exec(event.kind)?.[1];
        if (fired) running.delete(fired.charAt(0).toLowerCase() + fired.slice(1));
        for (const action of actions) {
          if (action.kind === 'startTimer') running.add(action.timer);
          if (action.kind === 'stopTimer' && !running.delete(action.timer)) return false;
          if (action.kind === 'startTimer' && !(action.delayMs > 0)) return false;
        }
        if ([...after.running].sort().join() !== [...running].sort().join()) return false;
        if (after.state === 'Idle' && running.size > (running.has('idleHold') ? 1 : 0))
          return false;
        running = new Set(after.running);
      }
      return true;
    }),
  );
});

test('in Idle nothing is left: no connection, no dial, no OPEN, nothing negotiated', t => {
  t.notThrows(
    holds(seen =>
      seen.every(
        ({after}) =>
          after.state !== 'Idle' ||
          (!after.connection && !after.dialling && !after.sent && !after.negotiated),
      ),
    ),
  );
});

test('a session that is not stopped is never stuck: a timer runs or a message is to come', t => {
  t.notThrows(
    holds(seen => {
      let isStopped = true;
      for (const {event, after, actions} of seen) {
        if (actions.some(action => action.kind === 'stateChanged')) isStopped = false;
        const isFinal =
          event.kind === 'ManualStop' ||
          event.kind === 'SilentStop' ||
          event.kind === 'OpenCollisionDump' ||
          (event.kind === 'AutomaticStop' && event.again === 'never');
        if (isFinal && after.state === 'Idle') isStopped = true;
        const isFree = after.negotiated?.holdTimeSeconds === 0; // the peer asked for no timers
        if (!isStopped && !isFree && after.running.size === 0) return false;
      }
      return true;
    }),
  );
});

test('a transition leaves the session that it was given as it was', t => {
  const config = new PaperSession().config;
  const frozen = Object.freeze({...new PaperSession().reach('Established').session});
  for (const event of variants) {
    t.notThrows(() => transition(frozen, event, {config, random: () => 0.5}));
  }
  t.is(frozen.state, 'Established');
  t.true(frozen.running.has('hold'));
});

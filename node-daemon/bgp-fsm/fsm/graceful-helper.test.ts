/** The receiving speaker: scenarios of RFC 4724 §4.2, RFC 8538 and RFC 9494, with a peer's routes on paper. */
import test from 'ava';
import type {Capability} from '../wire/capabilities.js';
import {AFI_SAFI} from '../wire/family.js';
import {notification, wrapHardReset} from '../wire/notification.js';
import {
  createHelper,
  help,
  type Helper,
  type HelperAction,
  type HelperEvent,
  type HelperTimer,
} from './graceful-helper.js';
import {retainsRoutes} from './graceful-notification.js';
import {agreed, gracefulRestart, ourOpen, theirOpen} from './paper-peer.js';
import type {DownReason, Negotiated} from './types.js';

const limits = {maxRestartMs: 150_000, staleMs: 180_000, maxLongLivedMs: 7_200_000};
const lost: DownReason = {kind: 'connectionLost'};
const ours = [gracefulRestart({notification: true})];

function session(...theirs: readonly Capability[]): Negotiated {
  return agreed(ourOpen([...ours, llgr(1)]), theirOpen(theirs));
}

function llgr(staleTimeSeconds: number, forwarding = true): Capability {
  return {
    kind: 'llgr',
    families: [
      {...AFI_SAFI.ipv4, forwarding, staleTimeSeconds},
      {...AFI_SAFI.ipv6, forwarding, staleTimeSeconds},
    ],
  };
}

/** A helper with a virtual clock; `routes` is what the actions leave of the IPv4 routes. */
class PaperHelper {
  helper: Helper = createHelper();
  nowMs = 0;
  readonly deadlines = new Map<HelperTimer, number>();
  readonly routes = new Map<string, 'fresh' | 'stale' | 'longLived'>();

  feed(event: HelperEvent): string[] {
    const {helper, actions} = help(this.helper, event, limits);
    this.helper = helper;
    for (const action of actions) this.#apply(action);
    return actions.map(action => action.kind);
  }

  up(negotiated: Negotiated, ...prefixes: string[]): this {
    this.feed({kind: 'sessionEstablished', negotiated});
    return this.learn(...prefixes);
  }

  learn(...prefixes: string[]): this {
    for (const prefix of prefixes) this.routes.set(prefix, 'fresh');
    return this;
  }

  down(negotiated: Negotiated, reason: DownReason = lost): this {
    this.feed({kind: 'sessionDown', reason, negotiated});
    return this;
  }

  endOfRib(): this {
    this.feed({kind: 'endOfRib', family: 'ipv4'});
    this.feed({kind: 'endOfRib', family: 'ipv6'});
    return this;
  }

  wait(ms: number): this {
    const end = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.deadlines].sort(([, a], [, b]) => a - b);
      if (next === undefined || next[1] > end) break;
      this.nowMs = next[1];
      this.deadlines.delete(next[0]);
      this.feed({kind: 'timerExpired', timer: next[0]});
    }
    this.nowMs = end;
    return this;
  }

  get seen(): string {
    return [...this.routes].map(([prefix, state]) => `${prefix} ${state}`).join(', ');
  }

  #apply(action: HelperAction): void {
    if (action.kind === 'startTimer') {
      this.deadlines.set(action.timer, this.nowMs + action.delayMs);
    } else if (action.kind === 'stopTimer') {
      this.deadlines.delete(action.timer);
    } else if (action.family === 'ipv4') {
      this.#applyToRoutes(action.kind);
    }
  }

  #applyToRoutes(kind: 'markStale' | 'deleteStale' | 'deleteRoutes' | 'attachLongLived'): void {
    for (const [prefix, state] of this.routes) {
      if (kind === 'markStale' && state === 'fresh') this.routes.set(prefix, 'stale');
      if (kind === 'attachLongLived' && state === 'stale') this.routes.set(prefix, 'longLived');
      const isGone = kind === 'deleteRoutes' || (kind === 'deleteStale' && state !== 'fresh');
      if (isGone) this.routes.delete(prefix);
    }
  }
}

const graceful = session(gracefulRestart());
const notifying = session(gracefulRestart({notification: true}));
const longLived = session(gracefulRestart(), llgr(3600));

test('routes of a peer without graceful restart go with its session', t => {
  const paper = new PaperHelper().up(session(), 'a').down(session());
  t.is(paper.seen, '');
  t.is(paper.deadlines.size, 0);
});

test('a lost peer’s routes are stale until its End-of-RIB deletes what it did not send again', t => {
  const paper = new PaperHelper().up(graceful, 'a', 'b').endOfRib().down(graceful);
  t.is(paper.seen, 'a stale, b stale');
  t.is(paper.deadlines.get('restart'), 120_000);
  paper.wait(119_000).up(graceful, 'a');
  t.false(paper.deadlines.has('restart'));
  t.is(paper.endOfRib().seen, 'a fresh');
  t.is(paper.deadlines.size, 0);
  t.is(paper.helper.held.size, 0);
});

test('a peer that does not come back loses its routes with its Restart Time', t => {
  const paper = new PaperHelper().up(graceful, 'a').down(graceful);
  t.is(paper.wait(119_999).seen, 'a stale');
  t.is(paper.wait(1).seen, '');
  t.is(paper.deadlines.size, 0);
});

test('a Restart Time beyond ours is cut, and a Restart Time of 0 keeps nothing', t => {
  const slow = session(gracefulRestart({restartTimeSeconds: 4095}));
  const paper = new PaperHelper().up(slow, 'a').down(slow);
  t.is(paper.deadlines.get('restart'), 150_000);
  const none = session(gracefulRestart({restartTimeSeconds: 0}));
  t.is(new PaperHelper().up(none, 'a').down(none).seen, '');
});

for (const [what, back] of [
  ['no graceful restart', session()],
  ['F=0', session(gracefulRestart({forwarding: false}))],
  ['the family not in the capability', session({...gracefulRestart(), families: []} as Capability)],
  [
    'the family not in the session',
    agreed(
      ourOpen(ours),
      theirOpen([], {
        capabilities: [{kind: 'multiprotocol', ...AFI_SAFI.ipv6}, gracefulRestart()],
      }),
    ),
  ],
] as const) {
  test(`a new OPEN with ${what} deletes the stale routes at once`, t => {
    const paper = new PaperHelper().up(graceful, 'a').endOfRib().down(graceful).up(back);
    t.is(paper.seen, '');
  });
}

test('a second loss before End-of-RIB deletes what was stale from the first', t => {
  const paper = new PaperHelper().up(graceful, 'a', 'b').endOfRib().down(graceful);
  paper.wait(10_000).up(graceful, 'a').down(graceful);
  t.is(paper.seen, 'a stale');
  t.is(paper.deadlines.get('stale:ipv4'), 10_000 + 180_000);
});

test('with N a second loss keeps it, under the bound of the first', t => {
  const paper = new PaperHelper().up(notifying, 'a', 'b').endOfRib().down(notifying);
  paper.wait(100_000).up(notifying, 'a').down(notifying);
  t.is(paper.seen, 'a stale, b stale');
  t.is(paper.deadlines.get('stale:ipv4'), 180_000);
  t.is(paper.wait(80_000).seen, '');
});

test('a peer that never sends End-of-RIB keeps stale routes for the stale time at most', t => {
  const paper = new PaperHelper().up(graceful, 'a', 'b').endOfRib().down(graceful);
  paper.wait(60_000).up(graceful, 'a');
  t.is(paper.wait(119_999).seen, 'a fresh, b stale');
  t.is(paper.wait(1).seen, 'a fresh');
});

test('long-lived retention follows the restart time and ends with its own', t => {
  const paper = new PaperHelper().up(longLived, 'a').endOfRib().down(longLived);
  t.is(paper.wait(119_999).seen, 'a stale');
  t.is(paper.wait(1).seen, 'a longLived');
  t.deepEqual([...paper.deadlines.keys()].sort(), ['longLived:ipv4', 'longLived:ipv6']);
  t.is(paper.wait(3_599_999).seen, 'a longLived');
  t.is(paper.wait(1).seen, '');
});

test('a Restart Time of 0 goes straight to long-lived, and its time is cut to ours', t => {
  const straight = session(gracefulRestart({restartTimeSeconds: 0}), llgr(0xffffff));
  const paper = new PaperHelper().up(straight, 'a').endOfRib().down(straight);
  t.is(paper.seen, 'a longLived');
  t.is(paper.deadlines.get('longLived:ipv4'), 7_200_000);
});

test('losses during long-lived retention neither delete nor restart the timer', t => {
  const paper = new PaperHelper().up(longLived, 'a', 'b').endOfRib().down(longLived).wait(120_000);
  paper.up(longLived, 'a').down(longLived);
  t.is(paper.seen, 'a stale, b longLived');
  t.is(paper.deadlines.get('longLived:ipv4'), 120_000 + 3_600_000);
  t.is(paper.wait(120_000).seen, 'a longLived, b longLived');
  t.is(paper.deadlines.get('longLived:ipv4'), 120_000 + 3_600_000);
});

test('back in long-lived retention, the OPEN vouches by the long-lived capability', t => {
  const away = () => new PaperHelper().up(longLived, 'a').endOfRib().down(longLived).wait(120_000);
  t.is(away().up(graceful).seen, '');
  t.is(away().up(session(gracefulRestart(), llgr(3600, false))).seen, '');
  const back = away().up(session(gracefulRestart({forwarding: false}), llgr(3600)));
  t.is(back.seen, 'a longLived');
  t.is(back.endOfRib().seen, '');
  t.is(back.deadlines.size, 0);
});

test('a long-lived time that ends before End-of-RIB leaves nothing to a further loss', t => {
  const paper = new PaperHelper().up(longLived, 'a').endOfRib().down(longLived);
  paper
    .wait(120_000 + 3_599_000)
    .up(longLived, 'b')
    .wait(1_000);
  t.is(paper.seen, 'b fresh');
  t.is(paper.down(longLived).seen, '');
  t.is(paper.up(longLived, 'a').endOfRib().down(longLived).seen, 'a stale');
});

test('BFD of an independent control plane ends the wait, of a shared one it says nothing', t => {
  const away = () => new PaperHelper().up(graceful, 'a').down(graceful);
  const shared = away();
  t.deepEqual(shared.feed({kind: 'bfdDown', controlPlaneIndependent: false}), []);
  t.is(shared.seen, 'a stale');
  const independent = away();
  independent.feed({kind: 'bfdDown', controlPlaneIndependent: true});
  t.is(independent.seen, '');
  t.is(independent.deadlines.size, 0);
});

test('a peer that is removed leaves nothing behind', t => {
  const paper = new PaperHelper().up(graceful, 'a').down(graceful);
  paper.feed({kind: 'peerRemoved'});
  t.is(paper.seen, '');
  t.is(paper.deadlines.size, 0);
});

const soft = notification(6, 4);
const hard = wrapHardReset(notification(6, 2));
const ends: readonly (readonly [DownReason, boolean, boolean])[] = [
  // without N, with N
  [lost, true, true],
  [{kind: 'replaced'}, true, true],
  [{kind: 'silentStop'}, true, true],
  [{kind: 'notificationReceived', received: soft}, false, true],
  [{kind: 'notificationReceived', received: notification(4)}, false, true],
  [{kind: 'notificationReceived', received: hard}, false, false],
  [{kind: 'notificationReceived', received: notification(6, 9)}, false, false], // without data
  [{kind: 'holdTimeExpired', sent: notification(4)}, false, true],
  [{kind: 'sendHoldTimeExpired', sent: undefined}, false, true],
  [{kind: 'notificationSent', sent: notification(3, 1)}, false, true],
  [{kind: 'automaticStop', sent: notification(6, 6)}, false, true],
  [{kind: 'automaticStop', sent: wrapHardReset(notification(6, 10))}, false, false],
  [{kind: 'collision', sent: notification(6, 7)}, false, true],
  [{kind: 'manualStop', sent: soft}, false, false],
  [{kind: 'refused', fault: soft}, false, false],
  [{kind: 'unexpectedEvent'}, false, false],
];

for (const [reason, withoutN, withN] of ends) {
  test(`${JSON.stringify(reason)} keeps routes: ${withoutN} without N, ${withN} with`, t => {
    t.is(retainsRoutes(reason, graceful), withoutN);
    t.is(retainsRoutes(reason, notifying), withN);
    t.false(retainsRoutes(reason, session()));
  });
}

test('a hard reset with an immediate reconnect flushes too', t => {
  const paper = new PaperHelper().up(notifying, 'a').endOfRib();
  paper.down(notifying, {kind: 'notificationReceived', received: hard}).up(notifying, 'b');
  t.is(paper.seen, 'b fresh');
});

/**
 * Two speakers that dial each other, joined by connections on paper. Whatever the order in which the
 * network delivers, both end with one session, on the same connection.
 */
import test from 'ava';
import fc from 'fast-check';
import type {Direction, Event} from './event.js';
import {gracefulRestart, ourOpen, PaperSession, plainConfig, theirOpen} from './paper-peer.js';
import {advancePeer, createPeer, type Peer, type PeerEvent, type Slot} from './peer.js';
import type {Action, SessionConfig, Timer} from './types.js';

interface Wire {
  readonly id: number;
  readonly ends: {readonly end: End; readonly direction: Direction; isOpen: boolean}[]; // dialler first
  readonly queues: Event[][]; // by receiver
}

/** One speaker's end: the shell around a Peer. */
class End {
  peer: Peer = createPeer();
  readonly wires = new Map<Slot, Wire>();
  readonly timers = new Map<string, number>();
  readonly log: Action[] = [];
  readonly network: Network;
  readonly config: SessionConfig;
  remote!: End;

  constructor(network: Network, config: SessionConfig) {
    this.network = network;
    this.config = config;
  }

  feed(event: PeerEvent, wire?: Wire): void {
    const {primary} = this.peer;
    const context = {config: this.config, random: () => this.network.random()};
    const step = advancePeer(this.peer, event, context);
    this.peer = step.peer;
    if (wire && step.bound) this.wires.set(step.bound, wire);
    if (wire && !step.bound) this.network.hangUp(wire, this);
    for (const {slot, action} of step.actions) this.#act(slot, action);
    if (primary !== this.peer.primary) this.network.promotions++;
  }

  get states(): string {
    const {a, b} = this.peer.sessions;
    return [a?.state, b?.state].filter(state => state !== undefined).join('+');
  }

  #act(slot: Slot, action: Action): void {
    this.log.push(action);
    const wire = this.wires.get(slot);
    const {network} = this;
    switch (action.kind) {
      case 'startTimer':
        this.timers.set(`${slot} ${action.timer}`, network.nowMs + action.delayMs);
        return;
      case 'stopTimer':
        this.timers.delete(`${slot} ${action.timer}`);
        return;
      case 'connect':
        network.dials.push(this);
        return;
      case 'cancelConnect':
        network.dials = network.dials.filter(each => each !== this);
        return;
      case 'sendOpen':
        network.send(wire!, this, {kind: 'BGPOpen', open: action.open});
        return;
      case 'sendKeepalive':
        network.send(wire!, this, {kind: 'KeepAliveMsg'});
        return;
      case 'sendNotification':
        network.send(wire!, this, {kind: 'NotifMsg', notification: action.notification});
        return;
      case 'close':
        network.hangUp(wire!, this);
        this.wires.delete(slot);
        return;
      default:
        return;
    }
  }
}

/** Delivers one thing at a time, in the order that `choose` draws. */
class Network {
  nowMs = 0;
  wires: Wire[] = [];
  dials: End[] = [];
  promotions = 0;
  cuts = 0; // connections that may still break
  readonly choose: (count: number) => number;
  readonly random: () => number;

  constructor(choose: (count: number) => number, random: () => number) {
    this.choose = choose;
    this.random = random;
  }

  send(wire: Wire, from: End, event: Event): void {
    const to = wire.ends.findIndex(each => each.end !== from);
    wire.queues[to]!.push(event);
  }

  hangUp(wire: Wire, from: End): void {
    const end = wire.ends.find(each => each.end === from)!;
    end.isOpen = false;
    const other = wire.ends.find(each => each.end !== from)!;
    this.send(wire, from, {kind: 'TcpConnectionFails', direction: other.direction});
  }

  /** Until nothing is on its way. */
  settle(): void {
    for (let steps = 0; steps < 1_000; steps++) {
      const deliveries = this.wires.flatMap(wire =>
        wire.queues.flatMap((queue, to) =>
          queue.length > 0 ? [() => this.#deliver(wire, to)] : [],
        ),
      );
      const whole = this.wires.filter(({ends}) => ends.every(each => each.isOpen));
      if (this.cuts > 0 && whole.length > 0 && this.choose(10) === 0) {
        this.#cut(whole[this.choose(whole.length)]!);
        continue;
      }
      const dials = this.dials.map(end => () => this.#connect(end));
      const possible = [...deliveries, ...dials];
      if (possible.length === 0) return;
      possible[this.choose(possible.length)]!();
    }
    throw new Error('the network never comes to rest');
  }

  /** The next timer of either end. */
  tick(): void {
    const due =
      this.wires.length === 0
        ? []
        : this.ends().flatMap(end => [...end.timers].map(([name, at]) => ({end, name, at})));
    const [next] = due.sort((a, b) => a.at - b.at);
    if (next === undefined) return;
    this.nowMs = next.at;
    next.end.timers.delete(next.name);
    const [slot, timer] = next.name.split(' ') as [Slot, Timer];
    next.end.feed({kind: 'session', slot, event: new PaperSession().expiryOf(timer)});
  }

  ends(): End[] {
    return this.wires[0]!.ends.map(each => each.end);
  }

  #connect(end: End): void {
    this.dials.splice(this.dials.indexOf(end), 1);
    const wire: Wire = {
      id: this.wires.length,
      ends: [
        {end, direction: 'outgoing', isOpen: true},
        {end: end.remote, direction: 'incoming', isOpen: true},
      ],
      queues: [[], []],
    };
    this.wires.push(wire);
    end.feed({kind: 'connected', direction: 'outgoing'}, wire);
    end.remote.feed({kind: 'connected', direction: 'incoming'}, wire);
  }

  /** What is on its way is lost, and both ends hear of it. */
  #cut(wire: Wire): void {
    this.cuts--;
    wire.queues.forEach(queue => queue.splice(0));
    for (const {end} of wire.ends) this.hangUp(wire, end);
    for (const each of wire.ends) each.isOpen = true; // to be told
  }

  #deliver(wire: Wire, to: number): void {
    const event = wire.queues[to]!.shift()!;
    const {end, isOpen} = wire.ends[to]!;
    const slot = [...end.wires].find(([, each]) => each === wire)?.[0];
    if (!isOpen || slot === undefined) return;
    if (event.kind === 'TcpConnectionFails') end.wires.delete(slot);
    end.feed({kind: 'session', slot, event});
  }
}

function pair(more: {identifiers: [number, number]; graceful: boolean; order: number[]}) {
  let at = 0;
  const draw = () => more.order[at++ % more.order.length] ?? 0;
  const network = new Network(
    count => draw() % count,
    () => (draw() % 100) / 100,
  );
  const extra = more.graceful ? [gracefulRestart()] : [];
  const [one, two] = more.identifiers;
  const x = new End(network, {...plainConfig, open: ourOpen(extra, {identifier: one})});
  const y = new End(network, {...plainConfig, open: theirOpen(extra, {identifier: two})});
  x.remote = y;
  y.remote = x;
  return {network, x, y};
}

const anyPair = fc.record({
  identifiers: fc.constantFrom<[number, number]>([1, 2], [2, 1], [7, 7], [1, 0xffff_ffff]),
  graceful: fc.boolean(),
  cuts: fc.nat(3),
  order: fc.array(fc.nat(1_000), {minLength: 5, maxLength: 60}),
});

test('two speakers that dial each other end with one session on one connection', t => {
  let collisions = 0;
  let promotions = 0;
  let cuts = 0;
  fc.assert(
    fc.property(anyPair, draw => {
      const {network, x, y} = pair(draw);
      network.cuts = draw.cuts;
      x.feed({kind: 'peer', event: {kind: 'ManualStart'}});
      y.feed({kind: 'peer', event: {kind: 'ManualStart'}});
      network.settle();
      const isCollision = network.wires.length > 1;
      for (
        let tick = 0;
        tick < 40 && `${x.states} ${y.states}` !== 'Established Established';
        tick++
      ) {
        network.tick();
        network.settle();
      }
      if (isCollision) collisions++;
      promotions += network.promotions;
      cuts += draw.cuts - network.cuts;
      const [wire] = x.wires.values();
      return (
        `${x.states} ${y.states}` === 'Established Established' &&
        x.wires.size === 1 &&
        y.wires.size === 1 &&
        wire === [...y.wires.values()][0]
      );
    }),
    {numRuns: 500},
  );
  const seen = `${collisions} collisions, ${promotions} promotions, ${cuts} cuts`;
  t.true(collisions > 50 && promotions > 20 && cuts > 50, seen);
});

/** One established pair; its first connection is the one that x dialled. */
function established(graceful: boolean) {
  const made = pair({identifiers: [1, 2], graceful, order: [0]});
  made.y.feed({kind: 'peer', event: {kind: 'ManualStart_with_PassiveTcpEstablishment'}});
  made.x.feed({kind: 'peer', event: {kind: 'ManualStart'}});
  made.network.settle();
  made.y.log.length = 0;
  return made;
}

/** x has died and comes back with nothing, while y still has the old connection. */
function reborn(graceful: boolean) {
  const {network, y} = established(graceful);
  const x = new End(network, {
    ...plainConfig,
    open: ourOpen([gracefulRestart({restarting: true})]),
  });
  x.remote = y;
  y.remote = x;
  x.feed({kind: 'peer', event: {kind: 'ManualStart'}});
  return {network, x, y};
}

test('the new connection of a peer with graceful restart replaces the old one once its OPEN is valid', t => {
  const {network, x, y} = reborn(true);
  t.is(y.states, 'Established');
  network.settle();
  t.deepEqual([x.states, y.states], ['Established', 'Established']);
  const words = y.log.filter(
    each => each.kind === 'sendNotification' || each.kind === 'sessionDown',
  );
  t.deepEqual(
    words.map(each => (each.kind === 'sessionDown' ? each.reason.kind : each.kind)),
    ['replaced'],
  );
});

test('a bare connection, or one with a bad OPEN, costs an established session nothing', t => {
  const {network, y} = established(true);
  const silent = new End(network, plainConfig);
  silent.remote = y;
  const wire: Wire = {
    id: 9,
    ends: [
      {end: silent, direction: 'outgoing', isOpen: true},
      {end: y, direction: 'incoming', isOpen: true},
    ],
    queues: [[], []],
  };
  y.feed({kind: 'connected', direction: 'incoming'}, wire);
  t.is(y.states, 'Established+OpenSent');
  y.feed({kind: 'connected', direction: 'incoming'}, {...wire, id: 10}); // a third: nobody's
  const bad = theirOpen([], {identifier: 0});
  y.feed({kind: 'session', slot: 'b', event: {kind: 'BGPOpen', open: bad}});
  t.is(y.states, 'Established');
  t.false(y.log.some(action => action.kind === 'sessionDown'));
});

test('without graceful restart the new connection is the one that goes', t => {
  const {network, y} = reborn(false);
  for (let at = 0; at < 20; at++) network.settle();
  t.is(y.states, 'Established');
  const codes = y.log.flatMap(each =>
    each.kind === 'sendNotification' ? [each.notification] : [],
  );
  t.deepEqual([codes[0]?.code, codes[0]?.subcode], [6, 7]);
});

test('a stop is for both sessions of the peer', t => {
  const {y} = established(true);
  const wire: Wire = {id: 9, ends: [], queues: [[], []]};
  wire.ends.push(
    {end: new End(y.network, plainConfig), direction: 'outgoing', isOpen: true},
    {end: y, direction: 'incoming', isOpen: true},
  );
  y.feed({kind: 'connected', direction: 'incoming'}, wire);
  y.feed({kind: 'peer', event: {kind: 'SilentStop'}});
  t.is(y.states, 'Idle');
  t.is(y.timers.size, 0);
});

test('a dial of ours that is still on its way costs no session when the peer was faster', t => {
  const {network, x, y} = pair({identifiers: [1, 2], graceful: true, order: [0]});
  x.feed({kind: 'peer', event: {kind: 'ManualStart'}});
  const late = network.dials.splice(0);
  y.feed({kind: 'peer', event: {kind: 'ManualStart'}});
  network.settle();
  t.deepEqual([x.states, y.states], ['Established', 'Established']);
  network.dials.push(...late); // the kernel was faster than our cancelling it
  network.settle();
  t.deepEqual([x.states, y.states], ['Established', 'Established']);
  t.false([...x.log, ...y.log].some(action => action.kind === 'sessionDown'));
});

/** RFC 5880 §6.8 by its rules, and two machines that talk over paper. */
import test from 'ava';
import fc from 'fast-check';
import {
  advanceBfd,
  type BfdAction,
  type BfdConfig,
  type BfdEvent,
  type BfdSession,
  type BfdTimer,
  createBfd,
} from './fsm.js';
import {BFD_STATES, type BfdPacket, type BfdState, decodeBfd, encodeBfd} from './packet.js';

const config: BfdConfig = {
  desiredMinTxUs: 100_000,
  requiredMinRxUs: 100_000,
  detectMult: 3,
  controlPlaneIndependent: false,
};

/** One end, with a virtual clock in microseconds. */
class PaperBfd {
  session: BfdSession;
  nowUs = 0;
  random = 1; // no jitter
  readonly deadlines = new Map<BfdTimer, number>();
  readonly log: BfdAction[] = [];
  readonly outbox: BfdPacket[] = [];

  constructor(more: Partial<BfdConfig> = {}, discriminator = 1) {
    const step = createBfd(discriminator, {...config, ...more}, () => this.random);
    this.session = step.session;
    this.#apply(step.actions);
  }

  get state(): BfdState {
    return this.session.state;
  }

  feed(event: BfdEvent): readonly BfdAction[] {
    if (event.kind === 'transmitTimerExpired') this.deadlines.delete('transmit');
    if (event.kind === 'detectionTimerExpired') this.deadlines.delete('detection');
    const step = advanceBfd(this.session, event, () => this.random);
    this.session = step.session;
    this.#apply(step.actions);
    return step.actions;
  }

  hear(state: BfdState, more: Partial<BfdPacket> = {}): readonly BfdAction[] {
    return this.feed({kind: 'received', packet: from(state, more)});
  }

  /** Feeds what is due at or before `nowUs`. */
  advance(nowUs: number): void {
    this.nowUs = nowUs;
    for (const [timer, at] of this.deadlines) {
      if (at > nowUs) continue;
      const kind = timer === 'transmit' ? 'transmitTimerExpired' : 'detectionTimerExpired';
      this.feed({kind});
    }
  }

  left(timer: BfdTimer): number | undefined {
    const at = this.deadlines.get(timer);
    return at === undefined ? undefined : at - this.nowUs;
  }

  in(state: BfdState): this {
    if (state === 'AdminDown') this.feed({kind: 'adminDown'});
    if (state === 'Init' || state === 'Up') this.hear('Down');
    if (state === 'Up') this.hear('Up');
    if (this.state !== state) throw new Error(`${this.state} instead of ${state}`);
    return this;
  }

  #apply(actions: readonly BfdAction[]): void {
    this.log.push(...actions);
    for (const action of actions) {
      if (action.kind === 'startTimer')
        this.deadlines.set(action.timer, this.nowUs + action.delayUs);
      if (action.kind === 'stopTimer') this.deadlines.delete(action.timer);
      if (action.kind === 'send') this.outbox.push(action.packet);
    }
  }
}

function from(state: BfdState, more: Partial<BfdPacket> = {}): BfdPacket {
  return {
    diagnostic: 0,
    state,
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMult: 3,
    myDiscriminator: 2,
    yourDiscriminator: 1,
    desiredMinTxUs: 100_000,
    requiredMinRxUs: 100_000,
    requiredMinEchoRxUs: 0,
    ...more,
  };
}

const sent = (actions: readonly BfdAction[]) =>
  actions.flatMap(action => (action.kind === 'send' ? [action.packet] : []));
const changes = (actions: readonly BfdAction[]) =>
  actions.flatMap(action => (action.kind === 'stateChanged' ? [action] : []));

/** Received: AdminDown, Down, Init, Up. */
const table: Readonly<Record<BfdState, readonly BfdState[]>> = {
  AdminDown: ['AdminDown', 'AdminDown', 'AdminDown', 'AdminDown'],
  Down: ['Down', 'Init', 'Up', 'Down'],
  Init: ['Down', 'Init', 'Up', 'Up'],
  Up: ['Down', 'Down', 'Up', 'Up'],
};

for (const ours of BFD_STATES) {
  test(`in ${ours} each state of the peer leads where RFC 5880 §6.2 says`, t => {
    const seen = BFD_STATES.map(theirs => {
      const paper = new PaperBfd().in(ours);
      paper.hear(theirs);
      return paper.state;
    });
    t.deepEqual(seen, [...table[ours]]);
  });
}

test('what the peer signals down is diagnostic 3, what times out is 1, and Up clears it', t => {
  const paper = new PaperBfd().in('Up');
  paper.hear('Down');
  t.is(paper.session.diagnostic, 3);
  paper.hear('Init');
  t.is(paper.session.diagnostic, 0);
  paper.feed({kind: 'detectionTimerExpired'});
  t.is(paper.state, 'Down');
  t.is(paper.session.diagnostic, 1);
});

test('a peer that is administratively down is no failure; a silent or failing one is', t => {
  const failures = (event: (paper: PaperBfd) => readonly BfdAction[]) =>
    changes(event(new PaperBfd().in('Up'))).map(change => change.isFailure);
  t.deepEqual(
    failures(paper => paper.hear('AdminDown')),
    [false],
  );
  t.deepEqual(
    failures(paper => paper.feed({kind: 'adminDown'})),
    [false],
  );
  t.deepEqual(
    failures(paper => paper.hear('Down')),
    [true],
  );
  t.deepEqual(
    failures(paper => paper.feed({kind: 'detectionTimerExpired'})),
    [true],
  );
  t.deepEqual(
    failures(paper => paper.feed({kind: 'pathDown', diagnostic: 5})),
    [true],
  );
  t.deepEqual(
    changes(new PaperBfd().in('Init').hear('AdminDown')).map(each => each.isFailure),
    [false],
  );
});

test('a failure tells the C bit that the peer had', t => {
  const paper = new PaperBfd().in('Init');
  paper.hear('Up', {controlPlaneIndependent: true});
  const [change] = changes(paper.feed({kind: 'detectionTimerExpired'}));
  t.true(change?.controlPlaneIndependent);
});

test('until Up we announce and send one packet a second at most', t => {
  const paper = new PaperBfd();
  t.is(paper.left('transmit'), 1_000_000);
  paper.advance(1_000_000);
  t.is(paper.outbox[0]?.desiredMinTxUs, 1_000_000);
  t.is(paper.outbox[0]?.yourDiscriminator, 0);
  paper.hear('Down');
  t.is(paper.left('transmit'), 1_000_000);

  paper.hear('Up');
  t.is(paper.left('transmit'), 100_000);
  t.is(paper.outbox.at(-1)?.desiredMinTxUs, 100_000);
  paper.feed({kind: 'detectionTimerExpired'});
  t.is(paper.left('transmit'), 1_000_000);
});

test('the faster rate of Up is polled for until the Final', t => {
  const paper = new PaperBfd().in('Up');
  t.true(paper.outbox.at(-1)?.poll);
  paper.feed({kind: 'transmitTimerExpired'});
  t.true(paper.outbox.at(-1)?.poll);
  paper.hear('Up', {final: true});
  paper.feed({kind: 'transmitTimerExpired'});
  t.false(paper.outbox.at(-1)?.poll);
});

test('a poll is answered at once, by F without P, whatever we poll for ourselves', t => {
  const paper = new PaperBfd().in('Up');
  const [answer, ...more] = sent(paper.hear('Up', {poll: true}));
  t.deepEqual([answer?.final, answer?.poll, more.length], [true, false, 0]);
});

test('a slower TX and a faster RX count from the Final on, the reverse at once', t => {
  const slower = new PaperBfd().in('Up');
  slower.hear('Up', {final: true});
  slower.feed({
    kind: 'configured',
    config: {...config, desiredMinTxUs: 300_000, requiredMinRxUs: 50_000},
  });
  t.is(slower.left('transmit'), 100_000);
  slower.hear('Up');
  t.is(slower.left('detection'), 300_000);
  slower.feed({kind: 'transmitTimerExpired'});
  const polled = slower.outbox.at(-1);
  t.deepEqual(
    [polled?.poll, polled?.desiredMinTxUs, polled?.requiredMinRxUs],
    [true, 300_000, 50_000],
  );
  slower.hear('Up', {final: true, desiredMinTxUs: 50_000});
  t.is(slower.left('transmit'), 300_000);
  t.is(slower.left('detection'), 150_000);

  const faster = new PaperBfd().in('Up');
  faster.hear('Up', {final: true, requiredMinRxUs: 10_000});
  faster.feed({
    kind: 'configured',
    config: {...config, desiredMinTxUs: 50_000, requiredMinRxUs: 200_000},
  });
  t.is(faster.left('transmit'), 50_000);
  faster.hear('Up', {requiredMinRxUs: 10_000});
  t.is(faster.left('detection'), 600_000);
});

test('a change during a poll is vouched for by the Final after the next', t => {
  const paper = new PaperBfd().in('Up'); // polls for the rate of Up
  paper.feed({kind: 'configured', config: {...config, desiredMinTxUs: 500_000}});
  paper.hear('Up', {final: true});
  t.is(paper.session.txInUseUs, 100_000);
  paper.hear('Up', {final: true});
  t.is(paper.session.txInUseUs, 500_000);
});

test('a poll does not outlive its Up: the next one needs one Final', t => {
  const paper = new PaperBfd().in('Up'); // and polling
  paper.hear('Down');
  t.is(paper.session.poll, 'none');
  paper.hear('Init');
  paper.hear('Up', {final: true});
  t.is(paper.session.poll, 'none');
});

test('the detection time is the peer’s multiplier times the slower of its TX and our RX', t => {
  const paper = new PaperBfd().in('Init');
  const detection = (more: Partial<BfdPacket>) => {
    paper.hear('Up', more);
    return paper.left('detection');
  };
  t.is(detection({detectMult: 3, desiredMinTxUs: 50_000}), 300_000);
  t.is(detection({detectMult: 5, desiredMinTxUs: 200_000}), 1_000_000);
});

test('we send no faster than the peer can receive, and nothing when it asks for nothing', t => {
  const paper = new PaperBfd().in('Up');
  paper.hear('Up', {requiredMinRxUs: 400_000});
  t.is(paper.left('transmit'), 400_000);
  paper.hear('Up', {requiredMinRxUs: 0});
  t.is(paper.left('transmit'), undefined);
  t.is(sent(paper.hear('Up', {requiredMinRxUs: 0, poll: true})).length, 1);
  t.is(sent(paper.hear('Down', {requiredMinRxUs: 0})).length, 0);
});

test('a peer in demand mode gets no periodic packets once both are Up and the poll is over', t => {
  const paper = new PaperBfd().in('Up');
  paper.hear('Up', {demand: true});
  t.not(paper.left('transmit'), undefined);
  paper.hear('Up', {demand: true, final: true});
  t.is(paper.left('transmit'), undefined);
});

test('packets do not put the transmit timer off', t => {
  const paper = new PaperBfd().in('Up');
  paper.hear('Up', {final: true});
  const starts = paper.hear('Up').filter(action => action.kind === 'startTimer');
  t.deepEqual(
    starts.map(action => action.timer),
    ['detection'],
  );
});

test('jitter takes up to a quarter; with a multiplier of one, a tenth at least', t => {
  const delay = (random: number, detectMult: number) => {
    const step = createBfd(1, {...config, detectMult}, () => random);
    return step.actions.flatMap(each => (each.kind === 'startTimer' ? [each.delayUs] : []))[0];
  };
  t.deepEqual([delay(0, 3), delay(1, 3)], [750_000, 1_000_000]);
  t.deepEqual([delay(0, 1), delay(1, 1)], [750_000, 900_000]);
});

test('silence makes us forget the peer’s discriminator, in Down too', t => {
  const paper = new PaperBfd().in('Up');
  paper.hear('AdminDown');
  t.is(paper.session.remote.discriminator, 2);
  paper.advance(paper.nowUs + 300_000);
  t.is(paper.session.remote.discriminator, 0);
  t.is(paper.state, 'Down');
});

test('administratively down we go on telling the peer, and come back through Down', t => {
  const paper = new PaperBfd().in('Up');
  const [word] = sent(paper.feed({kind: 'adminDown'}));
  t.deepEqual([word?.state, word?.diagnostic], ['AdminDown', 7]);
  t.is(paper.left('detection'), undefined);
  paper.feed({kind: 'transmitTimerExpired'});
  t.is(paper.outbox.at(-1)?.state, 'AdminDown');
  t.is(paper.left('transmit'), 1_000_000);
  paper.feed({kind: 'adminUp'});
  t.is(paper.state, 'Down');
});

/** Two ends and a wire; `cut` loses all packets. */
function talk(a: PaperBfd, b: PaperBfd, untilUs: number, cut: () => boolean = () => false): void {
  const carry = (one: PaperBfd, other: PaperBfd) => {
    for (const packet of one.outbox.splice(0)) {
      const decoded = decodeBfd(encodeBfd(packet));
      if (decoded.kind === 'packet' && !cut())
        other.feed({kind: 'received', packet: decoded.packet});
    }
  };
  for (let nowUs = a.nowUs; nowUs <= untilUs; nowUs += 5_000) {
    a.advance(nowUs);
    b.advance(nowUs);
    while (a.outbox.length + b.outbox.length > 0) {
      carry(a, b);
      carry(b, a);
    }
  }
}

test('two ends come up within two slow intervals, settle on the slower rate and end their polls', t => {
  const a = new PaperBfd({}, 7);
  const b = new PaperBfd({desiredMinTxUs: 300_000, requiredMinRxUs: 200_000}, 9);
  talk(a, b, 2_000_000);
  t.deepEqual([a.state, b.state], ['Up', 'Up']);
  t.deepEqual([a.session.poll, b.session.poll], ['none', 'none']);
  t.deepEqual([a.session.transmitUs, b.session.transmitUs], [200_000, 300_000]);
  t.is(a.log.filter(action => action.kind === 'stateChanged').length, 2);
});

test('a cut wire is noticed by both within the detection time, and heals', t => {
  const a = new PaperBfd({}, 7);
  const b = new PaperBfd({}, 9);
  talk(a, b, 2_000_000);
  talk(a, b, 2_000_000 + 305_000, () => true);
  t.deepEqual([a.state, b.state], ['Down', 'Down']);
  t.deepEqual([a.session.diagnostic, b.session.diagnostic], [1, 1]);
  talk(a, b, 5_000_000);
  t.deepEqual([a.state, b.state], ['Up', 'Up']);
});

test('no sequence of events throws, sends P beside F, or leaves us without a way to notice', t => {
  const anyPacket = fc.record({
    poll: fc.boolean(),
    final: fc.boolean(),
    demand: fc.boolean(),
    requiredMinRxUs: fc.constantFrom(0, 1, 100_000, 0xffff_ffff),
    desiredMinTxUs: fc.constantFrom(0, 100_000, 0xffff_ffff),
    detectMult: fc.integer({min: 1, max: 255}),
  });
  const anyEvent: fc.Arbitrary<BfdEvent> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...BFD_STATES), anyPacket)
        .map(([state, more]): BfdEvent => ({kind: 'received', packet: from(state, more)})),
    },
    fc.constantFrom<BfdEvent>(
      {kind: 'transmitTimerExpired'},
      {kind: 'detectionTimerExpired'},
      {kind: 'adminDown'},
      {kind: 'adminUp'},
      {kind: 'pathDown', diagnostic: 5},
      {kind: 'configured', config},
      {kind: 'configured', config: {...config, desiredMinTxUs: 1, requiredMinRxUs: 1_000_000}},
    ),
  );
  let ups = 0;
  fc.assert(
    fc.property(fc.array(anyEvent, {maxLength: 40}), events => {
      const paper = new PaperBfd();
      for (const event of events) {
        const actions = paper.feed(event);
        if (sent(actions).some(packet => packet.poll && packet.final)) return false;
        if (paper.state === 'Up' && paper.left('detection') === undefined) return false;
        if (paper.state === 'Up') ups++;
        if (paper.state !== 'Up' && paper.session.txInUseUs < 1_000_000) return false;
        const isTold = paper.session.remote.minRxUs === 0 || paper.session.remote.demand;
        if (!isTold && paper.left('transmit') === undefined) return false;
      }
      return true;
    }),
    {numRuns: 1_000},
  );
  t.true(ups > 100, `only ${ups} steps were Up`);
});

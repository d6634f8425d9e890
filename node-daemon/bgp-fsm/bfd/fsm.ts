/**
 * The BFD session machine (RFC 5880 §6.8), asynchronous mode, both sides active, without authentication
 * and echo. Pure: (session, event) -> session and effects as data; the random number for jitter is
 * the caller's. Not here: sockets, TTL, and which session a packet is for (RFC 5881, 5883).
 *
 * What is received, against our state (§6.2, §6.8.6):
 *
 *   ours \ received   AdminDown     Down          Init    Up
 *   AdminDown         -             -             -       -
 *   Down              -             Init          Up      -
 *   Init              Down, diag 3  -             Up      Up
 *   Up                Down, diag 3  Down, diag 3  -       -
 *
 * In use against wanted (§6.8.3). `desiredMinTxUs` and `requiredMinRxUs` in the session are what we
 * announce; while not Up the first is one second at least (slow start). A change of either starts a
 * Poll Sequence; an increase of TX and a decrease of RX while Up count from its Final on, as the
 * peer must know first. The rest counts at once.
 *
 * Detection time = the peer's multiplier x max(our RX in use, its desired TX). It runs in every state
 * but AdminDown: in Down it is what makes us forget the peer's discriminator (§6.8.1).
 */
import {
  ADMINISTRATIVELY_DOWN,
  type BfdPacket,
  type BfdState,
  DETECTION_TIME_EXPIRED,
  NEIGHBOR_SIGNALED_DOWN,
  NO_DIAGNOSTIC,
} from './packet.js';

export interface BfdConfig {
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly detectMult: number; // 1..255
  readonly controlPlaneIndependent: boolean; // C; false: our BFD lives in the daemon
}

export interface BfdSession {
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly localDiscriminator: number; // unsigned 32 bits, not 0, unique on the host
  readonly config: BfdConfig;
  readonly desiredMinTxUs: number; // announced
  readonly txInUseUs: number;
  readonly rxInUseUs: number;
  readonly poll: Poll;
  readonly remote: BfdRemote;
  readonly transmitUs: number | undefined; // interval that the transmit timer was started with
}

/** `again`: values changed after polls had left already; the Final to come is for the earlier ones. */
export type Poll = 'none' | 'polling' | 'again';

export interface BfdRemote {
  readonly discriminator: number; // 0: not known
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly minRxUs: number; // 0: it wants no periodic packets
  readonly desiredMinTxUs: number;
  readonly detectMult: number;
  readonly demand: boolean;
  readonly controlPlaneIndependent: boolean;
}

export type BfdTimer = 'transmit' | 'detection';

export type BfdEvent =
  | {readonly kind: 'received'; readonly packet: BfdPacket} // from decodeBfd, for this session
  | {readonly kind: 'transmitTimerExpired'}
  | {readonly kind: 'detectionTimerExpired'}
  | {readonly kind: 'adminDown'}
  | {readonly kind: 'adminUp'}
  | {readonly kind: 'configured'; readonly config: BfdConfig}
  | {readonly kind: 'pathDown'; readonly diagnostic: number}; // e.g. the interface went down

export type BfdAction =
  | {readonly kind: 'send'; readonly packet: BfdPacket}
  | {readonly kind: 'startTimer'; readonly timer: BfdTimer; readonly delayUs: number}
  | {readonly kind: 'stopTimer'; readonly timer: BfdTimer}
  | BfdChange;

export interface BfdChange {
  readonly kind: 'stateChanged';
  readonly from: BfdState;
  readonly to: BfdState;
  readonly diagnostic: number;
  /** The path failed. An administrator at either end is no failure (RFC 5882 §4.2), nor is Init. */
  readonly isFailure: boolean;
  readonly controlPlaneIndependent: boolean; // C of the peer, for graceful restart
}

export interface BfdStep {
  readonly session: BfdSession;
  readonly actions: readonly BfdAction[];
}

interface Turn {
  readonly session: {-readonly [K in keyof BfdSession]: BfdSession[K]};
  readonly actions: BfdAction[];
  readonly random: () => number; // uniform [0, 1)
}

const SLOW_START_US = 1_000_000; // RFC 5880 §6.8.3

const UNKNOWN_REMOTE: BfdRemote = {
  discriminator: 0,
  state: 'Down',
  diagnostic: NO_DIAGNOSTIC,
  minRxUs: 1, // RFC 5880 §6.8.1
  desiredMinTxUs: 0,
  detectMult: 0,
  demand: false,
  controlPlaneIndependent: false,
};

/** In Down, and sending: both sides are active (RFC 5881 §3). */
export function createBfd(
  localDiscriminator: number,
  config: BfdConfig,
  random: () => number,
): BfdStep {
  const session: BfdSession = {
    state: 'Down',
    diagnostic: NO_DIAGNOSTIC,
    localDiscriminator,
    config,
    desiredMinTxUs: Math.max(config.desiredMinTxUs, SLOW_START_US),
    txInUseUs: Math.max(config.desiredMinTxUs, SLOW_START_US),
    rxInUseUs: config.requiredMinRxUs,
    poll: 'none',
    remote: UNKNOWN_REMOTE,
    transmitUs: undefined,
  };
  const turn: Turn = {session: {...session}, actions: [], random};
  rearmTransmit(turn);
  return turn;
}

export function advanceBfd(session: BfdSession, event: BfdEvent, random: () => number): BfdStep {
  const turn: Turn = {session: {...session}, actions: [], random};
  handle(turn, event);
  return {session: turn.session, actions: turn.actions};
}

function handle(turn: Turn, event: BfdEvent): void {
  const {session} = turn;
  switch (event.kind) {
    case 'received':
      return receive(turn, event.packet);
    case 'transmitTimerExpired':
      session.transmitUs = undefined;
      if (!isSilent(session)) send(turn);
      return rearmTransmit(turn);
    case 'detectionTimerExpired':
      session.remote = {...UNKNOWN_REMOTE, controlPlaneIndependent: cBit(session)};
      goDown(turn, DETECTION_TIME_EXPIRED);
      return rearmTransmit(turn); // who asked for nothing may be gone: its successor must hear us
    case 'pathDown':
      return goDown(turn, event.diagnostic);
    case 'adminDown':
      return goAdminDown(turn);
    case 'adminUp':
      return session.state === 'AdminDown' ? moveTo(turn, 'Down', NO_DIAGNOSTIC) : undefined;
    case 'configured':
      return configure(turn, event.config);
  }
}

/** Of a peer that is silent now: what it said last still tells what its silence means. */
function cBit({remote}: BfdSession): boolean {
  return remote.controlPlaneIndependent;
}

/** RFC 5880 §6.8.6 from "Set bfd.RemoteDiscr" on, in its order. */
function receive(turn: Turn, packet: BfdPacket): void {
  const {session} = turn;
  session.remote = {
    discriminator: packet.myDiscriminator,
    state: packet.state,
    diagnostic: packet.diagnostic,
    minRxUs: packet.requiredMinRxUs,
    desiredMinTxUs: packet.desiredMinTxUs,
    detectMult: packet.detectMult,
    demand: packet.demand,
    controlPlaneIndependent: packet.controlPlaneIndependent,
  };
  if (packet.final) endPoll(turn);
  if (session.state === 'AdminDown') {
    rearmTransmit(turn);
    return; // discarded: neither state nor detection time
  }
  followRemote(turn);
  if (packet.poll) send(turn, 'final'); // at once, whatever the timers say
  rearmDetection(turn);
  rearmTransmit(turn);
}

/** The table at the top. */
function followRemote(turn: Turn): void {
  const {state, remote} = turn.session;
  const next = TABLE[state][remote.state];
  if (next === undefined) return;
  moveTo(turn, next, next === 'Down' ? NEIGHBOR_SIGNALED_DOWN : undefined);
}

type Next = BfdState | undefined; // undefined: stay

const TABLE: Readonly<Record<BfdState, Readonly<Record<BfdState, Next>>>> = {
  AdminDown: {AdminDown: undefined, Down: undefined, Init: undefined, Up: undefined},
  Down: {AdminDown: undefined, Down: 'Init', Init: 'Up', Up: undefined},
  Init: {AdminDown: 'Down', Down: undefined, Init: 'Up', Up: 'Up'},
  Up: {AdminDown: 'Down', Down: 'Down', Init: undefined, Up: undefined},
};

function goDown(turn: Turn, diagnostic: number): void {
  const {state} = turn.session;
  if (state === 'Init' || state === 'Up') moveTo(turn, 'Down', diagnostic);
}

/** We go on telling the peer, slowly (§6.8.16 asks for a detection time at least). */
function goAdminDown(turn: Turn): void {
  if (turn.session.state === 'AdminDown') return;
  turn.actions.push({kind: 'stopTimer', timer: 'detection'});
  moveTo(turn, 'AdminDown', ADMINISTRATIVELY_DOWN);
}

/** The diagnostic stays where it is when the way is up: it says why the session last went down. */
function moveTo(turn: Turn, to: BfdState, diagnostic?: number): void {
  const {session, actions} = turn;
  const from = session.state;
  session.state = to;
  if (diagnostic !== undefined) session.diagnostic = diagnostic;
  if (to === 'Up') session.diagnostic = NO_DIAGNOSTIC;
  announceIntervals(turn);
  const isFailure = from === 'Up' && to === 'Down' && session.remote.state !== 'AdminDown';
  const {controlPlaneIndependent} = session.remote;
  actions.push({
    kind: 'stateChanged',
    from,
    to,
    diagnostic: session.diagnostic,
    isFailure,
    controlPlaneIndependent,
  });
  if (!isSilent(session)) send(turn); // the change itself does not wait for the timer (§6.8.7)
  rearmTransmit(turn);
}

function configure(turn: Turn, config: BfdConfig): void {
  const {session} = turn;
  const isRxNew = config.requiredMinRxUs !== session.config.requiredMinRxUs;
  session.config = config;
  announceIntervals(turn, isRxNew);
  rearmTransmit(turn);
}

/** Brings what is announced and what is in use in line with state and configuration (§6.8.3). */
function announceIntervals(turn: Turn, isRxNew = false): void {
  const {session} = turn;
  const {config, state} = session;
  const isUp = state === 'Up';
  const desired = isUp ? config.desiredMinTxUs : Math.max(config.desiredMinTxUs, SLOW_START_US);
  if (desired !== session.desiredMinTxUs || isRxNew) beginPoll(turn);
  session.desiredMinTxUs = desired;
  if (!isUp) session.poll = 'none'; // the peer hears of it before the session is Up again
  if (!isUp || desired < session.txInUseUs) session.txInUseUs = desired;
  if (!isUp || config.requiredMinRxUs > session.rxInUseUs) {
    session.rxInUseUs = config.requiredMinRxUs;
  }
}

function beginPoll({session}: Turn): void {
  session.poll = session.poll === 'none' ? 'polling' : 'again';
}

/** Final: the peer knows our values. An earlier poll's Final cannot vouch for later values. */
function endPoll({session}: Turn): void {
  if (session.poll === 'again') {
    session.poll = 'polling';
    return;
  }
  if (session.poll === 'none') return;
  session.poll = 'none';
  session.txInUseUs = session.desiredMinTxUs;
  session.rxInUseUs = session.config.requiredMinRxUs;
}

/** §6.8.7: nothing is sent to who asked for nothing, or in demand mode to who knows that we are Up. */
function isSilent({state, remote, poll}: BfdSession): boolean {
  if (remote.minRxUs === 0) return true;
  return remote.demand && remote.state === 'Up' && state === 'Up' && poll === 'none';
}

function send(turn: Turn, answer?: 'final'): void {
  const {session} = turn;
  const packet: BfdPacket = {
    diagnostic: session.diagnostic,
    state: session.state,
    poll: answer === undefined && session.poll !== 'none', // never beside F
    final: answer === 'final',
    controlPlaneIndependent: session.config.controlPlaneIndependent,
    demand: false,
    detectMult: session.config.detectMult,
    myDiscriminator: session.localDiscriminator,
    yourDiscriminator: session.remote.discriminator,
    desiredMinTxUs: session.desiredMinTxUs,
    requiredMinRxUs: session.config.requiredMinRxUs,
    requiredMinEchoRxUs: 0,
  };
  turn.actions.push({kind: 'send', packet});
}

/** Left alone while the interval is what it was: each packet received would else put it off. */
function rearmTransmit(turn: Turn): void {
  const {session, actions} = turn;
  const wanted = isSilent(session) ? undefined : transmitIntervalUs(session);
  if (wanted === session.transmitUs) return;
  session.transmitUs = wanted;
  if (wanted === undefined) actions.push({kind: 'stopTimer', timer: 'transmit'});
  else startTransmit(turn, wanted);
}

/** §6.8.7: 0 to 25 % less than the interval; with a multiplier of 1, 10 to 25 %. */
function startTransmit({session, actions, random}: Turn, intervalUs: number): void {
  const most = session.config.detectMult === 1 ? 0.9 : 1;
  const delayUs = Math.round(intervalUs * (0.75 + (most - 0.75) * random()));
  actions.push({kind: 'startTimer', timer: 'transmit', delayUs});
}

export function transmitIntervalUs({txInUseUs, remote}: BfdSession): number {
  return Math.max(txInUseUs, remote.minRxUs);
}

/** §6.8.4. */
export function detectionTimeUs({rxInUseUs, remote}: BfdSession): number {
  return remote.detectMult * Math.max(rxInUseUs, remote.desiredMinTxUs);
}

function rearmDetection(turn: Turn): void {
  const delayUs = detectionTimeUs(turn.session);
  turn.actions.push({kind: 'startTimer', timer: 'detection', delayUs});
}

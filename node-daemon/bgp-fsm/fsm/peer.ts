/**
 * One peer: its session, and for the time of a collision a second one (RFC 4271 §6.8). Pure: (peer, event)
 * -> peer and effects, each with the slot that it is for.
 *
 * A slot is where the shell keeps one TCP connection and one set of timers; it stays the same while
 * its session is promoted from secondary to primary. The primary dials and starts again; the secondary
 * was made for a connection that came while the primary had one, and goes with it.
 *
 * The OPEN decides (collision.ts): it is tried on its session first, and only one that makes it
 * OpenConfirm may cost the other connection its life.
 */
import {resolveCollision, type Verdict} from './collision.js';
import type {Direction, Event} from './event.js';
import {createSecondary, createSession, promote, transition} from './fsm.js';
import type {Action, Context, Session} from './types.js';

export type Slot = 'a' | 'b';

export interface Peer {
  readonly primary: Slot;
  readonly sessions: Readonly<Record<Slot, Session | undefined>>;
  readonly secondaryIsNewer: boolean; // it came when the primary was Established
}

export type PeerEvent =
  /** A connection of ours was answered, or one of the peer stands; no slot has it yet. */
  | {readonly kind: 'connected'; readonly direction: Direction}
  /** Of a connection or a timer. One for a slot that is empty by now is of the past, and ignored. */
  | {readonly kind: 'session'; readonly slot: Slot; readonly event: Event}
  /** Starts and stops: for the peer as a whole. */
  | {readonly kind: 'peer'; readonly event: Event};

export interface PeerAction {
  readonly slot: Slot;
  readonly action: Action;
}

export interface PeerStep {
  readonly peer: Peer;
  readonly actions: readonly PeerAction[];
  /** `connected` only: the slot that has it now. Undefined: nobody wants it, close it. */
  readonly bound: Slot | undefined;
}

interface Turn {
  primary: Slot;
  secondaryIsNewer: boolean;
  readonly sessions: Record<Slot, Session | undefined>;
  readonly actions: PeerAction[];
  readonly context: Context;
}

export function createPeer(): Peer {
  return {primary: 'a', sessions: {a: createSession(), b: undefined}, secondaryIsNewer: false};
}

/** The peer is the same object when nothing of it has changed: old ones would fill the heap of a thousand. */
export function advancePeer(peer: Peer, event: PeerEvent, context: Context): PeerStep {
  const turn: Turn = {...peer, sessions: {...peer.sessions}, actions: [], context};
  const bound = handle(turn, event);
  takeOver(turn);
  return {peer: isSame(peer, turn) ? peer : peerOf(turn), actions: turn.actions, bound};
}

function isSame({primary, secondaryIsNewer, sessions: {a, b}}: Peer, turn: Turn): boolean {
  const isSameRole = primary === turn.primary && secondaryIsNewer === turn.secondaryIsNewer;
  return isSameRole && a === turn.sessions.a && b === turn.sessions.b;
}

function peerOf({primary, secondaryIsNewer, sessions}: Turn): Peer {
  return {primary, secondaryIsNewer, sessions};
}

function handle(turn: Turn, event: PeerEvent): Slot | undefined {
  switch (event.kind) {
    case 'connected':
      return bind(turn, event.direction);
    case 'session':
      if (isOpen(event.event)) receiveOpen(turn, event.slot, event.event);
      else feed(turn, event.slot, event.event);
      return undefined;
    case 'peer':
      feed(turn, otherOf(turn.primary), event.event); // first: the primary's stop is the last word
      feed(turn, turn.primary, event.event);
      return undefined;
  }
}

/** The primary takes it, or wants it tracked; a third connection is nobody's. */
function bind(turn: Turn, direction: Direction): Slot | undefined {
  const event: Event =
    direction === 'outgoing' ? {kind: 'Tcp_CR_Acked'} : {kind: 'TcpConnectionConfirmed'};
  const {primary} = turn;
  const before = turn.sessions[primary];
  const seen = feed(turn, primary, event);
  if (seen.some(action => action.kind === 'refuse')) return undefined;
  if (!seen.some(action => action.kind === 'track')) return primary;

  const slot = otherOf(primary);
  if (turn.sessions[slot] !== undefined) return undefined;
  turn.sessions[slot] = createSecondary();
  turn.secondaryIsNewer = before?.state === 'Established';
  feed(turn, slot, event);
  return slot;
}

function receiveOpen(turn: Turn, slot: Slot, event: OpenEvent): void {
  const session = turn.sessions[slot];
  if (session === undefined) return;
  const other = otherOf(slot);
  const isGood = transition(session, event, turn.context).session.state === 'OpenConfirm';
  const verdict = isGood ? judge(turn, slot, event) : keepBoth;
  if (verdict.kind === 'dropArriving') {
    feed(turn, slot, {kind: 'OpenCollisionDump', silent: false});
    return;
  }
  if (verdict.kind === 'dropOther') {
    feed(turn, other, {kind: 'OpenCollisionDump', silent: verdict.silent});
  }
  feed(turn, slot, event);
}

const keepBoth: Verdict = {kind: 'keepBoth'};

function judge(turn: Turn, slot: Slot, {open}: OpenEvent): Verdict {
  const session = turn.sessions[slot];
  const other = turn.sessions[otherOf(slot)];
  if (!session?.connection || other === undefined) return keepBoth;
  return resolveCollision({
    local: turn.context.config.open,
    peer: open,
    arriving: session.connection,
    arrivingIsNewer: slot !== turn.primary && turn.secondaryIsNewer,
    other: {
      state: other.state,
      gracefulRestart: other.negotiated?.gracefulRestart !== undefined,
    },
  });
}

/**
 * The secondary has outlived the primary's connection, whoever ended that: it is the primary now. What
 * the old one planned is off; a dial into our own session would look like a restart to the peer.
 */
function takeOver(turn: Turn): void {
  const {primary, sessions} = turn;
  const slot = otherOf(primary);
  const [old, next] = [sessions[primary], sessions[slot]];
  const isAgreed = next?.state === 'OpenConfirm' || next?.state === 'Established';
  if (old === undefined || !isAgreed || old.connection !== undefined) return;
  feed(turn, primary, {kind: 'OpenCollisionDump', silent: true});
  sessions[slot] = promote(next, old);
  sessions[primary] = undefined;
  turn.primary = slot;
}

function feed(turn: Turn, slot: Slot, event: Event): readonly Action[] {
  const session = turn.sessions[slot];
  if (session === undefined) return [];
  const step = transition(session, event, turn.context);
  const isOver = step.session.secondary && step.session.state === 'Idle';
  turn.sessions[slot] = isOver ? undefined : step.session;
  for (const action of step.actions) {
    if (action.kind !== 'track' && action.kind !== 'refuse') turn.actions.push({slot, action});
  }
  return step.actions;
}

type OpenEvent = Extract<Event, {readonly open: unknown}>;

function isOpen(event: Event): event is OpenEvent {
  return event.kind === 'BGPOpen' || event.kind === 'BGPOpen_with_DelayOpenTimer_running';
}

function otherOf(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a';
}

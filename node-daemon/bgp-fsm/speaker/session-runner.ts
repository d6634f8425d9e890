/**
 * The sessions of one peer at work: executes what fsm/peer.ts asks for over the ports, and tells it
 * what happens. It decides nothing, and knows no routes: those are its owner's.
 *
 * A run of UPDATEs that lie in the buffer is one UpdateMsg to the machine: the cell is the same for
 * each, and hold time restarts once a slice instead of a million times.
 */
import type {Event} from '../fsm/event.js';
import {
  advancePeer,
  createPeer,
  type Peer,
  type PeerAction,
  type PeerEvent,
  type Slot,
} from '../fsm/peer.js';
import {
  STATES,
  type Action,
  type Direction,
  type DownReason,
  type Negotiated,
  type Session,
  type SessionConfig,
  type State,
  type Timer,
} from '../fsm/types.js';
import {BAD_PEER_AS, MAX_MESSAGE, OPEN_ERROR, ROUTE_REFRESH, UPDATE} from '../wire/constants.js';
import {encodeKeepalive, nextMessage} from '../wire/header.js';
import {encodeNotification} from '../wire/notification.js';
import {encodeOpen} from '../wire/open.js';
import type {PeerConfig} from './config.js';
import {describeDialFailure, describeDown, describeSilence} from './down-words.js';
import {Line} from './line.js';
import {countMessage, countMessages, noMessages, type MessageCounts} from './message-counters.js';
import {eventOf, type Message} from './message-event.js';
import type {Connection, SpeakerPorts} from './ports.js';
import {minTtlOf} from './session-config.js';
import type {Slice} from './slice.js';
import {Timers} from './timers.js';

export interface SessionOwner {
  readonly config: PeerConfig;
  sessionConfig(): SessionConfig;
  established(connection: Connection, negotiated: Negotiated): void;
  down(reason: DownReason, negotiated: Negotiated): void;
  /** One whole message, in Established; the octets are good until it returns. */
  update(bytes: Uint8Array, at: number, length: number): void;
  refresh(bytes: Uint8Array, at: number): void;
  asnRefused(): void; // our AS number is not the one that the peer expects
  failed(words: string): void; // an attempt or a session ended, in words for people
  stateChanged(): void;
  incoming(): void; // there is something to read
  writable(): void; // there is room again
  pathChanged(connection: Connection): void; // of the established session
}

const SLOTS: readonly Slot[] = ['a', 'b'];
const SLACK = 1 / 64; // of a keepalive interval: much less than its jitter
const KEEPALIVE = encodeKeepalive(); // of all sessions: whoever is given it only reads

export class SessionRunner {
  readonly received: MessageCounts = noMessages();
  readonly sent: MessageCounts = noMessages();
  readonly #owner: SessionOwner;
  readonly #ports: SpeakerPorts;
  readonly #timers: Readonly<Record<Slot, Timers<Timer>>>;
  readonly #expiries = {a: new Map<Timer, () => void>(), b: new Map<Timer, () => void>()};
  readonly #lines: Record<Slot, Line | undefined> = {a: undefined, b: undefined};
  readonly #dials: Record<Slot, {cancel(): void} | undefined> = {a: undefined, b: undefined};
  #peer: Peer = createPeer();
  #established: Line | undefined;
  #lostCode: string | undefined; // of the connection whose loss is being told

  constructor(owner: SessionOwner, ports: SpeakerPorts) {
    this.#owner = owner;
    this.#ports = ports;
    this.#timers = {a: new Timers(ports.clock), b: new Timers(ports.clock)};
  }

  /** Of the session that is further. */
  get session(): Session {
    const {primary, sessions} = this.#peer;
    const [first, second] = [sessions[primary], sessions[primary === 'a' ? 'b' : 'a']];
    const isSecondFurther = rank(second) > rank(first);
    return (isSecondFurther ? second : first) as Session;
  }

  get state(): State {
    return this.session.state;
  }

  /** The connection of the established session. */
  get line(): Line | undefined {
    return this.#established;
  }

  get hasConnection(): boolean {
    return this.#lines.a !== undefined || this.#lines.b !== undefined;
  }

  /** Starts and stops: for the peer as a whole. */
  tell(event: Event): void {
    this.#feed({kind: 'peer', event});
  }

  /** Of the established session. */
  tellSession(event: Event): void {
    const line = this.#established;
    const slot = SLOTS.find(each => line !== undefined && this.#lines[each] === line);
    if (slot !== undefined) this.#feed({kind: 'session', slot, event});
  }

  /** One that stands; it is closed when the machine does not want it. */
  bind(connection: Connection, direction: Direction): void {
    const step = advancePeer(this.#peer, {kind: 'connected', direction}, this.#context());
    this.#peer = step.peer;
    if (step.bound === undefined) {
      connection.close(false);
    } else {
      this.#lines[step.bound] = this.#newLine(connection, direction);
    }
    this.#perform(step.actions);
  }

  /** Reads what has come in. True: whole messages are left for the next slice. */
  read(slice: Slice): boolean {
    let isMore = false;
    for (const slot of SLOTS) {
      const line = this.#lines[slot];
      if (line !== undefined) isMore = this.#readLine(slot, line, slice) || isMore;
    }
    return isMore;
  }

  /** Whole messages over the established session. */
  write(bytes: Uint8Array): void {
    countMessages(this.sent, bytes);
    this.#established?.write(bytes);
  }

  #newLine(connection: Connection, direction: Direction): Line {
    const line = new Line(connection, direction, {
      incoming: () => this.#owner.incoming(),
      taken: () => this.#taken(line),
      drained: () => this.#owner.writable(),
      pathChanged: () => {
        if (line === this.#established) this.#owner.pathChanged(connection);
      },
    });
    return line;
  }

  #readLine(slot: Slot, line: Line, slice: Slice): boolean {
    const {buffer} = line;
    let isRun = false; // the machine has said yes to UPDATEs
    while (this.#lines[slot] === line) {
      const frame = nextMessage(buffer.bytes, buffer.start, buffer.end, this.#isExtended(slot));
      if (frame.kind === 'incomplete') break;
      if (slice.isSpent()) return true;
      if (frame.kind === 'error') {
        this.#feedSlot(slot, {kind: 'BGPHeaderErr', notification: frame.notification});
      } else {
        isRun = this.#read(slot, line, frame, isRun);
        buffer.consume(frame.length);
      }
    }
    this.#settle(slot, line);
    return false;
  }

  /** Nothing more to read for now; or for ever. */
  #settle(slot: Slot, line: Line): void {
    if (this.#lines[slot] !== line) return;
    line.relax();
    if (line.end === undefined) return;
    this.#lines[slot] = undefined;
    this.#lostCode = line.end.code;
    this.#feedSlot(slot, {kind: 'TcpConnectionFails', direction: line.direction});
    this.#lostCode = undefined;
  }

  /** True when the message was an UPDATE that the machine lets in: the next ones may follow. */
  #read(slot: Slot, line: Line, message: Message, isRun: boolean): boolean {
    const {bytes} = line.buffer;
    countMessage(this.received, message.type);
    if (message.type === UPDATE && isRun) {
      this.#owner.update(bytes, message.at, message.length);
      return true;
    }
    const actions = this.#feedSlot(slot, eventOf(bytes, message));
    if (message.type === UPDATE && actions.some(({action}) => action.kind === 'processUpdate')) {
      this.#owner.update(bytes, message.at, message.length);
      return true;
    }
    if (message.type === ROUTE_REFRESH) {
      if (actions.some(({action}) => action.kind === 'processRouteRefresh')) {
        this.#owner.refresh(bytes, message.at);
      }
    }
    return false;
  }

  /** RFC 8654 §4: what we offered counts, once there is something agreed. */
  #isExtended(slot: Slot): boolean {
    const octets = this.#peer.sessions[slot]?.negotiated?.maxReceiveOctets ?? MAX_MESSAGE;
    return octets > MAX_MESSAGE;
  }

  #taken(line: Line): void {
    if (line === this.#established) this.tellSession({kind: 'DataTaken'});
  }

  #context() {
    return {config: this.#owner.sessionConfig(), random: this.#ports.random};
  }

  #feedSlot(slot: Slot, event: Event): readonly PeerAction[] {
    return this.#feed({kind: 'session', slot, event});
  }

  #feed(event: PeerEvent): readonly PeerAction[] {
    const step = advancePeer(this.#peer, event, this.#context());
    this.#peer = step.peer;
    this.#perform(step.actions);
    return step.actions;
  }

  #perform(actions: readonly PeerAction[]): void {
    for (const {slot, action} of actions) this.#do(slot, action);
  }

  #do(slot: Slot, action: Action): void {
    switch (action.kind) {
      case 'sendOpen':
        return this.#send(slot, encodeOpen(action.open));
      case 'sendKeepalive':
        return this.#send(slot, KEEPALIVE);
      case 'sendNotification':
        return this.#send(slot, encodeNotification(action.notification));
      case 'startTimer':
        return this.#startTimer(slot, action.timer, action.delayMs);
      case 'stopTimer':
        return this.#timers[slot].stop(action.timer);
      case 'connect':
        return this.#dial(slot);
      case 'cancelConnect':
        this.#dials[slot]?.cancel();
        this.#dials[slot] = undefined;
        return;
      case 'close':
        this.#lines[slot]?.close(action.flush);
        this.#lines[slot] = undefined;
        return;
      case 'stateChanged':
        return this.#owner.stateChanged();
      case 'sessionEstablished':
        return this.#up(slot, action.negotiated);
      case 'sessionDown':
        return this.#down(action.reason, action.negotiated);
      case 'attemptFailed':
        return this.#noteFailure(action.reason);
      case 'processUpdate':
      case 'processRouteRefresh':
        return; // by whoever read the message
      case 'refuse':
      case 'track':
        return; // fsm/peer.ts has dealt with them
    }
  }

  #send(slot: Slot, bytes: Uint8Array): void {
    countMessages(this.sent, bytes);
    this.#lines[slot]?.write(bytes);
  }

  #up(slot: Slot, negotiated: Negotiated): void {
    const line = this.#lines[slot];
    if (line === undefined) return;
    this.#established = line;
    this.#owner.established(line.connection, negotiated);
  }

  #down(reason: DownReason, negotiated: Negotiated): void {
    this.#established = undefined;
    this.#owner.failed(describeDown(reason, this.#lostCode));
    this.#owner.down(reason, negotiated);
  }

  /** A connection too many, or our own stop, is no failure worth a word. */
  #noteFailure(reason: DownReason): void {
    const {kind} = reason;
    if (isAsnRefused(reason)) this.#owner.asnRefused();
    const isOurs = kind === 'manualStop' || kind === 'silentStop' || kind === 'automaticStop';
    if (isOurs || kind === 'collision' || kind === 'replaced') return;
    if (kind === 'connectionLost' && this.#lostCode === NOT_DIALLED) return; // was told in detail
    this.#owner.failed(describeDown(reason, this.#lostCode));
  }

  #dial(slot: Slot): void {
    const {config} = this.#owner;
    this.#dials[slot] = this.#ports.transport.dial(
      {
        address: config.address,
        interface: config.interface,
        port: config.port,
        sourceAddress: config.sourceAddress,
        password: config.password,
        ttl: config.ttl,
        minTtl: minTtlOf(config),
      },
      {
        connected: connection => {
          this.#dials[slot] = undefined;
          this.bind(connection, 'outgoing');
        },
        failed: code => {
          this.#dials[slot] = undefined;
          this.#owner.failed(describeDialFailure(code, this.#owner.config));
          this.#lostCode = NOT_DIALLED;
          this.#feedSlot(slot, {kind: 'TcpConnectionFails', direction: 'outgoing'});
          this.#lostCode = undefined;
        },
      },
    );
  }

  #startTimer(slot: Slot, timer: Timer, delayMs: number): void {
    const expire = this.#expireOf(slot, timer);
    if (timer === 'hold') this.#timers[slot].startAfterInput(timer, delayMs, expire);
    else
      this.#timers[slot].start(timer, delayMs, expire, timer === 'keepalive' ? delayMs * SLACK : 0);
  }

  /** Made once: timers are started with every message. */
  #expireOf(slot: Slot, timer: Timer): () => void {
    const known = this.#expiries[slot].get(timer);
    if (known !== undefined) return known;
    const expire = () => {
      if (timer === 'connectRetry' && this.#dials[slot] !== undefined) {
        this.#owner.failed(describeSilence(this.#owner.config));
      }
      this.#feedSlot(slot, this.#expiry(slot, timer));
    };
    this.#expiries[slot].set(timer, expire);
    return expire;
  }

  #expiry(slot: Slot, timer: Timer): Event {
    const line = this.#lines[slot];
    switch (timer) {
      case 'hold':
        return {
          kind: 'HoldTimer_Expires',
          unreadData: line?.buffer.hasMessage(this.#isExtended(slot)) ?? false,
        };
      case 'sendHold':
        return {kind: 'SendHoldTimer_Expires', writable: line?.isWritable ?? false};
      case 'connectRetry':
        return {kind: 'ConnectRetryTimer_Expires'};
      case 'keepalive':
        return {kind: 'KeepaliveTimer_Expires'};
      case 'delayOpen':
        return {kind: 'DelayOpenTimer_Expires'};
      case 'idleHold':
        return {kind: 'IdleHoldTimer_Expires'};
      case 'calm':
        return {kind: 'CalmTimer_Expires'};
    }
  }
}

const NOT_DIALLED = 'not dialled';

function isAsnRefused(reason: DownReason): boolean {
  if (reason.kind !== 'notificationReceived') return false;
  const {code, subcode} = reason.received;
  return code === OPEN_ERROR && subcode === BAD_PEER_AS;
}

function rank(session: Session | undefined): number {
  return session === undefined ? -1 : STATES.indexOf(session.state);
}

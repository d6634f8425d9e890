/**
 * One neighbour: its sessions and its routes brought together, its configuration as it changes, and
 * what people may know of it. Not here: which neighbours there are, and whose connection comes in.
 */
import type {Again} from '../fsm/event.js';
import type {HelperLimits} from '../fsm/graceful-helper.js';
import type {DownReason, Negotiated, SessionConfig, State} from '../fsm/types.js';
import type {PeerIx, PeerPolicy, Received, RibApi} from '../rib/types.js';
import {
  ADMIN_RESET,
  ADMIN_SHUTDOWN,
  BFD_DOWN,
  CEASE,
  CONFIG_CHANGE,
  DECONFIGURED,
} from '../wire/constants.js';
import {EMPTY} from '../wire/bytes.js';
import type {Family} from '../wire/family.js';
import {type Notification, notification, shutdownNotice} from '../wire/notification.js';
import type {BfdSessions} from './bfd-sessions.js';
import type {PeerConfig} from './config.js';
import {describeKeyDrops} from './down-words.js';
import {presentedAs} from './dual-as.js';
import {FaultLog} from './fault-log.js';
import type {Waiting} from './key-watch.js';
import {changeOf, isSameLimit, isSamePolicy} from './peer-change.js';
import {PeerRoutes, type RoutesOwner} from './peer-routes.js';
import {PeerWords} from './peer-words.js';
import type {PeerStatus} from './status.js';
import type {Connection, KeyDrops, SpeakerPorts} from './ports.js';
import {minTtlOf} from './session-config.js';
import {SessionRunner, type SessionOwner} from './session-runner.js';
import type {Slice} from './slice.js';

export interface PeerHost {
  readonly ports: SpeakerPorts;
  readonly rib: RibApi;
  sessionConfig(config: PeerConfig): SessionConfig;
  helperLimits(): HelperLimits;
  holdsEndOfRib(): boolean;
  incoming(peer: PeerRunner): void;
  writable(peer: PeerRunner): void;
  routesChanged(): void;
  stateChanged(peer: PeerRunner): void;
  established(peer: PeerRunner, negotiated: Negotiated): void;
  down(peer: PeerRunner, words: string): void;
  endOfRib(peer: PeerRunner, family: Family): void;
  readonly bfd: BfdSessions;
}

export class PeerRunner implements SessionOwner, RoutesOwner, Waiting {
  readonly ix: PeerIx;
  readonly #host: PeerHost;
  readonly #session: SessionRunner;
  readonly #routes: PeerRoutes;
  #config: PeerConfig;
  #sessionConfig: SessionConfig | undefined; // made when it is asked for
  #negotiated: Negotiated | undefined; // while Established
  #state: State = 'Idle';
  #sinceMs: number; // in this state
  #usesOtherAsn = false; // the peer has refused the first
  #isLimited = false; // stopped for the number of its prefixes, and not by itself to start again
  #establishedCount = 0;
  readonly #heard = new Set<Family>(); // End-of-RIB, in this session
  readonly #words: PeerWords;
  readonly #faults: FaultLog;

  constructor(config: PeerConfig, address: Uint8Array, host: PeerHost) {
    this.#config = config;
    this.#host = host;
    this.#sinceMs = host.ports.clock.nowMs();
    this.#words = new PeerWords(host.ports.clock);
    this.#faults = new FaultLog(host.ports);
    this.ix = host.rib.addPeer(address, config.policy);
    this.#session = new SessionRunner(this, host.ports);
    this.#routes = new PeerRoutes(this.ix, host.rib, this, host.ports.clock);
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): PeerConfig {
    return this.#config;
  }

  get state(): State {
    return this.#state;
  }

  get isEstablished(): boolean {
    return this.#negotiated !== undefined;
  }

  get wasEstablished(): boolean {
    return this.#establishedCount > 0;
  }

  /** Nothing would be lost with it: no connection, and no route that outlived one. */
  get isIdle(): boolean {
    return !this.#session.hasConnection && !this.keepsRoutes;
  }

  /** Of an earlier session. */
  get keepsRoutes(): boolean {
    return this.#routes.stale.length > 0;
  }

  /** Its only way to a session is that the peer dials. */
  get isWaiting(): boolean {
    return this.#config.passive && this.#state === 'Active';
  }

  keyDropped(drops: KeyDrops): void {
    const words = describeKeyDrops(this.#config, drops);
    if (words === undefined || !this.#words.suspect(`no connection came in; ${words}`)) return;
    this.#host.ports.log('warn', 'no connection came in', {peer: this.name, words});
  }

  start(): void {
    this.#isLimited = false;
    if (this.#config.shutdown === undefined) this.#session.tell({kind: 'ManualStart'});
  }

  /** Of the operator, for now: `start` undoes it. */
  stop(cease: Notification): void {
    this.#session.tell({kind: 'ManualStop', cease});
  }

  /** Drops the connection without a word: routes stay, here and at the peer. */
  leave(): void {
    this.#session.tell({kind: 'SilentStop'});
  }

  /** After a stop: time means nothing to it any more. */
  rest(): void {
    this.#routes.stop();
  }

  /** Ends what there is with a Cease and begins anew. */
  reset(cease: Notification): void {
    this.#stopItself(cease, 'never');
    this.start();
  }

  /** The neighbour is none any more: its routes go with it. */
  remove(): void {
    this.stop(notification(CEASE, DECONFIGURED));
    this.#host.bfd.close(this.name);
    this.#routes.remove();
  }

  /**
   * The path failed (RFC 5882 §4.2, RFC 9384). Of a session that stands it is the end, hard reset
   * included. While the peer restarts its BFD dies with it, unless that is independent (C).
   */
  bfdFailed(controlPlaneIndependent: boolean): void {
    if (this.#negotiated === undefined) this.#routes.bfdDown(controlPlaneIndependent);
    else this.#stopItself(notification(CEASE, BFD_DOWN), 'damped');
  }

  /** A connection that this neighbour dialled. */
  accept(connection: Connection): void {
    connection.adjust({ttl: this.#config.ttl, minTtl: minTtlOf(this.#config)});
    this.#session.bind(connection, 'incoming');
  }

  /** Of the session, if there is one. */
  get peerAsn(): number | undefined {
    return this.#negotiated?.peerAsn;
  }

  /** The same neighbour, configured otherwise: peer-change.ts says how little has to happen. */
  configure(next: PeerConfig): void {
    const change = changeOf(this.#config, next);
    const {policy} = this.#presented;
    const isFreed = this.#isLimited && !isSameLimit(next.policy, policy);
    this.#config = next;
    this.#setPolicy(policy);
    const over = this.#negotiated && this.#host.rib.checkLimit(this.ix);
    this.forgetSessionConfig();
    this.#configureBfd();
    if (over !== undefined) this.#complain(over, EMPTY);
    switch (over?.kind === 'limit' ? 'none' : change) {
      case 'none':
        if (isFreed) this.start();
        return;
      case 'adjust':
        this.#session.line?.connection.adjust({ttl: next.ttl, minTtl: minTtlOf(next)});
        return;
      case 'reconnect':
        this.leave();
        this.start();
        return;
      case 'reset':
        this.reset(notification(CEASE, CONFIG_CHANGE));
        return;
      case 'stop':
        this.stop(shutdownNotice(ADMIN_SHUTDOWN, next.shutdown));
        return;
      case 'start':
        this.start();
        return;
    }
  }

  /** Of the operator: Cease 6/4 with words. */
  resetByHand(words: string): void {
    this.reset(shutdownNotice(ADMIN_RESET, words));
  }

  /** Asks for all routes once more. False: the peer cannot, or is not there. */
  requestRefresh(family: Family): boolean {
    const message = this.#routes.requestOf(family);
    if (message !== undefined) this.#session.write(message);
    return message !== undefined;
  }

  /** What we say in OPEN has changed, from the next one on. */
  forgetSessionConfig(): void {
    this.#sessionConfig = undefined;
  }

  /** True: whole messages are left for the next slice. */
  read(slice: Slice): boolean {
    return this.#session.read(slice);
  }

  /** True: more is left, and would be taken. */
  write(slice: Slice): boolean {
    if (this.#negotiated === undefined) return false;
    let isSent = false;
    const isMore = this.#routes.write(
      slice,
      () => this.#session.line?.isWritable ?? false,
      bytes => {
        isSent = true;
        this.#session.write(bytes);
      },
    );
    if (isSent) this.#session.tellSession({kind: 'UpdateSent'});
    return isMore;
  }

  status(): PeerStatus {
    const {clock} = this.#host.ports;
    const {session} = this.#session;
    return {
      config: this.#presented,
      ix: this.ix,
      state: this.#state,
      inStateMs: clock.nowMs() - this.#sinceMs,
      isLimited: this.#isLimited,
      negotiated: this.#negotiated,
      localAddress: this.#session.line?.connection.localAddress,
      established: this.#establishedCount,
      failures: session.connectRetryCounter,
      received: {...this.#session.received},
      sent: {...this.#session.sent},
      faultyUpdates: this.#faults.count,
      bfd: this.#host.bfd.status(this.name),
      prefixes: this.#host.rib.counters(this.ix),
      heard: [...this.#heard],
      stale: this.#routes.stale,
      ...this.#words.status(),
    };
  }

  // of the session

  sessionConfig(): SessionConfig {
    return (this.#sessionConfig ??= this.#host.sessionConfig(this.#presented));
  }

  /** With the other number from the next OPEN on, if there is one. */
  asnRefused(): void {
    if (this.#config.otherAsn === undefined) return;
    const {policy: before} = this.#presented;
    this.#usesOtherAsn = !this.#usesOtherAsn;
    this.forgetSessionConfig();
    this.#setPolicy(before);
  }

  established(connection: Connection, negotiated: Negotiated): void {
    this.#negotiated = negotiated;
    this.#establishedCount++;
    this.#words.up();
    this.#heard.clear();
    this.#routes.up(connection, negotiated);
    this.#configureBfd();
    this.#host.established(this, negotiated);
  }

  down(reason: DownReason, negotiated: Negotiated): void {
    this.#negotiated = undefined;
    this.#words.down(); // `failed` came before
    this.#routes.down(reason, negotiated);
    this.#configureBfd();
    this.#host.down(this, this.#words.latest);
  }

  update(bytes: Uint8Array, at: number, length: number): void {
    const received = this.#routes.receive(bytes, at, length);
    if (received.kind !== 'ok') this.#complain(received, bytes.subarray(at, at + length));
  }

  refresh(bytes: Uint8Array, at: number): void {
    this.#routes.refresh(bytes, at);
  }

  failed(words: string): void {
    this.#words.failed(words);
  }

  stateChanged(): void {
    const {state} = this.#session;
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#host.ports.clock.nowMs();
    this.#host.stateChanged(this);
  }

  incoming(): void {
    this.#host.incoming(this);
  }

  writable(): void {
    this.#host.writable(this);
  }

  pathChanged({path}: Connection): void {
    this.#routes.setPath(path);
  }

  // of the routes

  helperLimits(): HelperLimits {
    return this.#host.helperLimits();
  }

  holdsEndOfRib(): boolean {
    return this.#host.holdsEndOfRib();
  }

  endOfRib(family: Family): void {
    this.#heard.add(family);
    this.#host.endOfRib(this, family);
  }

  routesChanged(): void {
    this.#host.routesChanged();
  }

  #configureBfd(): void {
    this.#host.bfd.follow(this.#config, this.#session.line?.connection, this.keepsRoutes);
  }

  /** As the peer sees us. */
  get #presented(): PeerConfig {
    return presentedAs(this.#config, this.#usesOtherAsn);
  }

  /** Where the policy is another one now: also for routes that are kept of an earlier session. */
  #setPolicy(before: PeerPolicy): void {
    const {policy} = this.#presented;
    if (isSamePolicy(policy, before)) return;
    this.#host.rib.setPolicy(this.ix, policy);
    this.routesChanged();
  }

  #complain(received: Exclude<Received, {kind: 'ok'}>, message: Uint8Array): void {
    const peer = this.name;
    switch (received.kind) {
      case 'faulty':
        this.#faults.count++;
        this.#faults.note(peer, received, message);
        return;
      case 'reset':
        this.#faults.note(peer, received, message);
        this.#session.tellSession({kind: 'UpdateMsgErr', notification: received.notification});
        return;
      case 'limit': {
        const seconds = this.#config.prefixLimitRestartSeconds;
        const {family, max, got} = received;
        this.#words.excess = {family, max, got};
        this.#isLimited = seconds === undefined;
        const again = seconds === undefined ? 'never' : {afterMs: seconds * 1000};
        this.#stopItself(received.notification, again);
        return;
      }
      case 'nearLimit':
        this.#host.ports.log('warn', 'prefix limit is near', {peer, family: received.family});
        return;
    }
  }

  #stopItself(cease: Notification, again: Again): void {
    this.#session.tell({kind: 'AutomaticStop', cease, again});
  }
}

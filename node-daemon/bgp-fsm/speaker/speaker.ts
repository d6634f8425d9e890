/**
 * The speaker of a node: its neighbours, the RIB they share, our own restart, and the turns in which
 * all of it works. Pure: the world is in the ports, and nothing waits.
 *
 * A turn reads what came in, lets the RIB decide, and writes what the peers can take, each for a
 * bounded time; what is left waits for the next turn, after timers and new input had theirs. So
 * KEEPALIVEs leave in time while a full table loads, and one peer's flood is no other's loss.
 */
import type {HelperLimits} from '../fsm/graceful-helper.js';
import type {Negotiated, SessionConfig, State} from '../fsm/types.js';
import type {
  LocalRoute,
  NextHopState,
  RibApi,
  SelectedColumns,
  SelectedRoute,
  ShowQuery,
  ShownPath,
} from '../rib/types.js';
import {formatAddress} from '../wire/address.js';
import {ADMIN_SHUTDOWN, CEASE, CONFIG_CHANGE, DECONFIGURED} from '../wire/constants.js';
import {FAMILIES, type Family} from '../wire/family.js';
import {notification, shutdownNotice} from '../wire/notification.js';
import type {BfdChange} from '../bfd/fsm.js';
import type {BfdState} from '../bfd/packet.js';
import {BfdSessions, type BfdOwner} from './bfd-sessions.js';
import type {PeerConfig, SpeakerConfig} from './config.js';
import {describeFar} from './down-words.js';
import {KeyWatch} from './key-watch.js';
import {listenRequestOf} from './listen.js';
import {idOfPeer, idOfRange} from './neighbour-id.js';
import {Neighbours} from './neighbours.js';
import type {PeerHost, PeerRunner} from './peer-runner.js';
import type {Connection, SpeakerPorts} from './ports.js';
import {Restarting} from './restarting.js';
import {helperLimitsOf, isFromFar, sessionConfigOf} from './session-config.js';
import {Slice} from './slice.js';
import type {Absence, SpeakerStatus} from './status.js';
import {Strangers} from './strangers.js';

/** What was there before this speaker. */
export interface SpeakerStart {
  readonly restarted: boolean; // the marker says that we ran before
  readonly preserved: readonly Family[]; // routes of ours are in the kernel
  readonly absent: readonly string[]; // who has none among them, and was away (neighbour-id.ts)
}

export type SpeakerEvent =
  | {readonly kind: 'peerState'; readonly peer: string; readonly state: State}
  | {readonly kind: 'peerUp'; readonly peer: string; readonly negotiated: Negotiated}
  | {readonly kind: 'peerDown'; readonly peer: string; readonly words: string}
  | {readonly kind: 'bfdState'; readonly peer: string; readonly state: BfdState}
  /** `takeSelected` and `takeNextHopInterest` may have something. */
  | {readonly kind: 'routes'}
  /** After what is selected was taken: what else of ours the kernel has is of the past. */
  | {readonly kind: 'sweep'; readonly family: Family}
  | {readonly kind: 'restartOver'};

/** How to leave: to come back, for the day, or for good. */
export type Leave =
  | {readonly kind: 'restart'} // without a word, so that peers keep our routes
  | {readonly kind: 'shutdown'; readonly words: string} // Cease 6/2
  | {readonly kind: 'deconfigure'}; // Cease 6/3

const DEFERRAL_MS = 10_000;
const READ_MS = 4;
const DECIDE_MS = 4;
const WRITE_MS = 4;
const DECIDE_PREFIXES = 512; // at once

export class Speaker implements PeerHost, BfdOwner {
  readonly ports: SpeakerPorts;
  readonly rib: RibApi;
  readonly bfd: BfdSessions;
  readonly #emit: (event: SpeakerEvent) => void;
  readonly #start: SpeakerStart;
  readonly #neighbours: Neighbours;
  readonly #restarting: Restarting;
  readonly #strangers = new Strangers();
  readonly #keys: KeyWatch;
  #config: SpeakerConfig | undefined;
  #hasLeft = false;

  #isWoken = false;
  readonly #readable = new Set<PeerRunner>();
  readonly #writable = new Set<PeerRunner>();
  #isUndecided = false;
  readonly #whole = new Set<Family>(); // to be swept once all is decided

  /** `emit` is called in the middle of things: it must not call back. */
  constructor(
    ports: SpeakerPorts,
    rib: RibApi,
    start: SpeakerStart,
    emit: (event: SpeakerEvent) => void,
  ) {
    this.ports = ports;
    this.rib = rib;
    this.#start = start;
    this.#emit = emit;
    this.bfd = new BfdSessions(ports, this);
    this.#neighbours = new Neighbours(this, {
      removed: peer => this.#restarting.tell({kind: 'peerGone', peer}),
    });
    this.#keys = new KeyWatch(ports, () => this.#neighbours.waiting());
    this.#restarting = new Restarting(
      {
        sweep: family => this.#sweepSoon(family),
        releaseEndOfRib: family => this.#releaseEndOfRib(family),
        restartOver: () => this.#restartOver(),
      },
      ports.clock,
    );
  }

  configure(next: SpeakerConfig): void {
    const old = this.#config;
    this.#config = next;
    const {asn, identifier, clusterId, multipath, alwaysCompareMed} = next;
    this.rib.setOptions({asn, identifier, clusterId, multipath, alwaysCompareMed});
    this.routesChanged();
    if (old === undefined) this.#beginRestart(next);
    else for (const peer of this.#neighbours.all) peer.forgetSessionConfig();
    this.ports.transport.listen(listenRequestOf(next), (connection, isKeyed) =>
      this.#accept(connection, isKeyed),
    ); // first: a peer with a new password is dialled at once
    this.#neighbours.configure(next);
    if (this.#neighbours.waiting().length > 0) this.#keys.begin();
    if (old === undefined || old.identifier === identifier) return;
    for (const peer of this.#neighbours.all) peer.reset(notification(CEASE, CONFIG_CHANGE));
  }

  setLocalRoutes(routes: readonly LocalRoute[]): void {
    this.rib.setLocalRoutes(routes);
    this.routesChanged();
  }

  setNextHops(states: readonly NextHopState[]): void {
    this.rib.setNextHops(states);
    this.routesChanged();
  }

  /** False: there is no such peer. */
  reset(name: string, words: string): boolean {
    const peer = this.#neighbours.get(name);
    peer?.resetByHand(words);
    return peer !== undefined;
  }

  /** Asks the peer for its routes (`in`), or sends it ours once more. False: it cannot. */
  refresh(name: string, direction: 'in' | 'out', family: Family): boolean {
    const peer = this.#neighbours.get(name);
    if (peer === undefined || !peer.isEstablished) return false;
    if (direction === 'in') return peer.requestRefresh(family);
    this.rib.resend(peer.ix, family);
    this.routesChanged();
    return true;
  }

  takeSelected(limit: number): readonly SelectedRoute[] {
    return this.rib.takeSelected(limit);
  }

  takeSelectedColumns(limit: number): SelectedColumns | undefined {
    return this.rib.takeSelectedColumns(limit);
  }

  takeNextHopInterest(): ReturnType<RibApi['takeNextHopInterest']> {
    return this.rib.takeNextHopInterest();
  }

  reselectAll(family: Family): void {
    this.rib.reselectAll(family);
    this.routesChanged();
  }

  show(query: ShowQuery): readonly ShownPath[] {
    return this.rib.show(query);
  }

  peer(name: string): PeerRunner | undefined {
    return this.#neighbours.get(name);
  }

  status(): SpeakerStatus {
    return {
      peers: this.#neighbours.all.map(peer => peer.status()),
      ranges: this.#neighbours.ranges,
      restart: this.#restarting.status(),
    };
  }

  absence(): Absence {
    return {isOver: this.#restarting.isOver, ...this.#neighbours.absence()};
  }

  /** Nothing happens any more; the transport still lets the last words out. */
  leave(how: Leave): void {
    this.#hasLeft = true;
    this.ports.transport.listen(undefined, () => {});
    this.#restarting.stop();
    this.#keys.stop();
    this.#neighbours.stop();
    this.bfd.closeAll();
    for (const peer of this.#neighbours.all) {
      if (how.kind === 'restart') peer.leave();
      else if (how.kind === 'deconfigure') peer.stop(notification(CEASE, DECONFIGURED));
      else peer.stop(shutdownNotice(ADMIN_SHUTDOWN, how.words));
      peer.rest();
    }
  }

  // of the neighbours

  sessionConfig(config: PeerConfig): SessionConfig {
    return sessionConfigOf(this.#identity, config, this.#restarting.value);
  }

  helperLimits(): HelperLimits {
    return helperLimitsOf(this.#identity);
  }

  /** Of a restart only: two speakers that both start would wait for each other. */
  holdsEndOfRib(): boolean {
    return this.#start.restarted && !this.#restarting.isOver;
  }

  incoming(peer: PeerRunner): void {
    this.#readable.add(peer);
    this.#wake();
  }

  writable(peer: PeerRunner): void {
    this.#writable.add(peer);
    this.#wake();
  }

  routesChanged(): void {
    this.#isUndecided = true;
    this.#wake();
  }

  stateChanged(peer: PeerRunner): void {
    this.#emit({kind: 'peerState', peer: peer.name, state: peer.state});
    this.#neighbours.relax(peer);
    if (peer.isWaiting) this.#keys.begin();
  }

  established(peer: PeerRunner, negotiated: Negotiated): void {
    this.#emit({kind: 'peerUp', peer: peer.name, negotiated});
    for (const family of FAMILIES) {
      if (!this.#restarting.isPending(family)) this.rib.releaseEndOfRib(family);
    }
    this.#restarting.tell({kind: 'peerEstablished', peer: peer.name, negotiated});
  }

  down(peer: PeerRunner, words: string): void {
    this.#emit({kind: 'peerDown', peer: peer.name, words});
  }

  endOfRib(peer: PeerRunner, family: Family): void {
    this.#restarting.tell({kind: 'endOfRib', peer: peer.name, family});
  }

  bfdChanged(name: string, {to, isFailure, controlPlaneIndependent}: BfdChange): void {
    this.#emit({kind: 'bfdState', peer: name, state: to});
    if (isFailure) this.#neighbours.get(name)?.bfdFailed(controlPlaneIndependent);
  }

  get #identity(): Pick<SpeakerConfig, 'identifier' | 'gracefulRestart'> {
    return this.#config ?? {identifier: 0, gracefulRestart: undefined};
  }

  #accept(connection: Connection, isKeyed: boolean): void {
    const owner = this.#neighbours.ownerOf(connection);
    const {address} = connection.remote;
    if (owner === undefined) {
      if (this.#strangers.isNews(address, this.ports.clock.nowMs())) {
        this.ports.log('info', 'connection of a stranger', {address});
      }
      connection.close(false);
    } else if (owner.config.password !== undefined && !isKeyed) {
      this.ports.log('error', 'connection that no key protects', {address, peer: owner.name});
      connection.close(false);
    } else if (isFromFar(connection.remote, owner.config)) {
      if (!owner.isEstablished) owner.failed(describeFar(connection.remote, owner.config));
      connection.close(false);
    } else {
      owner.accept(connection);
    }
  }

  /** Who comes from a range is not known yet: a range is awaited like a peer that never answers. */
  #beginRestart({peers, ranges, gracefulRestart}: SpeakerConfig): void {
    const {restarted, preserved} = this.#start;
    const absent = new Set(this.#start.absent);
    const expected = [
      ...peers.map(peer => ({...peer, id: idOfPeer(peer)})),
      ...ranges.map(range => ({...range, id: idOfRange(range)})),
    ].filter(({shutdown}) => shutdown === undefined);
    this.#restarting.begin({
      restarted,
      preserved,
      families: FAMILIES,
      peers: expected.map(({name, families, id}) => ({
        ...{peer: name, families},
        isDown: absent.has(id),
      })),
      deferralMs: gracefulRestart?.deferralMs ?? DEFERRAL_MS,
    });
  }

  #sweepSoon(family: Family): void {
    this.#whole.add(family);
    this.routesChanged();
  }

  #releaseEndOfRib(family: Family): void {
    this.rib.releaseEndOfRib(family);
    this.routesChanged();
  }

  #restartOver(): void {
    for (const peer of this.#neighbours.all) peer.forgetSessionConfig();
    this.#emit({kind: 'restartOver'});
  }

  #wake(): void {
    if (this.#isWoken || this.#hasLeft) return;
    this.#isWoken = true;
    this.ports.clock.soon(() => this.#turn());
  }

  #turn(): void {
    this.#isWoken = false;
    if (this.#hasLeft) return;
    this.#read(new Slice(this.ports.clock, READ_MS));
    this.#decide(new Slice(this.ports.clock, DECIDE_MS));
    this.#write(new Slice(this.ports.clock, WRITE_MS));
    this.#noteTooLong();
    this.#noteOffLink();
    if (this.#readable.size > 0 || this.#writable.size > 0 || this.#isUndecided) this.#wake();
  }

  #noteTooLong(): void {
    const routes = this.rib.takeTooLong();
    if (routes > 0) this.ports.log('warn', 'too long for a message, not sent', {routes});
  }

  #noteOffLink(): void {
    for (const {peer: ix, nextHop} of this.rib.takeOffLink()) {
      const peer = this.#neighbours.all.find(each => each.ix === ix)?.name;
      const address = formatAddress(nextHop);
      this.ports.log('warn', 'next hop on no link of ours, not used', {peer, nextHop: address});
    }
  }

  /** Who did not come to an end goes to the end of the queue. */
  #read(slice: Slice): void {
    for (const peer of [...this.#readable]) {
      if (slice.isOver()) return;
      this.#readable.delete(peer);
      if (peer.read(slice)) this.#readable.add(peer);
    }
  }

  #decide(slice: Slice): void {
    if (!this.#isUndecided) return;
    this.#isUndecided = false;
    while (this.rib.work(DECIDE_PREFIXES)) {
      if (!slice.isOver()) continue;
      this.#isUndecided = true;
      break;
    }
    for (const peer of this.#neighbours.all) if (peer.isEstablished) this.#writable.add(peer);
    this.#emit({kind: 'routes'});
    if (!this.#isUndecided) this.#sweep();
  }

  #sweep(): void {
    for (const family of this.#whole) this.#emit({kind: 'sweep', family});
    this.#whole.clear();
  }

  #write(slice: Slice): void {
    for (const peer of [...this.#writable]) {
      if (slice.isOver()) return;
      this.#writable.delete(peer);
      if (peer.write(slice)) this.#writable.add(peer);
    }
  }
}

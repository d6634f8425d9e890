/**
 * One peer and its routes: what its session means to the RIB, and what becomes of its routes while it
 * is away (fsm/graceful-helper.ts executed). Not here: the session itself (session-runner.ts).
 */
import {
  createHelper,
  help,
  type Helper,
  type HelperAction,
  type HelperEvent,
  type HelperLimits,
  type HelperTimer,
} from '../fsm/graceful-helper.js';
import type {DownReason, Negotiated} from '../fsm/types.js';
import type {PeerIx, Received, RibApi} from '../rib/types.js';
import {FAMILIES, type Family} from '../wire/family.js';
import {encodeRefresh, decodeRefresh} from '../wire/refresh.js';
import type {Clock, Connection, ConnectionPath} from './ports.js';
import {wireSessionOf} from './session-config.js';
import type {Slice} from './slice.js';
import {Timers} from './timers.js';

export interface RoutesOwner {
  helperLimits(): HelperLimits;
  /** Our restart is not over: End-of-RIB of the initial dump waits. */
  holdsEndOfRib(): boolean;
  endOfRib(family: Family): void;
  routesChanged(): void; // the RIB has something to do, or to send
}

const WRITE_OCTETS = 64 * 1024;

export class PeerRoutes {
  readonly ix: PeerIx;
  readonly #rib: RibApi;
  readonly #owner: RoutesOwner;
  readonly #timers: Timers<`helper ${HelperTimer}` | `refresh ${Family}`>;
  #helper: Helper = createHelper();
  #negotiated: Negotiated | undefined;
  readonly #refreshing = new Set<Family>(); // between BoRR and EoRR

  constructor(ix: PeerIx, rib: RibApi, owner: RoutesOwner, clock: Clock) {
    this.ix = ix;
    this.#rib = rib;
    this.#owner = owner;
    this.#timers = new Timers(clock);
  }

  /** Families with routes of an earlier session. */
  get stale(): readonly Family[] {
    return [...this.#helper.held.keys()];
  }

  up(connection: Connection, negotiated: Negotiated): void {
    this.#negotiated = negotiated;
    this.#rib.sessionUp(this.ix, {
      wire: wireSessionOf(negotiated, connection.localAddress),
      negotiated,
      peerAddress: connection.remote.octets,
      ...connection.path,
      holdsEndOfRib: this.#owner.holdsEndOfRib(),
    });
    this.#help({kind: 'sessionEstablished', negotiated});
    this.#owner.routesChanged();
  }

  /** Our own addresses have changed: what we announce ourselves as next hop for may have to go, or come. */
  setPath(path: ConnectionPath): void {
    this.#rib.setPath(this.ix, path);
    this.#owner.routesChanged();
  }

  down(reason: DownReason, negotiated: Negotiated): void {
    this.#negotiated = undefined;
    for (const family of FAMILIES) this.#timers.stop(`refresh ${family}`);
    this.#refreshing.clear();
    this.#rib.sessionDown(this.ix);
    this.#help({kind: 'sessionDown', reason, negotiated});
    this.#owner.routesChanged();
  }

  bfdDown(controlPlaneIndependent: boolean): void {
    this.#help({kind: 'bfdDown', controlPlaneIndependent});
    this.#owner.routesChanged();
  }

  /** Routes stay as they are: we are leaving. */
  stop(): void {
    this.#timers.stopAll();
  }

  remove(): void {
    this.#help({kind: 'peerRemoved'});
    this.stop();
    this.#rib.removePeer(this.ix);
    this.#owner.routesChanged();
  }

  receive(bytes: Uint8Array, at: number, length: number): Received {
    const received = this.#rib.receive(this.ix, bytes, at, length);
    if (received.kind === 'ok' && received.endOfRib !== undefined) {
      this.#help({kind: 'endOfRib', family: received.endOfRib});
      this.#owner.endOfRib(received.endOfRib);
    }
    this.#owner.routesChanged();
    return received;
  }

  /** A ROUTE-REFRESH message; of families that are not agreed and of unknown kinds it is ignored. */
  refresh(bytes: Uint8Array, at: number): void {
    const {family, kind} = decodeRefresh(bytes, at);
    const negotiated = this.#negotiated;
    if (family === undefined || negotiated?.families.includes(family) !== true) return;
    if (!negotiated.enhancedRefresh || kind === 'request') this.#rib.resend(this.ix, family);
    else if (kind === 'begin') this.#beginRefresh(family);
    else if (kind === 'end' && this.#refreshing.has(family)) this.#endRefresh(family);
    this.#owner.routesChanged();
  }

  /** The peer's Adj-RIB-Out once more; undefined when it cannot, or when we know all of it anyway. */
  requestOf(family: Family): Uint8Array | undefined {
    const isAble = this.#negotiated?.routeRefresh === true;
    if (!isAble || this.#negotiated?.families.includes(family) !== true) return undefined;
    return encodeRefresh(family);
  }

  /** What the peer is to learn, until the slice is over or `write` has no room. True: more is left. */
  write(slice: Slice, isWritable: () => boolean, write: (bytes: Uint8Array) => void): boolean {
    while (isWritable()) {
      if (slice.isOver()) return this.#rib.hasUpdates(this.ix);
      const bytes = this.#rib.takeUpdates(this.ix, WRITE_OCTETS);
      if (bytes === undefined) return false;
      write(bytes);
    }
    return false; // it will be told when there is room
  }

  /** RFC 7313 §4: not while graceful restart has its own stale routes; and not for ever. */
  #beginRefresh(family: Family): void {
    if (this.#helper.held.has(family)) return;
    this.#refreshing.add(family);
    this.#rib.beginRefresh(this.ix, family);
    const boundMs = this.#owner.helperLimits().staleMs || REFRESH_BOUND_MS;
    this.#timers.start(`refresh ${family}`, boundMs, () => this.#endRefresh(family));
  }

  #endRefresh(family: Family): void {
    this.#refreshing.delete(family);
    this.#timers.stop(`refresh ${family}`);
    this.#rib.endRefresh(this.ix, family);
    this.#owner.routesChanged();
  }

  #help(event: HelperEvent): void {
    const step = help(this.#helper, event, this.#owner.helperLimits());
    this.#helper = step.helper;
    for (const action of step.actions) this.#do(action);
  }

  #do(action: HelperAction): void {
    switch (action.kind) {
      case 'markStale':
        return this.#rib.markStale(this.ix, action.family);
      case 'deleteStale':
        return this.#rib.deleteStale(this.ix, action.family);
      case 'deleteRoutes':
        return this.#rib.deleteRoutes(this.ix, action.family);
      case 'attachLongLived':
        return this.#rib.attachLongLived(this.ix, action.family);
      case 'startTimer':
        return this.#timers.start(`helper ${action.timer}`, action.delayMs, () => {
          this.#help({kind: 'timerExpired', timer: action.timer});
          this.#owner.routesChanged();
        });
      case 'stopTimer':
        return this.#timers.stop(`helper ${action.timer}`);
    }
  }
}

const REFRESH_BOUND_MS = 180_000;

/**
 * The BFD sessions of a speaker, one for each peer that has it (RFC 5881, 5883): executes bfd/fsm.ts over
 * the ports, and finds the session that a packet is for. What a failure means is its owner's.
 *
 * A packet with our discriminator is for that session, if it comes from that peer; one without any is
 * for the session with its sender (RFC 5880 §6.8.6). Hop limits are the transport's: 255 on one hop.
 */
import {
  advanceBfd,
  createBfd,
  type BfdAction,
  type BfdChange,
  type BfdConfig as Intervals,
  type BfdEvent,
  type BfdSession,
  type BfdTimer,
} from '../bfd/fsm.js';
import {decodeBfd, encodeBfd, NO_DIAGNOSTIC, type BfdPacket, type BfdState} from '../bfd/packet.js';
import {sameAddress} from '../wire/address.js';
import type {BfdConfig, PeerConfig} from './config.js';
import type {BfdIncoming, BfdPath, BfdSocket, Connection, SpeakerPorts} from './ports.js';
import {Timers} from './timers.js';

export interface BfdOwner {
  bfdChanged(peer: string, change: BfdChange): void;
}

export interface BfdStatus {
  readonly state: BfdState;
  readonly diagnostic: number; // RFC 5880 §4.1: why it was last down
  readonly remoteState: BfdState;
  readonly multihop: boolean;
}

interface Running {
  readonly peer: string;
  readonly path: BfdPath;
  readonly socket: BfdSocket;
  readonly timers: Timers<BfdTimer>;
  session: BfdSession;
}

const LAST_WORDS = 3; // one may be lost
const US_PER_MS = 1000;

export class BfdSessions {
  readonly #ports: SpeakerPorts;
  readonly #owner: BfdOwner;
  readonly #byPeer = new Map<string, Running>();
  readonly #byDiscriminator = new Map<number, Running>();

  constructor(ports: SpeakerPorts, owner: BfdOwner) {
    this.#ports = ports;
    this.#owner = owner;
  }

  /** It runs while the session stands, and on while routes of the peer are kept. */
  follow(
    {name, bfd}: Pick<PeerConfig, 'name' | 'bfd'>,
    connection: Connection | undefined,
    keepsRoutes: boolean,
  ): void {
    if (bfd === undefined || (connection === undefined && !keepsRoutes)) {
      this.close(name);
    } else if (connection !== undefined) {
      const {remote, localAddress: local, path} = connection;
      const {ifindex} = path;
      this.open(name, {remote: remote.octets, local, ifindex, multihop: bfd.multihop}, bfd);
    }
  }

  /** Over another path it is another session; with other intervals the same. */
  open(peer: string, path: BfdPath, config: BfdConfig): void {
    const known = this.#byPeer.get(peer);
    if (known !== undefined && isSamePath(known.path, path)) {
      this.#advance(known, {kind: 'configured', config: intervalsOf(config)});
      return;
    }
    this.close(peer);
    if (this.#byPeer.size === 0) this.#ports.transport.listenBfd(packet => this.#receive(packet));
    const {random, clock, transport} = this.#ports;
    const {session, actions} = createBfd(this.#newDiscriminator(), intervalsOf(config), random);
    const socket = transport.openBfd(path);
    const running = {peer, path, socket, timers: new Timers<BfdTimer>(clock), session};
    this.#byPeer.set(peer, running);
    this.#byDiscriminator.set(session.localDiscriminator, running);
    this.#perform(running, actions);
  }

  /** The peer hears that it is no failure (RFC 5880 §6.8.16), or of the one there was. */
  close(peer: string): void {
    const running = this.#byPeer.get(peer);
    if (running === undefined) return;
    this.#byPeer.delete(peer);
    this.#byDiscriminator.delete(running.session.localDiscriminator);
    running.timers.stopAll();
    const event: BfdEvent = {kind: hasFailed(running) ? 'transmitTimerExpired' : 'adminDown'};
    const {session, actions} = advanceBfd(running.session, event, this.#ports.random);
    running.session = session;
    const last = actions.find(action => action.kind === 'send');
    for (let at = 0; last !== undefined && at < LAST_WORDS; at++) {
      running.socket.send(encodeBfd(last.packet));
    }
    running.socket.close();
    if (this.#byPeer.size === 0) this.#ports.transport.listenBfd(undefined);
  }

  closeAll(): void {
    for (const peer of [...this.#byPeer.keys()]) this.close(peer);
  }

  status(peer: string): BfdStatus | undefined {
    const running = this.#byPeer.get(peer);
    if (running === undefined) return undefined;
    const {session, path} = running;
    const {state, diagnostic, remote} = session;
    return {state, diagnostic, remoteState: remote.state, multihop: path.multihop};
  }

  #receive(incoming: BfdIncoming): void {
    const decoded = decodeBfd(incoming.bytes);
    if (decoded.kind === 'discard') return;
    const running = this.#find(decoded.packet, incoming);
    if (running !== undefined) this.#advance(running, {kind: 'received', packet: decoded.packet});
  }

  #find({yourDiscriminator}: BfdPacket, incoming: BfdIncoming): Running | undefined {
    const candidates =
      yourDiscriminator === 0
        ? [...this.#byPeer.values()]
        : [this.#byDiscriminator.get(yourDiscriminator)];
    return candidates.find(running => running !== undefined && isFrom(running.path, incoming));
  }

  #advance(running: Running, event: BfdEvent): void {
    const {session, actions} = advanceBfd(running.session, event, this.#ports.random);
    running.session = session;
    this.#perform(running, actions);
  }

  #perform(running: Running, actions: readonly BfdAction[]): void {
    for (const action of actions) {
      if (this.#byPeer.get(running.peer) !== running) return; // its owner closed it meanwhile
      switch (action.kind) {
        case 'send':
          running.socket.send(encodeBfd(action.packet));
          break;
        case 'startTimer':
          this.#startTimer(running, action.timer, action.delayUs);
          break;
        case 'stopTimer':
          running.timers.stop(action.timer);
          break;
        case 'stateChanged':
          this.#owner.bfdChanged(running.peer, action);
          break;
      }
    }
  }

  /** Packets that wait in the socket are read before the peer is given up: we may be the late one. */
  #startTimer(running: Running, timer: BfdTimer, delayUs: number): void {
    const {timers} = running;
    const delayMs = delayUs / US_PER_MS;
    if (timer === 'transmit') {
      timers.start(timer, delayMs, () => this.#advance(running, {kind: 'transmitTimerExpired'}));
    } else {
      timers.startAfterInput(timer, delayMs, () =>
        this.#advance(running, {kind: 'detectionTimerExpired'}),
      );
    }
  }

  #newDiscriminator(): number {
    for (;;) {
      const drawn = Math.floor(this.#ports.random() * 2 ** 32) || 1;
      if (!this.#byDiscriminator.has(drawn)) return drawn;
    }
  }
}

function intervalsOf({intervalMs, multiplier}: BfdConfig): Intervals {
  const us = intervalMs * US_PER_MS;
  return {
    desiredMinTxUs: us,
    requiredMinRxUs: us,
    detectMult: multiplier,
    controlPlaneIndependent: false, // it lives and dies with the daemon (RFC 5882 §4.3.2)
  };
}

/** AdminDown would tell a peer that still hears us that nothing is wrong (RFC 5882 §4.2). */
function hasFailed({session: {state, diagnostic}}: Running): boolean {
  return state === 'Down' && diagnostic !== NO_DIAGNOSTIC;
}

function isSamePath(a: BfdPath, b: BfdPath): boolean {
  const isSameEnds = sameAddress(a.remote, b.remote) && sameAddress(a.local, b.local);
  return isSameEnds && a.ifindex === b.ifindex && a.multihop === b.multihop;
}

/** By both addresses (RFC 5883 §4): a neighbour may have sessions with two of ours. */
function isFrom({remote, local, ifindex, multihop}: BfdPath, incoming: BfdIncoming): boolean {
  const isLink = ifindex === 0 || ifindex === incoming.ifindex;
  const isPair = sameAddress(remote, incoming.remote) && sameAddress(local, incoming.local);
  return multihop === incoming.multihop && isLink && isPair;
}

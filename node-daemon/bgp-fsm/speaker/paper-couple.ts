/** For tests: two speakers that know each other, each with a route of each family. */
import type {PeerConfig, SpeakerConfig} from './config.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';
import type {SpeakerStart} from './speaker.js';
import type {PeerStatus} from './status.js';

export const LEFT = '10.0.0.1';
export const RIGHT = '10.0.0.2';

export interface CoupleOptions {
  readonly left?: Partial<PeerConfig>; // of left's peer, which is right
  readonly right?: Partial<PeerConfig>;
  readonly speaker?: Partial<SpeakerConfig>; // of both
}

export class Couple {
  readonly clock = new PaperClock();
  readonly network = new PaperNetwork(this.clock);
  readonly #speaker: Partial<SpeakerConfig>;
  left: PaperSpeaker;
  right: PaperSpeaker;

  constructor({left = {}, right = {}, speaker = {}}: CoupleOptions = {}) {
    this.#speaker = speaker;
    this.left = this.startLeft(left);
    this.right = this.startRight(right);
  }

  /** Also in the place of one that is dead. */
  startLeft(peer: Partial<PeerConfig> = {}, start: Partial<SpeakerStart> = {}): PaperSpeaker {
    this.left = new PaperSpeaker(this.network, LEFT, {start});
    this.left.speaker.setLocalRoutes(routesTo('10.1.0.0/16', 'fd01::/32'));
    this.configureLeft(peer);
    return this.left;
  }

  startRight(peer: Partial<PeerConfig> = {}, start: Partial<SpeakerStart> = {}): PaperSpeaker {
    this.right = new PaperSpeaker(this.network, RIGHT, {start});
    this.right.speaker.setLocalRoutes(routesTo('10.2.0.0/16', 'fd02::/32'));
    this.configureRight(peer);
    return this.right;
  }

  configureLeft(peer: Partial<PeerConfig> = {}, speaker: Partial<SpeakerConfig> = {}): void {
    const peers = [peerAt(RIGHT, peer)];
    this.left.speaker.configure(speakerOf(65001, {peers, ...this.#speaker, ...speaker}));
  }

  configureRight(peer: Partial<PeerConfig> = {}, speaker: Partial<SpeakerConfig> = {}): void {
    const peers = [peerAt(LEFT, peer)];
    this.right.speaker.configure(speakerOf(65002, {peers, ...this.#speaker, ...speaker}));
  }

  /** What left knows of right, and right of left. */
  get views(): readonly [PeerStatus, PeerStatus] {
    return [this.left.peer(RIGHT), this.right.peer(LEFT)];
  }

  get states(): readonly [string, string] {
    const [left, right] = this.views;
    return [left.state, right.state];
  }

  /** How often each side was established. */
  get sessions(): readonly [number, number] {
    const [left, right] = this.views;
    return [left.established, right.established];
  }
}

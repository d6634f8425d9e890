/**
 * For tests: some speakers, who is linked to whom, and what befalls them. The same seed is the same
 * story. Not here: what must hold (simulation.test.ts).
 */
import type {RibApi} from '../rib/types.js';
import {formatAddress} from '../wire/address.js';
import type {PeerConfig} from './config.js';
import {PaperSpeaker, peerAt, routesTo, speakerOf} from './paper-speaker.js';
import {PaperClock, PaperNetwork} from './paper-world.js';

export type Random = () => number; // uniform [0, 1)

/** mulberry32: small, and good enough to tell stories apart. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Node {
  readonly index: number;
  readonly address: string;
  readonly asn: number;
  routes: readonly string[];
  speaker: PaperSpeaker | undefined; // undefined: the host is down
  /** What the kernel would have: by prefix the AS path that it follows. It outlives the speaker. */
  readonly kernel: Map<string, string>;
  readonly stale: Set<string>; // of the kernel's, from before the start
  wasUp: boolean;
}

export interface Link {
  readonly ends: readonly [number, number];
  readonly options: [Partial<PeerConfig>, Partial<PeerConfig>]; // of each end
  isCut: boolean;
}

export class PaperCluster {
  readonly clock = new PaperClock();
  readonly network = new PaperNetwork(this.clock);
  readonly nodes: readonly Node[];
  readonly links: readonly Link[];
  readonly story: string[] = [];
  readonly #random: Random;
  readonly #createRib: () => RibApi;

  constructor(random: Random, count: number, createRib: () => RibApi) {
    this.#random = random;
    this.#createRib = createRib;
    this.network.faults = {
      random,
      latencyMs: () => this.#below(40),
      pieceOctets: () => (random() < 0.5 ? 1 + this.#below(30) : 1 + this.#below(5000)),
    };
    this.nodes = Array.from({length: count}, (_, index) => this.#node(index));
    this.links = this.#graph(count);
    for (const node of this.nodes) this.#boot(node, false);
  }

  /** One thing happens. */
  step(): void {
    const deeds = [
      () => this.#announce(),
      () => this.#announce(),
      () => this.#reset(),
      () => this.#toggleCut(),
      () => this.#kill(true),
      () => this.#kill(false),
      () => this.#boot(this.#pick(this.nodes), true),
      () => this.#boot(this.#pick(this.nodes), true),
      () => this.#reconfigure(),
      () => this.#ask(),
    ];
    this.#pick(deeds)();
    this.run(this.#random() < 0.3 ? this.#below(60_000) : this.#below(2_000));
  }

  /** Everything is mended, and what must happen has time to. */
  settle(): void {
    for (const link of this.links) {
      if (link.isCut) this.#setCut(link, false);
      link.options[0] = link.options[1] = {};
    }
    for (const node of this.nodes) {
      if (node.speaker === undefined) this.#boot(node, true);
      else this.#configure(node);
    }
    for (let at = 0; at < 60; at++) this.run(10_000);
  }

  run(ms: number): void {
    const pieces = 4;
    for (let at = 0; at < pieces; at++) {
      this.clock.run(ms / pieces);
      for (const node of this.nodes) install(node);
    }
  }

  #node(index: number): Node {
    const routes = [`10.${index + 1}.0.0/16`, `fd0${index + 1}::/32`];
    return {
      index,
      address: `10.0.0.${index + 1}`,
      asn: 65001 + index,
      routes,
      speaker: undefined,
      kernel: new Map(),
      stale: new Set(),
      wasUp: false,
    };
  }

  /** A tree, and some more links. */
  #graph(count: number): Link[] {
    const links: Link[] = [];
    for (let index = 1; index < count; index++) {
      links.push({ends: [this.#below(index), index], options: [{}, {}], isCut: false});
    }
    for (let at = 0; at < count; at++) {
      const [a, b] = [this.#below(count), this.#below(count)];
      const isKnown = links.some(({ends}) => ends.includes(a) && ends.includes(b));
      if (a !== b && !isKnown) links.push({ends: [a, b], options: [{}, {}], isCut: false});
    }
    return links;
  }

  #boot(node: Node, isRestart: boolean): void {
    if (node.speaker !== undefined) return;
    const isGraceful = isRestart && node.wasUp && this.#random() < 0.8;
    this.story.push(`${this.clock.nowMs() | 0} boot ${node.index}${isGraceful ? ' again' : ''}`);
    if (!isGraceful) node.kernel.clear();
    for (const prefix of node.kernel.keys()) node.stale.add(prefix);
    node.wasUp = true;
    node.speaker = new PaperSpeaker(this.network, node.address, {
      rib: this.#createRib(),
      start: isGraceful ? {restarted: true, preserved: ['ipv4', 'ipv6']} : {},
    });
    node.speaker.speaker.setLocalRoutes(routesTo(...node.routes));
    this.#configure(node);
  }

  #configure(node: Node): void {
    const peers = this.links.flatMap(({ends, options}) => {
      const side = ends.indexOf(node.index);
      if (side < 0) return [];
      const other = this.nodes[ends[1 - side] ?? 0];
      return other === undefined ? [] : [peerAt(other.address, options[side])];
    });
    node.speaker?.speaker.configure(speakerOf(node.asn, {peers, identifier: node.index + 1}));
  }

  #announce(): void {
    const node = this.#pick(this.nodes);
    const own = node.index + 1;
    const count = this.#below(4);
    const extra = Array.from({length: count}, () => `10.${own}.${this.#below(8)}.0/24`);
    const shared = this.#random() < 0.3 ? ['192.168.0.0/16'] : []; // anycast
    node.routes = [...new Set([`fd0${own}::/32`, ...extra, ...shared])];
    this.story.push(`${this.clock.nowMs() | 0} announce ${node.index} ${node.routes.join(' ')}`);
    node.speaker?.speaker.setLocalRoutes(routesTo(...node.routes));
  }

  #reset(): void {
    const [a, b] = this.#addresses(this.#pick(this.links));
    this.story.push(`${this.clock.nowMs() | 0} reset ${a} ${b}`);
    this.network.reset(a, b);
  }

  #toggleCut(): void {
    const link = this.#pick(this.links);
    this.#setCut(link, !link.isCut);
  }

  #setCut(link: Link, isCut: boolean): void {
    const [a, b] = this.#addresses(link);
    this.story.push(`${this.clock.nowMs() | 0} ${isCut ? 'cut' : 'heal'} ${a} ${b}`);
    link.isCut = isCut;
    if (isCut) this.network.cut(a, b);
    else this.network.heal(a, b);
  }

  #kill(tells: boolean): void {
    const node = this.#pick(this.nodes);
    if (node.speaker === undefined) return;
    this.story.push(`${this.clock.nowMs() | 0} kill ${node.index}${tells ? '' : ' silently'}`);
    node.speaker.isDead = true;
    node.speaker.transport.kill(tells);
    node.speaker = undefined;
  }

  #reconfigure(): void {
    const link = this.#pick(this.links);
    const side = this.#below(2) as 0 | 1;
    const password = this.#pick(['orange', 'apple']);
    const both: Partial<PeerConfig>[] = [{}, {password}, {holdTimeSeconds: 9}];
    const one: Partial<PeerConfig>[] = [
      {families: ['ipv4']},
      {shutdown: 'for a while'},
      {passive: true},
      {gracefulRestart: false},
      {extendedMessages: true},
      {asns: [1]},
    ];
    const options = this.#random() < 0.5 ? this.#pick(both) : undefined;
    if (options !== undefined) link.options[0] = link.options[1] = options;
    else link.options[side] = this.#pick(one);
    const words = JSON.stringify(link.options);
    this.story.push(`${this.clock.nowMs() | 0} configure ${link.ends.join(' ')} ${words}`);
    for (const end of link.ends) this.#configure(this.nodes[end]!);
  }

  #ask(): void {
    const link = this.#pick(this.links);
    const [a, b] = this.#addresses(link);
    const speaker = this.nodes[link.ends[0]]?.speaker?.speaker;
    this.story.push(`${this.clock.nowMs() | 0} ask ${a} of ${b}`);
    const way = this.#below(4);
    if (way === 0) speaker?.reset(b, 'in the story');
    else if (way === 1) speaker?.refresh(b, 'out', 'ipv4');
    else speaker?.refresh(b, 'in', 'ipv6');
  }

  #addresses({ends}: Link): [string, string] {
    return [this.nodes[ends[0]]!.address, this.nodes[ends[1]]!.address];
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }
}

/** Takes what the speaker has selected, as the kernel's glue does, sweeps included. */
function install({speaker, kernel, stale}: Node): void {
  if (speaker === undefined) return;
  for (const route of speaker.speaker.takeSelected(10_000)) {
    const key = `${formatAddress(route.address)}/${route.bits}`;
    stale.delete(key);
    const path = route.attributes?.asPath?.flatMap(segment => segment.asns) ?? [];
    if (route.attributes === undefined) kernel.delete(key);
    else kernel.set(key, path.join(' '));
  }
  for (const event of speaker.events.splice(0)) {
    if (event.kind !== 'sweep') continue;
    for (const key of stale)
      if (key.includes(':') === (event.family === 'ipv6')) kernel.delete(key);
  }
}

/*
 * Six nodes, each with its own derivation, speaker and RIB, in one virtual time:
 *
 *   records ──> deriveBgp ──> Speaker + Rib ──> selected routes      the records of each hold what its
 *      ^            ^ settled      │                                 derivation says of it
 *      └── facts ───┴── status ────┘
 *
 * Claim: from full mesh to reflectors, from one reflector to another and back to the mesh, no node is
 * without a route to any other one's range for a moment.
 */
import test, {type ExecutionContext} from 'ava';
import {formatAddress} from '#bgp-fsm';
import {Rib} from '../../bgp-fsm/rib/rib.js';
import {PaperSpeaker} from '../../bgp-fsm/speaker/paper-speaker.js';
import {PaperClock, PaperNetwork} from '../../bgp-fsm/speaker/paper-world.js';
import type {NodeBgp} from '../../datastore/records/node.js';
import {deriveBgp} from './derive.js';
import type {BgpMemory} from './input.js';
import {paperInput, type PaperNode} from './paper-cluster.js';
import {SettledPeers, toSessionFact} from './settled.js';

class LiveNode {
  readonly place: PaperNode;
  readonly routes = new Map<string, number>(); // selected prefixes, and how many next hops
  record: NodeBgp = {};
  readonly #paper: PaperSpeaker;
  readonly #rib = new Rib();
  readonly #settled = new SettledPeers();
  readonly #remembers: boolean;
  #memory: BgpMemory | undefined;

  constructor(network: PaperNetwork, place: PaperNode, remembers: boolean) {
    this.place = place;
    this.#remembers = remembers;
    this.#paper = new PaperSpeaker(network, place.address ?? '', {rib: this.#rib});
  }

  get sessions(): number {
    return this.#peers.filter(({state}) => state === 'Established').length;
  }

  /** As wishes.ts does it: sessions, wish, speaker, and then the record. */
  derive(nowMs: number, others: readonly LiveNode[], config: object): void {
    const reflectors = others.filter(({record}) => record.reflector === true);
    const names = new Set(reflectors.map(({place}) => place.name));
    const {peers, reflectors: settled} = this.#settled.look(
      nowMs,
      this.#peers.map(toSessionFact),
      names,
    );
    const {name, address = '', ranges = [], labels = {}} = this.place;
    const input = paperInput({
      ...{name, labels, ranges, config},
      underlay: {ipv4: `${address}/24`},
      nodes: others.map(({place, record}) => ({...place, bgp: record})),
      ...{settledPeers: [...peers], settledReflectors: [...settled], memory: this.#memory},
    });
    const wish = deriveBgp(input);
    if (wish?.config === undefined) throw new Error('no speaker is wished');
    if (this.#remembers) this.#memory = wish.memory;
    this.#paper.speaker.configure(wish.config);
    this.#paper.speaker.setLocalRoutes(wish.routes ?? []);
    this.record = wish.facts ?? {};
  }

  take(): void {
    for (const {address, bits, nextHops} of this.#paper.speaker.takeSelected(1000)) {
      const prefix = `${formatAddress(address)}/${bits}`;
      if (nextHops.length > 0) this.routes.set(prefix, nextHops.length);
      else this.routes.delete(prefix);
    }
  }

  get #peers() {
    return this.#paper.speaker.status().peers;
  }
}

class LiveCluster {
  readonly nodes: readonly LiveNode[];
  readonly #clock = new PaperClock();
  #config: object = {};
  readonly lost: string[] = [];

  constructor({remembers}: {readonly remembers: boolean}) {
    const network = new PaperNetwork(this.#clock);
    this.nodes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, at) => {
      const place = {
        ...{name, address: `192.0.2.${at + 1}`, ranges: [`10.244.${at + 1}.0/26`]},
        labels: {name},
      };
      return new LiveNode(network, place, remembers);
    });
  }

  become(config: object): void {
    this.#config = config;
  }

  /** A node looks around every second, each at its own time; losses are looked for ten times as often. */
  run(seconds: number, isWatching = true): void {
    for (let tenth = 0; tenth < seconds * 10; tenth++) {
      for (const [at, node] of this.nodes.entries()) {
        if (tenth % 10 !== at) continue;
        const others = this.nodes.filter(other => other !== node);
        node.derive(this.#clock.nowMs(), others, this.#config);
      }
      this.#clock.run(100);
      for (const node of this.nodes) node.take();
      if (isWatching) this.lost.push(...this.#missing(tenth));
    }
  }

  get sessions(): number {
    return this.nodes.reduce((sum, node) => sum + node.sessions, 0) / 2;
  }

  #missing(tenth: number): readonly string[] {
    return this.nodes.flatMap(node =>
      this.nodes
        .filter(other => other !== node && !node.routes.has(other.place.ranges?.[0] ?? ''))
        .map(other => `${tenth / 10} s: ${node.place.name} has no route to ${other.place.name}`),
    );
  }
}

const reflectedBy = (...names: readonly string[]) => ({
  routeReflector: {
    nodeSelector: {matchExpressions: [{key: 'name', operator: 'In', values: names}]},
  },
});

function start(t: ExecutionContext, remembers = true): LiveCluster {
  const cluster = new LiveCluster({remembers});
  cluster.run(30, false);
  t.is(cluster.sessions, 15);
  cluster.run(1);
  t.deepEqual(cluster.lost, []);
  return cluster;
}

test('a cluster of speakers moves between mesh and reflectors without losing a route', t => {
  const cluster = start(t);
  const moves: readonly (readonly [object, number])[] = [
    [reflectedBy('a'), 5],
    [reflectedBy('e', 'f'), 9],
    [{}, 15],
    [reflectedBy('b', 'c'), 9],
    [{}, 15],
  ];
  for (const [config, sessions] of moves) {
    cluster.become(config);
    cluster.run(90);
    t.deepEqual(cluster.lost.slice(0, 3), [], JSON.stringify(config));
    t.is(cluster.sessions, sessions, JSON.stringify(config));
  }
});

test('nodes of several ASes are one mesh, and reflectors serve their own AS', t => {
  const half = {matchExpressions: [{key: 'name', operator: 'In', values: ['a', 'b', 'c']}]};
  const nodeAsns = [{nodeSelector: half, asn: 65001}];
  const cluster = new LiveCluster({remembers: true});
  cluster.become({nodeAsns});
  cluster.run(30, false);
  cluster.run(1);
  t.is(cluster.sessions, 15);
  cluster.become({nodeAsns, ...reflectedBy('a')});
  cluster.run(60);
  t.deepEqual(cluster.lost, []);
  t.is(cluster.sessions, 14, 'b and c have a between them; the other AS has no reflector');
});

test('control: without a memory the same cluster loses routes', t => {
  const cluster = start(t, false);
  cluster.become(reflectedBy('f'));
  cluster.run(90);
  t.true(cluster.lost.length > 0);
  t.is(cluster.sessions, 5);
});

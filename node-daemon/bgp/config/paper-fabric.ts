/**
 * A cluster of nodes that each run chooseSessions on what they see, for tests of make-before-break: which
 * sessions stand, and who has whose routes by them. Time is in ticks; nothing is random in here.
 */
import type {NodeBgp} from '../../datastore/records/node.js';
import type {SessionMemory} from './input.js';
import {chooseSessions, type Sessions} from './node-sessions.js';

export interface FabricConfig {
  readonly hasMesh: boolean;
  readonly reflectors: readonly string[] | undefined; // undefined: no routeReflector
}

const SETTLE_TICKS = 3;

export class PaperFabric {
  readonly #nodes = new Map<string, FabricNode>();
  readonly #isForgetful: boolean;

  /** `isForgetful`: nothing is remembered and nothing kept, for controls. */
  constructor(names: readonly string[], config: FabricConfig, isForgetful = false) {
    this.#isForgetful = isForgetful;
    for (const name of names) this.#nodes.set(name, createNode(name, config));
  }

  get names(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** The configuration reaches one node. */
  configure(name: string, config: FabricConfig): void {
    this.#of(name).config = config;
  }

  /** One node looks around, and tells the others by its record. */
  derive(name: string): void {
    const node = this.#of(name);
    const {config, memory} = node;
    const isReflector = (each: string) => config.reflectors?.includes(each) ?? false;
    const others = [...this.#nodes.values()].filter(other => other !== node);
    node.choice = chooseSessions({
      self: {asn: 1, isReflector: isReflector(name)},
      nodes: others.map(other => ({
        ...{name: other.name, asn: 1, isReflector: isReflector(other.name), bgp: other.record},
      })),
      hasMesh: config.hasMesh,
      hasReflectors: config.reflectors !== undefined,
      settled: new Set(others.filter(other => this.#isSettled(node, other)).map(each => each.name)),
      settledReflectors: new Set(
        others
          .filter(other => this.#isSettled(node, other) && this.#hasLongReflected(node, other))
          .map(each => each.name),
      ),
      fabric: 'none',
      memory: this.#isForgetful ? emptyMemory : memory,
    });
    node.memory = node.choice.memory;
    node.record = node.choice.facts;
  }

  /**
   * The daemon of one node starts anew: graceful restart keeps its routes and those of the others, and all
   * sessions of it have to settle again. `isForgetful`: it knows nothing of the daemon before.
   */
  restart(name: string, isForgetful = false): void {
    const node = this.#of(name);
    const {sessions, clients} = node.memory;
    node.memory = isForgetful ? emptyMemory : {...emptyMemory, sessions, clients};
    node.reflectTicks.clear();
    for (const other of this.#nodes.values()) {
      if (node.upTicks.has(other.name)) node.upTicks.set(other.name, 0);
      if (other.upTicks.has(name)) other.upTicks.set(name, 0);
    }
  }

  /** Sessions that both ends want come up or grow older. */
  tick(): void {
    for (const node of this.#nodes.values()) {
      for (const other of this.#nodes.values()) {
        if (other.record.reflector !== true) node.reflectTicks.delete(other.name);
        else node.reflectTicks.set(other.name, (node.reflectTicks.get(other.name) ?? 0) + 1);
        if (other === node) continue;
        const isWanted = wants(node, other) && wants(other, node);
        if (isWanted) node.upTicks.set(other.name, (node.upTicks.get(other.name) ?? 0) + 1);
        else node.upTicks.delete(other.name);
      }
    }
  }

  /** Pairs where the first one has no route to the second. */
  missing(): readonly string[] {
    const found: string[] = [];
    for (const to of this.#nodes.values()) {
      for (const from of this.#nodes.values()) {
        if (to !== from && !this.#hasRoute(to, from)) found.push(`${to.name} to ${from.name}`);
      }
    }
    return found;
  }

  sessions(): number {
    return [...this.#nodes.values()].reduce((sum, {upTicks}) => sum + upTicks.size, 0) / 2;
  }

  record(name: string): NodeBgp {
    return this.#of(name).record;
  }

  kept(): readonly string[] {
    return [...this.#nodes.values()].flatMap(({choice}) => choice?.kept ?? []);
  }

  /** By a session, or by two over somebody who reflects for either. */
  #hasRoute(to: FabricNode, from: FabricNode): boolean {
    if (isUp(to, from)) return true;
    return [...this.#nodes.values()].some(
      by => isUp(to, by) && isUp(by, from) && (isClient(by, to) || isClient(by, from)),
    );
  }

  #isSettled(node: FabricNode, other: FabricNode): boolean {
    return (node.upTicks.get(other.name) ?? 0) >= SETTLE_TICKS;
  }

  #hasLongReflected(node: FabricNode, other: FabricNode): boolean {
    return (node.reflectTicks.get(other.name) ?? 0) >= SETTLE_TICKS;
  }

  #of(name: string): FabricNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(name);
    return node;
  }
}

interface FabricNode {
  readonly name: string;
  config: FabricConfig;
  memory: SessionMemory;
  record: NodeBgp;
  choice: Sessions | undefined;
  readonly upTicks: Map<string, number>; // of sessions that stand
  readonly reflectTicks: Map<string, number>; // since a record was seen that says so
}

const emptyMemory: SessionMemory = {
  sessions: new Set(),
  clients: new Set(),
  reflectors: new Set(),
};

function createNode(name: string, config: FabricConfig): FabricNode {
  return {
    ...{name, config, memory: emptyMemory, record: {}, choice: undefined},
    ...{upTicks: new Map<string, number>(), reflectTicks: new Map<string, number>()},
  };
}

function wants({choice}: FabricNode, {name}: FabricNode): boolean {
  return choice?.peers.has(name) ?? false;
}

function isUp({upTicks}: FabricNode, {name}: FabricNode): boolean {
  return upTicks.has(name);
}

function isClient({choice}: FabricNode, {name}: FabricNode): boolean {
  return choice?.peers.get(name)?.isClient ?? false;
}

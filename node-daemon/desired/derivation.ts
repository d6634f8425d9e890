/**
 * Keeps the desired tables in step with the state, deriving only what changed. No I/O.
 *
 * The context (underlay, network, our ranges) is part of everything, so a new one derives every node
 * anew. One that cannot be had any more (the underlay lost its address for a moment) is no reason to
 * take anything back: the last one stays.
 */
import type {Changes} from '../state/transition.js';
import type {State} from '../state/state.js';
import {createDirtyKeys, Desired, type DirtyKeys} from './desired.js';
import {deriveContext, deriveOwn, derivePeer, type OverlayContext} from './overlay.js';
import {derivePod} from './pods.js';
import type {Contribution} from './tables.js';

export class Derivation {
  readonly desired = new Desired();
  readonly #onProblem: (node: string, problems: readonly string[]) => void;
  readonly #nodeProblems = new Map<string, readonly string[]>();
  #contextProblems: readonly string[] = [];
  #context: OverlayContext | undefined;

  /** `onProblem` hears of a node that cannot be reached, when it is news. */
  constructor(onProblem: (node: string, problems: readonly string[]) => void) {
    this.#onProblem = onProblem;
  }

  /** True once the tables of the overlay mean something. */
  get isReady(): boolean {
    return this.#context !== undefined;
  }

  problems(): ReadonlyMap<string, readonly string[]> {
    const problems = new Map<string, readonly string[]>();
    for (const [name, texts] of this.#nodeProblems) problems.set(`node ${name}`, texts);
    if (this.#contextProblems.length > 0) problems.set('network', this.#contextProblems);
    return problems;
  }

  /** Adds the keys that may have changed to `dirty`. True: so many that all should be looked at. */
  take(state: State, changes: Changes, dirty: DirtyKeys): boolean {
    this.#derivePods(state, changes.pods);
    if (changes.context && this.#renewContext(state)) {
      this.#deriveNodes(state, new Set([...this.#nodeNames(), ...state.nodes.keys()]), dirty);
      return true;
    }
    this.#deriveNodes(state, changes.nodes, dirty);
    return changes.context;
  }

  #renewContext(state: State): boolean {
    const {context, problems} = deriveContext(state);
    if (context === undefined) return false;
    this.#context = context;
    this.#contextProblems = problems;
    this.desired.device = context.device;
    this.desired.update([[ownSource, deriveOwn(state, context)]], createDirtyKeys());
    return true;
  }

  #deriveNodes(state: State, names: ReadonlySet<string>, dirty: DirtyKeys): void {
    const context = this.#context;
    if (context === undefined) return;
    const updates: (readonly [string, Contribution | undefined])[] = [];
    for (const name of names) {
      const peer = state.nodes.get(name);
      const {tables, problems} = peer === undefined ? goneNode : derivePeer(context, peer);
      this.#noteProblems(name, problems);
      updates.push([nodeSource + name, tables]);
    }
    this.desired.update(updates, dirty);
  }

  /** Nodes for which something is derived. */
  *#nodeNames(): Iterable<string> {
    for (const source of this.desired.sources()) {
      if (source.startsWith(nodeSource)) yield source.slice(nodeSource.length);
    }
  }

  #noteProblems(name: string, problems: readonly string[]): void {
    const before = this.#nodeProblems.get(name);
    if (problems.length === 0) {
      if (before !== undefined) this.#nodeProblems.delete(name);
      return;
    }
    this.#nodeProblems.set(name, problems);
    if (problems.join() !== before?.join()) this.#onProblem(name, problems);
  }

  /**
   * Their keys are not dirty: what a CNI verb has made or removed is not done again. A resync
   * compares it.
   */
  #derivePods({pods}: State, keys: ReadonlySet<string>): void {
    const updates = [...keys].map(key => {
      const pod = pods?.get(key);
      return [podSource + key, pod && derivePod(pod)] as const;
    });
    this.desired.update(updates, createDirtyKeys());
  }
}

const ownSource = 'own';
const nodeSource = 'node ';
const podSource = 'pod ';
const goneNode = {tables: undefined, problems: []};

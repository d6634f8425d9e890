/**
 * This node's lease as the rest of the daemon sees it: pools and times from the state go in, ranges
 * come out. Shell over #ipam's LeaseKeeper.
 */
import {
  formatAddress,
  LeaseKeeper,
  type EtcdClient,
  type Family,
  type LeaseView,
  type NameQuestion,
  type Pool,
} from '#ipam';
import {boottimeMs} from '#native-addon';
import {systemClock} from '../datastore/clock.js';
import type {NetworkSettings} from '../datastore/records/network.js';
import {nodeKey} from '../datastore/records/keys.js';
import type {Machine, Node, NodeBgp} from '../datastore/records/node.js';
import type {Labels} from '../datastore/records/selector.js';
import type {Change} from '../datastore/reflector.js';
import type {State} from '../state/state.js';
import {isAnswer, NameAnswers} from './name-answers.js';
import {
  describeStranger,
  findHolder,
  isStranger,
  type Claimant,
  type NameHolder,
} from './name-holder.js';
import {eligiblePools, renderOwnRecord} from './own-record.js';

export interface NodeLeaseOptions {
  readonly store: EtcdClient; // closed by stop()
  readonly prefix: string;
  readonly stateDir: string;
  readonly bootId: string;
  readonly labels: Labels;
  readonly createdAt: string; // of the node's identity, ISO 8601
  readonly machine: Machine;
  readonly state: () => State;
  readonly bgp?: () => NodeBgp | undefined; // told to the others; renewRecord when it has changed
  /** Once at the start, then whenever something that matters to others has changed. */
  readonly onChange: (view: LeaseView) => void;
  /** The name was another machine's, that did not answer. */
  readonly onNameTakenOver: (holder: NameHolder) => void;
  /** Another machine has asked for our name, and was told that we live. */
  readonly onNameDefended: (asker: NameQuestion) => void;
}

export class NodeLease {
  readonly #options: NodeLeaseOptions;
  readonly #keeper: LeaseKeeper;
  readonly #answers: NameAnswers;

  constructor(options: NodeLeaseOptions) {
    const {store, prefix, stateDir, bootId, state} = options;
    const {self, network} = state();
    this.#options = options;
    this.#keeper = new LeaseKeeper({
      ...{store, prefix, stateDir, bootId, boottimeMs, ...toLeaseTime(network)},
      node: {name: self.name, uid: self.uid},
      now: () => new Date().toISOString(),
    });
    this.#answers = new NameAnswers({
      answer: question => this.#keeper.answer(question),
      onAnswered: question => options.onNameDefended(question),
      clock: systemClock,
    });
  }

  /** Resolves when what was saved by an earlier run is known. */
  async start(): Promise<void> {
    const {state, labels, createdAt, machine, onChange, bgp, onNameTakenOver} = this.#options;
    const {self} = state();
    const {key} = this.#claimant();
    this.#keeper.attachRecord({
      key,
      render: ranges =>
        renderOwnRecord({
          ...{self, labels, createdAt, machine, underlay: state().underlay, ranges, bgp: bgp?.()},
        }),
      nameTaken: text => describeStranger(text, this.#claimant()),
      onTakenOver(text) {
        const holder = findHolder(text);
        if (holder) onNameTakenOver(holder);
      },
      addresses: () => underlayAddresses(state()),
    });
    let told = '';
    const tell = (view: LeaseView) => {
      // each renewal moves the one, each start tells the other anew
      const text = JSON.stringify({...view, safeUntilBoottimeMs: 0, isNamed: undefined});
      if (text !== told) onChange(view);
      told = text;
    };
    this.#keeper.onChange(tell);
    await this.#keeper.start();
    tell(this.#keeper.current());
  }

  async stop(): Promise<void> {
    this.#answers.stop();
    await this.#keeper.stop();
    this.#options.store.close();
  }

  view(): LeaseView {
    return this.#keeper.current();
  }

  /** What records of this node are to hang on; undefined while its name is not known to be ours. */
  recordsLeaseId(): string | undefined {
    const {isNamed, leaseId} = this.view();
    return isNamed ? leaseId : undefined;
  }

  /** After every change of view(), by renewals too. */
  onView(listener: () => void): void {
    this.#keeper.onChange(listener);
  }

  /** The Network or a Pool has changed. Not before etcd was read completely. */
  takeResources(): void {
    const {ttlSeconds, marginSeconds} = toLeaseTime(this.#options.state().network);
    this.#keeper.setTtl(ttlSeconds, marginSeconds);
    this.#keeper.setPools(this.#pools());
  }

  /** Families that this node has an enabled pool for, with a range of it or without. */
  families(): readonly Family[] {
    const enabled = this.#pools().filter(({disabled}) => !disabled);
    return [...new Set(enabled.map(({family}) => family))];
  }

  /** What the node's record says of its underlay or of BGP has changed. */
  renewRecord(): void {
    this.#keeper.recheck();
  }

  /** Questions to the holder of our name, and answers. */
  hearNameClaims(changes: readonly Change[]): void {
    this.#answers.hear(changes);
    if (changes.some(isAnswer)) this.#keeper.recheck();
  }

  /** The record under our name: is it another machine's? */
  isTaken(record: Node): boolean {
    return isStranger(record, this.#claimant());
  }

  /** An address of ours is gone, and with it perhaps the connections from there. */
  renewConnection(): void {
    this.#options.store.renew();
  }

  /** Resolves when the node has its first range or cannot have one, after `limitMs` at the latest. */
  firstClaim(limitMs: number): Promise<void> {
    const isOver = ({state, ranges}: LeaseView) =>
      state === 'fenced' ||
      (state === 'held' && ranges.length > 0) ||
      this.#pools().every(({disabled}) => disabled);
    return new Promise(resolve => {
      const finish = () => {
        timer.cancel();
        unlisten();
        resolve();
      };
      const timer = systemClock.after(limitMs, finish);
      const unlisten = this.#keeper.onChange(view => {
        if (isOver(view)) finish();
      });
      if (isOver(this.view())) finish();
    });
  }

  #claimant(): Claimant {
    const {prefix, machine, state} = this.#options;
    const {self, underlay} = state();
    return {key: nodeKey(prefix, self.name), self, machine, underlay};
  }

  #pools(): readonly Pool[] {
    return eligiblePools(this.#options.state().pools.values(), this.#options.labels);
  }
}

function underlayAddresses({underlay}: State): readonly string[] {
  return Object.values(underlay?.addresses ?? {}).map(({address}) => formatAddress(address));
}

function toLeaseTime({leaseTtlMs, leaseRenewMarginMs}: NetworkSettings) {
  return {
    ttlSeconds: Math.ceil(leaseTtlMs / 1000),
    marginSeconds: Math.ceil(leaseRenewMarginMs / 1000),
  };
}

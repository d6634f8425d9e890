import {join} from 'node:path';
import {LeaseNotFoundError, StoreConflictError} from '../etcd/error.js';
import type {Compare, EtcdClient, KeyValue, Op} from '../etcd/store.js';
import {blockMarksPrefix, leaseKey, leasesPrefix} from '../keys.js';
import type {Pool} from '../pool.js';
import type {Range} from '../range.js';
import {planClaims, wantedPools} from './claim.js';
import {readLeaseFile, writeLeaseFile} from './file.js';
import {findFreed, MARK_EVERY_MS, type Freed} from './mark.js';
import {moveLease} from './move.js';
import {awaited, NameInquiry, planAnswer} from './name-question.js';
import {
  initialState,
  nextStep,
  restoredState,
  transition,
  viewOf,
  type LeaseEvent,
  type LeaseState,
  type LeaseStep,
  type LeaseView,
} from './state.js';

/**
 * Holds the node's one etcd lease and the blocks bound to it. Shell around state.ts (when) and
 * claim.ts (what): one loop asks for the next step, does it, feeds the outcome back.
 *
 * Only unary calls are made, so one client serves for ever, through outages too. Nothing here
 * throws once started: what goes wrong shows in current() and is tried again. Stopping leaves lease
 * and blocks in etcd, so that a restarted daemon finds them.
 *
 * Hazard: after a lease was lost, everything else that was bound to it (endpoint records) is gone from
 * etcd. Who wrote it watches `leaseId` in onChange and writes again.
 */
export interface LeaseKeeperOptions {
  readonly store: EtcdClient;
  readonly prefix: string; // of our keys in etcd
  readonly node: {readonly name: string; readonly uid: string};
  readonly stateDir: string;
  readonly bootId: string;
  readonly ttlSeconds: number;
  readonly marginSeconds: number;
  boottimeMs(): number; // CLOCK_BOOTTIME
  now(): string; // ISO 8601, for claimedAt
  random?(): number; // 0..1, for back-off
}

/** The node's own record: written with the claims, and bound to the lease. */
export interface OwnRecord {
  readonly key: string;
  /** For the ranges that the node holds undisputed. Same ranges, same text. */
  render(ranges: readonly Range[]): string;
  /**
   * In words, when what lies under the key is another machine's: then it is left alone while that lives,
   * and the node is fenced. Not asked of a record without a lease.
   */
  nameTaken?(text: string): string | undefined;
  /** Another machine's record was replaced by ours, because it did not answer. */
  onTakenOver?(text: string): void;
  /** Where we can be found: told to the machine whose record it is. */
  addresses?(): readonly string[];
}

/** The record as etcd has it. */
interface FoundRecord {
  readonly found?: KeyValue | undefined;
  readonly nameTaken?: string | undefined;
  readonly lookAgainAtMs?: number | undefined;
  /** Another machine's that did not answer: replaced while this holds. */
  readonly unanswered?: readonly Compare[] | undefined;
}

interface RecordWrite {
  readonly compare: readonly Compare[];
  readonly success: readonly Op[];
}

const noneFreed: Freed = {cidrs: [], deletes: []};
const nothing: RecordWrite = {compare: [], success: []};
const NO_LEASE = '0'; // what has none lives for ever, whoever wrote it
const CLAIM_ATTEMPTS = 20;
const HOLDER_RETURNS_MS = 10_000;
const LONGEST_SLEEP_MS = 10_000; // timers stand still while the machine sleeps; the deadline does not

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #path: string;
  readonly #listeners = new Set<(view: LeaseView) => void>();
  #state: LeaseState;
  readonly #inquiry: NameInquiry;
  #pools: readonly Pool[] | undefined;
  #record: OwnRecord | undefined;
  #moveTo: {readonly id: string; readonly ttlSeconds: number} | undefined;
  #changes = 0;
  #goneSinceMs: number | undefined; // the record of who had our name
  #markedAtMs = -Infinity;
  #saved = '';
  #saveError: string | undefined;
  #shown = '';
  #stopped = false;
  #wake: () => void = () => undefined;
  #loop: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#path = join(options.stateDir, 'lease.json');
    this.#state = initialState(options.ttlSeconds, options.marginSeconds);
    this.#inquiry = new NameInquiry(options);
  }

  /** Resolves when the saved lease is read; the work goes on in the background. */
  async start(): Promise<void> {
    const saved = await readLeaseFile(this.#path);
    if (saved?.nodeUid === this.#options.node.uid) {
      const sameBoot = saved.bootId === this.#options.bootId;
      this.#state = restoredState(this.#state, saved, sameBoot);
    }
    this.#show();
    this.#loop = this.#run();
  }

  /** Pools this node may use. The first call allows claims; until then only what was held is kept. */
  setPools(pools: readonly Pool[]): void {
    this.#pools = pools;
    this.recheck();
  }

  /** A new time to live moves everything to a new etcd lease. */
  setTtl(ttlSeconds: number, marginSeconds: number): void {
    this.#apply({kind: 'ttl', ttlSeconds, marginSeconds});
    this.#wake();
  }

  /** Before start(). */
  attachRecord(record: OwnRecord): void {
    this.#record = record;
    this.recheck();
  }

  /** Compare with etcd now: the record's text has changed, or somebody touched our keys. */
  recheck(): void {
    this.#changes++;
    this.#apply({kind: 'changed'});
    this.#wake();
  }

  /**
   * Answers a machine that asks whether the holder of our name lives (name-question.ts), if that is us;
   * resolves whether it is. @throws StoreError: then ask again. Works while the lease cannot be served.
   */
  async answer(question: KeyValue): Promise<boolean> {
    const {store, node} = this.#options;
    const record = this.#record && (await store.get(this.#record.key));
    if (record === undefined || this.#record?.nameTaken?.(record.value) !== undefined) return false;
    const {compare, success} = planAnswer(question, record, node.uid);
    const {succeeded} = await store.transact(compare, success);
    return succeeded; // what has changed in between is news, or an answer too
  }

  /** `ranges` carry their pool's reserved addresses. */
  current(): LeaseView {
    const view = viewOf(this.#state, this.#options.boottimeMs());
    const reason = view.reason ?? this.#saveError;
    const ranges = view.ranges.map(range => withReserved(range, this.#pools));
    return {...view, ranges, ...(reason !== undefined && {reason})};
  }

  /** After every change of current(), by time too. Returns how to stop listening. */
  onChange(listener: (view: LeaseView) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Waits for the step under way. The lease lives on in etcd until its time is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const nowMs = this.#options.boottimeMs();
      const step = nextStep(this.#state, nowMs);
      if (step.kind === 'wait') await this.#sleep(step.untilMs - nowMs);
      else await this.#try(step);
      await this.#save();
      this.#show();
    }
  }

  async #try(step: Exclude<LeaseStep, {kind: 'wait'}>): Promise<void> {
    try {
      await this.#perform(step);
    } catch (error) {
      this.#inquiry.doubt();
      if (error instanceof LeaseNotFoundError) {
        this.#apply({kind: 'lost'});
        return;
      }
      this.#apply({
        kind: 'failed',
        error: error instanceof Error ? error.message : String(error),
        atMs: this.#options.boottimeMs(),
        jitter: (this.#options.random ?? Math.random)(),
      });
    }
  }

  async #perform(step: Exclude<LeaseStep, {kind: 'wait'}>): Promise<void> {
    const {store, boottimeMs} = this.#options;
    const askedAtMs = boottimeMs();
    switch (step.kind) {
      case 'grant': {
        const id = await store.grantLease(step.ttlSeconds);
        return this.#apply({kind: 'granted', id, ttlSeconds: step.ttlSeconds, askedAtMs});
      }
      case 'keep-alive': {
        const ttlSeconds = await store.keepAliveOnce(step.leaseId);
        return this.#apply(
          ttlSeconds > 0 ? {kind: 'alive', ttlSeconds, askedAtMs} : {kind: 'lost'},
        );
      }
      case 'settle':
        return this.#settle(step.leaseId);
      case 'move':
        return this.#move(step.leaseId, step.ttlSeconds);
    }
  }

  /** A move that failed half way goes on to the same lease: keys may hang on it already. */
  async #move(from: string, ttlSeconds: number): Promise<void> {
    const {store, prefix, boottimeMs} = this.#options;
    const askedAtMs = boottimeMs();
    const begun = this.#moveTo?.ttlSeconds === ttlSeconds ? this.#moveTo.id : undefined;
    const usable = begun !== undefined && (await store.keepAliveOnce(begun)) > 0;
    const to = usable ? begun : await store.grantLease(ttlSeconds);
    this.#moveTo = {id: to, ttlSeconds};
    const first = this.#state.ranges.map(({cidr}) => leaseKey(prefix, cidr));
    if (this.#record) first.push(this.#record.key);
    await moveLease({store, from, to, first});
    this.#moveTo = undefined;
    this.#apply({kind: 'granted', id: to, ttlSeconds, askedAtMs});
  }

  /** Makes etcd say what it should, again and again while other nodes are faster. */
  async #settle(leaseId: string): Promise<void> {
    const {store, prefix, node, now, boottimeMs} = this.#options;
    const listed = await store.list(leasesPrefix(prefix));
    const entries = new Map(listed.entries.map(entry => [entry.key, entry]));
    const freed = await this.#findFreed(key => entries.has(key));
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const changes = this.#changes;
      const askedAtMs = boottimeMs();
      const areMarksDue = askedAtMs >= this.#markedAtMs + MARK_EVERY_MS;
      const {found, nameTaken, lookAgainAtMs, unanswered} = await this.#findRecord();
      // noted, and saved, long before the name is taken over: a reply or this process may be lost
      const isStranger = nameTaken !== undefined || unanswered !== undefined;
      const strangerLeaseId = isStranger && found ? found.leaseId : this.#state.strangerLeaseId;
      const plan = planClaims({
        ...{prefix, node, leaseId, strangerLeaseId, entries: [...entries.values()]},
        ...{ranges: this.#state.ranges, inherited: this.#state.inherited},
        ...{pools: this.#pools, isNameTaken: nameTaken !== undefined, claimedAt: now()},
        ...{freed: freed.cidrs, lostRaces: attempt, areMarksDue},
      });
      const disputed = new Set(plan.conflicts.map(({cidr}) => cidr));
      const undisputed = plan.ranges.filter(({cidr}) => !disputed.has(cidr));
      const record =
        nameTaken === undefined ? this.#putRecord(leaseId, undisputed, found) : nothing;
      const success = [...plan.success, ...record.success, ...withSurplus(plan.marks, freed)];
      if (success.length > 0) {
        // A refusal says at once who was faster; the rest of the list is still good enough.
        const look = plan.compare.map(({key}) => ({kind: 'get', key}) as const);
        const compare = [...plan.compare, ...record.compare, ...(unanswered ?? [])];
        const {succeeded, gets} = await store.transact(compare, success, look);
        if (!succeeded) {
          for (const [index, {key}] of look.entries()) {
            const entry = gets[index];
            if (entry === undefined) entries.delete(key);
            else entries.set(key, entry);
          }
          continue;
        }
      }
      if (areMarksDue) this.#markedAtMs = askedAtMs;
      const name = {nameTaken, lookAgainAtMs, strangerLeaseId};
      this.#apply({...plan, ...name, kind: 'settled', atMs: boottimeMs()});
      if (unanswered && found) this.#record?.onTakenOver?.(found.value);
      if (nameTaken === undefined) await this.#inquiry.close();
      if (changes !== this.#changes) this.#apply({kind: 'changed'});
      return;
    }
    throw new StoreConflictError(`other nodes claimed faster ${CLAIM_ATTEMPTS} times`);
  }

  /** Only a node that lacks a range has to know. */
  async #findFreed(isHeld: (leaseKey: string) => boolean): Promise<Freed> {
    const {store, prefix} = this.#options;
    if (wantedPools(this.#pools ?? [], this.#state.ranges).length === 0) return noneFreed;
    const {entries} = await store.list(blockMarksPrefix(prefix));
    return findFreed(prefix, entries, cidr => isHeld(leaseKey(prefix, cidr)));
  }

  /** What etcd has under the node's name, and whether that is a living machine's. */
  async #findRecord(): Promise<FoundRecord> {
    if (this.#record === undefined) return {};
    const found = await this.#options.store.get(this.#record.key);
    if (found === undefined) return this.#awaitHolder();
    this.#goneSinceMs = undefined;
    if (found.leaseId === NO_LEASE) return {found};
    const holder = this.#record.nameTaken?.(found.value);
    if (holder === undefined) return {found};
    const answer = await this.#inquiry.look(found, this.#record.addresses?.() ?? []);
    if (answer.kind === 'none') return {found, unanswered: answer.unchanged};
    const nameTaken = answer.kind === 'alive' ? holder : `${holder} (${awaited})`;
    return {found, nameTaken, lookAgainAtMs: answer.lookAtMs};
  }

  /** Who lives writes its record again: after a wipe of etcd, or when its lease was taken from it. */
  #awaitHolder(): FoundRecord {
    const {nameTaken} = this.#state;
    if (nameTaken === undefined) return {};
    const nowMs = this.#options.boottimeMs();
    const endsAtMs = (this.#goneSinceMs ??= nowMs) + HOLDER_RETURNS_MS;
    return nowMs < endsAtMs ? {nameTaken, lookAgainAtMs: endsAtMs} : {};
  }

  /** Over what was found, and nothing else: of two machines with one name, one is the first. */
  #putRecord(leaseId: string, ranges: readonly Range[], found: KeyValue | undefined): RecordWrite {
    if (this.#record === undefined) return nothing;
    const {key, render} = this.#record;
    const value = render(ranges);
    if (found?.value === value && found.leaseId === leaseId) return nothing;
    const condition = found ? {modRevision: found.modRevision} : {createRevision: 0};
    return {compare: [{key, ...condition}], success: [{kind: 'put', key, value, leaseId}]};
  }

  #apply(event: LeaseEvent): void {
    this.#state = transition(this.#state, event);
  }

  /** A full disk must not cost the lease: the error shows, the next change tries again. */
  async #save(): Promise<void> {
    const {lease, ranges, inherited, safeUntilMs, strangerLeaseId} = this.#state;
    const {bootId, node} = this.#options;
    const held = {lease, ranges, inherited, safeUntilMs, strangerLeaseId};
    const saved = {bootId, nodeUid: node.uid, ...held};
    const text = JSON.stringify(saved);
    if (text === this.#saved) return;
    try {
      await writeLeaseFile(this.#path, saved);
      this.#saved = text;
      this.#saveError = undefined;
    } catch (error) {
      this.#saveError = `${this.#path}: ${(error as Error).message}`;
    }
  }

  #show(): void {
    const view = this.current();
    const text = JSON.stringify(view);
    if (text === this.#shown) return;
    this.#shown = text;
    for (const listener of this.#listeners) listener(view);
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.max(1, Math.min(ms, LONGEST_SLEEP_MS)));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#stopped) this.#wake();
    });
    this.#wake = () => undefined;
  }
}

/** Whoever marks a block takes old marks away. None of a key that is written: etcd would refuse both. */
function withSurplus(marks: readonly Op[], {deletes}: Freed): readonly Op[] {
  if (marks.length === 0) return [];
  const written = new Set(marks.map(({key}) => key));
  return [...marks, ...deletes.filter(({key}) => !written.has(key))];
}

/** A range with what its pool, as it is now, keeps back. */
function withReserved(range: Range, pools: readonly Pool[] | undefined): Range {
  const reserved = pools?.find(({name}) => name === range.pool)?.reserved ?? [];
  return reserved.length === 0 ? range : {...range, reserved};
}

/**
 * Keeps a picture of some etcd prefixes and tells what changes in it. Shell.
 *
 *   list all prefixes, each at its revision R ── diff with the picture ── tell ── watch each from R+1
 *        ^                                                                             │
 *        └── new client <── wait (backoff, jitter) <── close the client <── any end ───┘
 *
 * A watch is never resumed: after any doubt everything is listed again and compared. Deletions come
 * from watch events or from a complete list, never from one that failed half-way: nothing is told
 * until every prefix has been listed.
 *
 * Entries are compared by value and creation, not by revision: an etcd that was wiped or restored
 * from a backup counts from an earlier number, and may give an old number to a new value. What is
 * missing from such an etcd is not told as deleted at once: the hosts that wrote it still run and
 * need a moment to write it again.
 */
import type {EtcdClient, KeyValue, Watch, WatchEvent} from '#ipam';
import {systemClock, type Clock, type Timer} from './clock.js';

export type Change =
  | {readonly kind: 'put'; readonly entry: KeyValue}
  | {readonly kind: 'delete'; readonly key: string};

export interface ReflectorOptions {
  readonly openClient: () => EtcdClient;
  readonly prefixes: readonly string[]; // none a prefix of another
  /**
   * What changed, oldest first. `isListed`: these bring the picture up to a complete list of
   * everything (also when nothing changed); false: they are news from a watch.
   */
  readonly onChanges: (changes: readonly Change[], isListed: boolean) => void;
  /** The connection was lost, or never made. Told on every failed attempt. */
  readonly onDoubt?: (error: unknown, attempt: number) => void;
  /** etcd counts from an earlier revision than it did: wiped, or restored from a backup. */
  readonly onRegress?: (from: number, to: number) => void;
  /** How long after that a key that is missing may come back before it is told as deleted. */
  readonly regressGraceMs?: number; // default 30000
  readonly clock?: Clock;
  readonly random?: () => number; // [0, 1)
  readonly backoff?: Backoff;
}

export interface Backoff {
  readonly firstMs: number;
  readonly highestMs: number;
  /** A watch that lasted this long counts as success: the next wait is a first one again. */
  readonly healthyAfterMs: number;
}

const defaultBackoff: Backoff = {firstMs: 100, highestMs: 3000, healthyAfterMs: 5000};

export interface ReflectorStatus {
  readonly synced: boolean; // a complete list was told, once at least
  readonly connected: boolean; // watching now: the picture is live
  readonly entries: number;
  readonly lists: number; // complete lists so far
  readonly revision: number; // of the last list or event
  readonly lastError?: string;
}

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #known = new Map<string, Known>();
  #client: EtcdClient | undefined;
  #timer: Timer | undefined;
  #graceTimer: Timer | undefined;
  #attempt = 0; // failures in a row
  #lists = 0;
  #revision = 0;
  #connectedAtMs: number | undefined;
  #lastError: string | undefined;
  #stopped = false;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = options.backoff ?? defaultBackoff;
  }

  start(): void {
    void this.#connect();
  }

  /** The connection may be dead and nobody have noticed: list and watch over a new one, now. */
  renew(): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#attempt = 0;
    this.#drop();
    void this.#connect();
  }

  /** Nothing is told after this returns. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#graceTimer?.cancel();
    this.#drop();
  }

  status(): ReflectorStatus {
    return {
      synced: this.#lists > 0,
      connected: this.#connectedAtMs !== undefined,
      entries: this.#known.size,
      lists: this.#lists,
      revision: this.#revision,
      ...(this.#lastError !== undefined && {lastError: this.#lastError}),
    };
  }

  /** One life of one client: everything it reports later, once it is dropped, is ignored. */
  async #connect(): Promise<void> {
    const client = this.#options.openClient();
    this.#client = client;
    try {
      const lists = await Promise.all(this.#options.prefixes.map(prefix => client.list(prefix)));
      if (this.#client !== client) return;
      this.#takeLists(lists);
      for (const [index, prefix] of this.#options.prefixes.entries()) {
        const from = (lists[index]?.revision ?? 0) + 1;
        const watch = await this.#watch(client, prefix, from);
        if (this.#client !== client) return watch.cancel();
      }
      this.#connectedAtMs = this.#clock.nowMs();
    } catch (error) {
      this.#doubt(client, error);
    }
  }

  #watch(client: EtcdClient, prefix: string, fromRevision: number): Promise<Watch> {
    return client.watch(prefix, fromRevision, {
      onEvents: events => {
        if (this.#client === client) this.#takeEvents(events);
      },
      onEnd: error => this.#doubt(client, error),
    });
  }

  #takeLists(lists: readonly {revision: number; entries: readonly KeyValue[]}[]): void {
    const revision = Math.max(0, ...lists.map(list => list.revision));
    if (revision < this.#revision) this.#beginGrace(revision);
    this.#revision = revision;
    const differences = diff(
      this.#known,
      lists.flatMap(list => list.entries),
    );
    const isGrace = this.#graceTimer !== undefined;
    const changes = isGrace ? differences.filter(({kind}) => kind === 'put') : differences;
    for (const change of changes) remember(this.#known, change);
    this.#lists++;
    this.#options.onChanges(changes, true);
  }

  /** At its end all is listed once more, and what is still missing is deleted. */
  #beginGrace(revision: number): void {
    this.#options.onRegress?.(this.#revision, revision);
    this.#graceTimer?.cancel();
    this.#graceTimer = this.#clock.after(this.#options.regressGraceMs ?? 30_000, () => {
      this.#graceTimer = undefined;
      if (this.#client === undefined) return; // about to list anyway
      this.#drop();
      void this.#connect();
    });
  }

  #takeEvents(events: readonly WatchEvent[]): void {
    const changes: Change[] = [];
    for (const event of events) {
      const revision = event.kind === 'put' ? event.entry.modRevision : event.modRevision;
      this.#revision = Math.max(this.#revision, revision);
      const change: Change = event.kind === 'put' ? event : {kind: 'delete', key: event.key};
      if (!isNews(this.#known, change)) continue;
      remember(this.#known, change);
      changes.push(change);
    }
    if (changes.length > 0) this.#options.onChanges(changes, false);
  }

  /** Something ended or failed. Only the first report about a client counts. */
  #doubt(client: EtcdClient, error: unknown): void {
    if (this.#client !== client || this.#stopped) return;
    const livedMs = this.#clock.nowMs() - (this.#connectedAtMs ?? Infinity);
    if (livedMs >= this.#backoff.healthyAfterMs) this.#attempt = 0;
    this.#drop();
    this.#lastError = error instanceof Error ? error.message : String(error);
    this.#attempt++;
    this.#timer = this.#clock.after(this.#delayMs(), () => void this.#connect());
    this.#options.onDoubt?.(error, this.#attempt);
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#connectedAtMs = undefined;
    client?.close();
  }

  /** Half of it is random, so that hosts that lost the same etcd do not come back as one. */
  #delayMs(): number {
    const {firstMs, highestMs} = this.#backoff;
    const fullMs = Math.min(highestMs, firstMs * 2 ** Math.min(this.#attempt - 1, 16));
    return fullMs * (0.5 + this.#random() / 2);
  }
}

interface Known {
  readonly value: string;
  readonly createRevision: number;
}

/** What turns `known` into `entries`: deletions first. Pure. */
export function diff(known: ReadonlyMap<string, Known>, entries: readonly KeyValue[]): Change[] {
  const present = new Set<string>();
  const puts: Change[] = [];
  for (const entry of entries) {
    present.add(entry.key);
    const change: Change = {kind: 'put', entry};
    if (isNews(known, change)) puts.push(change);
  }
  const deletes: Change[] = [];
  for (const key of known.keys()) {
    if (!present.has(key)) deletes.push({kind: 'delete', key});
  }
  return [...deletes, ...puts];
}

function isNews(known: ReadonlyMap<string, Known>, change: Change): boolean {
  if (change.kind === 'delete') return known.has(change.key);
  const {key, value, createRevision} = change.entry;
  const current = known.get(key);
  return current?.value !== value || current.createRevision !== createRevision;
}

function remember(known: Map<string, Known>, change: Change): void {
  if (change.kind === 'delete') known.delete(change.key);
  else {
    const {key, value, createRevision} = change.entry;
    known.set(key, {value, createRevision});
  }
}

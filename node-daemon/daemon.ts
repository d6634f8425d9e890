/**
 * The node daemon at work. Shell: components.ts builds the parts, here they are started, hear of each
 * other's news, and are shown.
 *
 *   etcd ── reflector ──> core (state, desired, reconcile) ──> kernel
 *   keeper (lease, ranges) ──> book, core, own record     settings ──> iptables, sysctls
 *   CNI service ── book (journal) ──> core, endpoint writer ──> etcd
 *
 * The CNI service comes up before etcd was reached: a node that knows its ranges from lease.json
 * serves pods through an outage. Stopping undoes nothing in the kernel and gives nothing back.
 */
import {AddressBook, parsePrefix, type BookChange, type LeaseView} from '#ipam';
import {boottimeMs} from '#native-addon';
import {openKernel, systemClock as cniClock} from '../cni-plugin/kernel.js';
import {startCniService, type CniService} from './cni/service.js';
import {ProblemList} from './cni/problem-list.js';
import {podMtu, toNodeState} from './cni/node-view.js';
import {
  createComponents,
  renewConnections,
  stopComponents,
  type Components,
  type DaemonOptions,
  type Parts,
} from './components.js';
import {systemClock} from './datastore/clock.js';
import {nodeKey} from './datastore/records/keys.js';
import {concernsNetwork, type StoreEvent} from './datastore/store-event.js';
import {readEtcdOptions} from './etcd-options.js';
import {createMetrics, type Metrics} from './http/metrics.js';
import {judgeLiveness} from './http/liveness.js';
import {toNodeStatus, toRanges} from './http/node-status.js';
import {createHttpServer, type HttpServer} from './http/server.js';
import type {NodeStatus, StatusProblem} from './http/status.js';
import {readBootId, readIdentity} from './node/identity.js';
import {routedAddresses} from './node/routed-addresses.js';
import {lockState} from './node/state-lock.js';
import {hasMoved, type UnderlayChoice} from './node/underlay.js';
import type {HostPass} from './reconcile/host-settings.js';
import {Report} from './report.js';

/** How long the first claim of a range may hold up the ready line: without etcd's help it never comes. */
const FIRST_CLAIM_MS = 5000;

/** @throws StateLockedError, ConfigError, IdentityError, JournalError, NetlinkError: what keeps a node from starting. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const {config} = options;
  await lockState(config.stateDir);
  const {uid, createdAt} = await readIdentity(config.stateDir);
  const bootId = await readBootId();
  const etcd = await readEtcdOptions(config.etcd);
  const kernel = await openKernel();
  const book = await AddressBook.open({
    dir: config.stateDir,
    bootId,
    now: () => new Date().toISOString(),
    inUse: () => routedAddresses(kernel.host),
  });
  const daemon = new Daemon({...options, uid, createdAt, bootId, etcd, kernel, book});
  try {
    await daemon.start();
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

export class Daemon {
  readonly #parts: Parts;
  readonly #since = new Date().toISOString();
  readonly #startedAtMs = systemClock.nowMs();
  readonly #components: Components;
  readonly #report: Report;
  readonly #metrics: Metrics;
  readonly #problems = new ProblemList();
  #underlayChoice: UnderlayChoice | undefined;
  #underlayReason: string | undefined;
  #settingsWrites = 0;
  #isReady = false;
  #cni: CniService | undefined;
  #http: HttpServer | undefined;
  #stopping = false;

  constructor(parts: Parts) {
    const {book} = parts;
    this.#parts = parts;
    this.#components = createComponents(parts, {
      onKernelPass: pass => this.#report.kernel(pass),
      onSettingsPass: pass => this.#noteSettings(pass),
      onLease: view => this.#noteLease(view),
      onRecords: events => this.#noteRecords(events),
      onUnderlay: choice => this.#noteUnderlay(choice),
      onEtcdAway: error => this.#report.etcdAway(error),
    });
    this.#metrics = createMetrics(parts.version, () => ({
      ready: this.#isReady,
      leaseState: this.#components.lease.view().state,
      ranges: toRanges(book.usage()),
      attachments: book.list().length,
      peers: this.#components.core.state().nodes.size,
      problems: this.#components.core.health().problems.size + this.#problems.list().length,
      etcdConnected: this.#components.reflector.status().connected,
      etcdResyncs: this.#components.reflector.status().lists,
    }));
    this.#report = new Report(parts.log, this.#metrics);
  }

  async start(): Promise<void> {
    const {config, log, book} = this.#parts;
    const {recovery} = book;
    this.#http = await createHttpServer({
      listen: config.http,
      routes: {
        status: () => this.status(),
        healthy: () => this.#liveness(),
        ready: () => ({ok: this.#isReady, reasons: this.#isReady ? [] : [this.#reason()]}),
        metrics: () => this.#metrics.render(),
      },
      onError: error => log.error({err: error}, 'http request failed'),
    });
    log.info({recovery, http: this.#http.url, uid: this.#parts.uid}, 'starting');

    this.#components.core.dispatch({kind: 'attachments', attachments: book.list()});
    book.onChange(change => this.#noteBook(change));
    await this.#components.underlay.start();
    await this.#components.lease.start();
    await this.#components.core.start();
    await this.#startCni();
    this.#components.reflector.start();
    void this.#becomeReady().catch((error: unknown) => log.error({err: error}, 'not ready'));
  }

  /** The kernel, the lease and the journal stay as they are. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#cni?.close();
    await Promise.all([stopComponents(this.#components), this.#http?.close()]);
    await this.#parts.book.close();
    this.#parts.kernel.close();
  }

  status(): NodeStatus {
    const {book, version} = this.#parts;
    const last = this.#components.settings.last;
    const started = Date.now() - systemClock.nowMs();
    const booted = Date.now() - boottimeMs();
    const state = this.#components.core.state();
    return toNodeStatus({
      state,
      health: this.#components.core.health(),
      lease: this.#components.lease.view(),
      usage: book.usage(),
      reflector: this.#components.reflector.status(),
      settings: last && {...last, operations: this.#settingsWrites},
      problems: [...this.#ownProblems(), ...this.#problems.list()],
      attachments: book.list().length,
      version,
      isReady: this.#isReady,
      since: this.#since,
      now: new Date().toISOString(),
      podMtu: podMtu(state),
      toTime: {
        clock: ms => new Date(started + ms).toISOString(),
        boottime: ms => new Date(booted + ms).toISOString(),
      },
    });
  }

  #liveness() {
    const {lastPassAtMs} = this.#components.core.health();
    const cni = this.#cni;
    return judgeLiveness({
      cni: cni === undefined ? 'starting' : cni.isReachable() ? 'served' : 'gone',
      lastPassAtMs,
      startedAtMs: this.#startedAtMs,
      nowMs: systemClock.nowMs(),
      resyncMs: this.#parts.config.resyncIntervalMs,
    });
  }

  async #startCni(): Promise<void> {
    const {config, log, book, kernel} = this.#parts;
    this.#cni = await startCniService({
      socket: config.cni.socket,
      stateDir: config.stateDir,
      cni: {
        book,
        kernel,
        clock: cniClock,
        addDeadlineMs: config.cni.addTimeoutMs,
        node: {
          state: () =>
            toNodeState({
              state: this.#components.core.state(),
              lease: this.#components.lease.view(),
              isReady: this.#isReady,
              poolFamilies: this.#components.lease.families(),
              underlayReason: this.#underlayReason,
            }),
        },
        onProblem: problem => {
          this.#problems.add(problem);
          this.#report.cniProblem(problem);
        },
        onServed: served => this.#report.served(served),
      },
      onRecovered: (plan, replayed) => this.#report.recovered(plan, replayed),
      onClientError: error => log.warn({err: error}, 'cni request turned away'),
    });
  }

  /** What etcd says must be in the kernel, and its ranges claimed, before anybody is told "ready". */
  async #becomeReady(): Promise<void> {
    await this.#components.core.firstPassDone;
    await this.#components.lease.firstClaim(FIRST_CLAIM_MS);
    await this.#components.settings.run();
    await this.#components.core.settled();
    if (this.#stopping) return;
    this.#isReady = true;
    const {state, ranges} = this.#components.lease.view();
    const {nodes} = this.#components.core.state();
    const cidrs = ranges.map(({cidr}) => cidr);
    this.#parts.log.info({ready: true, lease: state, ranges: cidrs, peers: nodes.size}, 'ready');
  }

  #noteRecords(events: readonly StoreEvent[]): void {
    this.#components.core.dispatch({
      kind: 'store',
      events: this.#components.departures.pass(events),
    });
    this.#report.records(events, this.#components.reflector.status().revision);
    if (events.some(event => this.#concernsOwnRecord(event))) this.#components.lease.renewRecord();
    if (!this.#components.core.state().synced || !events.some(concernsNetwork)) return;
    this.#components.lease.takeResources();
    void this.#components.settings.run();
  }

  /** Deleted by hand, or gone with an etcd that was wiped: the others wire us from this record. */
  #concernsOwnRecord(event: StoreEvent): boolean {
    const {prefix} = this.#parts.config.etcd;
    const own = nodeKey(prefix, this.#parts.config.node.name);
    return event.kind === 'synced' || (event.kind === 'delete' && event.key === own);
  }

  #noteUnderlay(choice: UnderlayChoice): void {
    this.#report.underlay(choice);
    this.#underlayReason = choice.kind === 'none' ? `no underlay: ${choice.reason}` : undefined;
    const underlay = choice.kind === 'none' ? undefined : choice.underlay;
    if (hasMoved(this.#underlayChoice, choice)) renewConnections(this.#components);
    this.#underlayChoice = choice;
    this.#components.core.dispatch({kind: 'underlay', underlay});
    if (underlay === undefined) return;
    this.#components.lease.renewRecord();
    void this.#components.settings.run();
  }

  #noteLease(view: LeaseView): void {
    this.#report.lease(view);
    this.#parts.book.setRanges(view.ranges);
    const ranges = view.ranges
      .map(({cidr}) => parsePrefix(cidr))
      .filter(each => each !== undefined);
    this.#components.core.dispatch({kind: 'ranges', ranges});
    this.#components.writer.kick();
    void this.#components.settings.run();
  }

  #noteBook({kind, attachment}: BookChange): void {
    const {containerId, ifName} = attachment;
    if (kind === 'released') {
      this.#components.core.dispatch({kind: 'attachment-gone', containerId, ifName});
      this.#problems.settle(`${containerId}/${ifName}`);
    } else this.#components.core.dispatch({kind: 'attachment', attachment});
    this.#components.writer.kick();
  }

  /** Addresses of pods that a lost journal forgot are free once the kernel routes them no more. */
  async #releaseOrphans(): Promise<void> {
    const {book, kernel} = this.#parts;
    if (book.orphans().length === 0) return;
    const routed = new Set(await routedAddresses(kernel.host));
    await book.forgetOrphans(book.orphans().filter(address => !routed.has(address)));
  }

  #noteSettings(pass: HostPass): void {
    this.#releaseOrphans().catch((err: unknown) =>
      this.#parts.log.warn({err}, 'orphaned addresses could not be looked at'),
    );
    this.#settingsWrites += pass.chainsWritten + pass.sysctlsWritten.length;
    this.#report.settings(pass);
  }

  #reason(): string {
    const {synced} = this.#components.core.state();
    if (this.#underlayReason !== undefined) return this.#underlayReason;
    if (synced) return 'the first reconcile is under way';
    return `etcd was not read yet: ${this.#components.reflector.status().lastError ?? 'connecting'}`;
  }

  #ownProblems(): readonly StatusProblem[] {
    const {state, reason} = this.#components.lease.view();
    const problems: StatusProblem[] = [];
    if (this.#underlayReason !== undefined) {
      problems.push({key: 'underlay', message: this.#underlayReason});
    }
    if (reason !== undefined || state === 'unsafe' || state === 'fenced') {
      problems.push({key: 'lease', message: reason ?? state});
    }
    return problems;
  }
}

/**
 * The node daemon put together. Shell: every part is built elsewhere; here they are connected.
 *
 *   etcd ── reflector ──> core (state, desired, reconcile) ──> kernel
 *   keeper (lease, ranges) ──> book, core, own record     settings ──> iptables, sysctls
 *   CNI service ── book (journal) ──> core, endpoint writer ──> etcd
 *
 * The CNI service comes up before etcd was reached: a node that knows its ranges from lease.json
 * serves pods through an outage. Stopping undoes nothing in the kernel and gives nothing back.
 */
import {
  AddressBook,
  openEtcd,
  parsePrefix,
  type BookChange,
  type EtcdOptions,
  type LeaseView,
} from '#ipam';
import {boottimeMs} from '#native-addon';
import {openKernel, systemClock as cniClock} from '../cni-plugin/kernel.js';
import {startCniService, type CniService} from './cni/service.js';
import {ProblemList} from './cni/problem-list.js';
import {podMtu, toNodeState} from './cni/node-view.js';
import type {Config} from './config/config.js';
import {systemClock} from './datastore/clock.js';
import {Departures} from './datastore/departures.js';
import {toEndpointTable} from './datastore/endpoint-record.js';
import {startEndpointWriter, type EndpointWriter} from './datastore/endpoint-writer.js';
import {nodeEndpointsPrefix, nodeKey, nodesPrefix} from './datastore/records/keys.js';
import {Reflector} from './datastore/reflector.js';
import {
  concernsNetwork,
  reflectedPrefixes,
  toStoreEvents,
  type StoreEvent,
} from './datastore/store-event.js';
import {toHostWish} from './desired/host-wish.js';
import {readEtcdOptions} from './etcd-options.js';
import {createMetrics, type Metrics} from './http/metrics.js';
import {judgeLiveness} from './http/liveness.js';
import {toNodeStatus, toRanges} from './http/node-status.js';
import {createHttpServer, type HttpServer} from './http/server.js';
import type {NodeStatus, StatusProblem} from './http/status.js';
import {openIptables} from './kernel/iptables.js';
import {createRtnetlink} from './kernel/rtnetlink.js';
import {openSysctls} from './kernel/sysctl.js';
import {NodeLease} from './lease/node-lease.js';
import type {Logger} from './log.js';
import {readBootId, readIdentity} from './node/identity.js';
import {routedAddresses} from './node/routed-addresses.js';
import {lockState} from './node/state-lock.js';
import {hasMoved, type UnderlayChoice} from './node/underlay.js';
import {UnderlayWatch} from './node/watch-underlay.js';
import {HostSettings, type HostPass} from './reconcile/host-settings.js';
import {createNodeCore, type NodeCore} from './reconcile/loop.js';
import {reconcileNat} from './reconcile/nat.js';
import {Report} from './report.js';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
}

/** How long the first claim of a range may hold up the ready line: without etcd's help it never comes. */
const FIRST_CLAIM_MS = 5000;

/** A node between two leases writes its record again well within it. */
const DEPARTURE_GRACE_MS = 3000;

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

interface Parts extends DaemonOptions {
  readonly uid: string;
  readonly createdAt: string; // of the uid, ISO 8601
  readonly bootId: string;
  readonly etcd: EtcdOptions;
  readonly kernel: Awaited<ReturnType<typeof openKernel>>;
  readonly book: AddressBook;
}

export class Daemon {
  readonly #parts: Parts;
  readonly #since = new Date().toISOString();
  readonly #startedAtMs = systemClock.nowMs();
  readonly #core: NodeCore;
  readonly #reflector: Reflector;
  readonly #departures: Departures;
  readonly #lease: NodeLease;
  readonly #report: Report;
  readonly #writer: EndpointWriter;
  readonly #settings: HostSettings;
  readonly #underlay: UnderlayWatch;
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
    const {config, log, uid, etcd, kernel, book, bootId} = parts;
    const {name} = config.node;
    const {prefix} = config.etcd;
    const openClient = () => openEtcd(etcd);
    this.#parts = parts;
    this.#core = createNodeCore({
      self: {name, uid},
      kernel: createRtnetlink(),
      log: log.child({component: 'reconcile'}),
      resyncMs: config.resyncIntervalMs,
      onPass: pass => this.#report.kernel(pass),
    });
    this.#lease = new NodeLease({
      store: openClient(),
      ...{prefix, bootId, stateDir: config.stateDir, labels: config.node.labels},
      createdAt: parts.createdAt,
      state: () => this.#core.state(),
      onChange: view => this.#noteLease(view),
    });
    this.#reflector = new Reflector({
      openClient,
      prefixes: reflectedPrefixes(prefix),
      onChanges: (changes, isListed) => this.#noteRecords(toStoreEvents(prefix, changes, isListed)),
      onDoubt: error => this.#report.etcdAway(error),
      onRegress: (from, to) =>
        log.warn({from, to}, 'etcd was wiped or restored; what it lacks is kept for a while'),
    });
    this.#departures = new Departures({
      clock: systemClock,
      graceMs: DEPARTURE_GRACE_MS,
      concerns: key => key.startsWith(nodesPrefix(prefix)),
      onGone: events => this.#core.dispatch({kind: 'store', events}),
    });
    this.#writer = startEndpointWriter({
      openClient,
      prefix: nodeEndpointsPrefix(prefix, name),
      desired: () => toEndpointTable(prefix, name, book.list()),
      leaseId: () => this.#lease.view().leaseId,
      retryMs: attempt => Math.min(5000, 250 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random()),
      onError: error => log.debug({err: error}, 'endpoint records could not be written'),
    });
    this.#settings = new HostSettings({
      openIptables: async () => {
        const {iptables, other, reason} = await openIptables(config.iptables);
        log.info({backend: iptables.backend, reason}, 'iptables chosen');
        await reconcileNat(other, []); // what an earlier choice left there
        return iptables;
      },
      sysctls: openSysctls(),
      wish: () => toHostWish(this.#core.state(), this.#lease.view().ranges),
      clock: systemClock,
      resyncMs: 2 * config.resyncIntervalMs, // iptables-save of a large host costs half a second
      onPass: pass => this.#noteSettings(pass),
      onBug: error => log.error({err: error}, 'host settings failed'),
    });
    this.#underlay = new UnderlayWatch({
      socket: kernel.host,
      settings: {ipv4: config.node.address, ipv6: config.node.address6},
      clock: systemClock,
      resyncMs: config.resyncIntervalMs,
      onChoice: choice => this.#noteUnderlay(choice),
      onError: error => log.error({err: error}, 'underlay could not be looked for'),
    });
    this.#metrics = createMetrics(parts.version, () => ({
      ready: this.#isReady,
      leaseState: this.#lease.view().state,
      ranges: toRanges(book.usage()),
      attachments: book.list().length,
      peers: this.#core.state().nodes.size,
      problems: this.#core.health().problems.size + this.#problems.list().length,
      etcdConnected: this.#reflector.status().connected,
      etcdResyncs: this.#reflector.status().lists,
    }));
    this.#report = new Report(log, this.#metrics);
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

    this.#core.dispatch({kind: 'attachments', attachments: book.list()});
    book.onChange(change => this.#noteBook(change));
    await this.#underlay.start();
    await this.#lease.start();
    await this.#core.start();
    await this.#startCni();
    this.#reflector.start();
    void this.#becomeReady().catch((error: unknown) => log.error({err: error}, 'not ready'));
  }

  /** The kernel, the lease and the journal stay as they are. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#cni?.close();
    this.#reflector.stop();
    this.#departures.stop();
    await Promise.all([
      this.#underlay.stop(),
      this.#settings.stop(),
      this.#core.stop(),
      this.#lease.stop(),
      this.#writer.stop(),
      this.#http?.close(),
    ]);
    await this.#parts.book.close();
    this.#parts.kernel.close();
  }

  status(): NodeStatus {
    const {book, version} = this.#parts;
    const last = this.#settings.last;
    const started = Date.now() - systemClock.nowMs();
    const booted = Date.now() - boottimeMs();
    const state = this.#core.state();
    return toNodeStatus({
      state,
      health: this.#core.health(),
      lease: this.#lease.view(),
      usage: book.usage(),
      reflector: this.#reflector.status(),
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
    const {lastPassAtMs} = this.#core.health();
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
              state: this.#core.state(),
              lease: this.#lease.view(),
              isReady: this.#isReady,
              poolFamilies: this.#lease.families(),
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
    await this.#core.firstPassDone;
    await this.#lease.firstClaim(FIRST_CLAIM_MS);
    await this.#settings.run();
    await this.#core.settled();
    if (this.#stopping) return;
    this.#isReady = true;
    const {state, ranges} = this.#lease.view();
    const {nodes} = this.#core.state();
    const cidrs = ranges.map(({cidr}) => cidr);
    this.#parts.log.info({ready: true, lease: state, ranges: cidrs, peers: nodes.size}, 'ready');
  }

  #noteRecords(events: readonly StoreEvent[]): void {
    this.#core.dispatch({kind: 'store', events: this.#departures.pass(events)});
    this.#report.records(events, this.#reflector.status().revision);
    if (events.some(event => this.#concernsOwnRecord(event))) this.#lease.renewRecord();
    if (!this.#core.state().synced || !events.some(concernsNetwork)) return;
    this.#lease.takeResources();
    void this.#settings.run();
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
    if (hasMoved(this.#underlayChoice, choice)) this.#renewConnections();
    this.#underlayChoice = choice;
    this.#core.dispatch({kind: 'underlay', underlay});
    if (underlay === undefined) return;
    this.#lease.renewRecord();
    void this.#settings.run();
  }

  /** TCP would find out in its own time that nobody answers where we no longer are. */
  #renewConnections(): void {
    this.#reflector.renew();
    this.#lease.renewConnection();
    this.#writer.renew();
  }

  #noteLease(view: LeaseView): void {
    this.#report.lease(view);
    this.#parts.book.setRanges(view.ranges);
    const ranges = view.ranges
      .map(({cidr}) => parsePrefix(cidr))
      .filter(each => each !== undefined);
    this.#core.dispatch({kind: 'ranges', ranges});
    this.#writer.kick();
    void this.#settings.run();
  }

  #noteBook({kind, attachment}: BookChange): void {
    const {containerId, ifName} = attachment;
    if (kind === 'released') {
      this.#core.dispatch({kind: 'attachment-gone', containerId, ifName});
      this.#problems.settle(`${containerId}/${ifName}`);
    } else this.#core.dispatch({kind: 'attachment', attachment});
    this.#writer.kick();
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
    const {synced} = this.#core.state();
    if (this.#underlayReason !== undefined) return this.#underlayReason;
    if (synced) return 'the first reconcile is under way';
    return `etcd was not read yet: ${this.#reflector.status().lastError ?? 'connecting'}`;
  }

  #ownProblems(): readonly StatusProblem[] {
    const {state, reason} = this.#lease.view();
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

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
  LeaseKeeper,
  bitsOf,
  formatAddress,
  openEtcd,
  parsePrefix,
  type BookChange,
  type EtcdOptions,
  type LeaseView,
  type Pool,
} from '#ipam';
import {boottimeMs, decodeRoute, dumpRoutes, RTPROT_TWILL, type NetlinkSocket} from '#native-addon';
import {openKernel, systemClock as cniClock} from '../cni-plugin/kernel.js';
import type {Served} from '../cni-plugin/port.js';
import {startCniService, type CniService} from './cni/service.js';
import {ProblemList} from './cni/problem-list.js';
import {podMtu, toNodeState} from './cni/node-view.js';
import type {Config} from './config/config.js';
import {systemClock} from './datastore/clock.js';
import {toEndpointTable} from './datastore/endpoint-record.js';
import {startEndpointWriter, type EndpointWriter} from './datastore/endpoint-writer.js';
import type {NetworkSettings} from './datastore/records/network.js';
import {nodeEndpointsPrefix, nodeKey} from './datastore/records/keys.js';
import {Reflector} from './datastore/reflector.js';
import {reflectedPrefixes, toStoreEvents, type StoreEvent} from './datastore/store-event.js';
import {readEtcdOptions} from './etcd-options.js';
import {createMetrics, type Metrics} from './http/metrics.js';
import {toNodeStatus, toRanges} from './http/node-status.js';
import {createHttpServer, type HttpServer} from './http/server.js';
import type {NodeStatus, StatusProblem} from './http/status.js';
import {openIptables} from './kernel/iptables.js';
import {createRtnetlink} from './kernel/rtnetlink.js';
import {openSysctls} from './kernel/sysctl.js';
import {eligiblePools, renderOwnRecord} from './lease/own-record.js';
import type {Logger} from './log.js';
import {readBootId, readNodeUid} from './node/identity.js';
import type {UnderlayChoice} from './node/underlay.js';
import {UnderlayWatch} from './node/watch-underlay.js';
import {HostSettings, type HostPass, type HostWish} from './reconcile/host-settings.js';
import {createNodeCore, type NodeCore} from './reconcile/loop.js';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  readonly hostname: string;
}

/** How long the first claim of a range may hold up the ready line: without etcd's help it never comes. */
const FIRST_CLAIM_MS = 5000;

/** @throws ConfigError, IdentityError, JournalError, NetlinkError: what keeps a node from starting. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const {config} = options;
  const uid = await readNodeUid(config.stateDir);
  const bootId = await readBootId();
  const etcd = await readEtcdOptions(config.etcd);
  const kernel = await openKernel();
  const book = await AddressBook.open({
    dir: config.stateDir,
    bootId,
    now: () => new Date().toISOString(),
    inUse: () => routedAddresses(kernel.host),
  });
  const daemon = new Daemon({...options, uid, bootId, etcd, kernel, book});
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
  readonly bootId: string;
  readonly etcd: EtcdOptions;
  readonly kernel: Awaited<ReturnType<typeof openKernel>>;
  readonly book: AddressBook;
}

export class Daemon {
  readonly #parts: Parts;
  readonly #since = new Date().toISOString();
  readonly #core: NodeCore;
  readonly #reflector: Reflector;
  readonly #keeper: LeaseKeeper;
  readonly #writer: EndpointWriter;
  readonly #settings: HostSettings;
  readonly #underlay: UnderlayWatch;
  readonly #metrics: Metrics;
  readonly #problems = new ProblemList();
  #underlayReason: string | undefined;
  #settingsWrites = 0;
  #toldEtcd = true; // what the log last said of the connection
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
    });
    this.#keeper = new LeaseKeeper({
      store: openClient(),
      prefix,
      node: {name, uid},
      stateDir: config.stateDir,
      bootId,
      ...toLeaseTime(this.#core.state().network),
      boottimeMs,
      now: () => new Date().toISOString(),
    });
    this.#reflector = new Reflector({
      openClient,
      prefixes: reflectedPrefixes(prefix),
      onChanges: (changes, isListed) => this.#noteRecords(toStoreEvents(prefix, changes, isListed)),
      onDoubt: (error, attempt) => this.#noteDoubt(error, attempt),
    });
    this.#writer = startEndpointWriter({
      openClient,
      prefix: nodeEndpointsPrefix(prefix, name),
      desired: () => toEndpointTable(prefix, name, book.list()),
      leaseId: () => this.#keeper.current().leaseId,
      retryMs: attempt => Math.min(5000, 250 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random()),
      onError: error => log.debug({err: error}, 'endpoint records could not be written'),
    });
    this.#settings = new HostSettings({
      openIptables: async () => {
        const {iptables, reason} = await openIptables(config.iptables);
        log.info({backend: iptables.backend, reason}, 'iptables chosen');
        return iptables;
      },
      sysctls: openSysctls(),
      wish: () => this.#hostWish(),
      clock: systemClock,
      resyncMs: config.resyncIntervalMs,
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
      leaseState: this.#keeper.current().state,
      ranges: toRanges(book.usage()),
      attachments: book.list().length,
      peers: this.#core.state().nodes.size,
      problems: this.#core.health().problems.size + this.#problems.list().length,
      etcdConnected: this.#reflector.status().connected,
      etcdResyncs: this.#reflector.status().lists,
    }));
  }

  async start(): Promise<void> {
    const {config, log, book} = this.#parts;
    const {recovery} = book;
    this.#http = await createHttpServer({
      listen: config.http,
      routes: {
        status: () => this.status(),
        healthy: () => ({ok: true, reasons: []}),
        ready: () => ({ok: this.#isReady, reasons: this.#isReady ? [] : [this.#reason()]}),
        metrics: () => this.#metrics.render(),
      },
      onError: error => log.error({err: error}, 'http request failed'),
    });
    log.info({recovery, http: this.#http.url, uid: this.#parts.uid}, 'starting');

    this.#core.dispatch({kind: 'attachments', attachments: book.list()});
    book.onChange(change => this.#noteBook(change));
    this.#keeper.attachRecord(nodeKey(config.etcd.prefix, config.node.name), ranges =>
      renderOwnRecord({
        self: this.#core.state().self,
        labels: config.node.labels,
        underlay: this.#core.state().underlay,
        ranges,
      }),
    );
    this.#keeper.onChange(view => this.#noteLease(view));
    await this.#underlay.start();
    await this.#keeper.start();
    this.#noteLease(this.#keeper.current());
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
    await Promise.all([
      this.#underlay.stop(),
      this.#settings.stop(),
      this.#core.stop(),
      this.#keeper.stop(),
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
      lease: this.#keeper.current(),
      usage: book.usage(),
      reflector: this.#reflector.status(),
      settings: last && {
        desired: last.desired,
        operations: this.#settingsWrites,
        failed: last.failed,
      },
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

  async #startCni(): Promise<void> {
    const {config, log, book, kernel, hostname} = this.#parts;
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
              lease: this.#keeper.current(),
              isReady: this.#isReady,
              underlayReason: this.#underlayReason,
              hostname,
            }),
        },
        onProblem: problem => {
          this.#problems.add(problem);
          log.warn({err: problem.error, key: problem.key}, problem.what);
        },
        onServed: served => this.#noteServed(served),
      },
      onRecovered: (plan, replayed) => {
        const {keep, confirm, undo, finish, broken, leaks} = plan;
        const counts = {keep, confirm, undo, finish, broken, leaks};
        const found = Object.entries(counts).map(([kind, list]) => [kind, list.length]);
        log.info({...Object.fromEntries(found), replayed: replayed.done.length}, 'pods recovered');
      },
      onClientError: error => log.warn({err: error}, 'cni request turned away'),
    });
  }

  /** What etcd says must be in the kernel, and its ranges claimed, before anybody is told "ready". */
  async #becomeReady(): Promise<void> {
    await this.#core.firstPassDone;
    await this.#firstClaim();
    await this.#settings.run();
    await this.#core.settled();
    if (this.#stopping) return;
    this.#isReady = true;
    const {state, ranges} = this.#keeper.current();
    const {nodes} = this.#core.state();
    const cidrs = ranges.map(({cidr}) => cidr);
    this.#parts.log.info({ready: true, lease: state, ranges: cidrs, peers: nodes.size}, 'ready');
  }

  #firstClaim(): Promise<void> {
    return new Promise(resolve => {
      const isOver = ({state, ranges}: LeaseView) =>
        this.#pools().every(({disabled}) => disabled) ||
        state === 'fenced' ||
        (state === 'held' && ranges.length > 0);
      const finish = () => {
        timer.cancel();
        unlisten();
        resolve();
      };
      const timer = systemClock.after(FIRST_CLAIM_MS, finish);
      const unlisten = this.#keeper.onChange(view => {
        if (isOver(view)) finish();
      });
      if (isOver(this.#keeper.current())) finish();
    });
  }

  #noteRecords(events: readonly StoreEvent[]): void {
    const {log} = this.#parts;
    this.#core.dispatch({kind: 'store', events});
    for (const event of events) {
      if (event.kind !== 'problem') continue;
      log.warn({key: event.key, problems: event.problems}, 'record in etcd cannot be used');
    }
    if (!this.#toldEtcd) {
      this.#toldEtcd = true;
      log.info({revision: this.#reflector.status().revision}, 'etcd was read again');
    }
    if (!this.#core.state().synced || !events.some(concernsNetwork)) return;
    const {ttlSeconds, marginSeconds} = toLeaseTime(this.#core.state().network);
    this.#keeper.setTtl(ttlSeconds, marginSeconds);
    this.#keeper.setPools(this.#pools());
    void this.#settings.run();
  }

  #noteDoubt(error: unknown, attempt: number): void {
    if (!this.#toldEtcd && attempt > 1) return;
    this.#toldEtcd = false;
    this.#parts.log.warn(
      {err: error, attempt},
      'etcd is out of reach; going on with what is known',
    );
  }

  #noteUnderlay(choice: UnderlayChoice): void {
    const {log} = this.#parts;
    if (choice.kind === 'none') {
      this.#underlayReason = `no underlay: ${choice.reason}`;
      log.warn({reason: choice.reason}, 'no underlay');
      this.#core.dispatch({kind: 'underlay', underlay: undefined});
      return;
    }
    this.#underlayReason = undefined;
    const {name, mtu, addresses} = choice.underlay;
    const shown = Object.values(addresses).map(({address}) => formatAddress(address));
    log.info({interface: name, mtu, addresses: shown, missing: choice.missing}, 'underlay chosen');
    this.#core.dispatch({kind: 'underlay', underlay: choice.underlay});
    this.#keeper.recheck(); // the node's record carries its addresses
    void this.#settings.run();
  }

  #noteLease(view: LeaseView): void {
    const {book, log} = this.#parts;
    book.setRanges(view.ranges);
    const ranges = view.ranges
      .map(({cidr}) => parsePrefix(cidr))
      .filter(each => each !== undefined);
    this.#core.dispatch({kind: 'ranges', ranges});
    this.#writer.kick();
    void this.#settings.run();
    const {state, reason, leaseId} = view;
    const fields = {state, reason, leaseId, ranges: view.ranges.map(({cidr}) => cidr)};
    if (state === 'fenced' || state === 'unsafe') log.error(fields, 'lease is not safe');
    else log.info(fields, 'lease');
  }

  #noteBook({kind, attachment}: BookChange): void {
    const {containerId, ifName} = attachment;
    if (kind === 'released') {
      this.#core.dispatch({kind: 'attachment-gone', containerId, ifName});
      this.#problems.settle(`${containerId}/${ifName}`);
    } else this.#core.dispatch({kind: 'attachment', attachment});
    this.#writer.kick();
  }

  #noteServed({verb, code, durationMs, containerId, ifName, error}: Served): void {
    this.#metrics.observeCni(verb, code, durationMs / 1000);
    const {log} = this.#parts;
    const fields = {
      verb,
      code,
      durationMs: Math.round(durationMs * 100) / 100,
      containerId,
      ifName,
    };
    if (error === undefined) log.debug(fields, 'cni');
    else log.warn({...fields, err: error}, 'cni');
  }

  #noteSettings({chainsWritten, sysctlsWritten, failed, durationMs}: HostPass): void {
    const {log} = this.#parts;
    const operations = chainsWritten + sysctlsWritten.length;
    this.#settingsWrites += operations;
    const seconds = durationMs / 1000;
    this.#metrics.observeReconcile({table: 'settings', operations, failed: failed.size, seconds});
    for (const change of sysctlsWritten) log.info(change, 'sysctl changed');
    for (const [key, error] of failed) log.warn({key, err: error}, 'host setting failed');
  }

  #hostWish(): HostWish {
    const {synced, pools, network, underlay} = this.#core.state();
    const {ranges} = this.#keeper.current();
    const {backend, vxlan} = network;
    return {
      sysctls: {
        families: [...new Set(ranges.map(({family}) => family))],
        underlays: underlay === undefined ? [] : [underlay.name],
        ...(synced && backend === 'vxlan' && {overlay: `twill.${vxlan.vni}`}),
      },
      pools: synced ? [...pools.values()] : undefined,
    };
  }

  #pools(): readonly Pool[] {
    return eligiblePools(this.#core.state().pools.values(), this.#parts.config.node.labels);
  }

  #reason(): string {
    const {synced} = this.#core.state();
    if (this.#underlayReason !== undefined) return this.#underlayReason;
    if (synced) return 'the first reconcile is under way';
    return `etcd was not read yet: ${this.#reflector.status().lastError ?? 'connecting'}`;
  }

  #ownProblems(): readonly StatusProblem[] {
    const {state, reason} = this.#keeper.current();
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

/** Pools and the Network decide over ranges, translation and settings; other records do not. */
function concernsNetwork(event: StoreEvent): boolean {
  if (event.kind === 'put') return event.record.kind === 'Pool' || event.record.kind === 'Network';
  if (event.kind === 'delete') return /\/resources\/(pool|network)\//.test(event.key);
  return event.kind === 'synced';
}

function toLeaseTime({leaseTtlMs, leaseRenewMarginMs}: NetworkSettings) {
  return {
    ttlSeconds: Math.ceil(leaseTtlMs / 1000),
    marginSeconds: Math.ceil(leaseRenewMarginMs / 1000),
  };
}

/** Pod addresses the kernel knows of, for a journal that was lost: nobody may get them. */
async function routedAddresses(socket: NetlinkSocket): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const messages = await socket.dump(dumpRoutes({family, protocol: RTPROT_TWILL}));
    for (const {payload} of messages) {
      const {destination} = decodeRoute(payload);
      if (destination.bits !== bitsOf(family)) continue;
      addresses.push(formatAddress(destination.address));
    }
  }
  return addresses;
}

/**
 * What every part of the daemon may use: what was read or opened before any of them was made, the core,
 * and the news. Shell.
 */
import {AddressBook, type EtcdOptions} from '#ipam';
import {openKernel} from '../../cni-plugin/kernel.js';
import type {Config} from '../config/config.js';
import type {Machine} from '../datastore/records/node.js';
import type {Change} from '../datastore/reflector.js';
import type {StoreEvent} from '../datastore/store-event.js';
import {readEtcdOptions} from '../etcd-options.js';
import {createMetrics, type Metrics} from '../http/metrics.js';
import {createRtnetlink} from '../kernel/rtnetlink.js';
import type {Logger} from '../log.js';
import {readBootId, readIdentity} from '../node/identity.js';
import {readMachine} from '../node/machine.js';
import {routedAddresses} from '../node/routed-addresses.js';
import {lockState} from '../node/state-lock.js';
import type {HostPass} from '../reconcile/host-settings.js';
import {createNodeCore, type NodeCore} from '../reconcile/loop.js';
import {Report} from '../report.js';
import type {StateEvent} from '../state/transition.js';
import {Signal} from './signal.js';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
}

export interface Context extends Opened {
  readonly core: NodeCore;
  readonly news: News;
  readonly metrics: Metrics;
  readonly report: Report;
}

export interface Opened extends DaemonOptions {
  readonly uid: string;
  readonly createdAt: string; // of the uid, ISO 8601
  readonly machine: Machine;
  readonly bootId: string;
  readonly etcd: EtcdOptions;
  readonly kernel: Awaited<ReturnType<typeof openKernel>>;
  readonly book: AddressBook;
}

export interface News {
  /** The state has taken this; whatever changes the state is told here. */
  readonly state: Signal<StateEvent>;
  /** As etcd told it. The state may take a node's departure a moment later, or never. */
  readonly records: Signal<readonly StoreEvent[]>;
  /** Below the claims to this node's name: who asks for it, and what was answered. */
  readonly nameClaims: Signal<readonly Change[]>;
  /** The underlay has other addresses: connections from the old ones may be dead without knowing it. */
  readonly moved: Signal<void>;
  /** A pass over iptables and sysctls is over. */
  readonly settings: Signal<HostPass>;
}

/** @throws StateLockedError, ConfigError, IdentityError, JournalError: what keeps a node from starting. */
export async function openDaemon(options: DaemonOptions): Promise<Opened> {
  const {config} = options;
  await lockState(config.stateDir);
  const {uid, createdAt} = await readIdentity(config.stateDir);
  const bootId = await readBootId();
  const machine = await readMachine();
  const etcd = await readEtcdOptions(config.etcd);
  const kernel = await openKernel();
  const book = await AddressBook.open({
    dir: config.stateDir,
    bootId,
    now: () => new Date().toISOString(),
    inUse: () => routedAddresses(kernel.host),
  });
  return {...options, uid, createdAt, machine, bootId, etcd, kernel, book};
}

export function createContext(opened: Opened): Context {
  const {config, log, uid, version} = opened;
  const news: News = {
    state: new Signal(),
    records: new Signal(),
    nameClaims: new Signal(),
    moved: new Signal(),
    settings: new Signal(),
  };
  const metrics = createMetrics(version);
  const report = new Report(log, metrics);
  const core = createNodeCore({
    self: {name: config.node.name, uid},
    kernel: createRtnetlink(),
    log: log.child({component: 'reconcile'}),
    resyncMs: config.resyncIntervalMs,
    onPass: pass => report.kernel(pass),
    onEvent: event => news.state.emit(event),
  });
  return {...opened, core, news, metrics, report};
}

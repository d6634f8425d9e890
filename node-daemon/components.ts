/**
 * What a daemon is made of, built and told of each other. Shell: nothing runs yet when this is done.
 *
 * A new part is one more member and one function that makes it; what it is to hear of is a hook, or the
 * state of `core`.
 */
import {openEtcd, type AddressBook, type EtcdOptions, type LeaseView} from '#ipam';
import type {openKernel} from '../cni-plugin/kernel.js';
import type {Config} from './config/config.js';
import {systemClock} from './datastore/clock.js';
import {Departures} from './datastore/departures.js';
import {toEndpointTable} from './datastore/endpoint-record.js';
import {startEndpointWriter, type EndpointWriter} from './datastore/endpoint-writer.js';
import {nodeEndpointsPrefix, nodesPrefix} from './datastore/records/keys.js';
import {Reflector} from './datastore/reflector.js';
import {reflectedPrefixes, toStoreEvents, type StoreEvent} from './datastore/store-event.js';
import {toHostWish} from './desired/host-wish.js';
import {openIptables} from './kernel/iptables.js';
import {createRtnetlink} from './kernel/rtnetlink.js';
import {openSysctls} from './kernel/sysctl.js';
import {NodeLease} from './lease/node-lease.js';
import type {Logger} from './log.js';
import type {UnderlayChoice} from './node/underlay.js';
import {UnderlayWatch} from './node/watch-underlay.js';
import {HostSettings, type HostPass} from './reconcile/host-settings.js';
import {createNodeCore, type NodeCore} from './reconcile/loop.js';
import {reconcileNat} from './reconcile/nat.js';
import type {KernelPass} from './reconcile/pass-meter.js';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
}

/** What was read or opened before anything could be built. */
export interface Parts extends DaemonOptions {
  readonly uid: string;
  readonly createdAt: string; // of the uid, ISO 8601
  readonly bootId: string;
  readonly etcd: EtcdOptions;
  readonly kernel: Awaited<ReturnType<typeof openKernel>>;
  readonly book: AddressBook;
}

export interface Hooks {
  readonly onKernelPass: (pass: KernelPass) => void;
  readonly onSettingsPass: (pass: HostPass) => void;
  readonly onLease: (view: LeaseView) => void;
  readonly onRecords: (events: readonly StoreEvent[]) => void;
  readonly onUnderlay: (choice: UnderlayChoice) => void;
  readonly onEtcdAway: (error: unknown) => void;
}

export interface Components {
  readonly core: NodeCore;
  readonly lease: NodeLease;
  readonly reflector: Reflector;
  readonly departures: Departures;
  readonly writer: EndpointWriter;
  readonly settings: HostSettings;
  readonly underlay: UnderlayWatch;
}

/** A node between two leases writes its record again well within it. */
const DEPARTURE_GRACE_MS = 3000;

export function createComponents(parts: Parts, hooks: Hooks): Components {
  const {config, log, uid} = parts;
  const core = createNodeCore({
    self: {name: config.node.name, uid},
    kernel: createRtnetlink(),
    log: log.child({component: 'reconcile'}),
    resyncMs: config.resyncIntervalMs,
    onPass: hooks.onKernelPass,
  });
  const lease = createLease(parts, core, hooks);
  const departures = new Departures({
    clock: systemClock,
    graceMs: DEPARTURE_GRACE_MS,
    concerns: key => key.startsWith(nodesPrefix(config.etcd.prefix)),
    onGone: events => core.dispatch({kind: 'store', events}),
  });
  return {
    ...{core, lease, departures},
    reflector: createReflector(parts, hooks),
    writer: createWriter(parts, lease),
    settings: createSettings(parts, {core, lease}, hooks),
    underlay: new UnderlayWatch({
      socket: parts.kernel.host,
      settings: {ipv4: config.node.address, ipv6: config.node.address6},
      clock: systemClock,
      resyncMs: config.resyncIntervalMs,
      onChoice: hooks.onUnderlay,
      onError: error => log.error({err: error}, 'underlay could not be looked for'),
    }),
  };
}

/** The kernel keeps everything, and so does etcd until the lease is over. */
export async function stopComponents(components: Components): Promise<void> {
  const {reflector, departures, underlay, settings, core, lease, writer} = components;
  reflector.stop();
  departures.stop();
  await Promise.all([underlay, settings, core, lease, writer].map(part => part.stop()));
}

/** TCP would find out in its own time that nobody answers where we no longer are. */
export function renewConnections({reflector, lease, writer}: Components): void {
  reflector.renew();
  lease.renewConnection();
  writer.renew();
}

function createLease(parts: Parts, core: NodeCore, {onLease}: Hooks): NodeLease {
  const {config, etcd, bootId, createdAt} = parts;
  return new NodeLease({
    store: openEtcd(etcd),
    prefix: config.etcd.prefix,
    ...{bootId, createdAt, stateDir: config.stateDir, labels: config.node.labels},
    state: () => core.state(),
    onChange: onLease,
  });
}

function createReflector({config, etcd, log}: Parts, hooks: Hooks): Reflector {
  const {prefix} = config.etcd;
  return new Reflector({
    openClient: () => openEtcd(etcd),
    prefixes: reflectedPrefixes(prefix),
    onChanges: (changes, isListed) => hooks.onRecords(toStoreEvents(prefix, changes, isListed)),
    onDoubt: hooks.onEtcdAway,
    onRegress: (from, to) =>
      log.warn({from, to}, 'etcd was wiped or restored; what it lacks is kept for a while'),
  });
}

function createWriter({config, etcd, book, log}: Parts, lease: NodeLease): EndpointWriter {
  const {prefix} = config.etcd;
  const {name} = config.node;
  return startEndpointWriter({
    openClient: () => openEtcd(etcd),
    prefix: nodeEndpointsPrefix(prefix, name),
    desired: () => toEndpointTable(prefix, name, book.list()),
    leaseId: () => lease.view().leaseId,
    retryMs: attempt => Math.min(5000, 250 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random()),
    onError: error => log.debug({err: error}, 'endpoint records could not be written'),
  });
}

function createSettings(
  {config, log}: Parts,
  {core, lease}: Pick<Components, 'core' | 'lease'>,
  {onSettingsPass}: Hooks,
): HostSettings {
  return new HostSettings({
    openIptables: async () => {
      const {iptables, other, reason} = await openIptables(config.iptables);
      log.info({backend: iptables.backend, reason}, 'iptables chosen');
      await reconcileNat(other, []); // what an earlier choice left there
      return iptables;
    },
    sysctls: openSysctls(),
    wish: () => toHostWish(core.state(), lease.view().ranges),
    clock: systemClock,
    resyncMs: 2 * config.resyncIntervalMs, // iptables-save of a large host costs half a second
    onPass: onSettingsPass,
    onBug: error => log.error({err: error}, 'host settings failed'),
  });
}

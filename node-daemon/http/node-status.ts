/**
 * From the parts of the daemon to what it says of itself. Pure.
 */
import {formatAddress, formatPrefix, type LeaseView, type Range, type RangeUsage} from '#ipam';
import type {BgpOverview} from '../bgp/api.js';
import type {ReflectorStatus} from '../datastore/reflector.js';
import {firstAddress} from '../lease/own-record.js';
import {formatMac} from '../overlay/vtep-mac.js';
import type {NodeHealth} from '../reconcile/health.js';
import type {SettingsHealth} from '../reconcile/settings-ledger.js';
import type {Peer} from '../state/peer.js';
import type {State} from '../state/state.js';
import type {
  BgpStatus,
  DeviceStatus,
  LeaseStatus,
  NodeStatus,
  PeerStatus,
  RangeStatus,
  ReconcileError,
  ReconcileStatus,
  StatusProblem,
  TableStatus,
} from './status.js';

export interface StatusParts {
  readonly state: State;
  readonly health: NodeHealth;
  readonly lease: LeaseView;
  readonly usage: readonly RangeUsage[];
  readonly reflector: ReflectorStatus;
  readonly settings: SettingsHealth | undefined; // of iptables and sysctls; undefined before the first pass
  readonly problems: readonly StatusProblem[]; // those that no other part knows of
  readonly bgp: BgpOverview | undefined;
  readonly attachments: number;
  readonly version: string;
  readonly isReady: boolean;
  readonly since: string;
  readonly now: string;
  readonly podMtu: number;
  /** From the core's clock and from CLOCK_BOOTTIME to ISO 8601. */
  readonly toTime: {
    readonly clock: (ms: number) => string;
    readonly boottime: (ms: number) => string;
  };
}

export function toNodeStatus(parts: StatusParts): NodeStatus {
  const {state, lease, reflector, version, isReady, since, podMtu, attachments} = parts;
  const {self, network, underlay} = state;
  const {ipv4, ipv6} = underlay?.addresses ?? {};
  const device = toDevice(state, lease.ranges);
  return {
    ...{node: self.name, uid: self.uid, version, ready: isReady, since},
    ...{backend: network.backend, mtu: podMtu},
    underlay: {
      ...(ipv4 && {address: formatAddress(ipv4.address)}),
      ...(ipv6 && {address6: formatAddress(ipv6.address)}),
    },
    ...(device && {device}),
    lease: toLease(parts),
    etcd: {
      connected: reflector.connected,
      revision: reflector.revision,
      resyncs: reflector.lists,
      ...(reflector.lastError !== undefined && {lastError: reflector.lastError}),
    },
    peers: toPeers(parts),
    ...(parts.bgp && {bgp: toBgp(parts.bgp)}),
    attachments,
    reconcile: toReconcile(parts),
    problems: allProblems(parts),
  };
}

export function toRanges(usage: readonly RangeUsage[]): readonly RangeStatus[] {
  return usage.map(({cidr, pool, size, used, reserved}) => ({cidr, pool, size, used, reserved}));
}

function toDevice({network, self}: State, ranges: readonly Range[]): DeviceStatus | undefined {
  if (network.backend !== 'vxlan') return undefined;
  const address = firstAddress(ranges, 'ipv4');
  const address6 = firstAddress(ranges, 'ipv6');
  return {
    name: `twill.${network.vxlan.vni}`,
    mac: formatMac(self.vtepMac),
    ...(address !== undefined && {address}),
    ...(address6 !== undefined && {address6}),
  };
}

function toLease({lease, usage, toTime}: StatusParts): LeaseStatus {
  const {leaseId, state, safeUntilBoottimeMs, reason} = lease;
  return {
    ...(leaseId !== undefined && {id: leaseId}),
    state,
    ranges: toRanges(usage),
    ...(safeUntilBoottimeMs > 0 && {safeUntil: toTime.boottime(safeUntilBoottimeMs)}),
    ...(reason !== undefined && {reason}),
  };
}

function toPeers({state, health}: StatusParts): readonly PeerStatus[] {
  const peers = [...state.nodes.values()].map(peer => toPeer(peer, health));
  return peers.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function toPeer({name, underlay, ranges}: Peer, health: NodeHealth): PeerStatus {
  return {
    name,
    ...(underlay.ipv4 && {address: formatAddress(underlay.ipv4)}),
    ...(underlay.ipv6 && {address6: formatAddress(underlay.ipv6)}),
    ranges: ranges.map(formatPrefix),
    problems: health.problems.get(`node ${name}`) ?? [],
  };
}

function toBgp({asn, identifier, peers, restart, kernel}: BgpOverview): BgpStatus {
  const {ipv4, ipv6} = kernel.routes;
  const down = peers.filter(({state}) => state !== 'Established');
  return {
    ...{asn, identifier, sessions: peers.length, established: peers.length - down.length},
    restarting: !restart.isOver,
    routes: ipv4.held + ipv6.held,
    staleRoutes: ipv4.stale + ipv6.stale,
    refused: kernel.refused,
    down: down.map(({name, address, state, stopped, lastError}) => {
      const reason = stopped ?? lastError?.message;
      return {name, address, state, ...(reason !== undefined && {reason})};
    }),
  };
}

function toReconcile({health, settings, toTime, now: at}: StatusParts): ReconcileStatus {
  const tables: TableStatus[] = Object.entries(health.tables).map(([name, table]) => ({
    name,
    desired: table.desired,
    failing: table.failed.length,
    operations: table.operations,
    ...(table.lastOkAtMs !== undefined && {lastRun: toTime.clock(table.lastOkAtMs)}),
    ...(table.lastPassMs !== undefined && {lastRunMs: table.lastPassMs}),
  }));
  const lastErrors: ReconcileError[] = Object.entries(health.tables).flatMap(([table, {failed}]) =>
    failed.map(({key, message, sinceMs}) => {
      return {table, key, message, at: sinceMs === undefined ? at : toTime.clock(sinceMs)};
    }),
  );
  if (health.dumpError !== undefined) {
    const {message, sinceMs} = health.dumpError;
    lastErrors.push({table: 'kernel', key: 'dump', message, at: toTime.clock(sinceMs)});
  }
  if (settings !== undefined) {
    const {desired, operations, failed, lastOkAtMs, lastPassMs} = settings;
    tables.push({
      ...{name: 'settings', desired, failing: failed.size, operations, lastRunMs: lastPassMs},
      ...(lastOkAtMs !== undefined && {lastRun: toTime.clock(lastOkAtMs)}),
    });
    for (const [key, {message, sinceMs}] of failed) {
      lastErrors.push({table: 'settings', key, message, at: toTime.clock(sinceMs)});
    }
  }
  lastErrors.sort((a, b) => (a.at < b.at ? 1 : -1));
  return {tables, lastErrors};
}

/** Of records, of nodes and of parts. */
export function allProblems({
  health,
  problems,
}: Pick<StatusParts, 'health' | 'problems'>): readonly StatusProblem[] {
  const known = [...health.problems].flatMap(([key, messages]) =>
    messages.map(message => ({key, message})),
  );
  return [...known, ...problems];
}

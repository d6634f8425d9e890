/**
 * `twillctl node status`: what the daemon of this host says of itself. Pure but for the one question.
 */
import {openNodeApi} from '../node-daemon/http/client.js';
import type {NodeStatus, PeerStatus} from '../node-daemon/http/status.js';
import type {GlobalOptions, Terminal} from './command.js';
import {readConnections} from './connection.js';
import {formatValue} from './output.js';
import {formatAge, formatTable} from './table.js';

export interface NodeStatusOptions {
  readonly output?: 'wide' | 'json' | 'yaml';
}

/** @throws NodeApiError, NodeApiRefusal, UsageError */
export async function runNodeStatus(
  globals: GlobalOptions,
  terminal: Terminal,
  {output}: NodeStatusOptions,
): Promise<void> {
  const {nodeApi} = readConnections(globals, terminal.env);
  const status = await openNodeApi(nodeApi).status();
  if (output === 'json' || output === 'yaml')
    return terminal.out(await formatValue(status, output));
  terminal.out(formatStatus(status, terminal.now(), output === 'wide'));
}

const mostPeersShown = 50;

/** Of many peers only those with problems are listed, unless `everyPeer`. */
export function formatStatus(status: NodeStatus, nowMs: number, everyPeer = false): string {
  const troubled = status.peers.filter(({problems}) => problems.length > 0);
  const shown = everyPeer || status.peers.length <= mostPeersShown ? status.peers : troubled;
  const sections = [
    formatFacts(status, nowMs, troubled.length),
    formatRanges(status),
    formatPeers(shown),
    formatSessions(status, everyPeer),
    formatTables(status, nowMs),
    formatErrors(status, nowMs),
    status.problems.length === 0
      ? ''
      : formatTable(
          ['PROBLEM', 'MESSAGE'],
          status.problems.map(({key, message}) => [key, message]),
        ),
  ];
  return sections.filter(section => section !== '').join('\n');
}

function formatFacts(status: NodeStatus, nowMs: number, troubledPeers: number): string {
  const {underlay, device, lease, etcd, peers} = status;
  const since = `up ${formatAge(status.since, nowMs)}`;
  const facts: readonly (readonly [string, string])[] = [
    ['Node', `${status.node} (${status.uid})`],
    ['Daemon', `${status.version}, ${since}, ${status.ready ? 'ready' : 'not ready'}`],
    ['Backend', `${status.backend}, MTU ${status.mtu}`],
    ['Underlay', joinGiven(underlay.address, underlay.address6)],
    ['Device', device ? joinGiven(device.name, device.mac, device.address, device.address6) : ''],
    ['Lease', formatLease(lease)],
    ['Etcd', formatEtcd(etcd)],
    [
      'Peers',
      troubledPeers === 0
        ? String(peers.length)
        : `${peers.length}, ${troubledPeers} with problems`,
    ],
    ...(status.bgp === undefined ? [] : [['BGP', formatBgp(status.bgp)] as const]),
    ['Pods', String(status.attachments)],
  ];
  return facts.map(([name, value]) => `${`${name}:`.padEnd(11)}${value || '<none>'}\n`).join('');
}

function formatLease({state, id, safeUntil, reason}: NodeStatus['lease']): string {
  const parts = [state, id && `id ${id}`, safeUntil && `safe until ${safeUntil}`];
  return joinGiven(...parts) + (reason === undefined ? '' : `: ${reason}`);
}

function formatEtcd({connected, revision, resyncs, lastError}: NodeStatus['etcd']): string {
  const state = connected ? 'connected' : 'not connected';
  const error = lastError === undefined || connected ? '' : `: ${lastError}`;
  return `${state}, revision ${revision}, read ${resyncs === 1 ? 'once' : `${resyncs} times`}${error}`;
}

function formatRanges({lease}: NodeStatus): string {
  if (lease.ranges.length === 0) return '';
  const rows = lease.ranges.map(({cidr, pool, used, size, reserved}) => [
    cidr,
    pool,
    String(used),
    String(size - reserved - used),
  ]);
  return formatTable(['RANGE', 'POOL', 'USED', 'FREE'], rows);
}

function formatPeers(peers: readonly PeerStatus[]): string {
  if (peers.length === 0) return '';
  const rows = peers.map(({name, address, address6, ranges, problems}) => [
    name,
    joinGiven(address, address6),
    ranges.join(','),
    problems.length === 0 ? 'ok' : problems.join('; '),
  ]);
  return formatTable(['PEER', 'ADDRESS', 'RANGES', 'STATE'], rows);
}

function formatBgp(bgp: NonNullable<NodeStatus['bgp']>): string {
  const {asn, identifier, sessions, established, routes, staleRoutes, refused, restarting} = bgp;
  return joinGiven(
    `AS ${asn}, identifier ${identifier}`,
    `${established} of ${sessions} sessions established`,
    `${routes} learnt routes`,
    staleRoutes === 0 ? '' : `${staleRoutes} of them stale`,
    refused === 0 ? '' : `${refused} refused by the kernel`,
    restarting ? 'restarting' : '',
  );
}

function formatSessions({bgp}: NodeStatus, every: boolean): string {
  if (bgp === undefined || bgp.down.length === 0) return '';
  const shown = every ? bgp.down : bgp.down.slice(0, mostPeersShown);
  const rows = shown.map(({name, address, state, reason}) => [name, address, state, reason ?? '']);
  return formatTable(['SESSION', 'ADDRESS', 'STATE', 'REASON'], rows);
}

function formatTables({reconcile}: NodeStatus, nowMs: number): string {
  if (reconcile.tables.length === 0) return '';
  const rows = reconcile.tables.map(({name, desired, failing, operations, lastRun, lastRunMs}) => [
    name,
    String(desired),
    String(failing),
    String(operations),
    lastRun === undefined ? 'never' : formatAge(lastRun, nowMs),
    lastRunMs === undefined ? '' : `${lastRunMs.toFixed(1)}ms`,
  ]);
  return formatTable(['TABLE', 'DESIRED', 'FAILING', 'CHANGES', 'LAST-OK', 'TOOK'], rows);
}

function formatErrors({reconcile}: NodeStatus, nowMs: number): string {
  if (reconcile.lastErrors.length === 0) return '';
  const rows = reconcile.lastErrors.map(({at, table, key, message}) => [
    formatAge(at, nowMs),
    table,
    key,
    message,
  ]);
  return formatTable(['FAILS-FOR', 'TABLE', 'KEY', 'MESSAGE'], rows);
}

function joinGiven(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined && part !== '').join(', ');
}

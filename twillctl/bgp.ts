/**
 * `twillctl bgp …`: the peers and routes of this host's speaker. Pure but for the questions.
 */
import type {
  ApiFamily,
  BgpPeersAnswer,
  BgpPeerView,
  BgpRangeView,
  BgpRouteView,
  RoutesTable,
} from '../node-daemon/bgp/api.js';
import {openNodeApi, type NodeApi} from '../node-daemon/http/client.js';
import {formatPeers, formatRoutes} from './bgp-table.js';
import type {GlobalOptions, Terminal} from './command.js';
import {readConnections} from './connection.js';
import {CommandError} from './error.js';
import {formatValue} from './output.js';

export interface BgpPeersOptions {
  readonly output?: 'wide' | 'json' | 'yaml';
}

export interface BgpRoutesOptions extends BgpPeersOptions {
  readonly family?: ApiFamily;
  readonly longer?: boolean;
  readonly limit: number; // 0: all
}

/** @throws NodeApiError, NodeApiRefusal, UsageError */
export async function runBgpPeers(
  globals: GlobalOptions,
  terminal: Terminal,
  {output}: BgpPeersOptions,
): Promise<void> {
  const answer = await openApi(globals, terminal).bgpPeers();
  if (output === 'json' || output === 'yaml') {
    return terminal.out(await formatValue(answer, output));
  }
  const {peers, ranges = []} = answer; // a daemon of the version before knows of none
  if (peers.length + ranges.length === 0) return terminal.err('No peers found.\n');
  terminal.out(formatPeers(peers, ranges, output === 'wide'));
  const waiting = formatRestart(answer);
  if (waiting !== '') terminal.err(waiting);
}

export interface RoutesTarget {
  readonly table: RoutesTable;
  readonly peer?: string | undefined; // as it was typed
  readonly prefix?: string | undefined;
}

/** @throws NodeApiError, NodeApiRefusal, CommandError, UsageError */
export async function runBgpRoutes(
  globals: GlobalOptions,
  terminal: Terminal,
  target: RoutesTarget,
  options: BgpRoutesOptions,
): Promise<void> {
  const {output, limit} = options;
  const api = openApi(globals, terminal);
  const peer = target.peer === undefined ? undefined : await findPeer(api, target.peer);
  const {routes, isMore} = await readRoutes(api, {...target, peer}, options);
  if (output === 'json' || output === 'yaml') {
    const value = {table: target.table, ...(peer !== undefined && {peer}), routes};
    terminal.out(await formatValue(value, output));
  } else if (routes.length === 0) {
    terminal.err('No routes found.\n');
  } else {
    terminal.out(formatRoutes(routes, output === 'wide'));
  }
  if (isMore) terminal.err(`There are more than ${limit}; --limit 0 shows all.\n`);
}

const families: readonly ApiFamily[] = ['ipv4', 'ipv6'];
const pageSize = 5000;

function openApi(globals: GlobalOptions, {env}: Terminal): NodeApi {
  return openNodeApi(readConnections(globals, env).nodeApi);
}

/** By name, by the name of a node, or by address. */
async function findPeer(api: NodeApi, typed: string): Promise<string> {
  const {peers, ranges = []} = await api.bgpPeers();
  const isTyped: readonly ((peer: BgpPeerView) => boolean)[] = [
    ({name}) => name === typed,
    ({name}) => name === `node/${typed}`,
    ({address}) => address === typed,
  ];
  for (const test of isTyped) {
    const [first, ...others] = peers.filter(test);
    if (first !== undefined && others.length === 0) return first.name;
    if (first !== undefined) {
      throw new CommandError(`several peers have ${typed}: ${namesOf([first, ...others])}`);
    }
  }
  const range = ranges.find(({name, cidr}) => name === typed || cidr === typed);
  if (range !== undefined) throw new CommandError(sayRange(range, peers));
  throw new CommandError(`there is no peer ${typed}; there are ${namesOf(peers) || 'none'}`);
}

/** RANGE/ADDRESS are those who dialled from it; NAME/… may also be a node's. */
function sayRange({name: range, cidr}: BgpRangeView, peers: readonly BgpPeerView[]): string {
  const members = peers.filter(({name, address, interface: link}) =>
    [`${range}/${address}`, `${range}/${address}%${link}`].includes(name),
  );
  const words = `${range} is a range, ${cidr}`;
  if (members.length === 0) return `${words}, and nobody has dialled from it`;
  return `${words}; name one of its peers: ${namesOf(members)}`;
}

function namesOf(peers: readonly BgpPeerView[]): string {
  return peers.map(({name}) => name).join(', ');
}

async function readRoutes(
  api: NodeApi,
  {table, peer, prefix}: RoutesTarget,
  {family, longer, limit}: BgpRoutesOptions,
): Promise<{routes: readonly BgpRouteView[]; isMore: boolean}> {
  const routes: BgpRouteView[] = [];
  for (const each of family === undefined ? familiesOf(prefix) : [family]) {
    let after: string | undefined;
    do {
      if (limit > 0 && routes.length >= limit) return {routes, isMore: true};
      const size = limit === 0 ? pageSize : Math.min(pageSize, limit - routes.length);
      const answer = await api.bgpRoutes({
        ...{table, family: each, limit: String(size)},
        ...(peer !== undefined && {peer}),
        ...(prefix !== undefined && {prefix}),
        ...(longer === true && {longer: 'true'}),
        ...(after !== undefined && {after}),
      });
      for (const route of answer.routes) routes.push(route);
      after = answer.next;
    } while (after !== undefined);
  }
  return {routes, isMore: false};
}

function familiesOf(prefix: string | undefined): readonly ApiFamily[] {
  if (prefix === undefined) return families;
  return [prefix.includes(':') ? 'ipv6' : 'ipv4'];
}

function formatRestart({restart}: BgpPeersAnswer): string {
  if (restart.isOver) return '';
  const awaited = restart.awaited.length === 0 ? '' : `, waiting for ${restart.awaited.join(', ')}`;
  return `The speaker's own restart is not over for ${restart.pending.join(' and ')}${awaited}.\n`;
}

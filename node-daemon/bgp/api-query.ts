/**
 * GET /v1/bgp/routes: from its query to its answer. Pure but for the RIB that is asked, page by page: a
 * table of a million routes is never one answer, and a look for one prefix ends somewhere.
 */
import {
  contains,
  familyOfAddress,
  parseCidr,
  type Cidr,
  type Family,
  type PeerIx,
  type ShownPath,
  type ShowQuery,
} from '#bgp-fsm';
import {formatPath, toRouteView, type PeerNames} from './api-routes.js';
import type {ApiProblem, BgpRoutesAnswer, RoutesTable} from './api.js';

export interface RoutesRequest {
  readonly table: RoutesTable;
  readonly family: Family;
  readonly peer: string | undefined;
  readonly only: ShowQuery['only'];
  readonly after: Cidr | undefined;
  readonly limit: number;
}

export type ParsedRequest =
  | {readonly kind: 'ok'; readonly request: RoutesRequest}
  | {readonly kind: 'refused'; readonly problem: ApiProblem};

export function parseRoutesRequest(query: URLSearchParams): ParsedRequest {
  const fault = unknownParameter(query);
  if (fault !== undefined) return refused(fault);
  const table = query.get('table') ?? 'selected';
  if (!isTable(table)) return refused(`table: expected ${TABLES.join(', ')}, got ${table}`);
  const peer = query.get('peer') ?? undefined;
  if (table === 'advertised' && peer === undefined) return refused('advertised needs a peer');

  const prefix = readPrefix(query, 'prefix');
  const after = readPrefix(query, 'after');
  if (prefix === 'wrong' || after === 'wrong') {
    return refused(`${prefix === 'wrong' ? 'prefix' : 'after'}: expected a prefix or an address`);
  }
  const family = query.get('family') ?? (prefix ? familyOfAddress(prefix.address) : 'ipv4');
  if (family !== 'ipv4' && family !== 'ipv6') {
    return refused(`family: expected ipv4 or ipv6, got ${family}`);
  }
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return refused(`limit: expected 1 to ${MAX_LIMIT}, got ${query.get('limit')}`);
  }
  const only = prefix && {...prefix, how: howToLook(query)};
  return {kind: 'ok', request: {table, family, peer, only, after, limit}};
}

/** `show` is the RIB's, wherever it lives; `names` are the peers that there are. */
export async function answerRoutes(
  request: RoutesRequest,
  names: PeerNames,
  show: (query: ShowQuery) => Promise<readonly ShownPath[]>,
): Promise<BgpRoutesAnswer | ApiProblem> {
  const {table, family, only, limit} = request;
  const peer = request.peer === undefined ? undefined : peerOf(request.peer, names);
  if (request.peer !== undefined && peer === undefined) {
    const known = [...names.values()].join(', ');
    return {code: 'NO_SUCH_PEER', message: `there is no peer ${request.peer}; there are ${known}`};
  }
  const found: ShownPath[] = [];
  let after = request.after;
  let isMore = true;
  for (let page = 0; isMore && found.length < limit && page < MOST_PAGES; page++) {
    const asked = only === undefined ? limit - found.length : PAGE;
    const paths = await show({table, family, peer, after, limit: asked, only});
    isMore = paths.length >= asked;
    after = paths.at(-1) ?? after;
    found.push(...paths.filter(path => only === undefined || isWanted(only, path)));
  }
  return {
    table,
    family,
    ...(request.peer !== undefined && {peer: request.peer}),
    routes: found.map(path => toRouteView(path, names)),
    ...(isMore && after && {next: formatPath(after)}),
  };
}

const TABLES: readonly RoutesTable[] = ['received', 'selected', 'advertised'];
const PARAMETERS = ['table', 'peer', 'family', 'prefix', 'longer', 'after', 'limit'];
const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
const PAGE = 5000;
const MOST_PAGES = 2000; // ten million paths

function refused(message: string): ParsedRequest {
  return {kind: 'refused', problem: {code: 'BAD_QUERY', message}};
}

function unknownParameter(query: URLSearchParams): string | undefined {
  const unknown = [...query.keys()].find(key => !PARAMETERS.includes(key));
  return unknown === undefined
    ? undefined
    : `unknown parameter ${unknown}, there are ${PARAMETERS.join(', ')}`;
}

function isTable(text: string): text is RoutesTable {
  return TABLES.some(table => table === text);
}

function readPrefix(query: URLSearchParams, name: string): Cidr | undefined | 'wrong' {
  const text = query.get(name);
  return text === null ? undefined : (parseCidr(text) ?? 'wrong');
}

/** An address alone asks which routes lead there. */
function howToLook(query: URLSearchParams): 'exact' | 'inside' | 'around' {
  if (query.get('longer') === 'true') return 'inside';
  return query.get('prefix')?.includes('/') ? 'exact' : 'around';
}

function peerOf(name: string, names: PeerNames): PeerIx | undefined {
  for (const [ix, known] of names) if (known === name) return ix;
  return undefined;
}

function isSame(a: Cidr, b: Cidr): boolean {
  return a.bits === b.bits && contains({address: a.address, bits: a.bits}, b.address);
}

/** The RIB may have looked already; one that has not is not believed. */
function isWanted({how, ...wanted}: NonNullable<ShowQuery['only']>, path: ShownPath): boolean {
  switch (how) {
    case 'exact':
      return isSame(wanted, path);
    case 'inside':
      return path.bits >= wanted.bits && contains(wanted, path.address);
    case 'around':
      return path.bits <= wanted.bits && contains(path, wanted.address);
  }
}

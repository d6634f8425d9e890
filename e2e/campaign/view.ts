/**
 * What one node says and what its kernel holds, as lines that a restart must not change. Shell.
 */
import type {Host} from '../lab/host.js';

export interface PeerAnswer {
  readonly name: string;
  readonly state: string;
  readonly stopped?: string;
  readonly stale: readonly string[]; // families
}

export interface NodeView {
  readonly isReady: boolean;
  readonly isRestarting: boolean;
  readonly peers: readonly PeerAnswer[];
  readonly problems: readonly string[];
  readonly advertised: Readonly<Record<string, readonly string[]>>; // prefixes, by peer
  readonly said: readonly string[];
  readonly kernel: readonly string[];
}

export async function viewOf(host: Host): Promise<NodeView> {
  const [answers, kernel] = await Promise.all([ask(host), kernelOf(host)]);
  const {status, peers, selected, advertised} = answers;
  const list = peers?.peers ?? [];
  return {
    isReady: status.ready,
    isRestarting: peers?.restart?.isOver === false,
    peers: list.map(({name, state, stopped, stale}) => ({
      ...{name, state, stale},
      ...(stopped && {stopped}),
    })),
    problems: status.problems.map(problem => JSON.stringify(problem)),
    advertised: Object.fromEntries(
      Object.entries(advertised).map(([name, routes]) => [
        name,
        routes.map(({prefix}) => prefix).sort(),
      ]),
    ),
    said: [
      ...list.map(steadyPeer).sort(),
      ...lines('selected', selected),
      ...Object.entries(advertised).flatMap(([name, routes]) => lines(`to ${name}`, routes)),
      ...steadyStatus(status),
    ],
    kernel,
  };
}

interface Route {
  readonly prefix: string;
}

interface Status {
  readonly ready: boolean;
  readonly problems: readonly unknown[];
  readonly [key: string]: unknown;
}

interface Answers {
  readonly status: Status;
  readonly peers?: {
    readonly restart?: {readonly isOver: boolean};
    readonly peers?: readonly (PeerAnswer & Readonly<Record<string, unknown>>)[];
  };
  readonly selected: readonly Route[];
  readonly advertised: Readonly<Record<string, readonly Route[]>>;
}

/** One program asks all of it, as a program's start is dear. */
const script = `
const get = async path => {
  const answer = await fetch('http://127.0.0.1:9478' + path, {signal: AbortSignal.timeout(5000)});
  return answer.status === 404 ? undefined : answer.json();
};
const routes = async query => {
  const families = ['ipv4', 'ipv6'].map(family =>
    get('/v1/bgp/routes?limit=10000&family=' + family + '&' + query));
  return (await Promise.all(families)).flatMap(answer => answer?.routes ?? []);
};
const [status, peers] = await Promise.all([get('/v1/status'), get('/v1/bgp/peers')]);
const advertised = {};
for (const {name, state} of peers?.peers ?? []) {
  if (state === 'Established')
    advertised[name] = await routes('table=advertised&peer=' + encodeURIComponent(name));
}
const selected = peers?.peers ? await routes('table=selected') : [];
console.log(JSON.stringify({status, peers, selected, advertised}));
`;

async function ask(host: Host): Promise<Answers> {
  const argv = [process.execPath, '--input-type=module', '-e', script];
  return JSON.parse((await host.run(argv)).stdout) as Answers;
}

const steadyFields = [
  ...['name', 'address', 'port', 'asn', 'localAsn', 'session', 'state', 'stopped', 'families'],
  ...['prefixes', 'stale', 'password', 'reflectorClient'],
];

/** What the OPENs agreed on stays for a session's life: timers and restarts are those of the next one. */
function steadyPeer(peer: Readonly<Record<string, unknown>>): string {
  const {gracefulRestart, holdTimeSeconds, keepaliveSeconds, sendHoldSeconds, ...negotiated} =
    (peer['negotiated'] ?? {}) as Record<string, unknown>;
  void [gracefulRestart, holdTimeSeconds, keepaliveSeconds, sendHoldSeconds];
  const steady = steadyFields.map(field => [field, peer[field]]);
  return `peer ${JSON.stringify({...Object.fromEntries(steady), ...negotiated})}`;
}

function steadyStatus(status: Status): readonly string[] {
  const {bgp, backend, mtu, underlay, peers, problems, attachments, reconcile} = status as Record<
    string,
    unknown
  >;
  const {tables = []} = (reconcile ?? {}) as {
    tables?: readonly {name: string; desired: number; failing: number}[];
  };
  return [
    `status ${JSON.stringify({bgp, backend, mtu, underlay, peers, problems, attachments})}`,
    ...tables.map(({name, desired, failing}) => `table ${name}: ${desired}, failing ${failing}`),
  ];
}

function lines(what: string, routes: readonly Route[]): readonly string[] {
  return routes.map(route => `${what} ${JSON.stringify(route)}`).sort();
}

const dumps = [
  'ip -4 route show table all',
  'ip -6 route show table all',
  'ip nexthop show',
  'ip neigh show nud permanent',
  'bridge fdb show',
  'ip rule show',
  'ip -6 rule show',
  'ip -o address show',
  'ip -o link show',
  ...['iptables', 'ip6tables'].flatMap(program => [
    `${program} -S`,
    `${program} -t nat -S`,
    `${program} -t mangle -S`,
  ]),
];

/** Sorted; without what merely passes. */
export async function kernelOf(host: Host): Promise<readonly string[]> {
  const {stdout} = await host.run(['sh', '-c', dumps.join(' && ')]);
  return stdout
    .split('\n')
    .map(line => line.trim().replace(/(expires|valid_lft|preferred_lft) \S+/g, ''))
    .filter(line => line !== '' && !/^fe80::/.test(line))
    .sort();
}

/** Lines of one list and not of the other. */
export function difference(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, fresh] = [new Set(before), new Set(after)];
  return [
    ...before.filter(line => !fresh.has(line)).map(line => `- ${line}`),
    ...after.filter(line => !old.has(line)).map(line => `+ ${line}`),
  ];
}

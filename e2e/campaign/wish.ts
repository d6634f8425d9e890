/**
 * What the campaign has configured, as values; the records and the router's configuration that say so, and what
 * follows for sessions and pods. Pure.
 */
import {inFamily, type Family, type RouterConfig} from '../bgp/lab/router.js';

export const nodeNames = ['a', 'b', 'c'] as const;
export type NodeName = (typeof nodeNames)[number];

/** Labels of nodes, each a group that selectors name. */
const groups = {
  all: ['a', 'b', 'c'],
  first: ['a'],
  pair: ['a', 'b'],
  tail: ['b', 'c'],
} as const satisfies Readonly<Record<string, readonly NodeName[]>>;
export type Group = keyof typeof groups;

export const backends = ['bgp', 'vxlan', 'by-subnet', 'direct'] as const;
export const passwords = ['orange', 'lemon'] as const;
export const exports = ['usual', 'nothing', 'ipv4', 'tagged', 'everything'] as const;
export const imports = ['usual', 'nothing', 'fabric', 'everything'] as const;
export const edgeNames = ['edge4', 'edge6'] as const;
export type EdgeName = (typeof edgeNames)[number];

export interface Edge {
  readonly group: Group;
  readonly asn: number | 'external';
  readonly password?: (typeof passwords)[number];
  readonly import: (typeof imports)[number];
  readonly export: (typeof exports)[number];
  readonly gracefulRestart: boolean;
  readonly holdTime: string;
  readonly allowAsIn: number;
  readonly families: readonly Family[];
  readonly shutdown?: string;
  readonly maxPrefixes?: number;
  readonly addPath: 'none' | 'both';
}

export interface Wish {
  readonly backend: (typeof backends)[number];
  readonly asn: number;
  readonly tailAsn?: number; // of nodes b and c
  readonly nodeMesh?: boolean;
  readonly reflectors?: Group;
  readonly communities: readonly string[];
  readonly gracefulRestart: {readonly enabled: boolean; readonly restartTime: string};
  readonly mesh: {readonly holdTime: string; readonly password?: string; readonly bfd: boolean};
  readonly installRoutes: boolean;
  readonly leaving: readonly NodeName[];
  readonly edges: Readonly<Partial<Record<EdgeName, Edge>>>;
  readonly router: {
    readonly isRunning: boolean;
    readonly prefixes: number; // of IPv4; a quarter as many of IPv6
    readonly from: number; // the first
    readonly hasWrongKey: boolean; // towards edge4
  };
}

export const routerAsn = 65_100;
export const router = {ipv4: '192.0.2.100', ipv6: '2001:db8::100'} as const;

export const firstEdge: Edge = {
  ...{group: 'pair', asn: routerAsn, import: 'fabric', export: 'usual', gracefulRestart: true},
  ...{holdTime: '9s', allowAsIn: 1, families: ['ipv4', 'ipv6'], addPath: 'none'},
};

export const firstWish: Wish = {
  ...{backend: 'bgp', asn: 64_512, communities: [], installRoutes: true, leaving: []},
  gracefulRestart: {enabled: true, restartTime: '20s'},
  mesh: {holdTime: '90s', bfd: false},
  edges: {edge4: firstEdge},
  router: {isRunning: true, prefixes: 200, from: 0, hasWrongKey: false},
};

export function labelsOf(node: NodeName): Readonly<Record<string, string>> {
  const own = Object.entries(groups).filter(([, members]) =>
    (members as readonly NodeName[]).includes(node),
  );
  return Object.fromEntries(own.map(([group]) => [group, 'yes']));
}

export function isIn(node: NodeName, group: Group): boolean {
  return (groups[group] as readonly NodeName[]).includes(node);
}

export function asnOf(node: NodeName, {asn, tailAsn}: Wish): number {
  return tailAsn !== undefined && isIn(node, 'tail') ? tailAsn : asn;
}

export function recordsOf(wish: Wish): readonly object[] {
  const edges = edgeNames.flatMap(name => {
    const edge = wish.edges[name];
    return edge === undefined ? [] : [record('BGPPeer', name, edgeSpec(name, edge))];
  });
  return [
    record('Network', 'default', networkSpec(wish)),
    record('BGPConfig', 'default', configSpec(wish)),
    ...edges,
  ];
}

function record(kind: string, name: string, spec: object): object {
  return {apiVersion: 'twill.io/v1', kind, metadata: {name}, spec};
}

function networkSpec({backend}: Wish): object {
  return backend === 'by-subnet' ? {backend: 'vxlan', vxlan: {directRouting: true}} : {backend};
}

function configSpec(wish: Wish): object {
  const {tailAsn, nodeMesh, reflectors, mesh, leaving} = wish;
  return {
    asn: wish.asn,
    ...(tailAsn !== undefined && {nodeAsns: [{nodeSelector: selector('tail'), asn: tailAsn}]}),
    ...(nodeMesh !== undefined && {nodeMesh}),
    ...(reflectors !== undefined && {routeReflector: {nodeSelector: selector(reflectors)}}),
    ...(wish.communities.length > 0 && {communities: wish.communities}),
    ...(leaving.length > 0 && {gracefulShutdown: leaving}),
    installRoutes: wish.installRoutes,
    gracefulRestart: wish.gracefulRestart,
    mesh: {
      holdTime: mesh.holdTime,
      ...(mesh.password !== undefined && {passwordFrom: {file: keyFile(mesh.password)}}),
      ...(mesh.bfd && {bfd: {interval: '500ms', multiplier: 5}}),
    },
  };
}

const selector = (group: Group) => ({matchLabels: {[group]: 'yes'}});

export function keyFile(password: string): string {
  return `/etc/twill/keys/${password}`;
}

function edgeSpec(name: EdgeName, edge: Edge): object {
  const {group, asn, gracefulRestart, holdTime, allowAsIn, families, addPath} = edge;
  const rules = {import: importRules[edge.import], export: exportRules[edge.export]};
  return {
    ...(group !== 'all' && {nodeSelector: selector(group)}),
    address: name === 'edge4' ? router.ipv4 : router.ipv6,
    ...{asn, gracefulRestart, holdTime, allowAsIn, families, addPath, connectRetry: '1s'},
    ...(edge.password !== undefined && {passwordFrom: {file: keyFile(edge.password)}}),
    ...(edge.shutdown !== undefined && {shutdown: edge.shutdown}),
    ...(edge.maxPrefixes !== undefined && {
      ...{maxPrefixes: edge.maxPrefixes, maxPrefixesRestart: '3s'},
    }),
    ...Object.fromEntries(Object.entries(rules).filter(([, list]) => list !== undefined)),
  };
}

const accept = {action: 'accept'};
const importRules = {
  usual: undefined,
  nothing: [{action: 'reject'}],
  fabric: [
    {
      match: {
        prefixes: [
          {cidr: '172.16.0.0/12', le: 32},
          {cidr: '2001:db8:f::/48', le: 64},
        ],
      },
      set: {localPref: 200},
      ...accept,
    },
    {
      match: {
        prefixes: [
          {cidr: '10.244.0.0/16', le: 32},
          {cidr: 'fd00:10:244::/112', le: 128},
        ],
      },
      ...accept,
    },
  ],
  everything: [accept],
} as const;
const exportRules = {
  usual: undefined,
  nothing: [{action: 'reject'}],
  ipv4: [{match: {source: 'local', prefixes: [{cidr: '0.0.0.0/0', le: 32}]}, ...accept}],
  tagged: [{match: {source: 'local'}, set: {addCommunities: ['65100:7'], prependAs: 1}, ...accept}],
  everything: [accept],
} as const;

export function prefixesOf({router: {prefixes, from}}: Wish): readonly string[] {
  const numbers = Array.from({length: prefixes}, (_, n) => from + n);
  const ipv4 = numbers.map(n => `172.${16 + (n >> 8)}.${n & 255}.0/24`);
  const ipv6 = numbers
    .filter(n => n % 4 === 0)
    .map(n => `2001:db8:f:${(n + 4096).toString(16)}::/64`);
  return [...ipv4, ...ipv6];
}

/** Sessions in this order: edge4 of nodes a, b, c, then edge6; BIRD calls them p0 to p5. */
export function routerConfig(wish: Wish): RouterConfig {
  const peers = edgeNames.flatMap(name =>
    nodeNames.map((node, index) => {
      const edge = wish.edges[name];
      const password = name === 'edge4' && wish.router.hasWrongKey ? 'wrong' : edge?.password;
      return {
        address: name === 'edge4' ? `192.0.2.${index + 1}` : `2001:db8::${index + 1}`,
        localAddress: name === 'edge4' ? router.ipv4 : router.ipv6,
        asn: asnOf(node, wish),
        passive: true,
        ...(password !== undefined && {password}),
        ...(edge?.addPath === 'both' && {addPath: 'both' as const}),
      };
    }),
  );
  return {
    ...{asn: routerAsn, identifier: router.ipv4, nextHops: {ipv4: '', ipv6: ''}, peers},
    ...{announces: prefixesOf(wish), kernel: true, gracefulRestart: {timeSeconds: 20}},
  };
}

export interface ExpectedPeer {
  readonly name: string;
  readonly isUp: boolean;
}

export function expectedPeers(node: NodeName, wish: Wish): readonly ExpectedPeer[] {
  const others = nodeNames.filter(other => other !== node && haveSession(node, other, wish));
  const edges = edgeNames.filter(name => isSelected(node, wish.edges[name]));
  return [
    ...edges.map(name => ({name, isUp: edgeIsUp(name, wish)})),
    ...others.map(other => ({name: `node/${other}`, isUp: true})),
  ];
}

function isSelected(node: NodeName, edge: Edge | undefined): boolean {
  return edge !== undefined && isIn(node, edge.group);
}

export function edgeIsUp(name: EdgeName, wish: Wish): boolean {
  const edge = wish.edges[name];
  if (edge === undefined || !wish.router.isRunning || edge.shutdown !== undefined) return false;
  if (edge.asn !== routerAsn && edge.asn !== 'external') return false;
  return !(name === 'edge4' && wish.router.hasWrongKey);
}

function hasMesh({backend, nodeMesh}: Wish): boolean {
  return nodeMesh ?? backend === 'bgp';
}

export function haveSession(one: NodeName, other: NodeName, wish: Wish): boolean {
  const {reflectors} = wish;
  const asn = asnOf(one, wish);
  if (reflectors === undefined || asn !== asnOf(other, wish)) return hasMesh(wish);
  if (isIn(one, reflectors) || isIn(other, reflectors)) return true;
  return !nodeNames.some(node => isIn(node, reflectors) && asnOf(node, wish) === asn);
}

/**
 * What a node does then depends on what it did before: it keeps sessions of the mesh until a BGPPeer replaces them.
 */
export function dependsOnHistory(wish: Wish): boolean {
  if (hasMesh(wish)) return false;
  // no reflector stands for a session between two AS: what there was stays
  if (wish.reflectors !== undefined) return asnOf('a', wish) !== asnOf('b', wish);
  return nodeNames.some(node => {
    const selecting = edgeNames.filter(name => isSelected(node, wish.edges[name]));
    if (selecting.length === 0) return wish.backend === 'bgp';
    return !selecting.some(name => edgeIsUp(name, wish));
  });
}

/** Whether pods of these nodes reach each other by what is configured. */
export function areConnected(one: NodeName, other: NodeName, wish: Wish): boolean {
  if (one === other || wish.backend !== 'bgp') return true;
  if (!wish.installRoutes) return false;
  return haveSession(one, other, wish) || shareReflector(one, other, wish);
}

function shareReflector(one: NodeName, other: NodeName, wish: Wish): boolean {
  const {reflectors} = wish;
  if (reflectors === undefined || asnOf(one, wish) !== asnOf(other, wish)) return false;
  return nodeNames.some(
    node =>
      isIn(node, reflectors) &&
      asnOf(node, wish) === asnOf(one, wish) &&
      haveSession(node, one, wish) &&
      haveSession(node, other, wish),
  );
}

/** Of a node's own ranges, those that its neighbour is told. Undefined: and others, so all is to be asked. */
export function exported(name: EdgeName, ranges: readonly string[], wish: Wish): readonly string[] {
  const edge = wish.edges[name];
  if (edge === undefined || edge.export === 'nothing') return [];
  const families = edge.export === 'ipv4' ? (['ipv4'] as const) : edge.families;
  return families
    .filter(family => edge.families.includes(family))
    .flatMap(family => inFamily(ranges, family));
}

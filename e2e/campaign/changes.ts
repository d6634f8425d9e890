/** One change of the wish, chosen at random. Pure but for the choice. */
import type {Random} from './random.js';
import {
  backends,
  type Edge,
  type EdgeName,
  edgeNames,
  exports,
  firstEdge,
  imports,
  nodeNames,
  passwords,
  routerAsn,
  type Wish,
} from './wish.js';

export interface Change {
  readonly words: string;
  readonly wish: Wish;
}

const groups = ['all', 'first', 'pair', 'tail'] as const;

export function changeNetwork(random: Random, wish: Wish): Change {
  const backend = random.chance(0.5) ? 'bgp' : random.pick(backends);
  return {words: `backend ${backend}`, wish: {...wish, backend}};
}

export function changeConfig(random: Random, wish: Wish): Change {
  const changed = random.pick(configChanges)(random, wish);
  return {words: `BGPConfig ${JSON.stringify(changed)}`, wish: withFields(wish, changed)};
}

export function changeEdge(random: Random, wish: Wish): Change {
  const name = random.chance(0.7) ? 'edge4' : 'edge6';
  const edge = wish.edges[name];
  if (edge === undefined) return withEdge(wish, name, {...firstEdge, group: random.pick(groups)});
  if (random.chance(0.12)) return withoutEdge(wish, name);
  const changed = random.pick(edgeChanges)(random, edge, wish);
  return withEdge(wish, name, withFields(edge, changed), changed);
}

export function changeRouter(random: Random, wish: Wish): Change {
  const {router} = wish;
  const changed = random.chance(0.15)
    ? {hasWrongKey: !router.hasWrongKey}
    : {prefixes: 100 + random.below(200), from: random.below(50)};
  return {
    words: `router ${JSON.stringify(changed)}`,
    wish: {...wish, router: {...router, ...changed}},
  };
}

/** A field that is undefined is left out from now on. */
type Fields<T> = {readonly [K in keyof T]?: T[K] | undefined};

const configChanges: readonly ((random: Random, wish: Wish) => Fields<Wish>)[] = [
  (_random, {nodeMesh}) => ({nodeMesh: nodeMesh === undefined ? true : undefined}),
  random => ({nodeMesh: random.pick([true, false, undefined])}),
  random => ({reflectors: random.pick([undefined, ...groups])}),
  random => ({reflectors: random.pick(groups)}),
  random => ({communities: random.pick([[], ['64512:1'], ['64512:1', 'no-peer']])}),
  random => ({asn: random.pick([64_512, 64_700])}),
  random => ({tailAsn: random.pick([undefined, 64_601])}),
  random => ({
    gracefulRestart: {enabled: random.chance(0.7), restartTime: random.pick(['5s', '20s', '120s'])},
  }),
  random => ({
    mesh: {
      holdTime: random.pick(['6s', '9s', '90s']),
      bfd: random.chance(0.3),
      ...(random.chance(0.4) && {password: random.pick(passwords)}),
    },
  }),
  (_random, {installRoutes}) => ({installRoutes: !installRoutes}),
  random => ({leaving: random.chance(0.5) ? [] : [random.pick(nodeNames)]}),
];

const edgeChanges: readonly ((random: Random, edge: Edge, wish: Wish) => Fields<Edge>)[] = [
  random => ({password: random.pick([undefined, ...passwords])}),
  random => ({group: random.pick(groups)}),
  random => ({asn: random.pick([routerAsn, routerAsn, 'external', 65_199])}),
  random => ({import: random.pick(imports)}),
  random => ({export: random.pick(exports)}),
  (_random, {gracefulRestart}) => ({gracefulRestart: !gracefulRestart}),
  random => ({holdTime: random.pick(['6s', '9s', '30s'])}),
  random => ({allowAsIn: random.pick([0, 1])}),
  random => ({families: random.pick([['ipv4'], ['ipv6'], ['ipv4', 'ipv6']] as const)}),
  (_random, {shutdown}) => ({shutdown: shutdown === undefined ? 'for a while' : undefined}),
  (_random, {maxPrefixes}) => ({maxPrefixes: maxPrefixes === undefined ? 500 : undefined}),
  (_random, {addPath}) => ({addPath: addPath === 'none' ? 'both' : 'none'}),
];

function withEdge(wish: Wish, name: EdgeName, edge: Edge, changed: object = edge): Change {
  const words = `BGPPeer ${name} ${JSON.stringify(changed)}`;
  return {words, wish: {...wish, edges: {...wish.edges, [name]: edge}}};
}

function withoutEdge(wish: Wish, name: EdgeName): Change {
  const others = edgeNames.filter(each => each !== name && wish.edges[each] !== undefined);
  const edges = Object.fromEntries(others.map(each => [each, wish.edges[each]]));
  return {words: `delete BGPPeer ${name}`, wish: {...wish, edges}};
}

function withFields<T extends object>(old: T, fields: Fields<T>): T {
  const entries = Object.entries({...old, ...fields}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}

/** What the router holds from each node, and each node's kernel from it. Pure but for asking BIRD. */
import {inFamily} from '../bgp/lab/router.js';
import {difference, type NodeView} from './view.js';
import {
  edgeIsUp,
  type EdgeName,
  edgeNames,
  exported,
  isIn,
  nodeNames,
  type NodeName,
  prefixesOf,
  type Wish,
} from './wish.js';
import type {World} from './world.js';

export type Table = ReadonlyMap<string, readonly string[]>; // prefixes by protocol: p0 to p5

export async function routerTable({bird}: World): Promise<Table> {
  return toTable(await bird.ask('show route'));
}

/** A prefix, then `[p0 12:00:00.000]`; further routes of a prefix begin with spaces. */
function toTable(text: string): Table {
  const table = new Map<string, string[]>();
  let prefix = '';
  for (const line of text.split('\n')) {
    const protocol = / \[(p\d+) /.exec(line)?.[1];
    if (/^\S+\//.test(line)) prefix = line.split(' ')[0] ?? '';
    if (protocol !== undefined) table.set(protocol, [...(table.get(protocol) ?? []), prefix]);
  }
  return table;
}

/** `ranges`: of the node. */
export function routerProblems(
  wish: Wish,
  node: NodeName,
  view: NodeView,
  {ranges, table}: {readonly ranges: readonly string[]; readonly table: Table},
): readonly string[] {
  const bySession = edgeNames.flatMap((edge, nth) => {
    const session = nth * nodeNames.length + nodeNames.indexOf(node);
    const has = [...new Set(table.get(`p${session}`))].sort();
    const differs = isUp(edge, node, wish)
      ? [
          ...difference([...(view.advertised[edge] ?? [])].sort(), has),
          ...ownProblems(exported(edge, ranges, wish), has, wish.edges[edge]?.export),
        ]
      : difference([], has);
    return differs.map(each => `router, ${edge} of ${node}: ${each}`);
  });
  return [...bySession, ...learntProblems(wish, node, view)];
}

/** A node may pass on what it has learnt, where `everything` asks for it; else its own ranges are all of it. */
function ownProblems(
  own: readonly string[],
  has: readonly string[],
  filter: string | undefined,
): readonly string[] {
  const problems = difference(own, has);
  return filter === 'everything' ? problems.filter(each => each.startsWith('-')) : problems;
}

/** Where the filter lets the router's prefixes in, all of them are in the kernel, and else none. */
function learntProblems(wish: Wish, node: NodeName, {kernel}: NodeView): readonly string[] {
  const accepting = edgeNames.filter(
    name =>
      isUp(name, node, wish) && ['fabric', 'everything'].includes(wish.edges[name]?.import ?? ''),
  );
  const families = new Set(accepting.flatMap(name => wish.edges[name]?.families ?? []));
  const wanted = [...families].flatMap(family => inFamily(prefixesOf(wish), family));
  const held = kernel
    .filter(line => / proto 84 metric 2084/.test(line))
    .map(line => line.split(' ')[0] ?? '')
    .filter(prefix => /^(172\.|2001:db8:f:)/.test(prefix));
  const differs = difference(wish.installRoutes ? wanted : [], held);
  return differs.slice(0, 5).map(each => `${node}: kernel ${each}`);
}

export function isUp(edge: EdgeName, node: NodeName, wish: Wish): boolean {
  const group = wish.edges[edge]?.group;
  return group !== undefined && isIn(node, group) && edgeIsUp(edge, wish);
}

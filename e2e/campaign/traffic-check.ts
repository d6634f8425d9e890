/** Packets where the configuration says that there is a way. Shell. */
import type {Pod} from '../lab/pod.js';
import {isUp} from './router-check.js';
import {areConnected, edgeNames, type NodeName, type Wish} from './wish.js';
import type {World} from './world.js';

/** Each pod to each that it should reach; and the router to those that it was told of. */
export async function trafficProblems(world: World): Promise<readonly string[]> {
  const {pods, edge, wish} = world;
  const told = pods.filter(pod => isTold(nodeOf(pod), wish));
  const lists = await Promise.all([
    ...pods.map(from => unreached(from, world)),
    ...told.flatMap(pod => pod.addresses.map(address => unpinged(edge, pod, address))),
  ]);
  return lists.flat();
}

const nodeOf = (pod: Pod) => pod.host.hostname as NodeName;

async function unreached(from: Pod, {pods, wish}: World): Promise<readonly string[]> {
  const others = pods.filter(pod => pod !== from && areConnected(nodeOf(from), nodeOf(pod), wish));
  const addresses = others.flatMap(pod => pod.addresses);
  if (addresses.length === 0) return [];
  const results = await from.echo(addresses, {withinMs: 3000});
  return results.flatMap(({ok, error}, n) =>
    ok ? [] : [`${from.name} does not reach ${addresses[n]}: ${error}`],
  );
}

function isTold(node: NodeName, wish: Wish): boolean {
  return edgeNames.some(name => {
    const edge = wish.edges[name];
    return isUp(name, node, wish) && edge?.export === 'usual' && edge.families.length === 2;
  });
}

async function unpinged(
  edge: World['edge'],
  pod: Pod,
  address: string,
): Promise<readonly string[]> {
  const {code} = await edge.run(['ping', '-c', '1', '-W', '2', address], {mayFail: true});
  return code === 0 ? [] : [`the router does not reach ${pod.name} at ${address}`];
}

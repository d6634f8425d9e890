/**
 * With which nodes this one has sessions, and for which of them it reflects: full mesh, or reflectors
 * chosen by label, or none, and the way from one to the other that loses no route. Pure.
 *
 * Make before break. A session that is no longer wanted, and a client that need no longer be one, stay
 * until their replacement is proven, by what this node has itself and what the other's record says:
 *
 *   a session a–b goes       when one reflector has given all its routes to a (a knows) and to b (b's
 *                            record), and neither end is a reflector that somebody still needs
 *   a client goes            when its record names a reflector of now, or says that its mesh is complete
 *   a mesh goes for BGPPeers when one of these has settled, or there are none
 *
 * New sessions are made only as the configuration of now wants them: a node that starts late does not begin
 * with what the others are leaving. One whose daemon starts again goes on with what it had (last-wish.ts).
 */
import type {NodeBgp} from '../../datastore/records/node.js';
import type {SessionMemory} from './input.js';

export interface NodeView {
  readonly name: string;
  readonly asn: number;
  readonly isReflector: boolean; // by the selector of now
  readonly bgp: NodeBgp; // what its record says
}

export interface SessionInput {
  readonly self: {readonly asn: number; readonly isReflector: boolean};
  readonly nodes: readonly NodeView[]; // the others
  readonly hasMesh: boolean; // sessions between nodes where no reflector stands for them
  readonly hasReflectors: boolean; // a routeReflector is configured
  readonly settled: ReadonlySet<string>; // nodes whose own routes are here for good
  readonly settledReflectors: ReadonlySet<string>; // and those of all its clients
  /** BGPPeers of this node: 'none', or whether one of them has settled. */
  readonly fabric: 'none' | 'waiting' | 'settled';
  readonly memory: SessionMemory;
}

export interface Sessions {
  readonly peers: ReadonlyMap<string, {readonly isClient: boolean}>;
  readonly facts: NodeBgp;
  readonly kept: readonly string[]; // sessions that are on their way out
  readonly memory: SessionMemory;
}

export function chooseSessions(input: SessionInput): Sessions {
  const {self, nodes, hasReflectors} = input;
  const reflectors = reflectorsOf(input);
  const clients = new Set(
    nodes.filter(node => isClientOf(input, node, reflectors)).map(({name}) => name),
  );
  const isNeeded = clients.size > 0 && !(hasReflectors && self.isReflector);
  const wanted = new Set(
    nodes.filter(node => wants(input, node, reflectors)).map(({name}) => name),
  );
  const kept = nodes
    .filter(node => !wanted.has(node.name) && mustKeep(input, node, reflectors, isNeeded))
    .map(({name}) => name);
  const sessions = new Set([...wanted, ...kept]);
  const heard = heardReflectors(input, reflectors);
  return {
    peers: new Map([...sessions].map(name => [name, {isClient: clients.has(name)}])),
    facts: factsOf(input, heard, isNeeded),
    kept,
    memory: {sessions, clients, reflectors: heard},
  };
}

/** Other nodes of our AS that reflect now. */
function reflectorsOf({self, nodes, hasReflectors}: SessionInput): ReadonlySet<string> {
  if (!hasReflectors) return new Set();
  const ours = nodes.filter(({asn, isReflector}) => isReflector && asn === self.asn);
  return new Set(ours.map(({name}) => name));
}

/** Reflection is within an AS; where the selector finds no reflector, the mesh is what there is. */
function wants(
  {self, hasMesh, hasReflectors}: SessionInput,
  node: NodeView,
  reflectors: ReadonlySet<string>,
): boolean {
  if (!hasReflectors || node.asn !== self.asn) return hasMesh;
  if (self.isReflector || node.isReflector) return true;
  return reflectors.size === 0;
}

function isClientOf(
  {self, hasMesh, hasReflectors, fabric, memory}: SessionInput,
  node: NodeView,
  reflectors: ReadonlySet<string>,
): boolean {
  if (node.asn !== self.asn) return false;
  if (hasReflectors && self.isReflector && !node.isReflector) return true;
  if (!memory.clients.has(node.name)) return false;
  if (!hasReflectors && !hasMesh) return fabric === 'waiting';
  const {reflectors: heard = [], meshed = false} = node.bgp;
  if (node.isReflector || (reflectors.size === 0 && !self.isReflector)) return !meshed;
  return !heard.some(name => reflectors.has(name));
}

function mustKeep(
  {memory, settledReflectors, fabric, hasReflectors, hasMesh}: SessionInput,
  {name, bgp}: NodeView,
  reflectors: ReadonlySet<string>,
  isNeeded: boolean,
): boolean {
  if (!memory.sessions.has(name)) return false;
  if (!hasReflectors && !hasMesh) return fabric === 'waiting';
  if (isNeeded || bgp.reflecting === true) return true;
  const theirs = bgp.reflectors ?? [];
  return !theirs.some(each => reflectors.has(each) && settledReflectors.has(each));
}

/** Once heard, a reflector stays named: its restart must not make every node write its record. */
function heardReflectors(
  {settledReflectors, memory}: SessionInput,
  reflectors: ReadonlySet<string>,
): ReadonlySet<string> {
  const heard = [...reflectors].filter(
    name => settledReflectors.has(name) || memory.reflectors.has(name),
  );
  return new Set(heard.sort());
}

/** `meshed` is told only while somebody asks for it: it changes with every restart of a node. */
function factsOf(
  {self, nodes, hasReflectors, settled}: SessionInput,
  heard: ReadonlySet<string>,
  isNeeded: boolean,
): NodeBgp {
  const ours = nodes.filter(({asn}) => asn === self.asn);
  const isAsked = ours.some(({bgp}) => bgp.reflecting === true);
  const isMeshed = ours.every(({name}) => settled.has(name));
  return {
    ...(heard.size > 0 && {reflectors: [...heard]}),
    ...(hasReflectors && self.isReflector && {reflector: true}),
    ...(isAsked && isMeshed && {meshed: true}),
    ...(isNeeded && {reflecting: true}),
  };
}

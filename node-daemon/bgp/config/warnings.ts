/**
 * What is as it was configured, and hardly as it was meant. Pure. Every node tells it, also where no speaker
 * runs: of a record that is for nobody there is no node that it is about.
 */
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import type {BgpInput, BgpProblem} from './input.js';
import type {Witnesses} from './witnesses.js';

export interface Outcome {
  readonly isCutOff: boolean; // no session is asked for, and the backend needs some
  readonly keepsMesh: boolean;
  readonly witnesses: Witnesses;
}

export function findWarnings(
  input: BgpInput,
  spec: BgpConfig['spec'],
  outcome: Outcome,
): readonly BgpProblem[] {
  const ofConfig = [
    ...cutOffWarnings(input, spec, outcome),
    ...reflectorWarnings(input, spec, outcome),
    ...leavingWarnings(input, spec),
  ];
  return [
    ...ofConfig.map(message => ({key: 'bgpconfig/default', message})),
    ...peerWarnings(input, outcome),
  ];
}

/** Pods of other nodes cannot be reached. */
function cutOffWarnings(
  {state}: BgpInput,
  spec: BgpConfig['spec'],
  {isCutOff, keepsMesh}: Outcome,
): readonly string[] {
  const because = 'the backend is bgp, spec.nodeMesh is false and no BGPPeer selects this node';
  const outcome = keepsMesh ? 'it keeps its sessions for now' : 'it has no way to other nodes';
  const isBlind = spec.installRoutes === false && state.network.backend === 'bgp';
  return [
    ...(isCutOff ? [`${because}: ${outcome}`] : []),
    ...(isBlind ? ['spec.installRoutes is false: no node has routes to the pods of others'] : []),
  ];
}

function reflectorWarnings(
  input: BgpInput,
  {routeReflector}: BgpConfig['spec'],
  {witnesses}: Outcome,
): readonly string[] {
  if (routeReflector === undefined) return [];
  const {nodeSelector} = routeReflector;
  if (!witnesses.selectsNobody('bgpconfig routeReflector', nodeSelector, input)) return [];
  return ['spec.routeReflector.nodeSelector: selects no node, so the mesh stays'];
}

/** Names may be there before their nodes are. */
function leavingWarnings(
  {state: {self, nodes}}: BgpInput,
  {gracefulShutdown = []}: BgpConfig['spec'],
): readonly string[] {
  return gracefulShutdown
    .filter(name => name !== self.name && !nodes.has(name))
    .map(name => `spec.gracefulShutdown: there is no node ${name}; if it joins, it counts`);
}

function peerWarnings(input: BgpInput, {witnesses}: Outcome): readonly BgpProblem[] {
  const message = 'spec.nodeSelector: selects no node, so nobody has this neighbour';
  return [...input.state.resources.values()]
    .filter(resource => resource.kind === 'BGPPeer')
    .map(({metadata: {name}, spec}) => ({
      key: `bgppeer/${name}`,
      selector: spec.nodeSelector ?? {},
    }))
    .filter(({key, selector}) => witnesses.selectsNobody(key, selector, input))
    .map(({key}) => ({key, message}));
}

/** Addresses, neighbours with fdb entries, and rules of the fake kernel. */
import {decodeAddress} from './address.js';
import {NLM_F_CREATE, NLM_F_REPLACE, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWRULE} from './constants.js';
import {mayWrite} from './fake-routes.js';
import {addressKey, neighbourKey, ruleKey, type FakeState, type Verdict} from './fake-state.js';
import type {Request} from './message.js';
import {decodeNeighbour} from './neighbour.js';
import {formatIp} from './request.js';
import {decodeRule} from './rule.js';

export function changeAddress(state: FakeState, request: Request): Verdict {
  const address = decodeAddress(request.payload);
  const key = addressKey(address);
  if (!state.links.has(address.index)) return 'ENODEV';
  if (request.type !== RTM_NEWADDR)
    return state.addresses.delete(key) ? undefined : 'EADDRNOTAVAIL';
  const verdict = mayWrite(state.addresses.has(key), request.flags);
  if (verdict === undefined) state.addresses.set(key, address);
  return verdict;
}

export function changeNeighbour(state: FakeState, request: Request): Verdict {
  const neighbour = decodeNeighbour(request.payload);
  if (!state.links.has(neighbour.index)) return 'ENODEV';
  const key = neighbourKey(neighbour);
  const held = state.neighbours.get(key);
  if (request.type === RTM_NEWNEIGH) {
    const verdict = mayWrite(held !== undefined, request.flags);
    if (verdict === undefined) state.neighbours.set(key, neighbour);
    return verdict;
  }
  const {destination} = neighbour;
  const other =
    destination !== undefined &&
    held?.destination !== undefined &&
    formatIp(destination) !== formatIp(held.destination);
  return other || !state.neighbours.delete(key) ? 'ENOENT' : undefined;
}

export function changeRule(state: FakeState, request: Request): Verdict {
  const rule = decodeRule(request.payload);
  const key = ruleKey(rule);
  if (request.type !== RTM_NEWRULE) return state.rules.delete(key) ? undefined : 'ENOENT';
  const verdict = mayWrite(state.rules.has(key), (request.flags & ~NLM_F_REPLACE) | NLM_F_CREATE);
  if (verdict === undefined) state.rules.set(key, rule);
  return verdict;
}

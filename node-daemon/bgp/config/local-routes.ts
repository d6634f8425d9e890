/**
 * What this node originates: the ranges that it holds, and a route to each pod whose address lies in
 * none of them. Pure.
 *
 * Such a pod came from a range that was lost (its lease ran out and another host has it) or was moved:
 * the longer prefix leads to it as long as it lives. Addresses outside all pools are none of ours.
 */
import {contains, familyOfAddress, type Cidr, type LocalRoute, type PathAttributes} from '#bgp-fsm';
import {parsePrefix} from '#ipam';
import type {BgpConfig} from '../../datastore/records/bgp-config.js';
import {toCommunities} from './filter.js';
import type {BgpInput} from './input.js';

/** Undefined as long as ranges or pods are not known: what was announced before stays. */
export function toLocalRoutes(
  {ranges, pods, pools}: BgpInput['state'],
  {communities = []}: BgpConfig['spec'],
): readonly LocalRoute[] | undefined {
  if (ranges === undefined || pods === undefined) return undefined;
  const attributes = toAttributes(communities);
  const inPool = [...pools.values()].map(({cidr}) => parsePrefix(cidr)).filter(isGiven);
  const strays = new Map<string, Cidr>();
  for (const {addresses, isReady} of pods.values()) {
    if (!isReady) continue;
    for (const address of addresses) {
      const isInside = (prefix: Cidr) => contains(prefix, address);
      if (ranges.some(isInside) || !inPool.some(isInside)) continue;
      strays.set(address.join(), {address, bits: address.length * 8});
    }
  }
  return [...ranges, ...strays.values()].map(({address, bits}) => ({
    ...{family: familyOfAddress(address), address, bits, attributes},
  }));
}

function toAttributes(texts: readonly string[]): PathAttributes {
  const {standard, large} = toCommunities(texts);
  return {
    origin: 0,
    asPath: [],
    ...(standard.length > 0 && {communities: standard}),
    ...(large.length > 0 && {largeCommunities: large}),
  };
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined;
}

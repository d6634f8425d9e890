/**
 * What the fake kernel holds, by kind. Tables are keyed the way the kernel finds duplicates. Pure
 * but for its own state.
 */
import type {Address} from './address.js';
import {NTF_SELF} from './constants.js';
import type {Link} from './link.js';
import type {Neighbour} from './neighbour.js';
import type {Nexthop} from './nexthop.js';
import {formatIp, formatMac} from './request.js';
import type {Route} from './route.js';
import type {Rule} from './rule.js';

/** Undefined: done. Else the errno name that the kernel answers with. */
export type Verdict = string | undefined;

export interface FakeState {
  readonly links: Map<number, Link>; // by index
  readonly addresses: Map<string, Address>;
  readonly routes: Map<string, Route>;
  readonly nexthops: Map<number, Nexthop>; // by id
  readonly neighbours: Map<string, Neighbour>; // fdb entries too
  readonly rules: Map<string, Rule>;
  readonly peers: Map<number, {readonly state: FakeState; readonly index: number}>; // of veths
}

export function createFakeState(): FakeState {
  return {
    links: new Map(),
    addresses: new Map(),
    routes: new Map(),
    nexthops: new Map(),
    neighbours: new Map(),
    rules: new Map(),
    peers: new Map(),
  };
}

export function addressKey(address: Address): string {
  return `${address.index} ${formatIp(address.address)}/${address.bits}`;
}

export function routeKey({family, table, destination, priority}: Route): string {
  const metric = priority ?? (family === 'ipv6' ? 1024 : 0);
  return `${table} ${formatIp(destination.address)}/${destination.bits} ${family} ${metric}`;
}

/** A unicast fdb entry is replaced by its MAC, a neighbour by its address. */
export function neighbourKey({family, index, flags, destination, mac}: Neighbour): string {
  if (family === 'bridge') {
    const where = (flags & NTF_SELF) !== 0 ? 'self' : 'master';
    return `fdb ${index} ${where} ${mac === undefined ? '' : formatMac(mac)}`;
  }
  return `${family} ${index} ${destination === undefined ? '' : formatIp(destination)}`;
}

export function ruleKey(rule: Rule): string {
  return JSON.stringify(rule, (_, value: unknown) =>
    value instanceof Uint8Array ? formatIp(value) : value,
  );
}

/** Removes what a condition holds for. */
export function removeIf<K, V>(table: Map<K, V>, condition: (value: V) => boolean): void {
  for (const [key, value] of table) if (condition(value)) table.delete(key);
}

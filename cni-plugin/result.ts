/**
 * A CNI result in the shape of the newest version, whatever version it came in or goes out in.
 * Pure. What we do not know of another plugin's result is not passed on: the specification closes
 * the structure.
 *
 *   0.3.0 - 0.4.0   ips[].version is required ("4" or "6")
 *   1.0.0           ips[].version is gone
 *   1.1.0           interfaces[]: mtu, socketPath, pciID; routes[]: mtu, advmss, priority, table, scope
 */
import {parseAddress, parseInterface} from '#ipam';
import * as v from 'valibot';
import {CNI_CODE, CniError} from './error.js';
import {object, optional, validate} from './schema.js';
import {isAtLeast, type CniVersion} from './version.js';

export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
}

export interface ResultAddress {
  readonly address: string; // '10.1.2.3/24': host bits stay
  readonly gateway?: string;
  readonly interface?: number; // index into interfaces
}

export interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface Dns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface Result {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultAddress[];
  readonly routes: readonly ResultRoute[];
  readonly dns: Dns;
}

export const EMPTY_RESULT: Result = {interfaces: [], ips: [], routes: [], dns: {}};

const cidr = v.pipe(
  v.string(),
  v.check(text => parseInterface(text) !== undefined, 'expected address/length'),
);
const address = v.pipe(
  v.string(),
  v.check(text => parseAddress(text) !== undefined, 'expected an address'),
);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const dnsSchema = object({
  nameservers: optional(v.array(v.string())),
  domain: optional(v.string()),
  search: optional(v.array(v.string())),
  options: optional(v.array(v.string())),
});

const resultSchema = object({
  interfaces: optional(
    v.array(
      object({
        name: v.string(),
        mac: optional(v.string()),
        mtu: optional(count),
        sandbox: optional(v.string()),
        socketPath: optional(v.string()),
        pciID: optional(v.string()),
      }),
    ),
  ),
  ips: optional(
    v.array(object({address: cidr, gateway: optional(address), interface: optional(count)})),
  ),
  routes: optional(
    v.array(
      object({
        dst: cidr,
        gw: optional(address),
        mtu: optional(count),
        advmss: optional(count),
        priority: optional(count),
        table: optional(count),
        scope: optional(count),
      }),
    ),
  ),
  dns: optional(dnsSchema),
});

/**
 * A result in any supported version (`ips[].version` is redundant and ignored).
 * @throws CniError 7 naming the field below `name`.
 */
export function parseResult(json: unknown, name: 'prevResult' | 'ipamResult'): Result {
  const result = withoutUndefined(validate(resultSchema, json, name)) as Partial<Result>;
  const interfaces = result.interfaces ?? [];
  for (const [at, ip] of (result.ips ?? []).entries()) {
    if (ip.interface !== undefined && ip.interface >= interfaces.length) {
      throw new CniError(
        CNI_CODE.invalidConfig,
        `${name}.ips.${at}.interface: ${ip.interface} is beyond the list of interfaces`,
      );
    }
  }
  return {...EMPTY_RESULT, ...result};
}

/** Appends `ours` behind what earlier plugins of the chain made; indices are moved along. */
export function mergeResults(previous: Result, ours: Result): Result {
  const shift = previous.interfaces.length;
  const moved = ours.ips.map(ip =>
    ip.interface === undefined ? ip : {...ip, interface: ip.interface + shift},
  );
  return {
    interfaces: [...previous.interfaces, ...ours.interfaces],
    ips: [...previous.ips, ...moved],
    routes: [...previous.routes, ...ours.routes],
    dns: mergeDns(previous.dns, ours.dns),
  };
}

/** The result as the configuration's version writes it. An IPAM result has no interfaces. */
export function formatResult(result: Result, version: CniVersion): object {
  const rich = isAtLeast(version, '1.1.0');
  const versioned = !isAtLeast(version, '1.0.0');
  return {
    cniVersion: version,
    ...(result.interfaces.length === 0
      ? {}
      : {interfaces: rich ? result.interfaces : result.interfaces.map(toOldInterface)}),
    ips: versioned ? result.ips.map(toVersionedAddress) : result.ips,
    ...(result.routes.length === 0
      ? {}
      : {routes: rich ? result.routes : result.routes.map(toOldRoute)}),
    dns: result.dns,
  };
}

function toOldInterface({name, mac, sandbox}: ResultInterface): ResultInterface {
  return {
    name,
    ...(mac === undefined ? {} : {mac}),
    ...(sandbox === undefined ? {} : {sandbox}),
  };
}

function toVersionedAddress(ip: ResultAddress): object {
  return {version: ip.address.includes(':') ? '6' : '4', ...ip};
}

function toOldRoute({dst, gw}: ResultRoute): ResultRoute {
  return gw === undefined ? {dst} : {dst, gw};
}

/** What is nearer to the pod wins, field by field. */
function mergeDns(previous: Dns, ours: Dns): Dns {
  return {...previous, ...ours};
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item)]),
  );
}

/**
 * The network configuration from stdin. Pure. Unknown fields are left alone: runtimes and other
 * tools add theirs. A field that is known and cannot be honoured is refused (code 2), because a
 * pod that silently lacks what was asked for is worse than no pod.
 */
import {formatAddress, parseAddress} from '#ipam';
import * as v from 'valibot';
import {CNI_CODE, CniError} from './error.js';
import {decodeJson} from './json.js';
import {parseMac} from './mac.js';
import {dnsSchema, parseResult, type Dns, type Result} from './result.js';
import {dictionary, object, optional, validate} from './schema.js';
import {isSupportedVersion, SUPPORTED_VERSIONS, type CniVersion, type Verb} from './version.js';

/** own: our ranges. delegated: another IPAM plugin chose. only: we are another plugin's IPAM. */
export type IpamMode = 'own' | 'delegated' | 'only';

export interface Requested {
  readonly ips: readonly string[]; // canonical, without prefix length
  readonly mac?: string; // canonical
}

export interface NetworkConfig {
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly type: string;
  readonly ipam: IpamMode;
  readonly mtu?: number;
  readonly dns: Dns;
  /** By whom a request was made, in the order in which they are heard. */
  readonly runtime: Requested;
  readonly args: Requested;
  readonly annotations: Requested;
  readonly labels: Readonly<Record<string, string>>;
  readonly prevResult?: Result;
  readonly validAttachments?: readonly {readonly containerId: string; readonly ifName: string}[];
}

/** The parts that even a DEL needs; everything else may be broken and the DEL still works. */
export interface BaseConfig {
  readonly cniVersion: CniVersion;
  readonly name: string;
}

export const ANNOTATION_IPS = 'twill.io/ips';
export const ANNOTATION_MAC = 'twill.io/mac';
const MAX_REQUESTED_IPS = 16;

const mac = v.pipe(
  v.string(),
  v.check(text => parseMac(text) !== undefined, 'expected a unicast MAC address'),
);
const requestedIp = v.pipe(
  v.string(),
  v.check(text => toAddress(text) !== undefined, 'expected an address'),
);
const requestedIps = v.pipe(v.array(requestedIp), v.maxLength(MAX_REQUESTED_IPS));
const label = object({
  key: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9]([A-Za-z0-9_./-]{0,315}[A-Za-z0-9])?$/, 'no label key'),
  ),
  value: v.pipe(
    v.string(),
    v.regex(/^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/, 'no label value'),
  ),
});

const baseSchema = object({
  cniVersion: v.optional(v.string()),
  name: v.pipe(
    v.string('is missing or no text'),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'is not a valid network name'),
    v.maxLength(253),
  ),
});

const configSchema = object({
  type: v.pipe(v.string('is missing or no text'), v.nonEmpty('is empty')),
  mtu: optional(v.pipe(v.number(), v.integer(), v.minValue(576), v.maxValue(65_535))),
  ipMasq: optional(v.boolean()),
  ipam: optional(object({type: optional(v.string())})),
  dns: optional(dnsSchema),
  args: optional(
    object({
      cni: optional(
        object({
          labels: optional(v.array(label)),
          ips: optional(requestedIps),
          mac: optional(mac),
        }),
      ),
    }),
  ),
  runtimeConfig: optional(dictionary(v.unknown())),
  prevResult: optional(v.unknown()),
});

/** Keys are in lower case here: see lowerKeys. */
const runtimeSchema = object({
  ips: optional(requestedIps),
  mac: optional(mac),
  dns: optional(v.pipe(dictionary(v.unknown()), v.transform(lowerKeys))),
  'io.kubernetes.cri.pod-annotations': optional(dictionary(v.string())),
});

const runtimeDnsSchema = object({
  servers: optional(v.array(v.string())),
  searches: optional(v.array(v.string())),
  options: optional(v.array(v.string())),
});

const attachmentsSchema = v.nullable(
  v.array(object({containerID: v.string(), ifname: v.string()})),
);

/** Capabilities that only a chained plugin can serve, and which one does. */
const SERVED_BY_OTHERS: Readonly<Record<string, string>> = {
  portmappings: 'chain the portmap plugin and give it this capability',
  bandwidth: 'chain the bandwidth plugin and give it this capability',
  ipranges: 'ranges are Pool resources here',
  infinibandguid: 'a pod interface is a veth here',
  deviceid: 'a pod interface is a veth here',
};

/** @throws CniError 6 when stdin is no JSON object. */
export function decodeConfig(stdin: Uint8Array): Readonly<Record<string, unknown>> {
  const json = decodeJson(stdin, 'the network configuration');
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new CniError(CNI_CODE.undecodable, 'the network configuration is no JSON object');
  }
  return json as Record<string, unknown>;
}

/** @throws CniError 1 or 7 naming the field. */
export function parseBaseConfig(json: Readonly<Record<string, unknown>>): BaseConfig {
  const {cniVersion = '0.1.0', name} = validate(baseSchema, json);
  if (!isSupportedVersion(cniVersion)) {
    throw new CniError(
      CNI_CODE.incompatibleVersion,
      `cniVersion ${JSON.stringify(cniVersion.slice(0, 32))} is not supported`,
      {details: `supported: ${SUPPORTED_VERSIONS.join(', ')}`},
    );
  }
  return {cniVersion, name};
}

/** @throws CniError 2 or 7 naming the field. */
export function parseConfig(
  json: Readonly<Record<string, unknown>>,
  base: BaseConfig,
  verb: Verb,
): NetworkConfig {
  const config = validate(configSchema, json);
  const runtime = lowerKeys(config.runtimeConfig ?? {});
  refuseUnsupported(config.ipMasq === true, runtime);
  const known = validate(runtimeSchema, runtime, 'runtimeConfig');
  const runtimeDns = validate(runtimeDnsSchema, known.dns ?? {}, 'runtimeConfig.dns');
  const args = config.args?.cni;
  const valid = verb === 'GC' ? parseAttachments(json) : undefined;

  return {
    ...base,
    type: config.type,
    ipam: toIpamMode(config.type, config.ipam?.type ?? ''),
    ...(config.mtu === undefined ? {} : {mtu: config.mtu}),
    dns: toDns(config.dns ?? {}, runtimeDns),
    runtime: toRequested(known.ips, known.mac),
    args: toRequested(args?.ips, args?.mac),
    annotations: parseAnnotations(known['io.kubernetes.cri.pod-annotations'] ?? {}),
    labels: Object.fromEntries((args?.labels ?? []).map(({key, value}) => [key, value])),
    ...(config.prevResult === undefined
      ? {}
      : {prevResult: parseResult(config.prevResult, 'prevResult')}),
    ...(valid === undefined ? {} : {validAttachments: valid}),
  };
}

/** '10.1.2.3' or '10.1.2.3/24' (the length is dropped: a pod's address stands alone). */
export function toAddress(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.trim().split('/');
  if (rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const octets = parseAddress(address);
  return octets === undefined ? undefined : formatAddress(octets);
}

/** containerd writes Go's field names (`Servers`), others the conventional ones. */
export function lowerKeys(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key.toLowerCase(), item]));
}

function refuseUnsupported(ipMasq: boolean, runtime: Readonly<Record<string, unknown>>): void {
  if (ipMasq) {
    throw new CniError(CNI_CODE.unsupportedField, 'ipMasq true is not supported', {
      details: 'source NAT is natOutgoing of the Pool',
    });
  }
  for (const [key, hint] of Object.entries(SERVED_BY_OTHERS)) {
    const value = runtime[key];
    if (isEmpty(value)) continue;
    const shown = JSON.stringify(value).slice(0, 256);
    throw new CniError(
      CNI_CODE.unsupportedField,
      `runtimeConfig.${key} ${shown} is not supported by twill`,
      {details: hint},
    );
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function toIpamMode(type: string, ipamType: string): IpamMode {
  if (ipamType === '' || ipamType === type) return 'own';
  return ipamType === 'twill' ? 'only' : 'delegated';
}

function toRequested(ips: readonly string[] | undefined, text: string | undefined): Requested {
  const addresses = [...new Set((ips ?? []).flatMap(ip => toAddress(ip) ?? []))];
  return text === undefined ? {ips: addresses} : {ips: addresses, mac: parseMac(text) ?? text};
}

function toDns(
  config: v.InferOutput<typeof dnsSchema>,
  runtime: v.InferOutput<typeof runtimeDnsSchema>,
): Dns {
  const nameservers = runtime.servers ?? config.nameservers;
  const search = runtime.searches ?? config.search;
  const options = runtime.options ?? config.options;
  return {
    ...(nameservers === undefined ? {} : {nameservers}),
    ...(config.domain === undefined ? {} : {domain: config.domain}),
    ...(search === undefined ? {} : {search}),
    ...(options === undefined ? {} : {options}),
  };
}

/** `twill.io/ips`: addresses separated by commas, or a JSON list of them. */
function parseAnnotations(annotations: Readonly<Record<string, string>>): Requested {
  const ips = annotations[ANNOTATION_IPS] ?? '';
  const wanted = annotations[ANNOTATION_MAC];
  const parts = ips
    .replace(/^\s*\[|\]\s*$/g, '')
    .split(',')
    .map(part => part.trim().replace(/^"|"$/g, ''))
    .filter(part => part !== '');
  if (parts.length > MAX_REQUESTED_IPS || parts.some(part => toAddress(part) === undefined)) {
    throw new CniError(
      CNI_CODE.invalidConfig,
      `annotation ${ANNOTATION_IPS}: expected addresses separated by commas`,
    );
  }
  if (wanted !== undefined && parseMac(wanted) === undefined) {
    throw new CniError(
      CNI_CODE.invalidConfig,
      `annotation ${ANNOTATION_MAC}: expected a unicast MAC address`,
    );
  }
  return toRequested(parts, wanted);
}

/**
 * Absent is refused: taken as an empty list it would remove every pod of the node. null is how Go
 * writes an empty list. libcni 1.2 sends the same list under the older name as well.
 */
function parseAttachments(
  json: Readonly<Record<string, unknown>>,
): {containerId: string; ifName: string}[] {
  const key = 'cni.dev/valid-attachments';
  const list = key in json ? json[key] : json['cni.dev/attachments'];
  if (list === undefined) throw new CniError(CNI_CODE.invalidConfig, `${key} is missing`);
  return (validate(attachmentsSchema, list, key) ?? []).map(({containerID, ifname}) => ({
    containerId: containerID,
    ifName: ifname,
  }));
}

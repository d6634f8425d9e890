/**
 * Node: what a host tells the others, bound to its etcd lease. Remote hosts are wired from this
 * record alone. Pure.
 *
 * A host reads every other host's record, so the usual, sound record takes a path without valibot;
 * anything else is given to the schema, which finds the words. Unknown fields are ignored: during an
 * upgrade a newer host says more than we know.
 */
import * as v from 'valibot';
import {parseAddress, parsePrefix} from '#ipam';
import {
  ipv4Address,
  ipv6Address,
  isLabelKey,
  isLabelValue,
  isObjectName,
  labels,
  list,
  mac,
  macPattern,
  mapping,
  objectName,
  optional,
  prefix,
  text,
  timestamp,
} from './fields.js';
import {describeValue, problemAt, type Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import type {Labels} from './selector.js';

const atLeastOneAddress = 'address or address6 (a host has to be reachable)';

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('Node', 'Node'),
  metadata: mapping({
    name: objectName,
    uid: text('the identity of the node'),
    labels: optional(labels),
    creationTimestamp: optional(timestamp),
  }),
  spec: v.pipe(
    mapping({
      address: optional(ipv4Address),
      address6: optional(ipv6Address),
      ranges: list(prefix),
      vxlan: optional(
        mapping({mac, address: optional(ipv4Address), address6: optional(ipv6Address)}),
      ),
    }),
    v.check(
      ({address, address6}) => address !== undefined || address6 !== undefined,
      atLeastOneAddress,
    ),
  ),
});

export type Node = Value<typeof schema>;

export const nodeRecordHead = {apiVersion: 'twill.io/v1', kind: 'Node'} as const;

/** `name` is the one in the key: a record that says another is refused. */
export function parseNode(input: unknown, name?: string): Parsed<Node> {
  const fast = readSoundNode(input);
  const parsed: Parsed<Node> =
    fast === undefined
      ? parseSchema(schema, input, {unknownFields: 'ignore'})
      : {kind: 'ok', value: fast};
  if (parsed.kind === 'ok' && name !== undefined && parsed.value.metadata.name !== name) {
    const message = `expected ${name}, as in its key, got ${describeValue(parsed.value.metadata.name)}`;
    return {kind: 'invalid', problems: [problemAt(['metadata', 'name'], message)]};
  }
  return parsed;
}

/** The record when it is beyond doubt sound, undefined when the schema should have a look. */
function readSoundNode(input: unknown): Node | undefined {
  if (!isMapping(input)) return undefined;
  const {apiVersion, kind} = nodeRecordHead;
  if (input['apiVersion'] !== apiVersion || input['kind'] !== kind) return undefined;
  const metadata = readMetadata(input['metadata']);
  const spec = metadata && readSpec(input['spec']);
  return spec && {apiVersion, kind, metadata, spec};
}

function readMetadata(input: unknown): Node['metadata'] | undefined {
  if (!isMapping(input) || input['creationTimestamp'] !== undefined) return undefined;
  const {name, uid, labels} = input;
  if (typeof name !== 'string' || !isObjectName(name)) return undefined;
  if (typeof uid !== 'string' || uid === '') return undefined;
  if (labels === undefined) return {name, uid};
  return areLabels(labels) ? {name, uid, labels} : undefined;
}

function areLabels(input: unknown): input is Labels {
  if (!isMapping(input)) return false;
  return Object.entries(input).every(
    ([key, value]) => isLabelKey(key) && typeof value === 'string' && isLabelValue(value),
  );
}

function readSpec(input: unknown): Node['spec'] | undefined {
  if (!isMapping(input)) return undefined;
  const {ranges, vxlan} = input;
  const addresses = readAddresses(input);
  if (addresses?.address === undefined && addresses?.address6 === undefined) return undefined;
  if (!Array.isArray(ranges) || !ranges.every(isPrefix)) return undefined;
  if (vxlan === undefined) return {...addresses, ranges};
  const device = readVxlan(vxlan);
  return device && {...addresses, ranges, vxlan: device};
}

function readVxlan(input: unknown): Node['spec']['vxlan'] {
  if (!isMapping(input)) return undefined;
  const {mac} = input;
  const addresses = readAddresses(input);
  if (addresses === undefined || typeof mac !== 'string' || !macPattern.test(mac)) return undefined;
  return {mac, ...addresses};
}

interface Addresses {
  readonly address?: string;
  readonly address6?: string;
}

function readAddresses({
  address,
  address6,
}: Readonly<Record<string, unknown>>): Addresses | undefined {
  if (address !== undefined && !isAddress(address, 4)) return undefined;
  if (address6 !== undefined && !isAddress(address6, 16)) return undefined;
  return {...(address !== undefined && {address}), ...(address6 !== undefined && {address6})};
}

function isAddress(value: unknown, width: 4 | 16): value is string {
  return typeof value === 'string' && parseAddress(value)?.length === width;
}

function isPrefix(value: unknown): value is string {
  return typeof value === 'string' && parsePrefix(value) !== undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

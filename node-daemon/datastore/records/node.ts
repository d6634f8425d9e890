/**
 * Node: what a host tells the others, bound to its etcd lease. Remote hosts are wired from this
 * record alone. Pure.
 *
 * A host reads every other host's record, so the usual, sound one takes a path without valibot
 * (node-sound.ts); anything else is given to the schema, which finds the words. Unknown fields are ignored: during an
 * upgrade a newer host says more than we know.
 */
import * as v from 'valibot';
import {
  ipv4Address,
  ipv6Address,
  labels,
  list,
  mac,
  mapping,
  objectName,
  optional,
  prefix,
  text,
  timestamp,
  yesOrNo,
} from './fields.js';
import {describeValue, problemAt, type Parsed} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {readSoundNode} from './node-sound.js';

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
      bgp: optional(
        mapping({
          reflectors: optional(list(objectName)),
          reflector: optional(yesOrNo),
          meshed: optional(yesOrNo),
          reflecting: optional(yesOrNo),
        }),
      ),
      machine: optional(mapping({id: optional(text('a hash')), product: optional(text('a hash'))})),
    }),
    v.check(
      ({address, address6}) => address !== undefined || address6 !== undefined,
      atLeastOneAddress,
    ),
  ),
});

export type Node = Value<typeof schema>;

/**
 * How far a host is with sessions to other hosts, so that others take nothing away before it is
 * replaced (bgp/config/node-sessions.ts). `reflectors`: those from which it has all routes; `reflector`:
 * it is one, and its speaker knows; `meshed`: it has the routes of all hosts from themselves;
 * `reflecting`: it should be one no more, but somebody still needs it.
 */
export type NodeBgp = NonNullable<Node['spec']['bgp']>;

/**
 * What tells this machine from another that goes by the same name: hashes of /etc/machine-id and of the
 * product_uuid of its DMI, those that it has. A record without it is of a version that did not know it.
 */
export type Machine = NonNullable<Node['spec']['machine']>;

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

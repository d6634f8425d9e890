/**
 * BGPPeer: a neighbour outside the node mesh, or all that dial us from a prefix. Pure.
 */
import * as v from 'valibot';
import {parseAddress} from '#ipam';
import {asn, asnPhrase} from './as-number.js';
import {checkRules, filterRule} from './bgp-filter.js';
import {bfd, checkTimers, passwordFrom} from './bgp-session.js';
import {
  address,
  duration,
  integer,
  list,
  mapping,
  oneOf,
  optional,
  port,
  prefixOrAddress,
  text,
  yesOrNo,
} from './fields.js';
import {metadata} from './metadata.js';
import {describeValue, problemAt, type Parsed, type Problem} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

const addressOrRange = prefixOrAddress(
  'an IPv4 or IPv6 address, or a prefix of neighbours that dial this node',
);

const theirsPhrase = `${asnPhrase}, a list of some, external or internal`;
const asnOrKind = v.union(
  [
    asn,
    v.pipe(list(asn), v.minLength(1, theirsPhrase)),
    v.literal('external'),
    v.literal('internal'),
  ],
  theirsPhrase,
);

const linkName = text(
  'the name of an interface',
  value => /^[^\s/:]{1,15}$/.test(value) && value !== '.' && value !== '..', // linux/if.h IFNAMSIZ
);

/** One octet of length stands before it on the wire (RFC 9003). */
const words = text('true, or text of at most 255 octets', value => Buffer.byteLength(value) <= 255);

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('BGPPeer', 'BGPPeer'),
  metadata,
  spec: mapping({
    nodeSelector: optional(labelSelector), // absent: every node

    address: optional(addressOrRange),
    interface: optional(linkName), // of a link-local address; alone: whoever is at its other end
    asn: asnOrKind,
    port: optional(port),
    passive: optional(yesOrNo),
    maxPeers: optional(integer(1, 10_000)), // of a range
    sourceAddress: optional(address),
    shutdown: optional(v.union([v.boolean(), words], 'true, or text of at most 255 octets')),

    holdTime: optional(duration),
    keepalive: optional(duration),
    sendHoldTime: optional(duration),
    connectRetry: optional(duration),
    passwordFrom: optional(passwordFrom),
    multihop: optional(integer(1, 255, 'a number of hops')),
    ttlSecurity: optional(yesOrNo),
    bfd: optional(bfd),

    families: optional(list(oneOf(['ipv4', 'ipv6']))),
    extendedNextHop: optional(yesOrNo),
    extendedMessages: optional(yesOrNo),
    addPath: optional(oneOf(['none', 'send', 'receive', 'both'])),
    addPathMax: optional(integer(1, 255, 'a number of paths')),
    role: optional(oneOf(['provider', 'rs', 'rs-client', 'customer', 'peer'])), // ours (RFC 9234)
    strictRole: optional(yesOrNo),
    gracefulRestart: optional(yesOrNo),

    localAs: optional(
      mapping({
        asn,
        prependReal: optional(yesOrNo),
        prependReceived: optional(yesOrNo),
        dual: optional(yesOrNo), // the real one as well, whichever the neighbour expects
      }),
    ),
    allowAsIn: optional(integer(0, 10)),
    asOverride: optional(yesOrNo),
    removePrivateAs: optional(yesOrNo),
    enforceFirstAs: optional(yesOrNo),
    maxAsPath: optional(integer(1, 1000, 'a number of AS numbers')),
    maxCommunities: optional(integer(0, 10_000, 'a number of communities')),
    nextHop: optional(oneOf(['auto', 'self', 'self-force', 'unchanged'])),
    reflectorClient: optional(yesOrNo),
    linkBandwidthMbps: optional(integer(1, 100_000_000)),
    gracefulShutdown: optional(yesOrNo),
    maxPrefixes: optional(integer(1, 4_294_967_295)),
    maxPrefixesWarnPercent: optional(integer(1, 100)),
    maxPrefixesRestart: optional(duration),

    import: optional(list(filterRule)),
    export: optional(list(filterRule)),
  }),
});

export type BgpPeer = Value<typeof schema>;
type Spec = BgpPeer['spec'];

export function parseBgpPeer(input: unknown): Parsed<BgpPeer> {
  const parsed = parseSchema(schema, input);
  if (parsed.kind === 'invalid') return parsed;
  const {spec} = parsed.value;
  const problems = [
    ...checkPlace(spec),
    ...checkTimers(['spec'], spec),
    ...checkOptions(spec),
    ...checkRules(['spec', 'import'], spec.import ?? []),
    ...checkRules(['spec', 'export'], spec.export ?? []),
  ];
  return problems.length > 0 ? {kind: 'invalid', problems} : parsed;
}

/** Where the neighbour is, and from where it is spoken to. */
function checkPlace({address: place, interface: link, ...spec}: Spec): readonly Problem[] {
  if (place === undefined) {
    if (link !== undefined) return [];
    return [unexpected('address', 'an IPv4 or IPv6 address, a prefix, or an interface', undefined)];
  }
  const octets = parseAddress(place);
  if (octets === undefined) return checkRange(spec, link);
  if (isNobody(octets)) {
    return [unexpected('address', 'the address of a neighbour', place)];
  }
  const isLocal = octets.length === 16 && octets[0] === 0xfe && ((octets[1] ?? 0) & 0xc0) === 0x80;
  const source = parseAddress(spec.sourceAddress ?? '');
  return [
    ...(isLocal && link === undefined
      ? [unexpected('interface', 'the link of a link-local address', undefined)]
      : []),
    ...(!isLocal && link !== undefined
      ? [unexpected('interface', 'nothing beside an address that is not link-local', link)]
      : []),
    ...(source !== undefined && source.length !== octets.length
      ? [unexpected('sourceAddress', `an address of the family of ${place}`, spec.sourceAddress)]
      : []),
    ...(spec.maxPeers !== undefined
      ? [unexpected('maxPeers', 'nothing beside a single address', spec.maxPeers)]
      : []),
  ];
}

/** Unspecified, loopback, multicast or broadcast (RFC 6890). */
function isNobody(octets: Uint8Array): boolean {
  const [first = 0] = octets;
  if (octets.length === 4) return first === 0 || first === 127 || first >= 224;
  const isZero = octets.subarray(0, 15).every(octet => octet === 0);
  return first === 0xff || (isZero && (octets[15] ?? 0) <= 1);
}

/** Nobody in a range is dialled. */
function checkRange(spec: Spec, link: string | undefined): readonly Problem[] {
  const never = {interface: link, port: spec.port, sourceAddress: spec.sourceAddress};
  const problems = Object.entries(never)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) =>
      unexpected(field, 'nothing beside a prefix: its neighbours dial', value),
    );
  return spec.passive === false
    ? [...problems, unexpected('passive', 'true beside a prefix: its neighbours dial', false)]
    : problems;
}

function checkOptions(spec: Spec): readonly Problem[] {
  const {maxPrefixes, maxPrefixesWarnPercent, maxPrefixesRestart, strictRole, role} = spec;
  const needsLimit = maxPrefixesRestart ?? maxPrefixesWarnPercent;
  return [
    ...(maxPrefixes === undefined && needsLimit !== undefined
      ? [unexpected('maxPrefixes', 'a number of prefixes beside its options', undefined)]
      : []),
    ...(strictRole === true && role === undefined
      ? [unexpected('role', 'a role beside strictRole', undefined)]
      : []),
    ...(spec.families?.length === 0 ? [unexpected('families', 'at least one', spec.families)] : []),
  ];
}

function unexpected(field: string, expected: string, got: unknown): Problem {
  return problemAt(['spec', field], `expected ${expected}, got ${describeValue(got)}`);
}

/**
 * BGPPeer: a neighbour outside the node mesh. Pure.
 */
import * as v from 'valibot';
import {parsePrefix} from '#ipam';
import {community} from './bgp-config.js';
import {
  address,
  asn,
  duration,
  integer,
  list,
  mapping,
  namespaceName,
  objectName,
  oneOf,
  optional,
  port,
  prefix,
  text,
  yesOrNo,
} from './fields.js';
import {metadata} from './metadata.js';
import {problemAt, type Parsed, type Path, type Problem} from './problem.js';
import {parseSchema, type Value} from './schema.js';
import {labelSelector} from './selector.js';

const prefixMatch = mapping({
  cidr: prefix,
  ge: optional(integer(0, 128, 'a prefix length')),
  le: optional(integer(0, 128, 'a prefix length')),
});

const uint32 = integer(0, 4_294_967_295);

/** Ordered: the first rule that matches decides; a rule without `match` matches everything. */
const filterRule = mapping({
  match: optional(
    mapping({
      prefixes: optional(list(prefixMatch)),
      communities: optional(list(community)),
      asPath: optional(text('a regular expression over the AS path', isRegularExpression)),
    }),
  ),
  set: optional(
    mapping({
      localPref: optional(uint32),
      med: optional(uint32),
      addCommunities: optional(list(community)),
      prependAs: optional(integer(1, 10)),
      nextHopSelf: optional(yesOrNo),
    }),
  ),
  action: oneOf(['accept', 'reject']),
});

const passwordFrom = v.pipe(
  mapping({
    file: optional(text('the path of a file', value => value.startsWith('/'))),
    secret: optional(
      mapping({
        name: objectName,
        namespace: optional(namespaceName),
        key: text('a key of the Secret'),
      }),
    ),
  }),
  v.check(
    ({file, secret}) => (file === undefined) !== (secret === undefined),
    'either file or secret',
  ),
);

const schema = mapping({
  apiVersion: v.literal('twill.io/v1', 'twill.io/v1'),
  kind: v.literal('BGPPeer', 'BGPPeer'),
  metadata,
  spec: mapping({
    address,
    asn,
    nodeSelector: optional(labelSelector),
    port: optional(port),
    passive: optional(yesOrNo),
    holdTime: optional(duration),
    keepalive: optional(duration),
    passwordFrom: optional(passwordFrom),
    multihop: optional(integer(1, 255, 'a number of hops')),
    ttlSecurity: optional(yesOrNo),
    sourceAddress: optional(address),
    bfd: optional(
      mapping({
        enabled: optional(yesOrNo),
        interval: optional(duration),
        multiplier: optional(integer(1, 255)),
      }),
    ),
    maxPrefixes: optional(integer(1, 4_294_967_295)),
    import: optional(list(filterRule)),
    export: optional(list(filterRule)),
  }),
});

export type BgpPeer = Value<typeof schema>;
export type BgpFilterRule = NonNullable<BgpPeer['spec']['import']>[number];

export function parseBgpPeer(input: unknown): Parsed<BgpPeer> {
  const parsed = parseSchema(schema, input);
  if (parsed.kind === 'invalid') return parsed;
  const {import: imports = [], export: exports = []} = parsed.value.spec;
  const problems = [
    ...checkRules(['spec', 'import'], imports),
    ...checkRules(['spec', 'export'], exports),
  ];
  return problems.length > 0 ? {kind: 'invalid', problems} : parsed;
}

function checkRules(path: Path, rules: readonly BgpFilterRule[]): readonly Problem[] {
  return rules.flatMap((rule, ruleIndex) =>
    (rule.match?.prefixes ?? []).flatMap(({cidr, ge, le}, index) => {
      const prefix = parsePrefix(cidr);
      if (prefix === undefined) return [];
      const highest = prefix.address.length * 8;
      const lower = ge ?? prefix.bits;
      const upper = le ?? (ge === undefined ? prefix.bits : highest);
      if (lower >= prefix.bits && lower <= upper && upper <= highest) return [];
      const at = [...path, ruleIndex, 'match', 'prefixes', index];
      return [
        problemAt(
          at,
          `expected ${prefix.bits} <= ge <= le <= ${highest}, got ge ${lower} and le ${upper}`,
        ),
      ];
    }),
  );
}

function isRegularExpression(value: string): boolean {
  try {
    new RegExp(value);
    return value !== '';
  } catch {
    return false;
  }
}

import test from 'ava';
import fc from 'fast-check';
import {kinds, parseResource, parseStored} from './kind.js';
import {formatProblem} from './problem.js';

const twill = (kind: string, spec: unknown, name = 'default') => ({
  apiVersion: 'twill.io/v1',
  kind,
  metadata: {name},
  spec,
});

const policy = (spec: unknown) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: {name: 'a', namespace: 'b'},
  spec,
});

const peer = (spec: object) => twill('BGPPeer', {address: '192.0.2.1', asn: 64512, ...spec}, 'a');

/** title, document, and how each problem begins. */
const refused: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['a text', 'Pool', ['kind: expected one of Network, Pool,']],
  ['no kind', {}, ['kind: expected one of Network, Pool,']],
  [
    'a misspelt kind',
    {kind: 'Pol'},
    [
      'kind: expected one of Network, Pool, Namespace, BGPConfig, BGPPeer, NetworkPolicy, ClusterPolicy, got "Pol", did you mean Pool?',
    ],
  ],
  [
    'a read-only kind',
    {kind: 'Lease'},
    [
      'kind: expected one of Network, Pool, Namespace, BGPConfig, BGPPeer, NetworkPolicy, ClusterPolicy, got Lease, which is read only',
    ],
  ],
  [
    'a foreign version',
    {...twill('Pool', {cidr: '10.0.0.0/8'}), apiVersion: 'twill.io/v2'},
    ['apiVersion: expected twill.io/v1, got "twill.io/v2"'],
  ],
  [
    'no metadata and no spec',
    {apiVersion: 'twill.io/v1', kind: 'Pool'},
    ['metadata: expected a mapping, got nothing', 'spec: expected a mapping, got nothing'],
  ],
  [
    'lists for mappings',
    {...twill('Pool', []), metadata: []},
    [
      'metadata: expected a mapping, got an empty list',
      'spec: expected a mapping, got an empty list',
    ],
  ],
  [
    'a bad name',
    twill('Pool', {cidr: '10.0.0.0/16'}, 'A/b'),
    ['metadata.name: expected a name of lower-case'],
  ],
  [
    'a name that is too long',
    twill('Pool', {cidr: '10.0.0.0/16'}, 'a'.repeat(254)),
    ['metadata.name: expected a name of lower-case'],
  ],
  [
    'a number for a label',
    {...twill('Pool', {cidr: '10.0.0.0/16'}), metadata: {name: 'a', labels: {'x.io/n': 1}}},
    ['metadata.labels["x.io/n"]: expected text of letters'],
  ],

  [
    'a second Network',
    twill('Network', {}, 'other'),
    ['metadata.name: expected default (there is only one of this kind), got "other"'],
  ],
  [
    'an unknown backend',
    twill('Network', {backend: 'ipip'}),
    ['spec.backend: expected vxlan, direct or bgp, got "ipip"'],
  ],
  [
    'a VNI of 25 bits',
    twill('Network', {vxlan: {vni: 1 << 24}}),
    ['spec.vxlan.vni: expected a VXLAN network identifier from 1 to 16777215, got 16777216'],
  ],
  [
    'an unknown vxlan field',
    twill('Network', {vxlan: {Vni: 1}}),
    ['spec.vxlan.Vni: unknown field, did you mean vni?'],
  ],
  ['an MTU of no use', twill('Network', {mtu: 100}), ['spec.mtu: expected']],
  ['days', twill('Network', {leaseTTL: '1d'}), ['spec.leaseTTL: expected a duration such as 24h']],
  [
    'a TTL that cannot be kept',
    twill('Network', {leaseTTL: '1s'}),
    ['spec.leaseTTL: expected 2s or more'],
  ],
  [
    'a margin as long as the TTL',
    twill('Network', {leaseTTL: '1h', leaseRenewMargin: '1h'}),
    ['spec.leaseRenewMargin: expected less than leaseTTL'],
  ],

  [
    'no cidr',
    twill('Pool', {}, 'a'),
    [
      'spec.cidr: expected a prefix such as 10.244.0.0/16 or fd00::/64, without host bits, got nothing',
    ],
  ],
  [
    'host bits',
    twill('Pool', {cidr: '10.0.0.1/8'}),
    ['spec.cidr: expected 10.0.0.0/8 (a prefix has no host bits), got "10.0.0.1/8"'],
  ],
  [
    'an address for a cidr',
    twill('Pool', {cidr: '10.0.0.1'}),
    ['spec.cidr: expected a prefix such as'],
  ],
  [
    'every unknown field at once',
    twill('Pool', {cidr: '10.0.0.0/8', blocksize: 26, nat: true, disable: true}),
    [
      'spec.blocksize: unknown field, did you mean blockSize?',
      'spec.nat: unknown field, expected one of',
      'spec.disable: unknown field, did you mean disabled?',
    ],
  ],
  [
    'a block larger than the pool',
    twill('Pool', {cidr: '10.0.0.0/24', blockSize: 20}),
    ['spec.blockSize: expected a prefix length from 24 to 31, got 20'],
  ],
  [
    'a block that is one address',
    twill('Pool', {cidr: '10.0.0.0/24', blockSize: 32}),
    ['spec.blockSize: expected a prefix length from 24 to 31'],
  ],
  [
    'an IPv4 block in IPv6',
    twill('Pool', {cidr: 'fd00::/64', blockSize: 26}),
    ['spec.blockSize: expected a prefix length from 64 to 127, got 26'],
  ],
  [
    'a pool of one address',
    twill('Pool', {cidr: '10.0.0.1/32'}),
    ['spec.blockSize: expected a cidr of two addresses or more'],
  ],
  [
    'a reservation outside',
    twill('Pool', {cidr: '10.0.0.0/24', reserved: ['10.0.0.1', '10.0.1.1', '10.0.0.0/8']}),
    [
      'spec.reserved[1]: expected a part of 10.0.0.0/24, got "10.0.1.1"',
      'spec.reserved[2]: expected a part',
    ],
  ],
  [
    'In without values',
    twill('Pool', {
      cidr: '10.0.0.0/24',
      nodeSelector: {matchExpressions: [{key: 'a', operator: 'In'}]},
    }),
    [
      'spec.nodeSelector.matchExpressions[0].values: expected at least one value for In and NotIn, got nothing',
    ],
  ],
  [
    'Exists with values',
    twill('Pool', {
      cidr: '10.0.0.0/24',
      nodeSelector: {matchExpressions: [{key: 'a', operator: 'Exists', values: ['b']}]},
    }),
    ['spec.nodeSelector.matchExpressions[0].values: expected no values'],
  ],
  [
    'a selector in the wrong form',
    twill('Pool', {cidr: '10.0.0.0/24', nodeSelector: {zone: 'a'}}),
    ['spec.nodeSelector.zone: unknown field, expected one of matchLabels, matchExpressions'],
  ],

  ...[0, 23_456, 65_535, 4_294_967_295, 4_294_967_296, 1.5].flatMap(asn => {
    const refusal = `expected an AS number from 1 to 4294967294, not 23456 or 65535, got ${asn}`;
    return [
      [`own AS ${asn}`, twill('BGPConfig', {asn}), [`spec.asn: ${refusal}`]],
      [
        `AS ${asn} of some nodes`,
        twill('BGPConfig', {nodeAsns: [{nodeSelector: {}, asn}]}),
        [`spec.nodeAsns[0].asn: ${refusal}`],
      ],
      [`AS ${asn} towards a peer`, peer({localAs: {asn}}), [`spec.localAs.asn: ${refusal}`]],
      [`AS ${asn} of one of some`, peer({asn: [64512, asn]}), [`spec.asn[1]: ${refusal}`]],
      [`AS ${asn} of a peer`, peer({asn}), [`spec.asn: ${refusal}`]],
    ] as const;
  }),
  [
    'a community of 17 bits',
    twill('BGPConfig', {communities: ['64512:1', '65536:1']}),
    ['spec.communities[1]: expected a community such as'],
  ],
  [
    'a peer without address',
    twill('BGPPeer', {asn: 1}, 'a'),
    ['spec.address: expected an IPv4 or IPv6 address, a prefix, or an interface, got nothing'],
  ],
  [
    'a password from two places',
    peer({passwordFrom: {file: '/a', secret: {name: 'b', key: 'c'}}}),
    ['spec.passwordFrom: expected either file or secret'],
  ],
  [
    'a key that would be a path',
    peer({passwordFrom: {secret: {name: 'b', key: '../c'}}}),
    ['spec.passwordFrom.secret.key: expected a key of the Secret'],
  ],
  [
    'a key that is the folder above',
    peer({passwordFrom: {secret: {name: 'b', key: '..'}}}),
    ['spec.passwordFrom.secret.key: expected a key of the Secret'],
  ],
  [
    'a filter without action',
    peer({import: [{}]}),
    ['spec.import[0].action: expected accept or reject, got nothing'],
  ],
  [
    'a range upside down',
    peer({export: [{match: {prefixes: [{cidr: '10.0.0.0/8', ge: 32, le: 24}]}, action: 'accept'}]}),
    ['spec.export[0].match.prefixes[0]: expected 8 <= ge <= le <= 32, got ge 32 and le 24'],
  ],
  [
    'an AS-path pattern that does not parse',
    peer({import: [{match: {asPath: '^(64512'}, action: 'accept'}]}),
    [
      'spec.import[0].match.asPath: expected a regular expression over the AS path, got "^(64512": a ( without its ) at character 8',
    ],
  ],
  [
    'an AS-path pattern for backtracking only',
    peer({import: [{match: {asPath: '(?!64512)'}, action: 'accept'}]}),
    ['spec.import[0].match.asPath: expected a regular expression over the AS path, got'],
  ],
  [
    'a condition that nothing meets',
    peer({export: [{match: {prefixes: [], communities: []}, action: 'accept'}]}),
    [
      'spec.export[0].match.prefixes: expected at least one, got an empty list',
      'spec.export[0].match.communities: expected at least one, got an empty list',
    ],
  ],
  [
    'a star in a community to add',
    peer({export: [{set: {addCommunities: ['64512:*']}, action: 'accept'}]}),
    ['spec.export[0].set.addCommunities[0]: expected a community such as 64512:1,'],
  ],
  [
    'attributes for what is rejected',
    peer({import: [{set: {med: 1}, action: 'reject'}]}),
    ['spec.import[0].set: expected nothing in a rule that rejects, got a mapping'],
  ],
  [
    'a kind of AS that there is not',
    peer({asn: 'remote'}),
    [
      'spec.asn: expected an AS number from 1 to 4294967294, not 23456 or 65535, a list of some, external or internal, got "remote"',
    ],
  ],
  [
    'a list of no AS',
    peer({asn: []}),
    [
      'spec.asn: expected an AS number from 1 to 4294967294, not 23456 or 65535, a list of some, external or internal, got an empty list',
    ],
  ],
  ...['0.0.0.0', '127.0.0.1', '224.0.0.5', '255.255.255.255', '::', '::1', 'ff02::5'].map(
    address =>
      [
        `nobody's address ${address}`,
        peer({address}),
        [`spec.address: expected the address of a neighbour, got "${address}"`],
      ] as const,
  ),
  [
    'a link-local address on no link',
    peer({address: 'fe80::1'}),
    ['spec.interface: expected the link of a link-local address, got nothing'],
  ],
  [
    'a link for a global address',
    peer({interface: 'eth1'}),
    ['spec.interface: expected nothing beside an address that is not link-local, got "eth1"'],
  ],
  [
    'a name that no interface can have',
    peer({address: 'fe80::1', interface: 'eth1:0'}),
    ['spec.interface: expected the name of an interface, got "eth1:0"'],
  ],
  [
    'a source of the other family',
    peer({sourceAddress: '2001:db8::1'}),
    ['spec.sourceAddress: expected an address of the family of 192.0.2.1, got "2001:db8::1"'],
  ],
  [
    'what only a dialler has, beside a prefix',
    peer({address: '192.0.2.0/24', port: 179, passive: false}),
    [
      'spec.port: expected nothing beside a prefix: its neighbours dial, got 179',
      'spec.passive: expected true beside a prefix: its neighbours dial, got false',
    ],
  ],
  [
    'a number of neighbours at one address',
    peer({maxPeers: 3}),
    ['spec.maxPeers: expected nothing beside a single address, got 3'],
  ],
  [
    'a hold time that RFC 4271 forbids',
    peer({holdTime: '2s'}),
    ['spec.holdTime: expected whole seconds from 3s to 65535s, got "2s"'],
  ],
  [
    'a keepalive that one loss outlives',
    peer({holdTime: '9s', keepalive: '4s'}),
    ['spec.keepalive: expected 1s to a third of the hold time, got "4s"'],
  ],
  [
    'a send hold time that a KEEPALIVE too late would end',
    peer({sendHoldTime: '90s'}),
    ['spec.sendHoldTime: expected more than the hold time, got "90s"'],
  ],
  [
    'a BFD interval of microseconds',
    peer({bfd: {interval: '1ms'}}),
    ['spec.bfd.interval: expected 10ms to 60s, got "1ms"'],
  ],
  [
    'timers of the mesh that do not fit',
    twill('BGPConfig', {mesh: {holdTime: '3s', keepalive: '2s'}}),
    ['spec.mesh.keepalive: expected 1s to a third of the hold time, got "2s"'],
  ],
  [
    'a restart time of 13 bits',
    twill('BGPConfig', {gracefulRestart: {restartTime: '2h', stalePathTime: '2h'}}),
    ['spec.gracefulRestart.restartTime: expected at most 4095s, got "2h"'],
  ],
  [
    'options of a limit that there is not',
    peer({maxPrefixesRestart: '5m'}),
    ['spec.maxPrefixes: expected a number of prefixes beside its options, got nothing'],
  ],
  [
    'a strict role without a role',
    peer({strictRole: true}),
    ['spec.role: expected a role beside strictRole, got nothing'],
  ],
  ['no family', peer({families: []}), ['spec.families: expected at least one, got an empty list']],
  [
    'words that do not fit a NOTIFICATION',
    peer({shutdown: 'x'.repeat(256)}),
    ['spec.shutdown: expected true, or text of at most 255 octets, got'],
  ],
  [
    'a broken AS path pattern',
    peer({import: [{match: {asPath: '^('}, action: 'accept'}]}),
    ['spec.import[0].match.asPath: expected a regular expression'],
  ],

  ['no podSelector', policy({}), ['spec.podSelector: expected a mapping, got nothing']],
  [
    'an empty policy peer',
    policy({podSelector: {}, ingress: [{from: [{}]}]}),
    ['spec.ingress[0].from[0]: expected podSelector and/or'],
  ],
  [
    'ipBlock beside a selector',
    policy({podSelector: {}, egress: [{to: [{ipBlock: {cidr: '10.0.0.0/8'}, podSelector: {}}]}]}),
    ['spec.egress[0].to[0]: expected podSelector and/or'],
  ],
  [
    'a hole outside its block',
    policy({
      podSelector: {},
      egress: [{to: [{ipBlock: {cidr: '10.0.0.0/8', except: ['11.0.0.0/16']}}]}],
    }),
    ['spec.egress[0].to[0].ipBlock.except: expected parts of cidr'],
  ],
  [
    'endPort with a named port',
    policy({podSelector: {}, ingress: [{ports: [{port: 'http', endPort: 90}]}]}),
    ['spec.ingress[0].ports[0].endPort: expected a number'],
  ],
  [
    'from in egress',
    policy({podSelector: {}, egress: [{from: []}]}),
    ['spec.egress[0].from: unknown field'],
  ],
  [
    'an unknown policy type',
    policy({podSelector: {}, policyTypes: ['ingress']}),
    ['spec.policyTypes[0]: expected Ingress or Egress, got "ingress"'],
  ],
  [
    'an unknown action',
    twill('ClusterPolicy', {ingress: [{action: 'Drop'}]}, 'a'),
    ['spec.ingress[0].action: expected Allow, Deny, Log or Pass, got "Drop"'],
  ],
  [
    'ports upside down',
    twill('ClusterPolicy', {egress: [{action: 'Deny', destination: {ports: ['90:80']}}]}, 'a'),
    ['spec.egress[0].destination.ports[0]: expected'],
  ],
];

for (const [title, document, expected] of refused) {
  test(`refused: ${title}`, t => {
    const parsed = parseResource(document);
    const shown = parsed.kind === 'invalid' ? parsed.problems.map(formatProblem) : [];
    t.is(shown.length, expected.length, shown.join('\n'));
    for (const [index, start] of expected.entries()) {
      t.true(shown[index]?.startsWith(start), `${shown[index]} does not start with ${start}`);
    }
  });
}

test('a stored value that is no JSON, or not what its key says, is refused', t => {
  const pool = kinds.find(({kind}) => kind === 'Pool')!;
  const value = JSON.stringify(twill('Pool', {cidr: '10.0.0.0/8'}, 'a'));
  t.is(parseStored(pool, '/twill/v1/resources/pool/a', value).kind, 'ok');
  t.is(parseStored(pool, '/twill/v1/resources/pool/a', value.slice(1)).kind, 'invalid');
  const other = parseStored(pool, '/twill/v1/resources/pool/b', value);
  t.is(other.kind === 'invalid' && other.problems[0]?.field, 'metadata.name');

  const netpol = kinds.find(({kind}) => kind === 'NetworkPolicy')!;
  const web = JSON.stringify(policy({podSelector: {}}));
  t.is(parseStored(netpol, '/twill/v1/resources/networkpolicy/b/a', web).kind, 'ok');
  const elsewhere = parseStored(netpol, '/twill/v1/resources/networkpolicy/x/a', web);
  t.is(elsewhere.kind === 'invalid' && elsewhere.problems[0]?.field, 'metadata.namespace');
});

test('no value makes any parser throw', t => {
  const key = fc.constantFrom(
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'name',
    'cidr',
    'ingress',
    '__proto__',
    'constructor',
  );
  const value = fc.letrec(tie => ({
    node: fc.oneof(
      {maxDepth: 5},
      fc.constantFrom(
        'twill.io/v1',
        'Pool',
        'Node',
        'a',
        '10.0.0.0/8',
        '',
        null,
        undefined,
        NaN,
        1e999,
        -1,
      ),
      fc.dictionary(key, tie('node')),
      fc.array(tie('node'), {maxLength: 3}),
    ),
  })).node;
  t.notThrows(() =>
    fc.assert(
      fc.property(value, fc.constantFrom(...kinds), (input, kind) => {
        parseResource(input);
        const parsed = kind.parse({
          apiVersion: kind.apiVersion,
          kind: kind.kind,
          metadata: input,
          spec: input,
        });
        if (parsed.kind === 'invalid' && parsed.problems.length === 0)
          throw new Error('no problem told');
      }),
      {numRuns: 2000},
    ),
  );
});

import test from 'ava';
import fc from 'fast-check';
import {checkPool} from '#ipam';
import {findConflicts} from './conflict.js';
import {formatDuration, parseDurationMs} from './duration.js';
import {endpointKey, nameInKey, nodeKey} from './keys.js';
import {findKind, kindOf, kinds, parseResource, resourceKey, type Resource} from './kind.js';
import {networkSettings} from './network.js';
import {parseNode} from './node.js';
import {readSoundNode} from './node-sound.js';
import {poolSettings, type Pool} from './pool.js';
import {parseSchema} from './schema.js';
import {mapping} from './fields.js';
import {matchesSelector} from './selector.js';

function accept(document: unknown): Resource {
  const parsed = parseResource(document);
  if (parsed.kind === 'ok') return parsed.value;
  throw new Error(parsed.problems.map(({field, message}) => `${field}: ${message}`).join('\n'));
}

function pool(name: string, spec: object): Pool {
  const value = accept({apiVersion: 'twill.io/v1', kind: 'Pool', metadata: {name}, spec});
  return value as Pool;
}

test('a Network without fields, and no Network at all, mean the same', t => {
  const network = accept({
    apiVersion: 'twill.io/v1',
    kind: 'Network',
    metadata: {name: 'default'},
    spec: {},
  });
  const expected = {
    backend: 'vxlan',
    vxlan: {vni: 4096, port: 4789, directRouting: false},
    mtu: 'auto',
    leaseTtlMs: 86_400_000,
    leaseRenewMarginMs: 3_600_000,
  } as const;
  t.deepEqual(networkSettings(network as never), expected);
  t.deepEqual(networkSettings(), expected);
});

test('a short leaseTTL shrinks the default margin with it', t => {
  const network = accept({
    apiVersion: 'twill.io/v1',
    kind: 'Network',
    metadata: {name: 'default'},
    spec: {leaseTTL: '1m', mtu: 1400},
  });
  t.like(networkSettings(network as never), {
    leaseTtlMs: 60_000,
    leaseRenewMarginMs: 15_000,
    mtu: 1400,
  });
});

test('pools are cut into blocks of 64 addresses unless told otherwise', t => {
  t.like(poolSettings(pool('a', {cidr: '10.0.0.0/16'})), {
    family: 'ipv4',
    blockSize: 26,
    natOutgoing: true,
    disabled: false,
    reserved: [],
  });
  t.like(poolSettings(pool('a', {cidr: 'fd00::/64'})), {family: 'ipv6', blockSize: 122});
  t.is(poolSettings(pool('a', {cidr: '10.0.0.0/28'})).blockSize, 28, 'a small pool is one block');
  t.is(poolSettings(pool('a', {cidr: '10.0.0.0/24', blockSize: 24})).blockSize, 24);
});

test('what this schema lets pass, ipam takes too', t => {
  const cidr = fc
    .tuple(fc.boolean(), fc.integer({min: 0, max: 128}))
    .map(([is6, bits]) =>
      is6 ? `fd00::/${Math.max(bits, 8)}` : `10.0.0.0/${Math.max(bits % 33, 7)}`,
    );
  const spec = fc.record(
    {
      cidr,
      blockSize: fc.integer({min: 1, max: 128}),
      reserved: fc.constantFrom([], ['10.0.0.0'], ['fd00::/127']),
    },
    {requiredKeys: ['cidr']},
  );
  let accepted = 0;
  fc.assert(
    fc.property(spec, input => {
      const document = {
        apiVersion: 'twill.io/v1',
        kind: 'Pool',
        metadata: {name: 'a'},
        spec: input,
      };
      const parsed = parseResource(document);
      if (parsed.kind === 'invalid' || parsed.value.kind !== 'Pool') return true;
      accepted++;
      return checkPool('a', poolSettings(parsed.value)).kind === 'ok';
    }),
    {numRuns: 1000},
  );
  t.true(accepted > 50);
});

test('a null field counts as absent', t => {
  const {spec} = pool('a', {cidr: '10.0.0.0/16', nodeSelector: null, reserved: null});
  t.deepEqual(spec, {cidr: '10.0.0.0/16'});
});

test('a NetworkPolicy as kubectl prints it loses only what is the API server’s own', t => {
  const value = accept({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: 'web',
      annotations: {'kubectl.kubernetes.io/last-applied-configuration': '{}'},
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 2,
      managedFields: [{manager: 'kubectl'}],
      resourceVersion: '17',
      uid: 'u',
    },
    spec: {
      podSelector: {matchLabels: {app: 'web'}},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [{namespaceSelector: {}, podSelector: {}}],
          ports: [{port: 'http', protocol: 'TCP'}],
        },
      ],
      egress: [
        {
          to: [{ipBlock: {cidr: '10.0.0.1/8', except: ['10.1.0.0/16']}}],
          ports: [{port: 1, endPort: 9}],
        },
        {},
      ],
    },
    status: {},
  });
  t.deepEqual(Object.keys(value), ['apiVersion', 'kind', 'metadata', 'spec']);
  t.deepEqual(Object.keys(value.metadata), [
    'name',
    'namespace',
    'annotations',
    'uid',
    'creationTimestamp',
  ]);
  t.like(value.metadata, {namespace: 'default'});
});

test('the interfaces page’s own examples are accepted', t => {
  accept({
    apiVersion: 'twill.io/v1',
    kind: 'BGPPeer',
    metadata: {name: 'tor'},
    spec: {
      address: '192.0.2.1',
      asn: 64512,
      nodeSelector: {matchLabels: {rack: 'r1'}},
      holdTime: '90s',
      passwordFrom: {file: '/etc/twill/tor'},
      import: [
        {
          match: {
            prefixes: [{cidr: '10.0.0.0/8', ge: 24, le: 32}],
            communities: ['64512:1'],
            asPath: '^64512',
          },
          set: {
            localPref: 200,
            med: 10,
            addCommunities: ['no-export'],
            prependAs: 2,
            nextHopSelf: true,
          },
          action: 'accept',
        },
        {match: {source: 'local', peerAsns: [1], originAsns: [2]}, action: 'accept'},
        {match: {peerAsns: [23456], originAsns: [65535], asPath: '_23456_'}, action: 'reject'},
        {match: {communities: ['64512:*']}, set: {setCommunities: ['blackhole']}, action: 'accept'},
        {action: 'reject'},
      ],
    },
  });
  accept({
    apiVersion: 'twill.io/v1',
    kind: 'ClusterPolicy',
    metadata: {name: 'a'},
    spec: {
      order: 10,
      selector: {matchLabels: {app: 'db'}},
      ingress: [
        {action: 'Log', source: {serviceAccounts: {names: ['x']}, nets: ['10.0.0.0/8', '::1']}},
        {action: 'Pass', protocol: 'TCP', destination: {ports: [80, '8000:8010', 'http']}},
        {action: 'Deny', protocol: 132, source: {notNets: ['192.0.2.1']}},
      ],
    },
  });
  const labels = {env: 'prod'};
  t.notThrows(() =>
    accept({apiVersion: 'v1', kind: 'Namespace', metadata: {name: 'prod', labels}}),
  );
});

test('pools that overlap are told, also among those applied together', t => {
  const old = pool('old', {cidr: '10.0.0.0/16'});
  const inside = pool('inside', {cidr: '10.0.3.0/24'});
  const apart = pool('apart', {cidr: '10.1.0.0/16'});
  const wide = pool('wide', {cidr: '10.0.0.0/8'});
  t.deepEqual(findConflicts([apart], [old]), []);
  t.like(findConflicts([inside], [old]), {
    length: 1,
    0: {
      name: 'inside',
      problem: {
        field: 'spec.cidr',
        message: 'expected a prefix apart from 10.0.0.0/16 of Pool old, got 10.0.3.0/24',
      },
    },
  });
  t.is(findConflicts([apart, wide], []).length, 1);
  t.deepEqual(findConflicts([pool('v6', {cidr: '::/0'})], [old]), []);
});

test('durations read and print as Go writes them', t => {
  const known = [
    ['24h', 86_400_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
  ] as const;
  for (const [text, durationMs] of known) t.is(parseDurationMs(text), durationMs, text);
  for (const text of ['', '0s', '1', '1d', '-1s', '1h ', 'h', '1e3s', '1.2345s'])
    t.is(parseDurationMs(text), undefined, text);
  t.is(formatDuration(5_400_000), '1h30m');
  fc.assert(
    fc.property(fc.integer({min: 1, max: 1e12}), ms => parseDurationMs(formatDuration(ms)) === ms),
  );
});

test('selectors match as Kubernetes says', t => {
  const labels = {app: 'web', zone: 'z1'};
  t.true(matchesSelector({}, {}));
  t.true(matchesSelector({matchLabels: {app: 'web'}}, labels));
  t.false(matchesSelector({matchLabels: {app: 'web', zone: 'z2'}}, labels));
  const expression = (
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
    key: string,
    ...values: string[]
  ) => matchesSelector({matchExpressions: [{key, operator, values}]}, labels);
  t.true(expression('In', 'zone', 'z1', 'z2'));
  t.false(expression('In', 'rack', 'z1'));
  t.true(expression('NotIn', 'rack', 'r1'), 'NotIn holds without the label');
  t.false(expression('NotIn', 'zone', 'z1'));
  t.true(expression('Exists', 'app'));
  t.false(expression('Exists', 'toString'));
  t.true(expression('DoesNotExist', 'rack'));
});

test('kinds are found by every name people use', t => {
  const found = [
    'pool',
    'Pools',
    'network',
    'networks',
    'no',
    'ep',
    'netpol',
    'ns',
    'bgpconfig',
    'BGPPeers',
    'lease',
  ];
  t.deepEqual(
    found.map(name => findKind(name)?.kind),
    [
      'Pool',
      'Pool',
      'Network',
      'Network',
      'Node',
      'Endpoint',
      'NetworkPolicy',
      'Namespace',
      'BGPConfig',
      'BGPPeer',
      'Lease',
    ],
  );
  t.is(findKind('pod'), undefined);
  const names = kinds.flatMap(({singular, plural, shortNames}) => [
    singular,
    plural,
    ...shortNames,
  ]);
  t.is(new Set(names).size, names.length);
});

test('keys lie where the layout says', t => {
  t.is(resourceKey('/p', kindOf('Pool'), {name: 'a'}), '/p/resources/pool/a');
  t.is(
    resourceKey('/p', kindOf('NetworkPolicy'), {name: 'a', namespace: 'b'}),
    '/p/resources/networkpolicy/b/a',
  );
  t.is(nodeKey('/p', 'a'), '/p/nodes/a');
  t.is(endpointKey('/p', 'a', 'c1', 'eth0'), '/p/endpoints/a/c1-eth0');
  t.is(nameInKey('/p/endpoints/a/c1-eth0'), 'c1-eth0');
});

const soundNode = {
  apiVersion: 'twill.io/v1',
  kind: 'Node',
  metadata: {name: 'a', uid: 'u', labels: {zone: 'z1'}},
  spec: {
    address: '192.0.2.1',
    address6: '2001:db8::1',
    ranges: ['10.244.3.0/26', 'fd00::/122', '10.0.0.0/9'],
    vxlan: {mac: '02:00:00:00:00:01', address: '10.244.3.0', address6: 'fd00::'},
    bgp: {reflectors: ['rr-1'], meshed: false, reflecting: true},
    machine: {id: 'ab12', product: 'cd34'},
  },
};

test('a sound Node is read as it stands, and what a newer host adds is ignored', t => {
  t.deepEqual(parseNode(soundNode, 'a'), {kind: 'ok', value: soundNode as never});
  const dated = {
    ...soundNode,
    metadata: {...soundNode.metadata, creationTimestamp: '2026-01-01T00:00:00Z'},
  };
  t.deepEqual(readSoundNode(dated), dated as never);
  const newer = {
    ...soundNode,
    status: {},
    spec: {...soundNode.spec, asn: 1, vxlan: {...soundNode.spec.vxlan, gbp: true}},
  };
  t.deepEqual(parseNode(newer, 'a'), {kind: 'ok', value: soundNode as never});
});

test('an unsound Node is told by field', t => {
  const fieldsOf = (spec: object) => {
    const parsed = parseNode({...soundNode, spec: {...soundNode.spec, ...spec}});
    return parsed.kind === 'invalid' ? parsed.problems.map(({field}) => field) : [];
  };
  t.deepEqual(fieldsOf({address: '::1'}), ['spec.address']);
  t.deepEqual(fieldsOf({ranges: ['10.0.0.1/26', 'fd00::1/122']}), [
    'spec.ranges[0]',
    'spec.ranges[1]',
  ]);
  t.deepEqual(fieldsOf({vxlan: {mac: 'x'}}), ['spec.vxlan.mac']);
  t.deepEqual(fieldsOf({bgp: {reflectors: ['A'], meshed: 1}}), [
    'spec.bgp.reflectors[0]',
    'spec.bgp.meshed',
  ]);
  t.deepEqual(fieldsOf({machine: {id: 1, product: ''}}), [
    'spec.machine.id',
    'spec.machine.product',
  ]);
  t.deepEqual(fieldsOf({address: null, address6: null}), ['spec']);
  const other = parseNode(soundNode, 'b');
  t.is(other.kind === 'invalid' && other.problems[0]?.field, 'metadata.name');
});

test('the quick look at a Node never says yes where the schema says no', t => {
  const schemaSays = (input: unknown) => {
    // a null sends it past the quick look
    const metadata = {...soundNode.metadata, labels: null};
    const slow = {...soundNode, metadata, spec: input};
    return parseNode(slow).kind;
  };
  const prefix = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({min: 0, max: 40})).map(([a, b]) => `${a}/${b}`),
    fc.tuple(fc.ipV6(), fc.integer({min: 0, max: 140})).map(([a, b]) => `${a}/${b}`),
    fc.constantFrom(
      'fd00::/112',
      'fd00::40/122',
      'fd00::41/122',
      '::1.2.3.4/126',
      '1.2.3.4/032',
      '/26',
      'fe80::%a/128',
    ),
  );
  const spec = fc.record(
    {
      address: fc.oneof(fc.ipV4(), fc.ipV6()),
      address6: fc.oneof(fc.ipV6(), fc.constant('fe80::1%a')),
      ranges: fc.array(prefix, {maxLength: 2}),
      bgp: fc.constantFrom<unknown>(...[{}, {reflectors: ['a']}, {reflectors: 'a'}, [], 1]),
      machine: fc.constantFrom<unknown>({}, {id: 'a'}, {id: ''}, {product: null}, [], 'a'),
    },
    {requiredKeys: []},
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(
        spec,
        input =>
          readSoundNode({...soundNode, spec: input}) === undefined || schemaSays(input) === 'ok',
      ),
      {numRuns: 3000},
    ),
  );
});

test('ten thousand Node records are read quickly', t => {
  const texts = Array.from({length: 10_000}, (_, i) => {
    const [high, low] = [i >> 8, i & 255];
    const ranges = [`10.${high}.${low}.0/26`, `fd00:${i.toString(16)}::/122`];
    const spec = {...soundNode.spec, ranges};
    return JSON.stringify({
      ...soundNode,
      metadata: {...soundNode.metadata, name: `node-${i}`},
      spec,
    });
  });
  const startedMs = performance.now();
  t.true(texts.every(text => parseNode(JSON.parse(text)).kind === 'ok'));
  const tookMs = performance.now() - startedMs;
  t.log(`${tookMs.toFixed(0)} ms`); // 50 to 85 on an idle machine; the bound allows for a busy one
  t.true(tookMs < 600);
});

test('a document that is no mapping is refused at its root', t => {
  const parsed = parseSchema(mapping({}), [1]);
  t.deepEqual(parsed.kind === 'invalid' && parsed.problems, [
    {path: [], field: '', message: 'expected a mapping, got a list'},
  ]);
});

import test from 'ava';
import fc from 'fast-check';
import {decodeConfig, parseBaseConfig, parseConfig, type NetworkConfig} from './config.js';
import {CniError, type CniCode} from './error.js';
import type {Verb} from './version.js';

const LEAST = {cniVersion: '1.0.0', name: 'net', type: 'twill'};

function parse(extra: object, verb: Verb = 'ADD'): NetworkConfig {
  return parseText(JSON.stringify({...LEAST, ...extra}), verb);
}

function parseText(text: string | Uint8Array, verb: Verb = 'ADD'): NetworkConfig {
  const json = decodeConfig(typeof text === 'string' ? Buffer.from(text) : text);
  return parseConfig(json, parseBaseConfig(json), verb);
}

test('the least configuration asks for nothing', t => {
  t.deepEqual(parse({}), {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'twill',
    ipam: 'own',
    dns: {},
    runtime: {ips: []},
    args: {ips: []},
    annotations: {ips: []},
    labels: {},
  });
});

test('runtimeConfig is read whatever the case of its keys', t => {
  const config = parse({
    RuntimeConfig: 'not ours',
    runtimeConfig: {
      IPs: ['10.1.2.3/24', 'FD00::0003'],
      MAC: '0A-00-00-00-00-01',
      DNS: {Servers: ['10.0.0.10'], Searches: ['a.b'], Options: ['ndots:5']},
      'io.kubernetes.cri.pod-annotations': {
        'twill.io/ips': '["10.9.9.9", "fd00::9"]',
        'twill.io/mac': '02:00:00:00:00:09',
        other: 'x',
      },
      portMappings: null,
      Bandwidth: {},
    },
  });
  t.deepEqual(config.runtime, {ips: ['10.1.2.3', 'fd00::3'], mac: '0a:00:00:00:00:01'});
  t.deepEqual(config.annotations, {ips: ['10.9.9.9', 'fd00::9'], mac: '02:00:00:00:00:09'});
  t.deepEqual(config.dns, {nameservers: ['10.0.0.10'], search: ['a.b'], options: ['ndots:5']});
});

test('args.cni carries labels, addresses and a MAC', t => {
  const config = parse({
    args: {cni: {labels: [{key: 'app', value: 'web'}], ips: ['10.1.1.1'], mac: null}, other: 1},
    dns: {nameservers: ['1.1.1.1'], domain: 'x'},
    mtu: 9000,
  });
  t.deepEqual(config.labels, {app: 'web'});
  t.deepEqual(config.args, {ips: ['10.1.1.1']});
  t.deepEqual(config.dns, {nameservers: ['1.1.1.1'], domain: 'x'});
  t.is(config.mtu, 9000);
});

test('ipam says who hands out addresses', t => {
  t.is(parse({ipam: {}}).ipam, 'own');
  t.is(parse({ipam: {type: 'twill'}}).ipam, 'own');
  t.is(parse({ipam: {type: 'host-local', subnet: 'x'}}).ipam, 'delegated');
  t.is(parse({type: 'bridge', ipam: {type: 'twill'}}).ipam, 'only');
});

test('null is how Go says nothing', t => {
  const nothing = {
    mtu: null,
    ipam: null,
    dns: null,
    args: null,
    runtimeConfig: null,
    prevResult: null,
  };
  t.deepEqual(parse(nothing), parse({}));
  t.deepEqual(parse({args: {cni: null}}), parse({}));
});

const REFUSED: readonly (readonly [object | string, CniCode, RegExp])[] = [
  ['', 6, /not JSON/],
  ['[]', 6, /no JSON object/],
  ['null', 6, /no JSON object/],
  ['{', 6, /not JSON/],
  ['['.repeat(5000), 6, /nested deeper/],
  [{cniVersion: undefined}, 1, /0\.1\.0/],
  [{cniVersion: '0.2.0'}, 1, /0\.2\.0/],
  [{cniVersion: '2.0.0'}, 1, /2\.0\.0/],
  [{cniVersion: 1}, 7, /^cniVersion/],
  [{name: ''}, 7, /^name/],
  [{name: '../x'}, 7, /^name/],
  [{name: undefined}, 7, /^name/],
  [{type: undefined}, 7, /^type/],
  [{type: 1}, 7, /^type/],
  [{mtu: 10}, 7, /^mtu/],
  [{mtu: '1500'}, 7, /^mtu/],
  [{mtu: 1e9}, 7, /^mtu/],
  [{dns: {nameservers: [1]}}, 7, /^dns\.nameservers\.0/],
  [{ipam: []}, 7, /^ipam/],
  [{args: {cni: {ips: ['10.0.0']}}}, 7, /^args\.cni\.ips\.0/],
  [{args: {cni: {labels: [{key: 'a b', value: ''}]}}}, 7, /^args\.cni\.labels\.0\.key/],
  [{runtimeConfig: {ips: ['x']}}, 7, /^runtimeConfig\.ips\.0/],
  [{runtimeConfig: {ips: 'x'}}, 7, /^runtimeConfig\.ips/],
  [{runtimeConfig: {ips: Array.from({length: 17}, () => '10.0.0.1')}}, 7, /^runtimeConfig\.ips/],
  [{runtimeConfig: {mac: '01:00:00:00:00:00'}}, 7, /^runtimeConfig\.mac/],
  [{runtimeConfig: {mac: '00:00:00:00:00:00'}}, 7, /^runtimeConfig\.mac/],
  [
    {runtimeConfig: {'io.kubernetes.cri.pod-annotations': {'twill.io/ips': 'x'}}},
    7,
    /twill\.io\/ips/,
  ],
  [{runtimeConfig: {portMappings: [{hostPort: 80}]}}, 2, /portmappings.*80/],
  [{runtimeConfig: {bandwidth: {IngressRate: 1}}}, 2, /bandwidth.*IngressRate/],
  [{ipMasq: true}, 2, /ipMasq true/],
  [{prevResult: []}, 7, /^prevResult/],
  [{prevResult: {ips: [{address: '10.0.0.1'}]}}, 7, /^prevResult\.ips\.0\.address/],
  [
    {prevResult: {ips: [{address: '10.0.0.1/24', interface: 1}]}},
    7,
    /^prevResult\.ips\.0\.interface/,
  ],
];

for (const [extra, code, message] of REFUSED) {
  test(`refused with ${code} ${message}: ${JSON.stringify(extra).slice(0, 70)}`, t => {
    const act = () => (typeof extra === 'string' ? parseText(extra) : parse(extra));
    const error = t.throws(act, {instanceOf: CniError});
    t.is(error.code, code);
    t.regex(error.message, message);
  });
}

test('stdin that is not UTF-8 is refused with 6', t => {
  const error = t.throws(() => parseText(Buffer.from([0x7b, 0xff, 0x7d])), {instanceOf: CniError});
  t.is(error.code, 6);
});

test('GC: a missing list is refused, null and the older key are lists', t => {
  const key = 'cni.dev/valid-attachments';
  const list = [{containerID: 'c1', ifname: 'eth0'}];
  t.is(t.throws(() => parse({}, 'GC'), {instanceOf: CniError}).code, 7);
  t.is(t.throws(() => parse({[key]: [{}]}, 'GC'), {instanceOf: CniError}).code, 7);
  t.deepEqual(parse({[key]: null}, 'GC').validAttachments, []);
  t.deepEqual(parse({[key]: list}, 'GC').validAttachments, [{containerId: 'c1', ifName: 'eth0'}]);
  t.deepEqual(parse({'cni.dev/attachments': list}, 'GC').validAttachments?.length, 1);
});

test('any JSON is read or refused with a CniError', t => {
  const keys = [
    'cniVersion',
    'name',
    'type',
    'mtu',
    'ipMasq',
    'ipam',
    'dns',
    'args',
    'runtimeConfig',
    'prevResult',
    'cni',
    'labels',
    'ips',
    'mac',
    'key',
    'value',
    'interfaces',
    'routes',
    'address',
    'dst',
    '__proto__',
    'cni.dev/valid-attachments',
    'io.kubernetes.cri.pod-annotations',
    'portMappings',
  ];
  const leaf = fc.oneof(
    fc.string(),
    fc.constantFrom('10.0.0.1', '10.0.0.1/24', 'fd00::1/64', '02:00:00:00:00:01', 'twill'),
    fc.integer(),
    fc.constant(null),
    fc.boolean(),
  );
  const {tree} = fc.letrec<{tree: unknown}>(tie => ({
    tree: fc.oneof(
      {maxDepth: 5},
      leaf,
      fc.array(tie('tree'), {maxLength: 3}),
      fc.dictionary(fc.constantFrom(...keys), tie('tree'), {maxKeys: 5}),
    ),
  }));
  const extra = fc.dictionary(fc.constantFrom(...keys.slice(3)), tree, {maxKeys: 6});
  const verbs = fc.constantFrom<Verb>('ADD', 'CHECK', 'GC', 'STATUS');
  t.notThrows(() =>
    fc.assert(
      fc.property(extra, verbs, (value, verb) => {
        try {
          parse(value, verb);
        } catch (error) {
          t.true(error instanceof CniError, String(error));
        }
      }),
      {numRuns: 3000},
    ),
  );
});

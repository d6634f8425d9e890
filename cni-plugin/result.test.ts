import test from 'ava';
import {EMPTY_RESULT, formatResult, mergeResults, parseResult, type Result} from './result.js';
import {SUPPORTED_VERSIONS, type CniVersion} from './version.js';

const FULL: Result = {
  interfaces: [
    {name: 'twl0', mac: 'ee:ee:ee:ee:ee:ee', mtu: 1450},
    {name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1450, sandbox: '/run/netns/x'},
  ],
  ips: [
    {address: '10.1.2.3/32', gateway: '169.254.1.1', interface: 1},
    {address: 'fd00::3/128', gateway: 'fe80::1', interface: 1},
  ],
  routes: [
    {dst: '0.0.0.0/0', gw: '169.254.1.1'},
    {dst: '::/0', gw: 'fe80::1', mtu: 1400, priority: 5},
  ],
  dns: {nameservers: ['10.0.0.10']},
};

const OLD_IPS = [
  {version: '4', address: '10.1.2.3/32', gateway: '169.254.1.1', interface: 1},
  {version: '6', address: 'fd00::3/128', gateway: 'fe80::1', interface: 1},
];
const OLD_INTERFACES = [
  {name: 'twl0', mac: 'ee:ee:ee:ee:ee:ee'},
  {name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/x'},
];
const OLD_ROUTES = [
  {dst: '0.0.0.0/0', gw: '169.254.1.1'},
  {dst: '::/0', gw: 'fe80::1'},
];

/** The shape that each version's text asks for. */
const SHAPES: Readonly<Record<CniVersion, object>> = {
  '0.3.0': {interfaces: OLD_INTERFACES, ips: OLD_IPS, routes: OLD_ROUTES, dns: FULL.dns},
  '0.3.1': {interfaces: OLD_INTERFACES, ips: OLD_IPS, routes: OLD_ROUTES, dns: FULL.dns},
  '0.4.0': {interfaces: OLD_INTERFACES, ips: OLD_IPS, routes: OLD_ROUTES, dns: FULL.dns},
  '1.0.0': {interfaces: OLD_INTERFACES, ips: FULL.ips, routes: OLD_ROUTES, dns: FULL.dns},
  '1.1.0': {...FULL},
};

for (const version of SUPPORTED_VERSIONS) {
  test(`a result has the shape of ${version}, and is read back`, t => {
    const json = formatResult(FULL, version);
    t.deepEqual(json, {cniVersion: version, ...SHAPES[version]});
    const back = parseResult(JSON.parse(JSON.stringify(json)), 'prevResult');
    t.deepEqual(back.ips, FULL.ips);
    t.deepEqual(formatResult(back, version), json);
  });
}

test('an IPAM result has no interfaces', t => {
  const json = formatResult({...EMPTY_RESULT, ips: [{address: '10.1.2.3/26'}]}, '0.4.0');
  t.deepEqual(json, {
    cniVersion: '0.4.0',
    ips: [{version: '4', address: '10.1.2.3/26'}],
    dns: {},
  });
});

test("another plugin's result stays in front and indices move", t => {
  const previous: Result = {
    interfaces: [{name: 'net1', sandbox: '/x'}],
    ips: [{address: '192.0.2.5/24', interface: 0}],
    routes: [],
    dns: {nameservers: ['192.0.2.1'], domain: 'd'},
  };
  const merged = mergeResults(previous, FULL);
  t.deepEqual(
    merged.interfaces.map(({name}) => name),
    ['net1', 'twl0', 'eth0'],
  );
  t.deepEqual(
    merged.ips.map(ip => ip.interface),
    [0, 2, 2],
  );
  t.deepEqual(merged.dns, {nameservers: ['10.0.0.10'], domain: 'd'});
});

test('null lists, as Go writes them, are empty', t => {
  t.deepEqual(
    parseResult({interfaces: null, ips: null, routes: null, dns: null}, 'prevResult'),
    EMPTY_RESULT,
  );
});

import test from 'ava';
import fc from 'fast-check';
import {parseConfig, type Config} from './config.js';
import {misspeltVariables} from './environment.js';
import {ConfigError} from './error.js';
import {readConfig} from './read.js';

const parse = (text: string, env: Readonly<Record<string, string>> = {}): Config =>
  parseConfig({text, file: 'twilld.yaml', env, hostname: 'Host-A'});

test('an empty file is all defaults', t => {
  t.deepEqual(parse(''), {
    node: {name: 'host-a', address: {kind: 'auto'}, address6: {kind: 'auto'}, labels: {}},
    etcd: {endpoints: ['http://127.0.0.1:2379'], prefix: '/twill/v1'},
    cni: {socket: '/run/twill/cni.sock', addTimeoutMs: 20_000},
    stateDir: '/var/lib/twill',
    secretsDir: '/etc/twill/secrets',
    http: {host: '127.0.0.1', port: 9478},
    iptables: 'auto',
    kubernetes: {kind: 'auto'},
    resyncIntervalMs: 30_000,
    log: {level: 'info'},
  });
});

test('every key of the file is taken', t => {
  const config = parse(`
node:
  name: a
  address: interface=eth[01]
  address6: none
  labels: {zone: z1}
etcd:
  endpoints: [https://10.0.0.1:2379, https://10.0.0.2:2379]
  prefix: /other/v2
  caFile: /etc/twill/ca.pem
  certFile: /etc/twill/cert.pem
  keyFile: /etc/twill/key.pem
  username: twill
  passwordFile: /etc/twill/password
cni:
  socket: /run/other.sock
  addTimeout: 5s
stateDir: /var/lib/other
secretsDir: /run/secrets
http: '[::1]:9000'
iptables: nft
kubernetes: /root/.kube/config
resyncInterval: 1m30s
log: {level: debug}
`);
  t.deepEqual(config, {
    node: {
      name: 'a',
      address: {kind: 'interface', pattern: /^(?:eth[01])$/},
      address6: {kind: 'none'},
      labels: {zone: 'z1'},
    },
    etcd: {
      endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
      prefix: '/other/v2',
      caFile: '/etc/twill/ca.pem',
      certFile: '/etc/twill/cert.pem',
      keyFile: '/etc/twill/key.pem',
      username: 'twill',
      passwordFile: '/etc/twill/password',
    },
    cni: {socket: '/run/other.sock', addTimeoutMs: 5000},
    stateDir: '/var/lib/other',
    secretsDir: '/run/secrets',
    http: {host: '::1', port: 9000},
    iptables: 'nft',
    kubernetes: {kind: 'kubeconfig', file: '/root/.kube/config'},
    resyncIntervalMs: 90_000,
    log: {level: 'debug'},
  });
});

const underlays: readonly (readonly [string, unknown])[] = [
  ['auto', {kind: 'auto'}],
  ['192.0.2.1', {kind: 'address', address: '192.0.2.1'}],
  ['cidr=192.0.2.0/24', {kind: 'cidr', cidr: '192.0.2.0/24'}],
  ['can-reach=192.0.2.9', {kind: 'can-reach', address: '192.0.2.9'}],
  ['interface=bond0|eth.*', {kind: 'interface', pattern: /^(?:bond0|eth.*)$/}],
];

for (const [text, expected] of underlays) {
  test(`node.address may be ${text}`, t => {
    t.deepEqual(parse(`node: {address: '${text}'}`).node.address, expected as never);
  });
}

/** title, text, and the problems as `line field: message` must begin. */
const refused: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'an unknown key, with the one that was meant',
    'node:\n  name: a\netcd:\n  endpoint: [http://a:1]\n',
    ['4 etcd.endpoint: unknown field, did you mean endpoints?'],
  ],
  [
    'an unknown section, with the ones there are',
    '\n\nbgp: {}\n',
    ['3 bgp: unknown field, expected one of node, etcd, cni'],
  ],
  ['a number for a name', 'node:\n  name: 7\n', ['2 node.name: expected a name of lower-case']],
  ['an upper-case name', 'node: {name: Node}', ['1 node.name: expected a name of lower-case']],
  [
    'each bad endpoint on its own line',
    'etcd:\n  endpoints:\n    - http://ok:2379\n    - ftp://bad\n    - http://a/path\n',
    ['4 etcd.endpoints[1]: expected a URL such as', '5 etcd.endpoints[2]: expected a URL such as'],
  ],
  ['no endpoint at all', 'etcd: {endpoints: []}', ['1 etcd.endpoints: expected at least one URL']],
  [
    'http and https together',
    'etcd: {endpoints: [http://a:1, https://b:1]}',
    ['1 etcd.endpoints: expected all http or all https'],
  ],
  [
    'certificates that nobody would ask for',
    'etcd:\n  caFile: /ca\n  endpoints: [http://a:1]\n',
    ['3 etcd.endpoints: expected https where caFile or certFile is given, got http'],
  ],
  [
    'a prefix that ends in a slash',
    'etcd:\n  prefix: /a/\n',
    ['2 etcd.prefix: expected a key such'],
  ],
  [
    'a certificate without key',
    'etcd:\n  certFile: /a\n  endpoints: [https://a:1]\n',
    ['1 etcd.keyFile: expected both'],
  ],
  ['a user without password', 'etcd:\n  username: a\n', ['1 etcd.passwordFile: expected both']],
  ['a relative path', 'stateDir: twill', ['1 stateDir: expected an absolute path, got "twill"']],
  [
    'a socket longer than sun_path',
    `cni:\n  socket: /${'a'.repeat(107)}\n`,
    ['2 cni.socket: expected an absolute path of 107 bytes'],
  ],
  ['an IPv6 address in node.address', 'node: {address: "::1"}', ['1 node.address: expected auto']],
  ['a broken pattern', 'node: {address: "interface=("}', ['1 node.address: expected auto']],
  [
    'a prefix with host bits',
    'node: {address: cidr=10.0.0.1/8}',
    ['1 node.address: expected auto'],
  ],
  [
    'no underlay',
    'node:\n  address: none\n  address6: none',
    ['3 node.address6: expected an address'],
  ],
  ['a host name to listen on', 'http: localhost:9478', ['1 http: expected ADDRESS:PORT']],
  ['a port out of range', 'http: 127.0.0.1:99999', ['1 http: expected ADDRESS:PORT']],
  ['an unknown iptables', 'iptables: nftables', ['1 iptables: expected auto, nft or legacy, got']],
  ['an unknown level', 'log:\n  level: loud', ['2 log.level: expected trace, debug']],
  [
    'a bare number of seconds',
    'resyncInterval: 30',
    ['1 resyncInterval: expected a duration from'],
  ],
  ['a duration out of bounds', 'cni: {addTimeout: 1h}', ['1 cni.addTimeout: expected a duration']],
  ['a list for a section', 'node: [a]', ['1 node: expected a mapping, got a list']],
  ['a list for the file', '- a', ['1 : expected a mapping, got a list']],
  ['a key twice', 'stateDir: /a\nstateDir: /b\n', ['2 : Map keys must be unique']],
  ['broken YAML', 'node:\n  name: "a\n', ['3 : Missing closing']],
  [
    'two documents',
    'stateDir: /a\n---\nstateDir: /b\n',
    ['2 : expected one document, got several'],
  ],
  ['a tag of no meaning', 'stateDir: !path /a', ['1 : Unresolved tag']],
];

for (const [title, text, expected] of refused) {
  test(`refused: ${title}`, t => {
    const {problems} = t.throws(() => parse(text), {instanceOf: ConfigError, code: 'CONFIG'});
    const shown = problems.map(({line, field, message}) => `${line} ${field}: ${message}`);
    t.is(shown.length, expected.length, shown.join('\n'));
    for (const [index, start] of expected.entries()) {
      t.true(shown[index]?.startsWith(start), `${shown[index]} does not start with ${start}`);
    }
  });
}

test('aliases that unfold without end are refused', t => {
  const levels = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg'].map(pair => [...pair])) {
    levels.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`);
  }
  t.throws(() => parse(levels.join('\n')), {instanceOf: ConfigError});
});

test('the message is one line per problem, as compilers print it', t => {
  const error = t.throws(() => parse('stateDir: a\nhttp: b\n'), {instanceOf: ConfigError});
  t.deepEqual(error.message.split('\n'), [
    'twilld.yaml:1: stateDir: expected an absolute path, got "a"',
    'twilld.yaml:2: http: expected ADDRESS:PORT, such as 127.0.0.1:9478 or [::1]:9478, got "b"',
  ]);
});

test('the environment overrides the file, in either spelling', t => {
  const config = parse('stateDir: /file\nnode: {name: file}\n', {
    TWILL_NODE_NAME: 'env',
    TWILL_NODE_LABELS: 'zone=z1,rack=r2',
    TWILL_NODE_ADDRESS: '192.0.2.1',
    TWILL_ETCD_ENDPOINTS: 'https://a:2379, https://b:2379',
    TWILL_ETCD_CAFILE: '/ca',
    TWILL_ETCD_CERT_FILE: '/cert',
    TWILL_ETCD_KEYFILE: '/key',
    TWILL_STATE_DIR: '/env',
    TWILL_CNI_ADD_TIMEOUT: '3s',
    TWILL_LOG_LEVEL: 'warn',
    TWILL_HTTP: '',
  });
  t.like(config, {
    node: {name: 'env', labels: {zone: 'z1', rack: 'r2'}, address: {kind: 'address'}},
    etcd: {endpoints: ['https://a:2379', 'https://b:2379'], caFile: '/ca', certFile: '/cert'},
    cni: {addTimeoutMs: 3000},
    stateDir: '/env',
    http: {port: 9478},
    log: {level: 'warn'},
  });
  t.is(parse('', {TWILL_STATEDIR: '/b'}).stateDir, '/b');
});

test('a bad value from the environment is told by its variable', t => {
  const error = t.throws(() => parse('', {TWILL_ETCD_ENDPOINTS: 'http://a:1,nonsense'}), {
    instanceOf: ConfigError,
  });
  t.like(error.problems, {0: {variable: 'TWILL_ETCD_ENDPOINTS', field: 'etcd.endpoints[1]'}});
});

test('the name of the node is the key, then $NODE_NAME, then the host name', t => {
  t.is(parse('node: {name: k}', {NODE_NAME: 'n'}).node.name, 'k');
  t.is(parse('', {NODE_NAME: 'n'}).node.name, 'n');
  t.is(parse('').node.name, 'host-a');
  const error = t.throws(() => parse('', {NODE_NAME: 'a_b'}), {instanceOf: ConfigError});
  t.is(error.problems[0]?.field, 'node.name');
});

test('a misspelt variable is noticed, what Kubernetes sets is not', t => {
  const found = misspeltVariables({
    TWILL_NODE_NMAE: 'a',
    TWILL_SERVICE_HOST: 'b',
    TWILL_NODE_NAME: 'c',
  });
  t.deepEqual(found, [{variable: 'TWILL_NODE_NMAE', meant: 'TWILL_NODE_NAME'}]);
});

test('a file that is not there is a ConfigError with its name', async t => {
  const error = await t.throwsAsync(() => readConfig('/nonexistent/twilld.yaml', {}), {
    instanceOf: ConfigError,
  });
  t.is(error.file, '/nonexistent/twilld.yaml');
});

test('no text makes anything but a Config or a ConfigError', t => {
  const line = fc.oneof(
    fc.constantFrom('node:', '  name: a', 'etcd: &e', 'cni: *e', '- x', '? y', 'http: ~', '<<: 1'),
    fc.string(),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(line, {maxLength: 8}), lines => {
        try {
          parse(lines.join('\n'));
        } catch (error) {
          if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
        }
      }),
      {numRuns: 500},
    ),
  );
});

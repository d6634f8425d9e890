/** Every key there is: what it takes and refuses, in the file and in the environment. */
import test from 'ava';
import {stringify} from 'yaml';
import {parseConfig} from './config.js';
import {keyPaths} from './environment.js';
import {ConfigError} from './error.js';

interface Row {
  readonly good: unknown;
  readonly bad: unknown;
  /** As text of a variable, where it is not the value itself. */
  readonly goodText?: string;
  readonly badText?: string;
  /** Other keys without which this one makes no sense. */
  readonly besides?: Readonly<Record<string, string>>;
}

const https = {'etcd.endpoints': 'https://10.0.0.1:2379'};

const rows: Readonly<Record<string, Row>> = {
  'node.name': {good: 'worker-1', bad: 'Worker_1'},
  'node.address': {good: 'interface=eth[01]', bad: 'eth0'},
  'node.address6': {good: '2001:db8::7', bad: '192.0.2.7'},
  'node.labels': {
    good: {zone: 'z1', rack: 'r2'},
    goodText: 'zone=z1,rack=r2',
    bad: {zone: 'a b'},
    badText: 'zone=a b',
  },
  'etcd.endpoints': {
    good: ['http://10.0.0.1:2379', 'http://[2001:db8::1]:2379'],
    goodText: 'http://10.0.0.1:2379, http://[2001:db8::1]:2379',
    bad: ['10.0.0.1:2379'],
    badText: '10.0.0.1:2379',
  },
  'etcd.prefix': {good: '/staging/v1', bad: 'staging/'},
  'etcd.caFile': {good: '/etc/twill/ca.pem', bad: 'ca.pem', besides: https},
  'etcd.certFile': {
    good: '/etc/twill/cert.pem',
    bad: './cert.pem',
    besides: {...https, 'etcd.keyFile': '/etc/twill/key.pem'},
  },
  'etcd.keyFile': {
    good: '/etc/twill/key.pem',
    bad: 'key.pem',
    besides: {...https, 'etcd.certFile': '/etc/twill/cert.pem'},
  },
  'etcd.username': {
    good: 'twill',
    bad: {name: 'twill'},
    badText: '',
    besides: {'etcd.passwordFile': '/p'},
  },
  'etcd.passwordFile': {
    good: '/etc/twill/password',
    bad: '~/password',
    besides: {'etcd.username': 'twill'},
  },
  'cni.socket': {good: '/run/other.sock', bad: 'other.sock'},
  'cni.addTimeout': {good: '5s', bad: '5'},
  stateDir: {good: '/var/lib/other', bad: 'var/lib'},
  secretsDir: {good: '/run/secrets', bad: 'secrets'},
  http: {good: '[::1]:9000', bad: '9000'},
  iptables: {good: 'legacy', bad: 'iptables'},
  kubernetes: {good: '/root/.kube/config', bad: 'on'},
  resyncInterval: {good: '1m30s', bad: '30'},
  'log.level': {good: 'debug', bad: 'verbose'},
};

const parse = (text: string, env: Readonly<Record<string, string>> = {}) =>
  parseConfig({text, file: 'twilld.yaml', env, hostname: 'host-a'});

function refusal(text: string, env: Readonly<Record<string, string>> = {}) {
  try {
    return parse(text, env) && undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

test('the table has every key', t => {
  t.deepEqual(Object.keys(rows).sort(), keyPaths.map(path => path.join('.')).sort());
});

for (const [key, {good, bad, besides = {}, ...texts}] of Object.entries(rows)) {
  const {goodText = String(good), badText = String(bad)} = texts;
  const others = Object.fromEntries(
    Object.entries(besides).map(([name, v]) => [variableOf(name), v]),
  );

  test(`${key}: the file and ${variableOf(key)} mean the same`, t => {
    const byFile = parse(fileOf(key, good), others);
    t.deepEqual(parse('', {...others, [variableOf(key)]: goodText}), byFile);
    const isMissed = refusal('', others)?.problems[0]?.field === key; // by the other of a pair
    t.true(isMissed || JSON.stringify(parse('', others)) !== JSON.stringify(byFile), 'it counts');
  });

  test(`${key}: what is wrong is told with its place and what was expected`, t => {
    const inFile = refusal(fileOf(key, bad), others);
    const line =
      fileOf(key, bad)
        .split('\n')
        .findIndex(each => each.includes('HERE')) + 2;
    t.regex(
      inFile?.message ?? '',
      new RegExp(`^twilld\\.yaml:${line}: ${escape(key)}[^:]*: expected `),
    );
    t.is(inFile?.exitCode, 2);
    if (badText === '') return; // no text is wrong
    const inEnv = refusal('', {...others, [variableOf(key)]: badText});
    t.regex(
      inEnv?.message ?? '',
      new RegExp(`^${variableOf(key)}: ${escape(key)}[^:]*: expected .*got `),
    );
  });
}

/** node.name as TWILL_NODE_NAME, etcd.caFile as TWILL_ETCD_CA_FILE. */
function variableOf(key: string): string {
  return `TWILL_${key.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase()}`;
}

/** A few lines of comment, a line that says HERE, and the key after it, whose value is on one line. */
function fileOf(key: string, value: unknown): string {
  const [section = '', name] = key.split('.');
  const text = stringify(value, {collectionStyle: 'flow', lineWidth: 0}).trim();
  if (name === undefined) return `# Twill\n\n# HERE\n${section}: ${text}\n`;
  return `# Twill\n\n${section}:\n  # HERE\n  ${name}: ${text}\n`;
}

function escape(text: string): string {
  return text.replaceAll('.', '\\.');
}

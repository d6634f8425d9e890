/** What the `twill` binary refuses, and what it answers by itself. */

import {execFileSync} from 'node:child_process';
import {symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {
  assertError,
  config,
  createDirectory,
  encodeReply,
  isRoot,
  listTree,
  run,
  startDaemon,
} from './harness.js';

const asRoot = isRoot ? test : test.skip;
const LIMIT_MS = 2000;
const RESULT = '{"cniVersion":"1.0.0"}';

const badInput: Record<string, {stdin: string | Uint8Array; code: number}> = {
  nothing: {stdin: '', code: 6},
  'no JSON': {stdin: 'hello', code: 6},
  'JSON cut short': {stdin: '{"cniVersion":"1.0.0","name":"net"', code: 6},
  'text after the object': {stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill"} x', code: 6},
  'NUL after the object': {stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill"}\0x', code: 6},
  'a byte order mark': {stdin: '\ufeff{"cniVersion":"1.0.0","name":"net","type":"twill"}', code: 6},
  'bytes that are no UTF-8': {
    stdin: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    code: 6,
  },
  'an array': {stdin: '[]', code: 6},
  'a string': {stdin: '"x"', code: 6},
  null: {stdin: 'null', code: 6},
  '100 MiB': {stdin: Buffer.alloc(100 << 20, ' '), code: 6},
  'one byte more than 1 MiB': {stdin: '{}'.padEnd((1 << 20) + 1), code: 6},
  '100,000 arrays in each other': {stdin: `{"a":${'['.repeat(100_000)}`, code: 6},
  '65 levels': {stdin: `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, code: 6},
  'a key twice': {stdin: '{"cniVersion":"1.0.0","name":"a","name":"b","type":"twill"}', code: 6},
  'a key twice far down': {stdin: '{"name":"a","x":[{"y":{"k":1,"k":1}}]}', code: 6},
  'a key twice in two spellings': {stdin: '{"name":"a","n\\u0061me":"b"}', code: 6},
  'cniVersion a number': {stdin: '{"cniVersion":1,"name":"net","type":"twill"}', code: 6},
  'name an array': {stdin: '{"cniVersion":"1.0.0","name":["net"],"type":"twill"}', code: 6},
  'type null': {stdin: '{"cniVersion":"1.0.0","name":"net","type":null}', code: 6},
  'socket an object': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","socket":{}}',
    code: 6,
  },
  'stateDir false': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","stateDir":false}',
    code: 6,
  },
  'ipam a string': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","ipam":"x"}',
    code: 6,
  },
  'ipam.type a number': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","ipam":{"type":1}}',
    code: 6,
  },
  'prevResult a string': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","prevResult":""}',
    code: 6,
  },
  'valid-attachments an object': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","cni.dev/valid-attachments":{}}',
    code: 6,
  },
  'no name': {stdin: '{"cniVersion":"1.0.0","type":"twill"}', code: 7},
  'a name with a slash': {stdin: '{"cniVersion":"1.0.0","name":"../net","type":"twill"}', code: 7},
  'no type': {stdin: '{"cniVersion":"1.0.0","name":"net"}', code: 7},
  'the type of another plugin': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"ptp"}',
    code: 7,
  },
  'a relative socket': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","socket":"a.sock"}',
    code: 7,
  },
  'a relative stateDir': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","stateDir":"../x"}',
    code: 7,
  },
  'a socket path of 108 bytes': {
    stdin: `{"cniVersion":"1.0.0","name":"net","type":"twill","socket":"/${'s'.repeat(107)}"}`,
    code: 7,
  },
  'ipam.type a path': {
    stdin: '{"cniVersion":"1.0.0","name":"net","type":"twill","ipam":{"type":"../sh"}}',
    code: 7,
  },
  'no cniVersion': {stdin: '{"name":"net","type":"twill"}', code: 1},
  'cniVersion 0.2.0': {stdin: '{"cniVersion":"0.2.0","name":"net","type":"twill"}', code: 1},
  'cniVersion 2.0.0': {stdin: '{"cniVersion":"2.0.0","name":"net","type":"twill"}', code: 1},
  'a cniVersion of words': {stdin: '{"cniVersion":"newest","name":"net","type":"twill"}', code: 1},
};

test('every bad configuration is refused with its code, at once, for ADD and for DEL', async t => {
  t.true(Object.keys(badInput).length > 30);
  for (const [what, {stdin, code}] of Object.entries(badInput)) {
    for (const command of ['ADD', 'DEL']) {
      const result = await run({env: {CNI_COMMAND: command, CNI_NETNS: '/run/netns/none'}, stdin});
      t.is(result.json['code'], code, `${command} with ${what}: ${result.stdout}`);
      assertError(t, result, code);
      t.true(result.ms < LIMIT_MS, `${what} took ${result.ms} ms`);
    }
  }
});

const badEnvironment: Record<string, Record<string, string | undefined>> = {
  CNI_COMMAND: {
    missing: undefined,
    empty: '',
    unknown: 'FROB',
    lower: 'add',
    long: 'A'.repeat(4096),
  },
  CNI_CONTAINERID: {
    missing: undefined,
    empty: '',
    up: '../../x',
    slash: 'a/b',
    newline: 'a\nb',
    dash: '-a',
    dots: '..',
    long: 'a'.repeat(4096),
    barelyTooLong: 'a'.repeat(201),
  },
  CNI_NETNS: {
    missing: undefined,
    relative: '../../x',
    newline: '/run/netns/a\nb',
    long: `/${'n'.repeat(4096)}`,
    nowhere: '/run/netns/there-is-none',
  },
  CNI_IFNAME: {
    missing: undefined,
    up: '../../x',
    slash: 'a/b',
    colon: 'eth0:1',
    sixteen: 'a'.repeat(16),
    long: 'a'.repeat(4096),
    newline: 'eth\n0',
    space: 'eth 0',
    dot: '.',
    dots: '..',
    percent: 'eth%d',
    umlaut: 'ethö',
  },
  CNI_ARGS: {
    noValue: 'K8S_POD_NAME',
    noKey: '=x',
    twoEquals: 'a=b=c',
    emptyPair: 'a=b;;c=d',
    trailing: 'a=b;',
    newline: 'a=b\nc',
    long: `a=${'x'.repeat(4096)}`,
  },
  CNI_PATH: {up: '../../x', newline: '/opt\n/cni', long: `/${'p'.repeat(4096)}`},
};

test('every bad variable is refused with code 4 and a message that names it', async t => {
  const directory = createDirectory(t);
  const daemon = await startDaemon(t, directory, () => encodeReply(0, RESULT));
  for (const [name, values] of Object.entries(badEnvironment)) {
    for (const [what, value] of Object.entries(values)) {
      const env = {CNI_NETNS: '/proc/self/ns/none', [name]: value};
      const result = await run({env, stdin: config(directory)});
      t.is(result.json['code'], 4, `${name} ${what}: ${result.stdout}`);
      const error = assertError(t, result, 4);
      t.true(error.msg.includes(name), `${name} ${what}: ${error.msg}`);
      t.true(result.ms < LIMIT_MS);
      t.true(result.stdout.length < 500, 'a hostile value is not repeated at length');
    }
  }
  t.deepEqual(daemon, []);
  t.deepEqual(listTree(directory), ['cni.sock']);
});

test('an error carries the cniVersion of the configuration, also one about the environment', async t => {
  const directory = createDirectory(t);
  const stdin = config(directory, {cniVersion: '0.4.0'});
  t.is(assertError(t, await run({env: {CNI_IFNAME: '../../x'}, stdin}), 4).cniVersion, '0.4.0');
  t.is(assertError(t, await run({env: {CNI_NETNS: '/none'}, stdin}), 4).cniVersion, '0.4.0');
  t.is(assertError(t, await run({stdin: 'x', env: {CNI_NETNS: '/none'}}), 6).cniVersion, '1.1.0');
});

test('stdin that nobody closes does not hold the plugin for ever', async t => {
  const result = await run({env: {CNI_NETNS: '/run/netns/none'}, keepStdinOpen: true});
  assertError(t, result, 5);
  t.true(result.ms < 10_000);
});

asRoot('CNI_NETNS that is no namespace of its own is refused for ADD and CHECK', async t => {
  const directory = createDirectory(t);
  const daemon = await startDaemon(t, directory, () => encodeReply(0, RESULT));
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('/nonexistent', join(directory, 'dead'));
  symlinkSync('/proc/self/ns/net', join(directory, 'own'));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  const wrong = [
    ...['file', 'dead', 'own', 'fifo', ''].map(name => join(directory, name)),
    '/proc/self/ns/net',
    '/proc/self/ns/mnt',
    '/dev/null',
  ];
  for (const CNI_COMMAND of ['ADD', 'CHECK']) {
    for (const CNI_NETNS of wrong) {
      const result = await run({env: {CNI_COMMAND, CNI_NETNS}, stdin: config(directory)});
      t.regex(assertError(t, result, 4).msg, /^CNI_NETNS /);
      t.true(result.ms < LIMIT_MS);
    }
  }
  t.deepEqual(daemon, []);

  for (const CNI_NETNS of [...wrong, undefined, '', '../../x', 'a\nb', `/${'n'.repeat(4096)}`]) {
    const result = await run({env: {CNI_COMMAND: 'DEL', CNI_NETNS}, stdin: config(directory)});
    t.is(result.exitCode, 0, `DEL ${CNI_NETNS}: ${result.stdout}`);
  }
  t.is(daemon.length, wrong.length + 5);
});

test('verbs that came later need their cniVersion', async t => {
  const directory = createDirectory(t);
  const since: Record<string, readonly string[]> = {
    CHECK: ['0.3.0', '0.3.1'],
    GC: ['0.3.1', '0.4.0', '1.0.0'],
    STATUS: ['0.3.1', '0.4.0', '1.0.0'],
  };
  for (const [CNI_COMMAND, versions] of Object.entries(since)) {
    for (const cniVersion of versions) {
      const env = {CNI_COMMAND, CNI_NETNS: '/none'};
      const error = assertError(t, await run({env, stdin: config(directory, {cniVersion})}), 1);
      t.is(error.cniVersion, cniVersion);
    }
  }
});

test('VERSION is answered without a daemon, with the version it was asked in', async t => {
  const supportedVersions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
  const asked = {
    '': '1.1.0',
    '{"cniVersion":"0.4.0"}': '0.4.0',
    '{"cniVersion":"9.0.0"}': '1.1.0',
    x: '1.1.0',
  };
  for (const [stdin, cniVersion] of Object.entries(asked)) {
    const result = await run({
      env: {CNI_COMMAND: 'VERSION', CNI_IFNAME: '../x', CNI_PATH: undefined},
      stdin,
    });
    t.is(result.exitCode, 0);
    t.deepEqual(result.json, {cniVersion, supportedVersions});
  }
});

test('people get help, a version, and are told what the program is', async t => {
  const bare = {CNI_COMMAND: undefined};
  const help = await run({args: ['--help'], env: bare});
  t.is(help.exitCode, 0);
  t.regex(help.stdout, /usage: twill/);
  t.regex((await run({args: ['--version'], env: bare})).stdout, /twill \d+\.\d+\.\d+\)/);
  t.is((await run({args: ['frob'], env: bare})).exitCode, 2);
  const nothing = await run({env: bare});
  t.regex(nothing.stderr, /CNI plugin twill/);
  assertError(t, nothing, 4);
});

/** The binary called as `loopback`, in real namespaces. */

import {execFileSync} from 'node:child_process';
import {symlinkSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {
  assertError,
  BINARY,
  createDirectory,
  createNamespace,
  isRoot,
  run,
  type Run,
} from './harness.js';

const asRoot = isRoot ? test : test.skip;

function createLoopback(t: ExecutionContext) {
  const binary = join(createDirectory(t), 'loopback');
  symlinkSync(BINARY, binary);
  return (command: string, netns: string, extra: Record<string, unknown> = {}): Promise<Run> =>
    run({
      binary,
      env: {CNI_COMMAND: command, CNI_NETNS: netns, CNI_IFNAME: 'lo'},
      stdin: JSON.stringify({cniVersion: '1.0.0', name: 'lo', type: 'loopback', ...extra}),
    });
}

function isUp(netns: string): boolean {
  const name = netns.replace('/run/netns/', '');
  return /<LOOPBACK,UP/.test(execFileSync('ip', ['-n', name, 'link', 'show', 'lo']).toString());
}

asRoot('ADD brings lo up, CHECK wants it so, DEL takes it down', async t => {
  const loopback = createLoopback(t);
  const netns = createNamespace(t);
  t.regex(assertError(t, await loopback('CHECK', netns), 100).msg, /lo is down/);

  const added = await loopback('ADD', netns);
  t.is(added.exitCode, 0, added.stdout);
  t.true(isUp(netns));
  t.deepEqual(added.json, {
    cniVersion: '1.0.0',
    interfaces: [{name: 'lo', mac: '00:00:00:00:00:00', sandbox: netns}],
    ips: [
      {interface: 0, address: '127.0.0.1/8'},
      {interface: 0, address: '::1/128'},
    ],
    dns: {},
  });

  t.is((await loopback('CHECK', netns)).exitCode, 0);
  t.is((await loopback('DEL', netns)).stdout, '');
  t.false(isUp(netns));
  t.is((await loopback('DEL', netns)).exitCode, 0);
});

asRoot('addresses carry their family before 1.0.0', async t => {
  const loopback = createLoopback(t);
  for (const cniVersion of ['0.3.0', '0.3.1', '0.4.0']) {
    const {json} = await loopback('ADD', createNamespace(t), {cniVersion});
    t.is(json['cniVersion'], cniVersion);
    t.deepEqual(json['ips'], [
      {version: '4', interface: 0, address: '127.0.0.1/8'},
      {version: '6', interface: 0, address: '::1/128'},
    ]);
  }
});

asRoot('a previous result is handed on', async t => {
  const loopback = createLoopback(t);
  const prevResult = {cniVersion: '1.0.0', ips: [{address: '10.0.0.2/24'}], 'x-y': ['ü', null]};
  const netns = createNamespace(t);
  t.deepEqual((await loopback('ADD', netns, {prevResult})).json, prevResult);
  t.true(isUp(netns));
});

asRoot(
  'without its namespace DEL succeeds and ADD does not; GC and STATUS have nothing to do',
  async t => {
    const loopback = createLoopback(t);
    for (const netns of ['', '/run/netns/none', '/proc/self/ns/net', '/etc/passwd']) {
      t.is((await loopback('DEL', netns)).exitCode, 0);
      assertError(t, await loopback('ADD', netns), 4);
    }
    for (const command of ['GC', 'STATUS']) {
      const result = await loopback(command, '', {cniVersion: '1.1.0'});
      t.is(result.exitCode, 0, result.stdout);
      t.is(result.stdout, '');
    }
    t.is((await loopback('VERSION', '')).exitCode, 0);
  },
);

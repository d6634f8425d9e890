/** What the `twill` binary asks of a daemon, and what it does when none answers. */

import {existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {
  assertError,
  BINARY,
  config,
  createDirectory,
  createNamespace,
  decodeRequest,
  encodeReply,
  hasStrace,
  isRoot,
  listTree,
  run,
  startDaemon,
  type RunOptions,
} from './harness.js';

const asRoot = isRoot ? test : test.skip;
const traced = isRoot && hasStrace ? test : test.skip;
const LIMIT_MS = 2000;
const RESULT = '{"cniVersion":"1.0.0"}';

asRoot('the daemon is sent everything, and its answer is printed', async t => {
  const directory = createDirectory(t);
  const netns = createNamespace(t);
  const daemon = await startDaemon(t, directory, ({command}) =>
    command === 'ADD'
      ? encodeReply(0, RESULT)
      : encodeReply(7, '{"cniVersion":"1.0.0","code":101,"msg":"no"}'),
  );
  const stdin = config(directory, {runtimeConfig: null, text: 'x'.repeat(300_000)});
  const env = {CNI_NETNS: netns, CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web'};

  const add = await run({env, stdin});
  t.is(add.exitCode, 0);
  t.is(add.stdout, RESULT);
  t.deepEqual(daemon[0], {
    command: 'ADD',
    containerId: 'c1',
    netnsPath: netns,
    ifName: 'eth0',
    args: 'IgnoreUnknown=1;K8S_POD_NAME=web',
    path: '/usr/lib/cni',
    stdin,
    ipamResult: '',
  });

  const check = await run({env: {...env, CNI_COMMAND: 'CHECK'}, stdin});
  t.is(check.exitCode, 7);
  t.is(check.json['code'], 101);
  t.deepEqual(listTree(directory), ['cni.sock']);
});

traced('the open namespace rides on the first byte', async t => {
  const directory = createDirectory(t);
  await startDaemon(t, directory, () => encodeReply(0, RESULT));
  const trace = join(directory, 'trace');
  const options = {
    binary: '/usr/bin/strace',
    args: ['-y', '-e', 'trace=sendmsg', '-o', trace, BINARY],
    env: {CNI_NETNS: createNamespace(t)},
    stdin: config(directory),
  };
  t.is((await run(options)).exitCode, 0);
  const lines = readFileSync(trace, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('sendmsg'));
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /iov_base="TWL1.*SCM_RIGHTS, cmsg_data=\[\d+</);
});

test('GC and STATUS need no container, and pass none on', async t => {
  const directory = createDirectory(t);
  const daemon = await startDaemon(t, directory, () => encodeReply(0, ''));
  const stdin = config(directory, {cniVersion: '1.1.0', 'cni.dev/valid-attachments': null});
  for (const CNI_COMMAND of ['GC', 'STATUS']) {
    const result = await run({
      env: {CNI_COMMAND, CNI_CONTAINERID: '../../x', CNI_IFNAME: undefined},
      stdin,
    });
    t.is(result.exitCode, 0, result.stdout);
    t.is(result.stdout, '');
  }
  t.deepEqual(
    daemon.map(request => request.containerId),
    ['', ''],
  );
  const noPath = await run({env: {CNI_COMMAND: 'GC', CNI_PATH: undefined}, stdin});
  t.regex(assertError(t, noPath, 4).msg, /CNI_PATH/);
});

/** Ways a daemon can fail to answer. */
async function silentDaemons(t: ExecutionContext): Promise<Record<string, string>> {
  const [absent, refusing, hangingUp, cutShort] = [1, 2, 3, 4].map(() => createDirectory(t));
  const server = createServer();
  await new Promise<void>(resolve => server.listen(join(refusing ?? '', 'other.sock'), resolve));
  writeFileSync(join(refusing ?? '', 'cni.sock'), '');
  t.teardown(() => server.close());
  await startDaemon(t, hangingUp ?? '', () => undefined);
  await startDaemon(t, cutShort ?? '', () => encodeReply(0, RESULT).subarray(0, -3));
  return {
    absent: absent ?? '',
    refusing: refusing ?? '',
    hangingUp: hangingUp ?? '',
    cutShort: cutShort ?? '',
  };
}

asRoot(
  'a daemon that does not answer means 11, for STATUS 50, in words a person understands',
  async t => {
    const netns = createNamespace(t);
    for (const [how, directory] of Object.entries(await silentDaemons(t))) {
      const before = listTree(directory);
      const stdin = config(directory, {cniVersion: '1.1.0'});
      for (const [CNI_COMMAND, code] of Object.entries({ADD: 11, CHECK: 11, GC: 11, STATUS: 50})) {
        const result = await run({env: {CNI_COMMAND, CNI_NETNS: netns}, stdin});
        const error = assertError(t, result, code);
        t.regex(
          error.msg,
          /^twilld is not answering on .*cni\.sock \(.+\): is its DaemonSet pod running/,
          how,
        );
        t.true(result.ms < LIMIT_MS);
      }
      t.deepEqual(listTree(directory), before);
    }
  },
);

test('a DEL that is not answered succeeds and leaves a tombstone with the whole request', async t => {
  for (const [how, directory] of Object.entries(await silentDaemons(t))) {
    mkdirSync(join(directory, 'state'));
    const stdin = config(directory, {prevResult: {cniVersion: '1.0.0'}});
    const result = await run({env: {CNI_COMMAND: 'DEL', CNI_NETNS: '/run/netns/gone'}, stdin});
    t.is(result.exitCode, 0, `${how}: ${result.stdout}`);
    t.is(result.stdout, '');

    const pending = join(directory, 'state/pending-del');
    const [name, ...more] = listTree(pending);
    t.deepEqual(more, []);
    t.regex(name ?? '', /^c1\.eth0\.[0-9a-f]{16}$/);
    t.is(statSync(pending).mode & 0o777, 0o700);
    t.is(statSync(join(pending, name ?? '')).mode & 0o777, 0o600);
    const request = decodeRequest(readFileSync(join(pending, name ?? '')));
    t.like(request, {command: 'DEL', containerId: 'c1', netnsPath: '/run/netns/gone', stdin});
  }
});

test('the state directory is the configured one, else where the daemon points', async t => {
  const directory = createDirectory(t);
  mkdirSync(join(directory, 'pointed'));
  symlinkSync(join(directory, 'pointed'), join(directory, 'cni.sock.state'));
  const options: RunOptions = {env: {CNI_COMMAND: 'DEL'}, stdin: config(directory, {stateDir: ''})};
  t.is((await run(options)).exitCode, 0);
  t.is(listTree(join(directory, 'pointed/pending-del')).length, 1);
  t.is((await run({...options, stdin: config(directory)})).exitCode, 0);
  t.is(listTree(join(directory, 'state/pending-del')).length, 1);
});

test('a DEL that can be neither answered nor written down is an error', async t => {
  const directory = createDirectory(t);
  writeFileSync(join(directory, 'state'), 'a file');
  const env = {CNI_COMMAND: 'DEL'};
  const error = assertError(t, await run({env, stdin: config(directory)}), 5);
  t.regex(error.details ?? '', /Not a directory/);

  const stateDir = join(directory, 'no/parent');
  assertError(t, await run({env, stdin: config(directory, {stateDir})}), 5);

  const linked = join(directory, 'linked');
  mkdirSync(linked);
  mkdirSync(join(directory, 'elsewhere'));
  symlinkSync(join(directory, 'elsewhere'), join(linked, 'pending-del'));
  assertError(t, await run({env, stdin: config(directory, {stateDir: linked})}), 5);
  t.deepEqual(listTree(join(directory, 'elsewhere')), []);
  t.false(existsSync(join(directory, 'no')));
});

traced('a full disk or a crash leaves no half of a tombstone', async t => {
  const faults = {
    'write:error=ENOSPC': 5,
    'fsync:error=EIO': 5,
    'renameat:error=EIO': 5,
    'fsync:signal=SIGKILL': null,
  };
  for (const [fault, code] of Object.entries(faults)) {
    const directory = createDirectory(t);
    mkdirSync(join(directory, 'state/pending-del'), {recursive: true});
    const result = await run({
      binary: '/usr/bin/strace',
      args: [
        '-o',
        '/dev/null',
        '-e',
        'trace=write,fsync,renameat',
        '-e',
        `inject=${fault}:when=1`,
        BINARY,
      ],
      env: {CNI_COMMAND: 'DEL'},
      stdin: config(directory),
    });
    if (code !== null) assertError(t, result, code);
    else t.not(result.exitCode, 0);
    const left = listTree(join(directory, 'state/pending-del')).filter(
      name => !name.startsWith('.'),
    );
    t.deepEqual(left, [], fault);
  }
});

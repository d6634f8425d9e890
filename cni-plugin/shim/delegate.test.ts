/** `ipam.type` names another plugin; and `twill` as the ipam of another plugin. */

import {existsSync, mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {
  assertError,
  config,
  createDirectory,
  createNamespace,
  encodeReply,
  hasHostLocal,
  isRoot,
  listTree,
  run,
  startDaemon,
  writeScript,
  type Request,
} from './harness.js';

const asRoot = isRoot ? test : test.skip;
const withHostLocal = isRoot && hasHostLocal ? test : test.skip;
const RESULT = '{"cniVersion":"1.0.0"}';
const REFUSAL = '{"cniVersion":"1.0.0","code":100,"msg":"no"}';
const IPAM_RESULT = '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"}]}';

/** An ipam plugin that notes its verbs in `calls` and fails those named in `failing`. */
function writePlugin(directory: string, failing = 'NONE'): () => readonly string[] {
  const calls = join(directory, 'calls');
  mkdirSync(join(directory, 'bin'));
  writeScript(
    join(directory, 'bin/noting'),
    `cat >${directory}/seen
     echo $CNI_COMMAND $CNI_CONTAINERID >>${calls}
     if [ $CNI_COMMAND = ${failing} ]; then
       echo '{"cniVersion":"1.0.0","code":102,"msg":"plugin refuses"}'; exit 1
     fi
     if [ $CNI_COMMAND = ADD ]; then echo '${IPAM_RESULT}'; fi`,
  );
  return () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);
}

function delegating(directory: string, extra: Record<string, unknown> = {}): string {
  return config(directory, {ipam: {type: 'noting'}, cniVersion: '1.1.0', ...extra});
}

function environment(t: ExecutionContext, directory: string, command: string) {
  return {
    CNI_COMMAND: command,
    CNI_NETNS: createNamespace(t),
    CNI_PATH: `/nowhere:${directory}/bin`,
  };
}

asRoot('ADD asks the plugin first and sends the daemon what it said', async t => {
  const directory = createDirectory(t);
  const calls = writePlugin(directory);
  const daemon = await startDaemon(t, directory, () => encodeReply(0, RESULT));
  const stdin = delegating(directory, {text: 'x'.repeat(200_000)});
  const result = await run({env: environment(t, directory, 'ADD'), stdin});
  t.is(result.exitCode, 0, result.stdout);
  t.is(result.stdout, RESULT);
  t.deepEqual(calls(), ['ADD c1']);
  t.is(readFileSync(join(directory, 'seen'), 'utf8'), stdin);
  t.is(daemon[0]?.ipamResult.trim(), IPAM_RESULT);
});

asRoot('the plugin is undone when the daemon refuses or cannot be asked', async t => {
  for (const answers of [true, false]) {
    const directory = createDirectory(t);
    const calls = writePlugin(directory);
    if (answers) await startDaemon(t, directory, () => encodeReply(1, REFUSAL));
    const result = await run({env: environment(t, directory, 'ADD'), stdin: delegating(directory)});
    assertError(t, result, answers ? 100 : 11);
    t.deepEqual(calls(), ['ADD c1', 'DEL c1']);
  }
});

asRoot('an address the daemon may have wired is left to the DEL of the runtime', async t => {
  const directory = createDirectory(t);
  const calls = writePlugin(directory);
  await startDaemon(t, directory, () => undefined);
  const result = await run({env: environment(t, directory, 'ADD'), stdin: delegating(directory)});
  assertError(t, result, 11);
  t.deepEqual(calls(), ['ADD c1']);
});

asRoot(
  'an error of the plugin is passed on, and the daemon is not asked to ADD or CHECK',
  async t => {
    for (const command of ['ADD', 'CHECK']) {
      const directory = createDirectory(t);
      writePlugin(directory, command);
      const daemon = await startDaemon(t, directory, () => encodeReply(0, RESULT));
      const stdin = delegating(directory);
      const error = assertError(
        t,
        await run({env: environment(t, directory, command), stdin}),
        102,
      );
      t.is(error.msg, 'plugin refuses');
      t.deepEqual(daemon, []);
    }
  },
);

asRoot(
  'DEL reaches the plugin last, also when the daemon is down; GC and STATUS reach it too',
  async t => {
    for (const answers of [true, false]) {
      const directory = createDirectory(t);
      const calls = writePlugin(directory);
      const answer = (_: Request) => (calls().length === 0 ? encodeReply(0, '') : undefined);
      if (answers) await startDaemon(t, directory, answer);
      const result = await run({
        env: environment(t, directory, 'DEL'),
        stdin: delegating(directory),
      });
      t.is(result.exitCode, 0, result.stdout);
      t.deepEqual(calls(), ['DEL c1']);
      t.is(existsSync(join(directory, 'state/pending-del')), !answers);
    }

    const directory = createDirectory(t);
    const calls = writePlugin(directory, 'STATUS');
    await startDaemon(t, directory, () => encodeReply(0, ''));
    const stdin = delegating(directory);
    t.is((await run({env: environment(t, directory, 'GC'), stdin})).exitCode, 0);
    assertError(t, await run({env: environment(t, directory, 'STATUS'), stdin}), 102);
    t.deepEqual(calls(), ['GC c1', 'STATUS c1']);
  },
);

asRoot('the address is kept while the daemon refuses the DEL', async t => {
  const directory = createDirectory(t);
  const calls = writePlugin(directory);
  await startDaemon(t, directory, () => encodeReply(1, REFUSAL));
  const result = await run({env: environment(t, directory, 'DEL'), stdin: delegating(directory)});
  assertError(t, result, 100);
  t.deepEqual(calls(), []);
});

asRoot('a plugin that is missing, silent about its failure or no JSON is an error', async t => {
  const directory = createDirectory(t);
  writePlugin(directory);
  writeScript(join(directory, 'bin/dumb'), 'exit 3');
  writeScript(join(directory, 'bin/chatty'), 'echo hello');
  const codes = {absent: 7, dumb: 999, chatty: 6};
  for (const [type, code] of Object.entries(codes)) {
    const stdin = delegating(directory, {ipam: {type}});
    assertError(t, await run({env: environment(t, directory, 'ADD'), stdin}), code);
  }
  const env = {...environment(t, directory, 'ADD'), CNI_PATH: undefined};
  t.regex(assertError(t, await run({env, stdin: delegating(directory)}), 4).msg, /CNI_PATH/);
});

asRoot('no plugin runs before the namespace is proven', async t => {
  const directory = createDirectory(t);
  const calls = writePlugin(directory);
  const env = {...environment(t, directory, 'ADD'), CNI_NETNS: '/proc/self/ns/net'};
  assertError(t, await run({env, stdin: delegating(directory)}), 4);
  t.deepEqual(calls(), []);
});

withHostLocal('host-local gives an address and takes it back', async t => {
  const directory = createDirectory(t);
  const requests = await startDaemon(t, directory, () => encodeReply(0, RESULT));
  const dataDir = join(directory, 'leases');
  const ipam = {type: 'host-local', dataDir, ranges: [[{subnet: '10.77.0.0/29'}]]};
  const stdin = config(directory, {ipam});
  const env = {CNI_NETNS: createNamespace(t)};
  t.is((await run({env, stdin})).exitCode, 0);
  const result = JSON.parse(requests[0]?.ipamResult ?? '') as {ips: {address: string}[]};
  t.is(result.ips[0]?.address, '10.77.0.2/29');
  t.true(existsSync(join(dataDir, 'net/10.77.0.2')));

  for (let round = 0; round < 2; round++) {
    t.is((await run({env: {CNI_COMMAND: 'DEL', CNI_NETNS: ''}, stdin})).exitCode, 0);
  }
  t.false(existsSync(join(dataDir, 'net/10.77.0.2')));
});

test('as the ipam of another plugin it takes socket and stateDir from ipam, and any namespace', async t => {
  const directory = createDirectory(t);
  const ipam = {
    type: 'twill',
    socket: join(directory, 'cni.sock'),
    stateDir: join(directory, 'own'),
  };
  const stdin = config(directory, {type: 'ptp', socket: '/none', stateDir: '/none', ipam});
  t.is((await run({env: {CNI_COMMAND: 'DEL'}, stdin})).exitCode, 0);
  t.is(listTree(join(directory, 'own/pending-del')).length, 1);

  const daemon = await startDaemon(t, directory, () => encodeReply(0, IPAM_RESULT));
  const result = await run({env: {CNI_NETNS: '/run/netns/none'}, stdin});
  t.is(result.stdout, IPAM_RESULT);
  t.is(daemon[0]?.stdin, stdin);
  const broken = config(directory, {type: 'ptp', ipam: {type: 'twill', socket: 'cni.sock'}});
  t.regex(
    assertError(t, await run({env: {CNI_NETNS: '/x'}, stdin: broken}), 7).msg,
    /^ipam\.socket/,
  );
});

/** twilld as a process: arguments, what is refused, exit codes. */
import {execFile} from 'node:child_process';
import {access, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function twilld(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const main = join(import.meta.dirname, 'main.js');
  return new Promise(resolve => {
    const options = {env: {PATH: process.env['PATH'], ...env}, timeout: 30_000};
    execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) =>
      resolve({code: error === null ? 0 : error.code, stdout, stderr}),
    );
  });
}

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'twill-main-'));
  t.teardown(() => rm(path, {recursive: true}));
  return path;
}

test('a bad file is refused with file, line and what was expected, every fault at once', async t => {
  const home = await directory(t);
  const file = join(home, 'twilld.yaml');
  await writeFile(file, `stateDir: ${home}/state\nnode:\n  nmae: a\nhttp: 9478\n`);
  const {code, stdout, stderr} = await twilld(['--config', file]);
  t.is(code, 2);
  t.is(stdout, '');
  t.deepEqual(stderr.split('\n'), [
    `${file}:3: node.nmae: unknown field, did you mean name?`,
    `${file}:4: http: expected ADDRESS:PORT, such as 127.0.0.1:9478 or [::1]:9478, got 9478`,
    '',
  ]);
  await t.throwsAsync(access(join(home, 'state')), {code: 'ENOENT'}, 'nothing was begun');
});

test('a bad variable is refused by its name, a file that is not there by its path', async t => {
  const byVariable = await twilld([], {TWILL_CNI_SOCKET: 'cni.sock'});
  t.is(byVariable.code, 2);
  t.regex(byVariable.stderr, /^TWILL_CNI_SOCKET: cni.socket: expected an absolute path .*\n$/);

  const byPath = await twilld(['--config', '/nonexistent/twilld.yaml']);
  t.is(byPath.code, 2);
  t.regex(byPath.stderr, /^\/nonexistent\/twilld.yaml: .*ENOENT.*\n$/);
});

test('a file that the configuration names and nobody can read is told with its key', async t => {
  const home = await directory(t);
  const env = {
    TWILL_STATE_DIR: join(home, 'state'),
    TWILL_ETCD_ENDPOINTS: 'https://127.0.0.1:1',
    TWILL_ETCD_CA_FILE: join(home, 'ca.pem'),
  };
  const {code, stderr} = await twilld([], env);
  t.is(code, 2);
  t.regex(stderr, /ca\.pem: etcd\.caFile: .*ENOENT/);
});

test('arguments that are none are refused with the usage', async t => {
  for (const args of [['--confg', 'x'], ['start'], ['--config']]) {
    const {code, stderr} = await twilld(args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, /^twilld: .*\n\nUsage: twilld/s);
  }
});

test('help and version go to stdout', async t => {
  t.like(await twilld(['--help']), {code: 0, stderr: ''});
  const {stdout} = await twilld(['--version']);
  t.regex(stdout, /^twilld \d+\.\d+\.\d+/);
});

import {execFile} from 'node:child_process';
import {existsSync, fstatSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {chmod, readlink} from 'node:fs/promises';
import {connect, createServer} from 'node:net';
import {join} from 'node:path';
import {promisify} from 'node:util';

import test, {type ExecutionContext} from 'ava';

import {closeDescriptor} from './namespace.js';
import {countDescriptors, createFolder, eventually, privileged} from './test-lab.js';
import {listenUnix, type UnixListenerOptions, type UnixRequest} from './unix-listener.js';

const run = promisify(execFile);

interface Ground {
  readonly path: string;
  readonly errors: string[]; // codes
  close(): Promise<void>;
}

async function listen(
  t: ExecutionContext,
  onRequest: (request: UnixRequest) => void,
  options: Partial<UnixListenerOptions> = {},
): Promise<Ground> {
  const path = options.path ?? join(await createFolder(t), 'cni.sock');
  const errors: string[] = [];
  const listener = await listenUnix({
    path,
    maxBytes: 1 << 20,
    requestTimeoutMs: 200,
    allowUid: process.getuid?.() ?? 0,
    onRequest,
    onError: error => errors.push((error as {code?: string}).code ?? error.message),
    ...options,
  });
  t.teardown(() => listener.close());
  return {path, errors, close: () => listener.close()};
}

const echo = (request: UnixRequest) => void request.reply(request.data);

function isClosedOnExec(fd: number): boolean {
  const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  return (parseInt(flags ?? '0', 8) & 0o2000000) !== 0;
}

/** What comes back: text, or the code of the error. */
function ask(path: string, data: string | Uint8Array): Promise<string> {
  return new Promise(resolve => {
    const client = connect({path, allowHalfOpen: true});
    const parts: Buffer[] = [];
    client.on('data', part => parts.push(part));
    client.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? ''));
    client.on('end', () => (client.destroy(), resolve(Buffer.concat(parts).toString())));
    client.end(data);
  });
}

async function buildClient(t: ExecutionContext): Promise<(...words: string[]) => Promise<string>> {
  const binary = join(await createFolder(t), 'client');
  const source = join(import.meta.dirname, '../../native-addon/testdata/client.cc');
  await run('g++', ['-o', binary, source]);
  return async (...words) => (await run(binary, words)).stdout;
}

test('a request is everything up to the shutdown, the reply everything up to the end', async t => {
  const {path} = await listen(t, echo);
  const large = 'x'.repeat(1 << 20);
  t.is(await ask(path, 'hello'), 'hello');
  t.is(await ask(path, large), large);
  const many = Array.from({length: 300}, (_, i) => `request ${i}`);
  t.deepEqual(await Promise.all(many.map(text => ask(path, text))), many);
});

test('the socket is for its owner only, and its client is named', async t => {
  let peer: UnixRequest['peer'] | undefined;
  const {path} = await listen(t, request => {
    peer = request.peer;
    echo(request);
  });
  t.is(statSync(path).mode & 0o777, 0o600);
  await ask(path, 'x');
  t.deepEqual(peer, {pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.()});
});

privileged('another user is turned away', async t => {
  const folder = await createFolder(t);
  await chmod(folder, 0o755);
  const ground = await listen(t, echo, {path: join(folder, 'cni.sock'), mode: 0o666});
  const script = `const c = require('net').connect(${JSON.stringify(ground.path)});
    c.on('error', () => {}); c.end('x'); c.resume(); c.on('close', () => console.log('closed'));`;
  const {stdout} = await run(process.execPath, ['-e', script], {uid: 65534, gid: 65534});
  t.is(stdout, 'closed\n');
  t.deepEqual(ground.errors, ['EACCES']);
});

test('a request that is too big or never ends is cut off', async t => {
  const {path, errors} = await listen(t, echo, {maxBytes: 1000});
  t.is(await ask(path, 'x'.repeat(1000)), 'x'.repeat(1000));
  t.not(await ask(path, 'x'.repeat(5_000_000)), 'x'.repeat(5_000_000));
  const silent = connect(path).resume();
  const started = Date.now();
  await new Promise(resolve => silent.on('close', resolve));
  t.true(Date.now() - started < 2000);
  t.deepEqual(errors, ['EMSGSIZE', 'ETIMEDOUT']);
});

test.serial('descriptors arrive, closed on exec, and belong to the receiver', async t => {
  const client = await buildClient(t);
  const {path, errors} = await listen(t, request => {
    const kinds = request.descriptors.map(
      fd => fstatSync(fd).isCharacterDevice() && isClosedOnExec(fd),
    );
    request.descriptors.forEach(closeDescriptor);
    void request.reply(Buffer.from(JSON.stringify([request.data.length, kinds])));
  });
  const before = countDescriptors();
  t.is(await client(path, '1', '1'), '[1,[true]]');
  t.is(await client(path, '2', '4'), JSON.stringify([2, Array(8).fill(true)]));
  t.is(await client(path, '9', '1'), ''); // one too many
  t.is(await client(path, '4', '250'), '');
  await client(path, '3', '2', 'hold'); // never ends: cut off by the time limit
  t.is(countDescriptors(), before);
  t.deepEqual(errors, ['EMFILE', 'EMFILE', 'ETIMEDOUT']);
});

test('more clients than allowed wait for their turn', async t => {
  const {path} = await listen(t, echo, {maxConnections: 3, requestTimeoutMs: 100});
  const silent = Array.from({length: 10}, () => connect(path).resume());
  t.is(await ask(path, 'patient'), 'patient');
  silent.forEach(client => client.destroy());
});

test('a client that leaves before its reply aborts the request', async t => {
  const requests: UnixRequest[] = [];
  const {path} = await listen(t, request => requests.push(request));
  const client = connect({path, allowHalfOpen: true});
  client.end('x');
  await eventually(() => requests.length > 0);
  const [request] = requests as [UnixRequest];
  t.false(request.signal.aborted);
  client.destroy();
  await eventually(() => request.signal.aborted);
  await t.throwsAsync(request.reply(Buffer.from('late')), {code: 'EPIPE'});
});

test('a client that does not take its reply is given up', async t => {
  const results: Promise<void>[] = [];
  const {path} = await listen(t, r => results.push(r.reply(new Uint8Array(8 << 20))));
  const client = connect({path, allowHalfOpen: true}).pause();
  t.teardown(() => client.destroy());
  client.end('x');
  await eventually(() => results.length > 0);
  await t.throwsAsync(results[0]!, {code: 'ETIMEDOUT'});
});

test('there is one reply', async t => {
  const {path} = await listen(t, request => {
    void request.reply(Buffer.from('first'));
    request.reply(Buffer.from('second')).catch(() => undefined);
  });
  t.is(await ask(path, 'x'), 'first');
});

test('a live socket is refused, a stale one replaced, anything else left alone', async t => {
  const folder = await createFolder(t);
  const path = join(folder, 'cni.sock');
  const first = await listen(t, echo, {path});
  await t.throwsAsync(listen(t, echo, {path}), {code: 'EADDRINUSE'});
  t.is(await ask(path, 'still there'), 'still there');
  await first.close();
  t.false(existsSync(path));

  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await run(process.execPath, ['-e', code]).catch(() => undefined);
  t.true(existsSync(path));
  await listen(t, echo, {path});
  t.is(await ask(path, 'new'), 'new');

  const file = join(folder, 'file');
  writeFileSync(file, 'mine');
  await t.throwsAsync(listen(t, echo, {path: file}), {code: 'EEXIST'});
  const link = join(folder, 'link');
  symlinkSync(file, link);
  await t.throwsAsync(listen(t, echo, {path: link}), {code: 'EEXIST'});
  t.is(await readlink(link), file);
  await t.throwsAsync(listen(t, echo, {path: '/nowhere/cni.sock'}), {code: 'ENOENT'});
});

test('closing leaves alone what has taken the place of the socket file', async t => {
  const folder = await createFolder(t);
  const path = join(folder, 'cni.sock');
  const ground = await listen(t, echo, {path});
  await run('rm', [path]);
  const other = createServer().listen(path);
  t.teardown(() => void other.close());
  await eventually(() => existsSync(path));
  await ground.close();
  t.true(existsSync(path));
});

test.serial('closing aborts what is at work and leaves no descriptor', async t => {
  const requests: UnixRequest[] = [];
  const before = countDescriptors();
  const ground = await listen(t, request => requests.push(request));
  const clients = Array.from({length: 5}, () => connect({path: ground.path}).on('error', () => {}));
  clients.forEach(client => client.end('x'));
  await eventually(() => requests.length === 5);
  await ground.close();
  t.true(requests.every(request => request.signal.aborted));
  clients.forEach(client => client.destroy());
  await eventually(() => countDescriptors() <= before);
});

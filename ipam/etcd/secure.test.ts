import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {openEtcd, type EtcdOptions} from './client.js';
import {eventually, startEtcd} from './etcd-server.js';
import type {EtcdClient} from './store.js';

function openFor(t: ExecutionContext, options: EtcdOptions): EtcdClient {
  const client = openEtcd(options);
  t.teardown(() => client.close());
  return client;
}

const silent = {onEvents: () => undefined, onEnd: () => undefined};

/** A key and a certificate for 127.0.0.1 that is its own authority. */
function makeCertificate(t: ExecutionContext) {
  const dir = mkdtempSync(join(tmpdir(), 'twill-tls-'));
  t.teardown(() => rmSync(dir, {recursive: true, force: true}));
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=etcd'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
    ],
    {stdio: 'ignore'},
  );
  const [ca, key] = [readFileSync(certFile), readFileSync(keyFile)];
  return {files: {caFile: certFile, certFile, keyFile}, ca, cert: ca, key};
}

test('https with client certificates serves; a stranger to either side is refused', async t => {
  const ours = makeCertificate(t);
  const theirs = makeCertificate(t);
  const server = await startEtcd([], ours.files);
  t.teardown(() => server.stop());
  const endpoints = [server.url];
  const {ca, cert, key} = ours;
  const client = openFor(t, {endpoints, tls: {ca, cert, key}});
  await client.put('/k', 'v');
  const events: unknown[] = [];
  await client.watch('/', 1, {...silent, onEvents: batch => void events.push(...batch)});
  await eventually(() => events.length === 1);
  for (const tls of [{ca: theirs.ca, cert, key}, {ca}, {ca, cert: theirs.cert, key: theirs.key}]) {
    const stranger = openFor(t, {endpoints, tls, deadlineMs: 1000});
    await t.throwsAsync(stranger.get('/k'), {code: 'STORE_UNAVAILABLE'} as never);
  }
});

test('user and password serve, a token that etcd forgot is renewed, a wrong password is denied', async t => {
  const server = await startEtcd();
  t.teardown(() => server.stop());
  const endpoints = [server.url];
  const ask = (path: string, body: object) =>
    fetch(`${server.url}/v3/${path}`, {method: 'POST', body: JSON.stringify(body)});
  await ask('auth/user/add', {name: 'root', password: 'secret'});
  await ask('auth/role/add', {name: 'root'});
  await ask('auth/user/grant', {user: 'root', role: 'root'});
  await ask('auth/user/add', {name: 'guest', password: 'guest'});
  await ask('auth/enable', {});

  const client = openFor(t, {endpoints, auth: {username: 'root', password: 'secret'}});
  await client.put('/k', 'v');
  const lease = await client.grantLease(60);
  t.is(await client.keepAliveOnce(lease), 60);

  const ends: Error[] = [];
  await client.watch('/', 1, {...silent, onEnd: error => void ends.push(error)});
  await server.kill();
  await server.restart(); // simple tokens live in memory only
  await eventually(() => ends.length === 1);
  await eventually(async () => (await client.get('/k'))?.value === 'v');
  (await client.watch('/', 1, silent)).cancel();
  t.is(await client.keepAliveOnce(lease), 60);

  const denied = {code: 'STORE_DENIED'} as never;
  for (const auth of [
    {username: 'root', password: 'wrong'},
    {username: 'guest', password: 'guest'},
  ]) {
    const stranger = openFor(t, {endpoints, auth});
    await t.throwsAsync(stranger.get('/k'), denied);
    await t.throwsAsync(stranger.put('/k', 'x'), denied);
    await t.throwsAsync(stranger.watch('/', 1, silent), denied);
  }
  await t.throwsAsync(openFor(t, {endpoints}).get('/k'), denied);
});

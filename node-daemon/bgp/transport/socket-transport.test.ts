import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';
import {readdirSync} from 'node:fs';

import test, {type ExecutionContext} from 'ava';

import {parseAddress, type Connection, type DialRequest, type ListenRequest} from '#bgp-fsm';
import {SocketTransport} from './socket-transport.js';

const privileged = process.getuid?.() === 0 ? test : test.skip;

const HERE = '127.0.1.1';
const THERE = '127.0.1.2';

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when `isSo`; it is asked again and again, so it must not wait itself. */
async function until(isSo: () => boolean, withinMs = 5000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${String(isSo)}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

interface End {
  readonly connection: Connection;
  readonly octets: number[];
  readonly seen: string[]; // taken, drained, closed CODE
}

function attach(t: ExecutionContext, connection: Connection): End {
  const end: End = {connection, octets: [], seen: []};
  t.teardown(() => connection.close(false));
  connection.attach({
    received: bytes => end.octets.push(...bytes.subarray(0, 100_000)),
    taken: () => end.seen.push('taken'),
    drained: () => end.seen.push('drained'),
    pathChanged: () => end.seen.push('path changed'),
    closed: code => end.seen.push(`closed ${code ?? 'by the peer'}`),
  });
  return end;
}

/** A transport that listens at HERE, and one that dials it from THERE. */
async function pair(t: ExecutionContext, more: Partial<ListenRequest> = {}) {
  const logged: string[] = [];
  const port = await freePort(HERE);
  const request = {port, addresses: [HERE], keys: [], minTtl: {ipv4: 0, ipv6: 0}, ...more};
  const listening = await SocketTransport.open((_level, message) => logged.push(message));
  const accepted: (End & {readonly isKeyed: boolean})[] = [];
  const listen = (now: ListenRequest | undefined) =>
    listening.listen(now, (connection, isKeyed) =>
      accepted.push({...attach(t, connection), isKeyed}),
    );
  listen(request);
  t.teardown(() => {
    listen(undefined);
    return Promise.all([listening.close(), dialling.close()]);
  });

  const dialling = await SocketTransport.open((_level, message) => logged.push(message));
  const dial = (change: Partial<DialRequest> = {}) => {
    const result: {end: End | undefined; code: string | undefined} = {
      end: undefined,
      code: undefined,
    };
    const wish = {address: HERE, interface: undefined, port, sourceAddress: THERE};
    const {cancel} = dialling.dial(
      {...wish, password: undefined, ttl: 255, minTtl: 0, ...change},
      {
        connected: connection => (result.end = attach(t, connection)),
        failed: code => (result.code = code),
      },
    );
    t.teardown(cancel);
    return result;
  };
  return {listening, dialling, accepted, logged, request, listen, dial, port};
}

test('what is written on one side is received on the other', async t => {
  const {accepted, dial} = await pair(t);
  const dialled = dial();
  await until(() => accepted.length === 1 && dialled.end !== undefined);
  const [ours, theirs] = [dialled.end!, accepted[0]!];
  t.deepEqual(theirs.connection.remote.address, THERE);
  t.deepEqual(ours.connection.remote.octets, parseAddress(HERE));
  t.deepEqual(theirs.connection.localAddress, parseAddress(HERE));
  ours.connection.write(Uint8Array.of(1, 2));
  ours.connection.write(Uint8Array.of(3));
  theirs.connection.write(Uint8Array.of(9));
  await until(() => theirs.octets.length === 3 && ours.octets.length === 1);
  t.deepEqual(theirs.octets, [1, 2, 3]);
  t.deepEqual(ours.seen, ['taken', 'taken']);
});

test('of what was accepted it is known with how many hops left it began', async t => {
  const {accepted, dial} = await pair(t);
  for (const ttl of [1, 255]) {
    const [dialled, count] = [dial({ttl}), accepted.length];
    await until(() => accepted.length > count && dialled.end !== undefined);
    t.is(accepted.at(-1)?.connection.remote.hopLimit, ttl);
    t.is(dialled.end?.connection.remote.hopLimit, undefined);
  }
});

test.serial('the last words arrive before the end, and the descriptors go', async t => {
  const before = readdirSync('/proc/self/fd').length;
  const {accepted, dial, dialling, listening, listen} = await pair(t);
  const dialled = dial();
  await until(() => accepted.length === 1 && dialled.end !== undefined);
  const [ours, theirs] = [dialled.end!, accepted[0]!];
  theirs.connection.write(Uint8Array.of(5)); // nobody reads it, and still no reset
  ours.connection.write(new Uint8Array(1000).fill(7));
  ours.connection.close(true);
  await until(() => theirs.seen.includes('closed by the peer'));
  t.is(theirs.octets.length, 1000);
  await Promise.all([dialling.close(), listening.close()]);
  listen(undefined);
  t.deepEqual(
    ours.seen.filter(each => each !== 'taken'),
    [],
  ); // who closes is told nothing
  await until(() => readdirSync('/proc/self/fd').length <= before);
});

test('a peer that takes nothing fills what there is, and its reading makes room again', async t => {
  const {accepted, dial} = await pair(t);
  const dialled = dial();
  await until(() => accepted.length === 1 && dialled.end !== undefined);
  const [ours, theirs] = [dialled.end!, accepted[0]!];
  theirs.connection.pause();
  let written = 0;
  const fill = async () => {
    for (const piece = new Uint8Array(64 * 1024); ours.connection.isWritable; written++) {
      ours.connection.write(piece);
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  await fill();
  t.true(written * 64 < 64 * 1024, `${written * 64} KiB are on their way`);
  t.false(ours.seen.includes('drained'));
  theirs.connection.resume();
  await until(() => ours.seen.includes('drained'));
  t.true(ours.connection.isWritable);
});

test('why a dial failed is its code', async t => {
  const {dial, listen, port} = await pair(t);
  listen(undefined);
  const wishes: readonly (readonly [Partial<DialRequest>, string])[] = [
    [{}, 'ECONNREFUSED'],
    [{sourceAddress: '192.0.2.1'}, 'EADDRNOTAVAIL'],
    [{interface: 'no-such-link', address: 'fe80::1', sourceAddress: undefined}, 'ENODEV'],
    [{address: 'here'}, 'EINVAL'],
  ];
  t.plan(wishes.length);
  for (const [wish, code] of wishes) {
    const dialled = dial({port, ...wish});
    await until(() => dialled.code !== undefined);
    t.is(dialled.code, code);
  }
});

test('a reset of the peer is one, told once', async t => {
  const {port, accepted} = await pair(t);
  const socket = await rawSocket(t, port);
  await until(() => accepted.length === 1);
  socket.resetAndDestroy();
  await until(() => accepted[0]!.seen.length > 0);
  t.deepEqual(accepted[0]!.seen, ['closed ECONNRESET']);
});

privileged('keys are set, replaced and removed while it listens', async t => {
  const key = (password: string) => ({keys: [{cidr: '127.0.1.0/24', password}]});
  const {accepted, dial, listen, request} = await pair(t, key('orange'));
  const wrong = dial({password: 'apple'});
  const right = dial({password: 'orange'});
  await until(() => accepted.length === 1 && right.end !== undefined);
  t.true(accepted[0]?.isKeyed);
  t.is(wrong.end, undefined);

  listen({...request, ...key('apple')});
  dial({password: 'apple'});
  await until(() => accepted.length >= 2);
  listen({...request, keys: []});
  const plain = dial();
  await until(() => plain.end !== undefined);
  await until(() => accepted.some(({isKeyed}) => !isKeyed));
  t.pass();
});

privileged('what the kernel drops for its key is counted, by what was wrong with it', async t => {
  const {dial, listen, request, listening} = await pair(t);
  const counted = (kind: 'wrong' | 'missing' | 'unexpected') => listening.keyDrops()?.[kind] ?? NaN;
  const unexpected = counted('unexpected');
  dial({password: 'apple'});
  await until(() => counted('unexpected') > unexpected);
  listen({...request, keys: [{cidr: '127.0.1.0/24', password: 'orange'}]});
  const [wrong, missing] = [counted('wrong'), counted('missing')];
  dial({password: 'apple'});
  await until(() => counted('wrong') > wrong);
  dial();
  await until(() => counted('missing') > missing);
  t.pass();
});

privileged('where a key cannot be set nobody is taken for keyed', async t => {
  const password = 'x'.repeat(81); // the kernel has 80
  const {accepted, logged, port} = await pair(t, {keys: [{cidr: '127.0.0.0/8', password}]});
  t.deepEqual(logged, ['key not set on the listener']);
  await rawSocket(t, port);
  await until(() => accepted.length === 1);
  t.false(accepted[0]?.isKeyed);
});

test('a port that is taken is had once it is free', async t => {
  const port = await freePort(HERE);
  const squatter = createServer().listen(port, HERE);
  await once(squatter, 'listening');
  const logged: string[] = [];
  const transport = await SocketTransport.open((_level, message) => logged.push(message));
  const request = {port, addresses: [HERE], keys: [], minTtl: {ipv4: 0, ipv6: 0}};
  const accepted: Connection[] = [];
  transport.listen(request, connection => accepted.push(attach(t, connection).connection));
  t.teardown(() => {
    transport.listen(undefined, () => {});
    return transport.close();
  });
  t.deepEqual(logged, ['cannot listen']);
  squatter.close();
  await once(squatter, 'close');
  await until(() => {
    connect(port, HERE).on('error', () => {});
    return accepted.length > 0;
  });
  t.pass();
});

async function rawSocket(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, HERE);
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
